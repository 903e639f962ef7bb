/* Whom the proxy asks for rollbacks, in the configuration. */
#ifndef PROXY_CONFIG_ROLLBACK_H
#define PROXY_CONFIG_ROLLBACK_H

#include "proxy/config.h"

#define ROLLBACK_TARGET_MAX 63 /* bytes of the name of one of PatchCtl's targets */

struct config_rollback {
	const char *patchctl; /* its URL, without a slash at the end */
	const char *name;     /* of the token that signs, */
	const char *secret;   /* and its secret */
	const char *ca;       /* file; NULL: the system's */
	uint32_t budget_ms;   /* from the violating byte to the verified restore */
	uint32_t objective_ms;
	uint32_t cooldown_ms; /* between two rollbacks of one target; 0: none */
	uint32_t quota;       /* rollbacks of one target in 24 hours */
	unsigned line;
};

/* Appends lines about rules and quorums that ask for a rollback where nobody can be asked. */
void config_rollback_notes(const struct config *c, struct buf *out);

#endif
