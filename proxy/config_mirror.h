/* The mirror in the configuration: whose requests are copied for the shadow, and how. */
#ifndef PROXY_CONFIG_MIRROR_H
#define PROXY_CONFIG_MIRROR_H

#include "proxy/config_keys.h"

enum mirror_choice { MIRROR_AUTO, MIRROR_EBPF, MIRROR_USER, MIRROR_CHOICE_COUNT };

struct config_mirror {
	const char *socket; /* where the replayer listens */
	uint32_t ppm;       /* of a million requests, where the route says nothing else */
	uint32_t rate;      /* requests in a second at most; 0: no cap */
	int tap;            /* enum mirror_choice */
	uint32_t ring_bytes;
	uint32_t answer_most; /* bytes of an answer that are handed over */
	const char *cgroup;   /* whose egress the eBPF program sees; NULL: the proxy's own */
	unsigned line;
};

/* Of `shadow`; their base is a struct config_mirror. */
#define CONFIG_MIRROR_KEYS 7
extern const struct config_key config_mirror_keys[CONFIG_MIRROR_KEYS];
extern const struct config_mirror config_mirror_defaults;

#define MIRROR_PPM_UNSET UINT32_MAX /* of a route */

/* Of a million of the route's requests; 0: nothing is mirrored. */
uint32_t config_mirror_ppm(const struct config *c, const struct config_route *route);

#endif
