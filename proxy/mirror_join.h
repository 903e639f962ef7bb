/*
 * Requests that arrive in parts, put together again for the sink. What does not fit into its bounds
 * is given up: such a request is never handed out, and its bytes count as lost.
 */
#ifndef PROXY_MIRROR_JOIN_H
#define PROXY_MIRROR_JOIN_H

#include "proxy/mirror.h"

#define MIRROR_OPEN_BYTES (256u << 20) /* of all requests that are not complete */
#define MIRROR_OPEN_REQUESTS 8192

struct mirror_join;

struct mirror_join_counts {
	uint64_t complete;   /* handed out */
	uint64_t given_up;   /* requests that the proxy believes captured */
	uint64_t lost_bytes; /* that it believes captured, too */
};

struct mirror_join *mirror_join_new(const struct mirror_sink *sink); /* NULL: no memory */
void mirror_join_free(struct mirror_join *j);                        /* NULL is fine */

/* One record of a ring, with its bytes. peer tells proxies apart. 1: something was handed out; 0;
 * -EPROTO: it is no record. */
int mirror_join_take(struct mirror_join *j, uint64_t peer, struct span record) MUST_USE;
/* The next bytes of a marked request, from elsewhere. -ENOENT: no such request has begun; else as
 * above. */
int mirror_join_bytes(struct mirror_join *j, uint64_t peer, uint64_t mark, uint64_t offset,
		      struct span bytes) MUST_USE;
void mirror_join_forget(struct mirror_join *j, uint64_t peer); /* it has gone */
struct mirror_join_counts mirror_join_counts(const struct mirror_join *j);

#endif
