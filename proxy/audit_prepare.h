/*
 * From what is asked to what is sent: without what the policy redacts, with the sharp edits, in the
 * auditor's form. That takes as long as judging and comparing the renders once more, so a thread
 * does it beside the worker, a few at a time; who asked looks now and then whether it is done.
 */
#ifndef PROXY_AUDIT_PREPARE_H
#define PROXY_AUDIT_PREPARE_H

#include "proxy/audit_form.h"

struct audit_job;

/* What is larger is not even judged. */
bool audit_fits(const struct audit_question *q);

/* Copies the question and keeps the configuration. NULL: no memory. */
struct audit_job *audit_job_new(struct config *config, const struct config_auditor *a,
				const struct audit_question *q);
/* NULL is fine. What still runs goes on for nobody. */
void audit_job_drop(struct audit_job *job);

/* Begins it when there is room. True: it is done, and these may be asked: */
bool audit_job_ready(struct audit_job *job);
const struct buf *audit_job_text(const struct audit_job *job);
const struct audit_question *audit_job_question(const struct audit_job *job); /* as it was asked */
const struct audit_said *audit_job_refusal(const struct audit_job *job);      /* NULL: none */

#endif
