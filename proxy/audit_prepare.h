/* From what is asked to what is sent: without what the policy redacts, with the sharp edits, in the
 * auditor's form. */
#ifndef PROXY_AUDIT_PREPARE_H
#define PROXY_AUDIT_PREPARE_H

#include "policy/judge.h"
#include "proxy/audit_form.h"

/* Appends the question to `out`, whose limit it keeps. False: it cannot be asked, which *said
 * answers. */
bool audit_prepare(const struct config_auditor *a, const struct audit_question *q,
		   struct ruleset *set, struct judge_scratch *scratch, struct buf *out,
		   struct audit_said *said) MUST_USE;

#endif
