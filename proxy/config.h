/*
 * The configuration: one YAML file, read at start-up and on reload, immutable afterwards and shared
 * by the workers through a reference count. Its schema is deploy/redcard.schema.json; its manual is
 * redcard.yaml(5).
 *
 * Every string and array lives as long as the configuration. Durations are milliseconds, sizes
 * bytes; both are written with units in the file ("30s", "250ms", "16KiB") and a bare number is
 * refused where a unit is needed.
 */
#ifndef PROXY_CONFIG_H
#define PROXY_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/base.h"
#include "lib/buf.h"
#include "lib/wire.h"
#include "policy/budget.h"
#include "policy/ruleset.h"
#include "proxy/config_quorum.h"
#include "proxy/gate.h"

struct tls_context;
struct config_auditor; /* config_audit.h */
struct config_ledger;  /* config_ledger.h */
struct config_patchctl;
struct config_shadow;   /* config_shadow.h */
struct config_rollback; /* config_rollback.h */
struct config_sink;     /* config_sinks.h */
struct config_drill;
struct config_mirror;  /* config_mirror.h */
struct config_webhook; /* config_webhook.h */

struct config_listener {
	const char *address; /* as written: "127.0.0.1:8080", "[::1]:8080", ":8080" */
	struct sockaddr_storage addr;
	socklen_t addr_len;
	const char *tls_cert, *tls_key; /* files; NULL: plain */
	struct tls_context *tls;        /* NULL: plain */
	unsigned line;
};

struct config_address { /* one address of an upstream as written; names are resolved by the resolver
			 */
	const char *host;
	uint16_t port;
	unsigned line;
};

struct config_health { /* active checks; path NULL: none */
	const char *path;
	uint32_t interval_ms, timeout_ms;
	uint32_t healthy_after, unhealthy_after; /* consecutive answers */
};

struct config_upstream {
	const char *name;
	const struct config_address *addresses;
	size_t n_addresses;
	bool tls;
	const char *tls_server_name; /* NULL: the address' host */
	const char *tls_ca;          /* file; NULL: the system's */
	bool tls_verify;
	struct tls_context *tls_context; /* NULL: plain */
	struct config_health health;
	uint32_t fail_after; /* passive: this many failures in a row take an address out */
	uint32_t fail_ms;    /* for so long */
	uint32_t idle_max;   /* idle connections kept per worker */
	uint32_t idle_ms;    /* for so long */
	uint32_t resolve_ms; /* names are looked up again after this */
	struct budget_price price;
	bool priced;
	uint64_t daily_nano; /* nano-USD that it may cost in a day (UTC); 0: no limit */
	unsigned line;
};

struct config_header { /* set (value != NULL) or removed on the request to the builder */
	const char *name, *value;
};

struct config_route {
	const char *name;
	const char *host; /* NULL: any; "*.example.org" matches subdomains */
	const char *path; /* prefix, compared byte by byte; "/" any */
	bool path_exact;
	const char *const *methods; /* NULL: any */
	size_t n_methods;
	size_t upstream;         /* index */
	const char *host_header; /* sent to the builder; NULL: the client's */
	const struct config_header *headers;
	size_t n_headers;
	bool wire_auto; /* framing from the answer's type; dialect from the path unless `dialect` is
			   known */
	enum framing framing; /* when not wire_auto */
	enum dialect dialect;
	bool inspect;   /* false: bytes pass and count as unscanned */
	bool fail_open; /* on_error: open */
	bool skip_reasoning;
	bool tunnel_upgrades;
	bool refuse_compressed; /* else decoded for judging and sent on as identity */
	enum cut_form cut;
	uint32_t frame_bytes, document_bytes; /* see gate.h */
	struct budget_limits budget;
	const struct config_quorum *quorum;     /* NULL: none */
	uint32_t mirror_ppm;                    /* of a million requests; or MIRROR_PPM_UNSET */
	const char *shadow_host, *shadow_model; /* instead of the shadow's own; NULL: those */
	unsigned mirror_line;                   /* 0: it says nothing of the shadow */
	const char *rollback_target;            /* whose changes its builder makes; NULL: none */
	bool rollback_reported; /* what its answers name is not taken, only reports */
	unsigned line;
};

struct config_limits {
	uint32_t connections; /* clients, per worker */
	uint32_t streams;     /* exchanges in flight, per worker */
	uint32_t head_bytes, target_bytes, headers;
	uint64_t body_bytes;   /* request bodies */
	uint32_t window_bytes; /* per exchange: judged or queued bytes that wait for a slow client
				  before reading stops */
	uint32_t requests_per_connection;
	uint64_t decoded_bytes; /* a compressed answer may become this large */
	uint32_t decoded_ratio; /* and this many times its size */
};

struct config_timeouts {        /* milliseconds, one for every phase */
	uint32_t client_idle;   /* between requests */
	uint32_t client_head;   /* first to last byte of a request head */
	uint32_t client_body;   /* between two reads of a request body */
	uint32_t client_write;  /* a write makes no progress */
	uint32_t connect;       /* TCP and TLS to the builder */
	uint32_t first_byte;    /* request sent to response head */
	uint32_t upstream_idle; /* between two reads of an answer */
	uint32_t exchange;      /* the whole of it; 0: none */
	uint32_t head_hold;     /* the answer's head waits so long for the first judged byte */
	uint32_t keepalive;     /* comment to a client that waits for held text */
	uint32_t drain;         /* after TERM */
};

struct config {
	const char *path; /* the file it was read from */
	struct config_listener *listeners;
	size_t n_listeners;
	struct config_listener admin; /* plain; addr_len 0: none */
	struct config_upstream *upstreams;
	size_t n_upstreams;
	struct config_auditor *auditors;
	size_t n_auditors;
	struct config_quorum *quorums;
	size_t n_quorums;
	struct config_route *routes; /* first match wins */
	size_t n_routes;
	struct config_limits limits;
	struct config_timeouts timeouts;
	uint32_t workers;                   /* "auto": one per core this process may use */
	const char *state_dir;              /* folder for what outlives the process; NULL: none */
	const struct config_ledger *ledger; /* NULL: none */
	const struct config_rollback *rollback; /* NULL: none */
	const struct config_sink *sinks;
	size_t n_sinks;
	const struct config_webhook *webhook;   /* NULL: none */
	const struct config_patchctl *patchctl; /* NULL but for `redcard patchctl` */
	const struct config_shadow *shadow;     /* NULL: none */
	const struct config_mirror *mirror;     /* NULL: nothing is mirrored */
	const struct config_drill *drill;       /* NULL but for `redcard drill` */
	const char *policy; /* file (relative ones: to the configuration's folder), or "builtin" */
	struct ruleset *ruleset; /* loaded from it */
	const char *log_file;    /* NULL: standard error */
	int log_level;           /* enum log_level */
	bool log_exchanges;      /* one line per exchange */
	bool proxy_headers;      /* trust the client's X-Forwarded-*: append instead of replace */
};

/* Reads, checks and compiles everything: the file, its policy, its certificates. On failure returns
 * -errno and appends one line `file:line: what is wrong; remedy` for each problem; *out is
 * untouched. */
int config_load(const char *path, struct config **out, struct buf *errors) MUST_USE;

struct config *config_ref(struct config *c); /* atomic */
void config_unref(struct config *c);         /* atomic; NULL is fine */

/* The first route for this request, or NULL. host is without its port. */
const struct config_route *config_route_for(const struct config *c, struct span host,
					    struct span path, struct span method);

#endif
