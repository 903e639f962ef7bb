/*
 * What an auditor is asked, and what counts as its answer. No I/O.
 *
 * The renders under question are written by builders, who would like a yes. So whatever comes from
 * them is data: in a webhook's question it stands in JSON texts, in a model's between fences that
 * carry a nonce of this one question, which nobody could have written into a render before.
 *
 * Only an explicit yes is a yes: one JSON object with `answer` and perhaps `reason`, each once, and
 * nothing else. What can be read in two ways is unclear, and that is a no.
 */
#ifndef PROXY_AUDIT_FORM_H
#define PROXY_AUDIT_FORM_H

#include <stdbool.h>

#include "lib/base.h"
#include "lib/buf.h"
#include "proxy/config_audit.h"

enum audit_answer {
	AUDIT_YES,
	AUDIT_NO,
	AUDIT_TIMEOUT,
	AUDIT_UNREACHABLE, /* it could not be asked, or did not answer */
	AUDIT_UNCLEAR,     /* it answered neither yes nor no, or the question is too large */
	AUDIT_ANSWER_COUNT
};

extern const char *const audit_answer_names[AUDIT_ANSWER_COUNT];

enum {
	AUDIT_QUESTION_BYTES = 1 << 20, /* most of a question as it is sent */
	AUDIT_ANSWER_BYTES = 64 << 10,
	AUDIT_REASON_BYTES = 512,
	AUDIT_NONCE_BYTES = 32, /* hexadecimal digits */
};

struct audit_file { /* a file of both renders */
	struct span path, language;
	struct span a, b; /* p == NULL: that render has none */
};

struct audit_question {
	struct span exchange, spec; /* spec: may be empty */
	struct span builder_a, builder_b;
	double diff_percent;     /* NaN: there is no score */
	double threshold;        /* in percent */
	struct span reason;      /* why the pair did not pass */
	struct span sharp_edits; /* one a line; audit_ask() adds them */
	const struct audit_file *files;
	size_t n_files;
};

struct audit_said {
	enum audit_answer answer;
	/* Of the auditor, UTF-8 without control characters, or ours. It may quote the renders, so
	 * it belongs into records, not into logs. */
	char reason[AUDIT_REASON_BYTES + 1];
};

void audit_say(struct audit_said *said, enum audit_answer answer, struct span reason);

/* The question as one JSON object. */
void audit_form_json(const struct audit_question *q, struct buf *out);
/* As a request of the Chat Completions API. nonce: AUDIT_NONCE_BYTES digits. */
void audit_form_chat(const struct config_auditor *a, const struct audit_question *q,
		     const char *nonce, struct buf *out);

/* {"answer": "yes" or "no", "reason": text} */
void audit_read_json(struct span text, struct audit_said *said);
/* The same as the content of a Chat Completions answer. */
void audit_read_chat(struct span body, struct audit_said *said);

#endif
