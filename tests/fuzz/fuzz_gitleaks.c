/* gitleaks files from anywhere: refused with a line, or loaded; never a crash. */
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"
#include "policy/ruleset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	struct buf errors = { 0 };
	struct ruleset *set = NULL;
	if (size > 8192)
		return 0;
	int rc = ruleset_parse("fuzz.toml", text, &set, &errors);
	CHECK(rc ? !set && errors.n > 0 : set && errors.n == 0);
	ruleset_unref(set);
	buf_fini(&errors);
	return 0;
}
