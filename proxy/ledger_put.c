/* Rows of those who cannot wait: into the ledger in use, or the log. */
#include <errno.h>
#include <stdatomic.h>

#include "lib/log.h"
#include "proxy/ledger.h"

static struct ledger *_Atomic in_use;

static void log_row(enum log_level level, const char *event, const struct ledger_row *row,
		    int error)
{
	struct buf *line = log_begin(level, event);
	if (!line)
		return;
	log_text(line, "kind", row->kind);
	log_text(line, "subject", row->subject);
	log_json(line, "body", row->body);
	if (error)
		log_text(line, "error", span_of(ledger_error(error)));
	log_end(line);
}

void ledger_use(struct ledger *l)
{
	atomic_store(&in_use, l);
}

bool ledger_in_use(void)
{
	return atomic_load(&in_use) != NULL;
}

static void on_written(const struct ledger_added *added, void *owner)
{
	(void)owner;
	if (added->error)
		log_row(LOG_ERROR, "ledger_lost", added->row, added->error);
}

void ledger_put_once(const char *kind, const char *subject, struct span body, const char *key)
{
	struct ledger *l = atomic_load(&in_use);
	const struct ledger_row row = { .kind = span_of(kind),
					.subject = span_of(subject),
					.body = body,
					.key = key ? span_of(key) : (struct span){ 0 } };
	if (!l) {
		log_row(LOG_INFO, "ledger", &row, 0);
		return;
	}
	int error = ledger_row_wrong(row.kind, row.subject, row.key)
			    ? -EINVAL
			    : ledger_add(l, &row, on_written, NULL);
	if (error)
		log_row(LOG_ERROR, "ledger_lost", &row, error);
}

void ledger_put(const char *kind, const char *subject, struct span body)
{
	ledger_put_once(kind, subject, body, NULL);
}
