/*
 * The admin listener's pages of the ledger:
 *
 *   POST /ledger/new    {"title": text, "wave": text or number, ...}: a row of kind "spec"
 *   GET /ledger/rows    ?kind= &subject= &after= &since_ms= &limit=
 *   GET /ledger/ID      one row
 *
 * A POST is answered when its row is on disk (ledger_post.h).
 */
#ifndef PROXY_LEDGER_PAGES_H
#define PROXY_LEDGER_PAGES_H

#include "proxy/exchange.h"
#include "proxy/ledger.h"

bool ledger_pages_have(struct span path);
enum step_next ledger_pages_answer(struct exchange *x, const struct http1_head *head,
				   struct span path);

/* Answers with 201 when the row is on disk. then NULL: nothing; else it runs first, on the writer's
 * thread. The row must pass ledger_row_wrong(). */
enum step_next ledger_pages_add(struct exchange *x, const struct ledger_row *row,
				void (*then)(const struct ledger_added *added, void *owner),
				void *owner);

#endif
