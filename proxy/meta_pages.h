/*
 * POST /webhook/meta of the admin listener: an event of the streaming auditor, signed as auth.h
 * says. Answered when its verdict is on disk. Its cards, and the rollback that is asked for, are
 * rows that go to the ledger before the event's own, so that no verdict is known without them.
 */
#ifndef PROXY_META_PAGES_H
#define PROXY_META_PAGES_H

#include "proxy/exchange.h"

bool meta_pages_have(struct span path);
enum step_next meta_pages_answer(struct exchange *x, const struct http1_head *head,
				 struct span path);

#endif
