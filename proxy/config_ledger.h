/* The ledger in the configuration. */
#ifndef PROXY_CONFIG_LEDGER_H
#define PROXY_CONFIG_LEDGER_H

#include "proxy/config.h"
#include "proxy/ledger.h"

struct config_ledger {
	struct ledger_options options;
	unsigned line;
};

/* As config_load(), but for what a ledger needs: the rest of the file is not looked at. */
int config_load_ledger(const char *path, struct config **out, struct buf *errors) MUST_USE;

#endif
