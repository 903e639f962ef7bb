/* The configuration of `redcard patchctl`: a file of its own, with keys of its own. */
#ifndef PROXY_CONFIG_PATCHCTL_H
#define PROXY_CONFIG_PATCHCTL_H

#include "proxy/auth.h"
#include "proxy/config.h"
#include "proxy/driver.h"

#define PATCHCTL_LISTEN "127.0.0.1:8090"
#define PATCHCTL_NAME 64 /* bytes of the name of a target or token, with its NUL */

/* What a caller may do. */
enum role { ROLE_READ, ROLE_REGISTER, ROLE_ROLLBACK, ROLE_QUORUM, ROLE_COUNT };

extern const char *const role_names[ROLE_COUNT + 1]; /* ends with NULL */

struct config_patchctl {
	const char *state_dir;
	struct auth_token *tokens;
	size_t n_tokens;
	struct driver_target *targets;
	size_t n_targets;
	uint32_t cooldown_ms; /* between two rollbacks of one target */
	uint32_t quota;       /* rollbacks of one target in 24 hours */
	uint32_t at_once;     /* drivers that work */
	uint32_t keep_days;   /* that what has ended is kept */
	uint32_t timeout_ms;  /* of a rollback that names no deadline, and the most it may name */
};

/* As config_load(); config->patchctl is set and config->admin is where it listens. */
int config_load_patchctl(const char *path, struct config **out, struct buf *errors) MUST_USE;

/* Tokens, wherever a file has them: their secret, and their name beside those before it. */
struct config_reader;
struct yaml_node;
void config_read_token_secret(struct config_reader *r, const struct yaml_node *node, void *base);
void config_check_token(struct config_reader *r, unsigned line, const struct auth_token *tokens,
			const struct auth_token *t);

const struct driver_target *config_target(const struct config_patchctl *c, struct span name);

/* For the files that read it. base: the struct config_patchctl. */
void config_read_targets(struct config_reader *r, const struct yaml_node *node, void *base);
void config_check_name(struct config_reader *r, unsigned line, const char *what, const char *name);

#endif
