/* The ledger in the configuration. */
#ifndef PROXY_CONFIG_LEDGER_H
#define PROXY_CONFIG_LEDGER_H

#include "proxy/config.h"
#include "proxy/ledger.h"

#define CONFIG_CHANGE_MS 60000

struct config_ledger {
	struct ledger_options options;
	uint32_t change_ms; /* from a spec's row to its first change; 0: as long as it takes */
	unsigned line;
};

/* As config_load(), but for what a ledger needs: the rest of the file is not looked at. */
int config_load_ledger(const char *path, struct config **out, struct buf *errors) MUST_USE;

#endif
