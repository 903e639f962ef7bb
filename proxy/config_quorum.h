/*
 * The parts of the configuration that are about several builders: quorums, and who is asked when
 * they differ. See config.h for what holds of all of it.
 */
#ifndef PROXY_CONFIG_QUORUM_H
#define PROXY_CONFIG_QUORUM_H

#include <stdbool.h>

#include "policy/quorum.h"

struct config_auditor;
struct config_header;

struct config_builder { /* one of a quorum's */
	size_t upstream;
	const char *host_header; /* as in a route, here and below */
	const struct config_header *headers;
	size_t n_headers;
};

enum quorum_pairing { PAIRING_FAN_OUT, PAIRING_SPEC };

/* Whose answers are compared, and what hangs on it. */
struct config_quorum {
	const char *name;
	struct config_builder builders[QUORUM_BUILDERS_MAX];
	unsigned n_builders, agree, chosen; /* chosen: an index in builders */
	uint32_t threshold;                 /* SCORE_UNITS a percent */
	bool on_quorum;                     /* release: nothing leaves before they agree */
	bool rollback;                      /* what they do not agree on is taken back */
	enum quorum_pairing pairing;
	uint32_t timeout_ms;    /* from the request on: who is not complete then is late */
	uint32_t text_bytes;    /* of the code in one answer */
	uint32_t nodes;         /* of its trees */
	uint32_t held_bytes;    /* of one answer, while it waits for the others */
	uint32_t request_bytes; /* of a request that is sent to several */
	const struct quorum_base *base;
	size_t n_base;
	const struct config_auditor *auditor; /* NULL: nobody is asked */
	unsigned line;
};

#endif
