/* The configuration of `redcard drill`: which running system it tries, and what it may use there.
 */
#ifndef PROXY_CONFIG_DRILL_H
#define PROXY_CONFIG_DRILL_H

#include "proxy/config.h"

struct drill_key { /* of signed requests */
	const char *name, *secret;
};

struct config_drill {
	const char *proxy;        /* URL: a route of the proxy whose builder the drill plays */
	const char *pair;         /* URL: a route with a quorum of both builders; NULL: none */
	const char *builder[2];   /* addresses at which it plays them; [1] NULL: one alone */
	const char *admin;        /* URL of the proxy's admin listener */
	const char *patchctl;     /* URL */
	const char *ca;           /* of https; NULL: the system's */
	struct drill_key webhook; /* secret NULL: no events */
	struct drill_key patchctl_key;
	const char *target;          /* of PatchCtl's, */
	const char *remote, *branch; /* which is this branch */
	uint32_t budget_ms;
	uint32_t watch_ms; /* how long a good canary is watched */
};

/* As config_load(); config->drill is set. */
int config_load_drill(const char *path, struct config **out, struct buf *errors) MUST_USE;

#endif
