/*
 * Active health checks: the first worker asks every address of every upstream that has a
 * `health.path`, and writes what it finds into the runtime, where all workers see it. Before the
 * first answers the health is unknown, not good.
 */
#ifndef PROXY_HEALTH_H
#define PROXY_HEALTH_H

struct worker;

void health_restart(struct worker *w); /* for w->runtime; ends the checks of the one before */
void health_stop(struct worker *w);

#endif
