/*
 * Auditors: somebody else is asked whether a pair of renders may pass that the quorum does not pass
 * by itself. A model, a webhook, or a person; in any case with a time limit, after which the answer
 * is no.
 *
 * What the policy redacts is redacted in the question, too.
 *
 * An audit belongs to who asked for it, until it has said its answer or was cancelled. It holds its
 * runtime, so a reload does not end it. Where the auditor has several addresses, the next one is
 * tried as long as nobody has taken the connection.
 */
#ifndef PROXY_AUDITOR_H
#define PROXY_AUDITOR_H

#include "proxy/audit_form.h"
#include "proxy/runtime.h"

struct worker;
struct audit;

/* Asks; everything in the question is copied. done is called once, from the worker's loop and never
 * from within this function; the audit is gone when it returns. NULL: out of memory, which is a no.
 */
struct audit *audit_ask(struct worker *w, struct runtime *rt, const struct config_auditor *a,
			const struct audit_question *q,
			void (*done)(struct audit *audit, void *owner), void *owner) MUST_USE;

/* Instead of done: nobody wants to know any more. NULL is fine. Not from within done. */
void audit_cancel(struct audit *audit);

/* From within done. */
const struct audit_said *audit_said(const struct audit *audit);
uint64_t audit_took_ms(const struct audit *audit);

#endif
