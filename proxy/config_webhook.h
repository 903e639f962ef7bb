/* The audit webhook in the configuration: who may send events. */
#ifndef PROXY_CONFIG_WEBHOOK_H
#define PROXY_CONFIG_WEBHOOK_H

#include "proxy/auth.h"
#include "proxy/config.h"

struct config_webhook {
	struct auth_token *tokens;
	size_t n_tokens;
	unsigned line;
};

#endif
