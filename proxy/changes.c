#include "proxy/changes.h"

#include "lib/log.h"

void changes_condemn(struct span spec, const struct outbox_wish *wish)
{
	log_message(LOG_WARNING, "rollback_waits", "%s of %s: no change of spec %.*s is known",
		    wish->rule, wish->subject, (int)spec.n, spec.p);
}
