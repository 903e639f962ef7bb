#include "proxy/ledger.h"

#include "lib/log.h"

void ledger_put(const char *kind, const char *subject, struct span body)
{
	struct buf *line = log_begin(LOG_INFO, "ledger");
	if (!line)
		return;
	log_text(line, "kind", span_of(kind));
	log_text(line, "subject", span_of(subject));
	log_json(line, "body", body);
	log_end(line);
}
