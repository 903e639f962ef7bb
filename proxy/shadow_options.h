/* What `redcard shadow run` and `watch` share of their options: where requests come from. */
#ifndef PROXY_SHADOW_OPTIONS_H
#define PROXY_SHADOW_OPTIONS_H

#include "proxy/cli.h"
#include "proxy/shadow_source.h"

/* Rows of a table of options. */
#define SHADOW_ATTACH_OPTION(from)                                                                \
	{                                                                                         \
		.name = "attach", .value = "CGROUP", .text = &(from).attach.cgroup,               \
		.help = "a service without a proxy: its cgroup, a folder or one below their root" \
	}
#define SHADOW_PORT_OPTION(from)                                                  \
	{                                                                         \
		.name = "port", .value = "N", .text = &(from).attach.port,        \
		.help = "with --attach: the TCP port that the service listens on" \
	}

/* Whether they go together; else one line on standard error. */
bool shadow_from_sound(const char *verb, const struct shadow_from *from);

/* As config_load(): what that source needs of the configuration must be there. */
int shadow_load(const char *path, const struct shadow_from *from, struct config **out,
		struct buf *errors) MUST_USE;

#endif
