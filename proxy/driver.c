#include "proxy/driver.h"

#include <string.h>

#include "lib/base.h"

const char *const driver_outcome_names[] = { "done", "again", "failed" };

static const struct driver *const drivers[] = { &driver_git };

const struct driver *driver_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
		if (strcmp(drivers[i]->name, name) == 0)
			return drivers[i];
	return NULL;
}
