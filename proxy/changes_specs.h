/*
 * Specs that wait for their first change, and how long that takes. A spec whose time passes without
 * one is said once: a line in the log, a row of kind "overdue", a metric.
 */
#ifndef PROXY_CHANGES_SPECS_H
#define PROXY_CHANGES_SPECS_H

#include <stdint.h>

#include "lib/base.h"

#define SPECS_MOST 4096

struct specs; /* of one worker */
struct worker;

struct specs *specs_new(struct worker *w); /* NULL: no memory */
void specs_free(struct specs *s);          /* NULL is fine */
void specs_count(struct specs *s);         /* what comes from here on is counted and said */

/* Times of the ledger's rows. */
void specs_begin(struct specs *s, struct span id, uint64_t time_ms);
void specs_changed(struct specs *s, struct span id, uint64_t time_ms);
void specs_told(struct specs *s, struct span id); /* it was overdue, and that was said */

void specs_settle(struct specs *s); /* says which are overdue by now */

#endif
