#include "proxy/audit_prepare.h"

#include <sys/random.h>

#include "proxy/audit_redact.h"
#include "proxy/audit_sharp.h"

static bool refuse(struct audit_said *said, enum audit_answer answer, const char *why)
{
	audit_say(said, answer, span_of(why));
	return false;
}

static bool make_nonce(char nonce[AUDIT_NONCE_BYTES + 1])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char random[AUDIT_NONCE_BYTES / 2];
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return false;
	for (size_t i = 0; i < AUDIT_NONCE_BYTES; i++)
		nonce[i] = digits[random[i / 2] >> (i % 2 ? 0 : 4) & 15];
	nonce[AUDIT_NONCE_BYTES] = '\0';
	return true;
}

/* What is larger than a question is not even judged. */
static bool fits(const struct audit_question *q)
{
	size_t n = 0;
	for (size_t i = 0; i < q->n_files && n <= AUDIT_QUESTION_BYTES; i++)
		n += q->files[i].path.n + q->files[i].a.n + q->files[i].b.n;
	return n <= AUDIT_QUESTION_BYTES;
}

static bool put(const struct config_auditor *a, const struct audit_question *q, struct buf *out,
		struct audit_said *said)
{
	char nonce[AUDIT_NONCE_BYTES + 1];
	if (!make_nonce(nonce))
		return refuse(said, AUDIT_UNREACHABLE, "the system gives no random bytes");
	if (a->kind == AUDITOR_CHAT)
		audit_form_chat(a, q, nonce, out);
	else
		audit_form_json(q, out);
	return !out->failed || refuse(said, AUDIT_UNCLEAR, "too large to audit");
}

bool audit_prepare(const struct config_auditor *a, const struct audit_question *q,
		   struct ruleset *set, struct judge_scratch *scratch, struct buf *out,
		   struct audit_said *said)
{
	struct audit_redacted redacted;
	struct buf sharp = { 0 };
	bool ready = false;
	if (!fits(q))
		return refuse(said, AUDIT_UNCLEAR, "too large to audit");
	switch (audit_redact(&redacted, q, set, scratch)) {
	case AUDIT_REDACTION_DONE:
		audit_sharp_add(&redacted.question, &sharp);
		redacted.question.sharp_edits = (struct span){ sharp.p, sharp.n };
		ready = put(a, &redacted.question, out, said);
		break;
	case AUDIT_REDACTION_STOPPED:
		refuse(said, AUDIT_UNCLEAR, "a rule cuts in the renders, or they cannot be judged");
		break;
	case AUDIT_REDACTION_NO_MEMORY: refuse(said, AUDIT_UNREACHABLE, "out of memory"); break;
	}
	buf_fini(&sharp);
	audit_redacted_fini(&redacted);
	return ready;
}
