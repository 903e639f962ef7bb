/*
 * The admin listener's pages of changes:
 *
 *   GET /changes               those that events were about lately, and their states
 *   GET /changes/ID            the state of one
 *   POST /ledger/ID/change     a builder reports the change that it made for a spec
 */
#ifndef PROXY_CHANGE_PAGES_H
#define PROXY_CHANGE_PAGES_H

#include "proxy/exchange.h"

bool change_pages_have(struct span path);
enum step_next change_pages_answer(struct exchange *x, const struct http1_head *head,
				   struct span path);

#endif
