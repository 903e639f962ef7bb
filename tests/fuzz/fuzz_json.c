/* A JSON document from outside, walked to its ends and printed for people: what leaves must be
 * printable lines. */
#include <stddef.h>
#include <stdint.h>

#include "lib/json.h"
#include "proxy/status_print.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct json *j = NULL;
	struct buf out = { .max = 1 << 20 };
	if (json_parse((struct span){ (const char *)p, n }, &j) != 0)
		return 0;
	status_print(json_root(j), &out);
	for (size_t i = 0; i < out.n; i++)
		CHECK(((unsigned char)out.p[i] >= 0x20 || out.p[i] == '\n') && out.p[i] != 0x7f);
	buf_fini(&out);
	json_free(j);
	return 0;
}
