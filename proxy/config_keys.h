/*
 * Key tables: which keys a map of the configuration may have, what each means and where it goes.
 * One loop reads any map by its table, refuses what is not in it, and collects every problem
 * instead of stopping at the first.
 */
#ifndef PROXY_CONFIG_KEYS_H
#define PROXY_CONFIG_KEYS_H

#include <stdbool.h>

#include "lib/yaml.h"
#include "proxy/config_audit.h"

/* One load in progress. */
struct config_reader {
	struct config *config;
	const char *file; /* as given on the command line, for messages */
	struct buf *errors;
	unsigned problems;
	bool attached; /* nothing meets at the shadow's socket */
};

/* Appends `file:line: what; remedy`. */
void config_problem(struct config_reader *r, unsigned line, const char *what_and_remedy, ...)
	PRINTF_LIKE(3, 4);

/* Zeroed memory that lives as long as the configuration; NULL after an allocation failure, which is
 * a problem too. */
void *config_alloc(struct config_reader *r, size_t n, size_t size);
const char *config_copy(struct config_reader *r, struct span text);

/* A file named in the configuration: relative names are relative to the configuration's folder. */
const char *config_file_name(struct config_reader *r, const char *name);
bool config_file_readable(struct config_reader *r, unsigned line, const char *what,
			  const char *path);

/* The text of a scalar, or of `{file: path}`; NULL after a problem. Trailing line ends of the file
 * are not part of it. */
const char *config_secret(struct config_reader *r, const struct yaml_node *node);

enum key_kind {
	KEY_TEXT,     /* const char *: not empty */
	KEY_FILE,     /* const char *: a file name, made relative to the configuration's folder */
	KEY_BOOL,     /* bool */
	KEY_DURATION, /* uint32_t, milliseconds */
	KEY_SIZE,     /* uint32_t, bytes */
	KEY_SIZE64,   /* uint64_t, bytes */
	KEY_COUNT,    /* uint32_t */
	KEY_CHOICE,   /* int or enum: index in choices */
	KEY_FLAG,     /* bool: one of two choices; the second is true */
	KEY_READ      /* read() does it */
};

struct config_key {
	const char *name;
	enum key_kind kind;
	size_t offset;              /* of the field in the struct that config_keys_read() fills */
	uint64_t min, max;          /* numbers; max 0: what the field holds */
	const char *const *choices; /* ends with NULL */
	void (*read)(struct config_reader *r, const struct yaml_node *node, void *base);
};

/* Rows of a table, short enough for one line each. */
#define KEY(key, k, type, field)                                        \
	{                                                               \
		.name = key, .kind = k, .offset = offsetof(type, field) \
	}
#define KEY_IN(key, k, type, field, low, high)                                                   \
	{                                                                                        \
		.name = key, .kind = k, .offset = offsetof(type, field), .min = low, .max = high \
	}
#define KEY_OF(key, k, type, field, list)                                                \
	{                                                                                \
		.name = key, .kind = k, .offset = offsetof(type, field), .choices = list \
	}
#define KEY_BY(key, function)                                   \
	{                                                       \
		.name = key, .kind = KEY_READ, .read = function \
	}

void config_keys_read(struct config_reader *r, const struct yaml_node *map,
		      const struct config_key *keys, size_t n, void *base);

/* Whether the node is of that kind; a problem otherwise. */
bool config_expect(struct config_reader *r, const struct yaml_node *node, enum yaml_kind kind);
size_t config_children(const struct yaml_node *node);
bool config_same_text(const char *a, const char *b); /* NULL is like NULL alone */
bool config_has_control(const char *text); /* a control character of ASCII: never in a header */

#define CONFIG_DAILY_UNSET UINT64_MAX /* until all of the file is read */

/* The parts of the file, each in its own source file; base is the struct config. */
void config_read_listen(struct config_reader *r, const struct yaml_node *node, void *base);
/* Certificate and key; base: a struct config_listener. */
void config_read_tls(struct config_reader *r, const struct yaml_node *node, void *base);
void config_read_admin(struct config_reader *r, const struct yaml_node *node, void *base);
void config_read_upstreams(struct config_reader *r, const struct yaml_node *node, void *base);
void config_read_routes(struct config_reader *r, const struct yaml_node *node, void *base);
void config_read_auditors(struct config_reader *r, const struct yaml_node *node, void *base);
/* Once all of it is read: what an auditor needs of the rest. */
void config_check_auditors(struct config_reader *r);
/* Whether a header of that name and value (NULL: it is removed) may be set on a request to an
 * upstream; a problem otherwise. */
bool config_check_header(struct config_reader *r, unsigned line, const char *name,
			 const char *value);

void config_read_quorums(struct config_reader *r, const struct yaml_node *node, void *base);
/* The quorum that a route names, when it fits the route. NULL: a problem. */
const struct config_quorum *config_find_quorum(struct config_reader *r,
					       const struct yaml_node *name,
					       const struct config_route *route);
void config_read_headers(struct config_reader *r, const struct yaml_node *node,
			 const struct config_header **v, size_t *n);

bool config_is_token(const char *text);     /* of HTTP (RFC 9110, 5.6.2) */
bool config_is_authority(const char *text); /* what may stand in a Host header: a name or an
					       address, with a port */

void config_read_price(struct config_reader *r, const struct yaml_node *node, void *base);
void config_read_daily(struct config_reader *r, const struct yaml_node *node, void *base);
void config_read_state(struct config_reader *r, const struct yaml_node *node, void *base);
void config_read_ledger(struct config_reader *r, const struct yaml_node *node, void *base);
/* Once all of it is read: where its files are. */
void config_check_ledger(struct config_reader *r);
void config_read_rollback(struct config_reader *r, const struct yaml_node *node, void *base);
void config_read_route_rollback(struct config_reader *r, const struct yaml_node *node,
				struct config_route *route);
/* Once all of it is read: what it needs of the rest. */
void config_check_rollback(struct config_reader *r);
void config_read_sinks(struct config_reader *r, const struct yaml_node *node, void *base);
/* Once all of it is read: sinks need a ledger. */
void config_check_sinks(struct config_reader *r);
void config_read_webhook(struct config_reader *r, const struct yaml_node *node, void *base);
/* Once all of it is read: what the webhook needs of the rest. */
void config_check_webhook(struct config_reader *r);
/* Once all of it is read: the daily limits that hold unsaid, and where they are kept. */
void config_check_daily(struct config_reader *r);
void config_read_budget(struct config_reader *r, const struct yaml_node *node,
			struct budget_limits *out);

void config_read_route_mirror(struct config_reader *r, const struct yaml_node *node,
			      struct config_route *route);
/* `host` and `model` of the map; either may be NULL. */
void config_check_shadow_names(struct config_reader *r, const struct yaml_node *map,
			       const char *host, const char *model);
/* Once all of it is read: where the socket is. */
void config_check_mirror(struct config_reader *r);

/* All of a PatchCtl's file, or of a drill's. */
void config_read_patchctl(struct config_reader *r, const struct yaml_node *root);
void config_read_drill(struct config_reader *r, const struct yaml_node *root);

/* Once all of it is read: no upstream may be redcard itself. */
void config_check_loops(struct config_reader *r);

#endif
