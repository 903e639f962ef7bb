/* Sinks in the configuration: who is told of rows of the ledger. */
#ifndef PROXY_CONFIG_SINKS_H
#define PROXY_CONFIG_SINKS_H

#include "proxy/config.h"

#define SINKS_MAX 16 /* each has a thread */
#define SINK_ROWS_MAX 16
#define SINK_NAME_MAX 63

enum sink_kind { SINK_WEBHOOK, SINK_SLACK, SINK_GITHUB, SINK_KIND_COUNT };

extern const char *const sink_kind_names[SINK_KIND_COUNT + 1]; /* ends with NULL */

struct config_sink {
	const char *name;
	enum sink_kind kind;
	const char *url;                 /* a secret, as some hold one; of a github: its API */
	const char *secret;              /* of a webhook: signs */
	const char *token;               /* of a github */
	const char *repository, *target; /* of a github: OWNER/NAME; NULL: any target */
	const char *ca;                  /* file; NULL: the system's */
	const char *rows[SINK_ROWS_MAX]; /* kinds */
	size_t n_rows;
	int severity; /* enum severity: cards of a lesser one are left out */
	uint32_t timeout_ms, give_up_ms;
	unsigned line;
};

/* As config_load(), but for what a sink needs: the rest of the file is not looked at. */
int config_load_sinks(const char *path, struct config **out, struct buf *errors) MUST_USE;

#endif
