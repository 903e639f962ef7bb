#include "proxy/shadow_options.h"

#include <stdio.h>

#include "proxy/config_shadow.h"

bool shadow_from_sound(const char *verb, const struct shadow_from *from)
{
	const struct attach_to *a = &from->attach;
	const char *wrong = NULL;
	if (a->cgroup && !a->port)
		wrong = "--attach needs --port, the one that the service listens on";
	else if (a->port && !a->cgroup)
		wrong = "--port needs --attach, the cgroup of the service";
	else if (a->cgroup && from->path)
		wrong = "--attach and --replay are two sources; choose one";
	if (wrong)
		fprintf(stderr, "redcard %s: %s\n", verb, wrong);
	return !wrong;
}

int shadow_load(const char *path, const struct shadow_from *from, struct config **out,
		struct buf *errors)
{
	return (from->attach.cgroup ? config_load_attached : config_load)(path, out, errors);
}
