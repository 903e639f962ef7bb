/* The shadow in the configuration: where it is, what it gets, and how it is guarded. */
#ifndef PROXY_CONFIG_SHADOW_H
#define PROXY_CONFIG_SHADOW_H

#include "proxy/config_mirror.h"

#define SHADOW_LISTEN "127.0.0.1:9902"
#define SHADOW_CONNECTIONS_MAX 64

struct config_rewrite {    /* what becomes of a request */
	const char *host;  /* NULL: the address of the shadow */
	const char *model; /* NULL: as it is */
	const struct config_header *headers;
	size_t n_headers;
	const char *const *pass; /* credentials that stay, by the names of their headers or
				    parameters */
	size_t n_pass;
};

struct config_shadow_to {
	const char *url; /* http or https, a host, perhaps a port; no path */
	const char *ca;  /* file; NULL: the system's */
	struct config_rewrite rewrite;
};

struct config_command {
	const char *const *argv; /* NULL: none; ends with NULL */
};

#define GUARDIAN_NONE UINT32_MAX /* of a limit: there is none */
#define GUARDIAN_RESTARTS 1000   /* that can be allowed at most */

struct config_guardian {
	/* Limits: what is above them is a breach. */
	uint32_t error_hundredths; /* of a percent */
	uint32_t p95_ms, p95_ratio_hundredths;
	uint32_t restarts;
	uint64_t memory_bytes; /* 0: no limit */
	uint32_t window_ms, samples;
	uint32_t every_ms; /* how often it looks */
	/* What is guarded: a process of our own (start), or something else by commands. Without
	 * both a breach only stops the mirroring. */
	struct config_command start, kill, restart, status;
	const char *cgroup, *pid_file; /* whose memory it is */
	uint32_t grace_ms;             /* between TERM and KILL */
	uint32_t command_ms;           /* what a command may take */
	uint32_t warm_up_ms;           /* after a start nothing is mirrored for so long */
	bool restarts_it;
	uint32_t backoff_first_ms, backoff_most_ms;
	unsigned line;
};

struct config_shadow {
	struct config_mirror mirror; /* first: its keys stand beside the others. Read
					config->mirror, which is complete */
	struct config_listener listen;
	struct config_shadow_to to;
	uint32_t connect_ms, first_byte_ms, total_ms;
	uint32_t primary_ms; /* how long the primary's answer is waited for */
	uint32_t drain_ms;
	uint32_t queue_requests; /* that wait or are being worked on */
	uint64_t queue_bytes;    /* of all of them, with answers */
	uint32_t connections;
	uint32_t threshold;                     /* as of a quorum */
	const struct config_guardian *guardian; /* NULL: none */
	unsigned line;
};

/* Whether both say the same; NULL is none. */
bool config_same_guardian(const struct config_guardian *a, const struct config_guardian *b);

struct config_reader;
struct yaml_node;
void config_read_shadow(struct config_reader *r, const struct yaml_node *node, void *base);
void config_read_guardian(struct config_reader *r, const struct yaml_node *node, void *base);
void config_read_shadow_pages(struct config_reader *r, const struct yaml_node *root);

/* As config_load(), for `--attach`: the shadow need not have a socket. */
int config_load_attached(const char *path, struct config **out, struct buf *errors) MUST_USE;

/* For `redcard shadow run`: the same file, of which only the shadow's listener is read, as the
 * admin listener. */
int config_load_shadow_pages(const char *path, struct config **out, struct buf *errors) MUST_USE;

#endif
