/*
 * A question without what the policy's rules take out of a stream: the client does not get a secret
 * that a rule redacts, and an auditor, who may be far away, does not either. Each text that comes
 * from a builder is judged by itself, as plain text.
 */
#ifndef PROXY_AUDIT_REDACT_H
#define PROXY_AUDIT_REDACT_H

#include "policy/judge.h"
#include "proxy/audit_form.h"

struct audit_redacted {
	struct audit_question question; /* what it points at is here, or as it was */
	struct audit_file *files;
	struct buf *rooms; /* of the texts that have changed */
	size_t n;          /* of rooms */
};

enum audit_redaction {
	AUDIT_REDACTION_DONE,
	AUDIT_REDACTION_STOPPED, /* a rule cuts in one of the texts, or it cannot be judged */
	AUDIT_REDACTION_NO_MEMORY
};

/* audit_redacted_fini() is owed in any case. */
enum audit_redaction audit_redact(struct audit_redacted *r, const struct audit_question *q,
				  struct ruleset *set, struct judge_scratch *scratch);
void audit_redacted_fini(struct audit_redacted *r);

#endif
