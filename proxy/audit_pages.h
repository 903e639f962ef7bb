/*
 * The admin listener's pages of audits that wait for a person:
 *
 *   GET /audits       all of them, without the renders
 *   GET /audits/ID    one, with the whole question
 *   POST /audits/ID   {"answer": "yes" or "no", "reason": text}: answers it
 *
 * There is no password: whoever reaches the listener may answer. A page in a browser on the same
 * machine could reach it too; what browsers send on behalf of pages is refused, by the header
 * Origin and by the name in Host.
 */
#ifndef PROXY_AUDIT_PAGES_H
#define PROXY_AUDIT_PAGES_H

#include "proxy/exchange.h"

bool audit_pages_have(struct span path);
enum step_next audit_pages_answer(struct exchange *x, const struct http1_head *head,
				  struct span path);

#endif
