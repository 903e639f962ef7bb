/*
 * Heads, written anew for the other side: nothing of a received head is copied but names and values
 * that http1 has accepted, so what leaves has one meaning. Hop-by-hop headers stay behind (RFC
 * 9110, 7.6.1).
 */
#ifndef PROXY_HEADS_H
#define PROXY_HEADS_H

#include "lib/buf.h"
#include "lib/http1.h"
#include "proxy/config.h"

struct head_facts { /* what the head alone does not say */
	struct span client_ip;
	struct span exchange;  /* id */
	struct span host;      /* for a client that sent none (HTTP/1.0) */
	bool tls;              /* the client's side */
	bool forwarded_append; /* keep the client's X-Forwarded-* */
	bool upgrade;          /* pass the upgrade on */
	bool expect_continue;  /* the client waits for a 100 */
};

void head_request(struct buf *out, const struct http1_head *head, const struct config_route *route,
		  const struct head_facts *facts);

struct head_answer {
	struct span exchange;
	bool chunked; /* else `length` when has_length, else until close */
	bool has_length;
	uint64_t length;
	bool decoded;      /* Content-Encoding was undone */
	bool edited;       /* the body may differ from what its digests and tags were made of */
	bool event_stream; /* adds X-Accel-Buffering: no */
	bool close;
	bool keep_alive_1_0;
	bool upgrade;
};

void head_response(struct buf *out, const struct http1_head *head, const struct head_answer *facts);
void head_interim(struct buf *out, const struct http1_head *head); /* 1xx */
void head_trailers(struct buf *out, const struct http1_header *trailers, size_t n, bool edited);

const char *head_reason(unsigned status);

/* The route that a request takes, or NULL. ambiguous: its path means another one when its dots,
 * slashes or escapes are resolved (or there is no memory to tell). */
const struct config_route *head_route(const struct config *config, const struct http1_head *head,
				      bool *ambiguous);
/* HTTP/2 over clear text is offered by some clients with every request; a server may pass over
 * such an offer, so that is no wish. */
bool head_wants_upgrade(const struct http1_head *head);

#endif
