/*
 * What HTTP/1.1 leaves to the one who uses a parser: which heads have one meaning (http1.c's second
 * half). Pure functions of a head's spans; nothing is allocated, nothing is kept.
 */
#ifndef LIB_HTTP1_RULES_H
#define LIB_HTTP1_RULES_H

#include <stdbool.h>

#include "lib/base.h"
#include "lib/http1.h"

bool http1_rules_token(struct span s);  /* RFC 9110, 5.6.2; not empty */
bool http1_rules_text(struct span s);   /* no control byte but HTAB; bytes from 0x80 on may pass */
bool http1_rules_method(struct span s); /* one that is forwarded */

/* An authority that names a host: reg-name, IPv4 or [IPv6], with an optional port. */
bool http1_rules_host(struct span s);

struct span http1_rules_trim(struct span s); /* without spaces and tabs around it */

/* Takes the first element off a comma-separated list; false at its end. Empty elements are
 * skipped. */
bool http1_rules_element(struct span *list, struct span *element);

/* Fill in host, framing, length and the flags from method, target or status, minor and headers;
 * reduce an absolute-form target. HTTP1_OK, or why the head is refused. */
enum http1_refusal http1_rules_request(struct http1_head *head);
enum http1_refusal http1_rules_response(struct http1_head *head, bool answers_head);

/* Fields that say where a message ends or goes must not come after its body. */
bool http1_rules_trailer(struct span name);

#endif
