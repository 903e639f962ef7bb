/* The admin listener's answers: /livez /readyz /metrics /status /audits. Runs in the first worker;
 * nothing here may block. */
#ifndef PROXY_ADMIN_H
#define PROXY_ADMIN_H

#include "proxy/exchange.h"

enum step_next admin_answer(struct exchange *x, const struct http1_head *head);

#endif
