#include "proxy/driver.h"

#include <string.h>

#include "lib/base.h"

const char *const driver_outcome_names[] = { "done", "again", "failed" };

static const struct driver *const drivers[] = { &driver_command, &driver_git, &driver_helm,
						&driver_kubernetes, &driver_webhook };

bool driver_is_word(const char *text)
{
	size_t n = strspn(text,
			  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-:/@+");
	return n > 0 && n < DRIVER_REVISION && !text[n] && text[0] != '-';
}

bool driver_passes(const struct driver_job *job, struct buf *says)
{
	int was = DRIVER_MAY_BEGIN;
	if (!job->gate || atomic_compare_exchange_strong(job->gate, &was, DRIVER_HAS_BEGUN) ||
	    was == DRIVER_HAS_BEGUN)
		return true;
	buf_add_text(says, "it was aborted\n");
	return false;
}

const struct driver *driver_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
		if (strcmp(drivers[i]->name, name) == 0)
			return drivers[i];
	return NULL;
}
