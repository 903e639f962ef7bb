/* The admin listener's answers: /livez /readyz /metrics /status. Runs in the first worker; nothing
 * here may block. */
#ifndef PROXY_ADMIN_H
#define PROXY_ADMIN_H

#include "lib/http1.h"

struct exchange;

void admin_answer(struct exchange *x, const struct http1_head *head);

#endif
