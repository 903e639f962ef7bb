/* Auditors in the configuration. */
#ifndef PROXY_CONFIG_AUDIT_H
#define PROXY_CONFIG_AUDIT_H

#include "proxy/config.h"

/* Who is asked about a pair of renders above the threshold. */
enum auditor_kind {
	AUDITOR_CHAT,    /* a model behind the Chat Completions API */
	AUDITOR_WEBHOOK, /* POST of JSON, answered with JSON */
	AUDITOR_HUMAN,   /* by the admin listener */
	AUDITOR_KIND_COUNT
};

struct config_auditor {
	const char *name;
	enum auditor_kind kind;
	size_t upstream;  /* index; a human has none */
	const char *path; /* of the request */
	const char *model;
	const struct config_header *headers;
	size_t n_headers;
	uint32_t timeout_ms; /* of the whole audit; then the answer is no */
	const char *prompt;  /* instead of the instruction of ours; NULL: that one */
	unsigned line;
};

/* NULL: there is none of that name. Lives as long as the configuration. */
const struct config_auditor *config_auditor_named(const struct config *c, const char *name);

#endif
