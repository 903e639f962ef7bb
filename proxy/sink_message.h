/*
 * What a sink is sent for a row of the ledger.
 *
 * A webhook gets the row as `redcard ledger show --json` prints it, signed:
 *
 *	x-redcard-time: 1790000000       seconds since 1970, of this try
 *	x-redcard-delivery: ID           the row's: the same in each try
 *	x-redcard-signature: sha256=HEX  HMAC-SHA-256 of TIME "\n" ID "\n" BODY by the secret
 *
 * Slack gets {"text": ...}. GitHub gets a commit status, where the row says something of a
 * revision, and a comment on its pull request or on the commit. Rows come from builders too:
 * whatever is in them stays text.
 */
#ifndef PROXY_SINK_MESSAGE_H
#define PROXY_SINK_MESSAGE_H

#include <stdbool.h>

#include "lib/buf.h"
#include "proxy/config_sinks.h"
#include "proxy/ledger_row.h"

#define SINK_MESSAGES 3 /* most for one row */
#define SINK_HEADERS 5

struct sink_message {
	const char *method;
	struct buf url, body;                  /* the URL ends with a NUL */
	struct buf lines[SINK_HEADERS];        /* "name: value" NUL */
	const char *headers[SINK_HEADERS + 1]; /* into them; NULL ends them */
};

struct sink_messages {
	struct sink_message v[SINK_MESSAGES];
	size_t n; /* 0: there is nothing to say of this row */
};

/* Whether the sink wants the row, by its kind and severity. */
bool sink_wants(const struct config_sink *s, const struct ledger_row *row);
/* The revision that the row is about, as Git writes it whole; empty: it names none. Copied. */
bool sink_revision(const struct ledger_row *row, struct buf *out);
/* The number of the pull request in that URL, if it is one of the repository; 0: none. */
uint64_t sink_pull(const char *repository, struct span url);

/* now_s: since 1970. pull: the row's pull request; 0: none is known. sink_messages_fini() is owed
 * in any case. -ENOMEM, -EIO. */
int sink_messages_write(struct sink_messages *m, const struct config_sink *s,
			const struct ledger_row *row, uint64_t now_s, uint64_t pull) MUST_USE;
/* What shows that a sink takes messages, and changes least. id: a new one. */
int sink_messages_test(struct sink_messages *m, const struct config_sink *s, const char *id,
		       uint64_t now_s) MUST_USE;
void sink_messages_fini(struct sink_messages *m);

#endif
