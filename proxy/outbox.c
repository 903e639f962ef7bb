#include "proxy/outbox.h"

#include "lib/log.h"
#include "lib/sha256.h"
#include "proxy/ledger.h"

void outbox_ask(const struct outbox_wish *wish)
{
	struct buf body = { 0 }, what = { 0 };
	char key[SHA256_HEX];
	buf_printf(&what, "rollback\n%s\n%s\n%s", wish->target, wish->bad, wish->rule);
	buf_add_text(&body, "{\"bad\":\"");
	buf_add_json(&body, span_of(wish->bad));
	buf_add_text(&body, "\",\"phase\":\"asked\",\"rule\":\"");
	buf_add_json(&body, span_of(wish->rule));
	buf_printf(&body, "\",\"seen_ms\":%llu,\"subject\":\"", (unsigned long long)wish->seen_ms);
	buf_add_json(&body, span_of(wish->subject));
	buf_add_text(&body, "\",\"target\":\"");
	buf_add_json(&body, span_of(wish->target));
	buf_add_text(&body, "\"}");
	if (!body.failed && !what.failed && sha256_of((struct span){ what.p, what.n }, key) == 0)
		ledger_put_once("rollback", wish->subject, (struct span){ body.p, body.n }, key);
	else
		log_message(LOG_ERROR, "ledger_lost", "a rollback of %s: out of memory",
			    wish->target);
	buf_fini(&body);
	buf_fini(&what);
}
