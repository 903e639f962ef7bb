#include "proxy/audit_prepare.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "policy/judge.h"
#include "proxy/audit_redact.h"
#include "proxy/audit_sharp.h"

#define THREADS_MAX 2

struct audit_job {
	_Atomic unsigned refs; /* who asked, and the thread */
	struct config *config;
	const struct config_auditor *auditor;
	struct audit_question question;
	struct audit_file *files;
	char *room; /* of the texts */
	size_t used;
	bool begun;
	_Atomic bool done;
	bool refused;
	struct audit_said said; /* if refused */
	struct buf text;
};

static _Atomic unsigned running; /* threads, of all workers */

/* --- what the thread does --- */

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

/* Appends the question to `out`. False: it cannot be asked, which *said answers. */
static bool prepare(const struct config_auditor *a, const struct audit_question *q,
		    struct ruleset *set, struct judge_scratch *scratch, struct buf *out,
		    struct audit_said *said)
{
	struct audit_redacted redacted;
	struct buf sharp = { 0 };
	bool ready = false;
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

static void *work(void *arg)
{
	struct audit_job *job = arg;
	struct ruleset *set = job->config->ruleset;
	struct judge_scratch *scratch = NULL;
	if (judge_scratch_new(set, &scratch) != 0)
		job->refused = !refuse(&job->said, AUDIT_UNREACHABLE, "out of memory");
	else
		job->refused = !prepare(job->auditor, &job->question, set, scratch, &job->text,
					&job->said);
	judge_scratch_free(scratch);
	atomic_fetch_sub(&running, 1);
	atomic_store(&job->done, true);
	audit_job_drop(job);
	return NULL;
}

/* --- who asks --- */

bool audit_fits(const struct audit_question *q)
{
	size_t n = 0;
	for (size_t i = 0; i < q->n_files && n <= AUDIT_QUESTION_BYTES; i++)
		n += q->files[i].path.n + q->files[i].a.n + q->files[i].b.n;
	return n <= AUDIT_QUESTION_BYTES;
}

/* Every text of a question, one after the other; NULL after the last. */
static struct span *text_at(struct audit_job *job, size_t i)
{
	struct audit_question *q = &job->question;
	struct span *const own[] = { &q->exchange,  &q->spec,   &q->builder_a,
				     &q->builder_b, &q->reason, &q->sharp_edits };
	size_t of_files = i - ARRAY_LEN(own);
	if (i < ARRAY_LEN(own))
		return own[i];
	if (of_files >= 4 * q->n_files)
		return NULL;
	struct audit_file *f = &job->files[of_files / 4];
	struct span *const texts[] = { &f->path, &f->language, &f->a, &f->b };
	return texts[of_files % 4];
}

static bool copy_texts(struct audit_job *job)
{
	size_t n = 1;
	struct span *text;
	job->files = calloc(job->question.n_files + 1, sizeof(*job->files));
	if (!job->files)
		return false;
	if (job->question.n_files)
		memcpy(job->files, job->question.files,
		       job->question.n_files * sizeof(*job->files));
	job->question.files = job->files;
	for (size_t i = 0; (text = text_at(job, i)) != NULL; i++)
		n += text->n;
	job->room = malloc(n);
	for (size_t i = 0; job->room && (text = text_at(job, i)) != NULL; i++) {
		if (!text->p)
			continue;
		memcpy(job->room + job->used, text->p, text->n);
		text->p = job->room + job->used;
		job->used += text->n;
	}
	return job->room != NULL;
}

struct audit_job *audit_job_new(struct config *config, const struct config_auditor *a,
				const struct audit_question *q)
{
	struct audit_job *job = calloc(1, sizeof(*job));
	if (!job)
		return NULL;
	job->refs = 1;
	job->config = config_ref(config);
	job->auditor = a;
	job->question = *q;
	job->text.max = AUDIT_QUESTION_BYTES;
	if (copy_texts(job))
		return job;
	audit_job_drop(job);
	return NULL;
}

void audit_job_drop(struct audit_job *job)
{
	if (!job || atomic_fetch_sub(&job->refs, 1) != 1)
		return;
	config_unref(job->config);
	buf_fini(&job->text);
	free(job->files);
	free(job->room);
	free(job);
}

static void begin(struct audit_job *job)
{
	pthread_t thread;
	if (atomic_fetch_add(&running, 1) >= THREADS_MAX) {
		atomic_fetch_sub(&running, 1);
		return; /* later */
	}
	job->begun = true;
	atomic_fetch_add(&job->refs, 1);
	if (pthread_create(&thread, NULL, work, job) == 0) {
		pthread_detach(thread);
		return;
	}
	atomic_fetch_sub(&running, 1);
	atomic_fetch_sub(&job->refs, 1);
	job->refused = !refuse(&job->said, AUDIT_UNREACHABLE, "no thread to prepare it");
	atomic_store(&job->done, true);
}

bool audit_job_ready(struct audit_job *job)
{
	if (!job->begun)
		begin(job);
	return atomic_load(&job->done);
}

const struct buf *audit_job_text(const struct audit_job *job)
{
	return &job->text;
}

const struct audit_question *audit_job_question(const struct audit_job *job)
{
	return &job->question;
}

const struct audit_said *audit_job_refusal(const struct audit_job *job)
{
	return job->refused ? &job->said : NULL;
}
