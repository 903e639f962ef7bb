/*
 * The admin listener's page of the outbox:
 *
 *   POST /rollback/bypass    {"reason": text, "for_s": seconds, "target": name, "by": text}
 *                            {"end": true, "target": name, "by": text}
 *
 * It is answered with 201 when its row, of kind "bypass", is on disk, and in force from then on.
 */
#ifndef PROXY_OUTBOX_PAGES_H
#define PROXY_OUTBOX_PAGES_H

#include "proxy/exchange.h"

bool outbox_pages_have(struct span path);
enum step_next outbox_pages_answer(struct exchange *x, const struct http1_head *head);

#endif
