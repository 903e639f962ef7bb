#include "proxy/sample.h"

#include <string.h>

#define TRACE_ID 32

uint64_t sample_hash(struct span key)
{
	uint64_t h = 0xcbf29ce484222325u;
	for (size_t i = 0; i < key.n; i++)
		h = (h ^ (unsigned char)key.p[i]) * 0x100000001b3u;
	h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53u;
	return h ^ h >> 33;
}

bool sample_takes(struct span key, uint32_t ppm)
{
	return sample_hash(key) % 1000000 < ppm;
}

static bool is_hex(struct span text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!memchr("0123456789abcdef", text.p[i], 16))
			return false;
	return true;
}

/* version "-" trace id "-" parent id "-" flags, and perhaps more (W3C Trace Context, 3.2). */
static struct span trace_id(struct span value)
{
	static const char zero[] = "00000000000000000000000000000000";
	struct span none = { 0 }, id = { value.p + 3, TRACE_ID };
	if (value.n < 55 || value.p[2] != '-' || value.p[35] != '-' || value.p[52] != '-' ||
	    !is_hex((struct span){ value.p, 2 }) || memcmp(value.p, "ff", 2) == 0)
		return none;
	return is_hex(id) && memcmp(id.p, zero, TRACE_ID) != 0 ? id : none;
}

struct span sample_key(const struct http1_head *head, struct span id)
{
	struct span trace = trace_id(http1_find(head, SPAN("traceparent")));
	struct span spec = http1_find(head, SPAN("x-redcard-spec"));
	if (trace.n)
		return trace;
	return spec.n > 0 && spec.n <= SAMPLE_KEY_BYTES ? spec : id;
}
