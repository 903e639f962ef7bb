#include "proxy/policy_open.h"

#include <stdio.h>
#include <string.h>

int policy_open(const char *path, struct ruleset **set, struct gate_scratch *scratch)
{
	struct buf errors = { 0 };
	int error = ruleset_load(path, set, &errors);
	fprintf(stderr, "%.*s", (int)errors.n, errors.n ? errors.p : "");
	buf_fini(&errors);
	if (error)
		return error;
	error = gate_scratch_init(scratch, *set);
	if (error)
		fprintf(stderr, "redcard: %s: %s; give the process more memory\n", path,
			strerror(-error));
	return error;
}
