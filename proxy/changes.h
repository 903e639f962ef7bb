/*
 * What builders have changed: which revision of which target was made for a spec. A builder reports
 * it after its answer, so a rule may be broken before the change is known.
 */
#ifndef PROXY_CHANGES_H
#define PROXY_CHANGES_H

#include "lib/base.h"
#include "proxy/outbox.h"

/* The change of a spec is to be taken back: now, or as soon as it is reported. wish: target and bad
 * are not looked at. Any thread; copies. */
void changes_condemn(struct span spec, const struct outbox_wish *wish);

#endif
