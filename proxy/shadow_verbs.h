/* The verbs of `redcard shadow`. */
#ifndef PROXY_SHADOW_VERBS_H
#define PROXY_SHADOW_VERBS_H

int shadow_run_main(int argc, char **argv); /* shadow_run.c */

#endif
