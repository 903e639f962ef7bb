/*
 * What the mirror hands over: complete requests as they went to the builder, what the builder's
 * answer was judged to be, and what was lost on the way. Texts live as long as the call.
 */
#ifndef PROXY_MIRROR_H
#define PROXY_MIRROR_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/wire.h"

#define MIRROR_ID 27 /* of an exchange, with its NUL */

struct mirror_request {
	char id[MIRROR_ID];
	struct span route, spec;
	struct span bytes; /* head and body, as they were sent to the builder */
	uint64_t time_us;
};

struct mirror_answer {
	char id[MIRROR_ID];
	unsigned status;
	enum framing framing;
	enum dialect dialect;
	struct span body; /* what was released, decoded */
	bool whole, cut, too_large;
	uint64_t first_us, total_us;
};

#endif
