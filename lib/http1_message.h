/*
 * A head while it is collected: what http1.c does with each piece that llhttp reports as complete.
 * Part of http1.c.
 */
#ifndef LIB_HTTP1_MESSAGE_H
#define LIB_HTTP1_MESSAGE_H

#include "lib/http1.h"
#include "lib/http1_store.h"

struct http1_message {
	struct http1_head head;
	struct http1_store store;
	uint32_t method_n,
		target_n; /* the start line in the store; a reason stands in for a target */
	bool target_done, version_done;
};

/* Each judges the piece that was appended to the store last, and begins the next one. */
enum http1_refusal http1_message_method(struct http1_message *m);
enum http1_refusal http1_message_target(struct http1_message *m, const struct http1_limits *limits);
enum http1_refusal http1_message_reason(struct http1_message *m);
enum http1_refusal http1_message_version(struct http1_message *m, unsigned major, unsigned minor);

/* A header's name and value; the store is a head's or a trailer's. */
enum http1_refusal http1_message_name(struct http1_store *s, const struct http1_limits *limits);
enum http1_refusal http1_message_value(struct http1_store *s);

/* All headers are there: fills in the head. */
enum http1_refusal http1_message_request(struct http1_message *m);
enum http1_refusal http1_message_response(struct http1_message *m, unsigned status,
					  bool answers_head);

#endif
