/*
 * The webhook driver: asks a service to plan, act and verify, each with a signed POST. What it must
 * answer is in redcard-patchctl(5).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/fetch.h"
#include "lib/json.h"
#include "proxy/auth.h"
#include "proxy/driver.h"

enum { ANSWER_MAX = 65536, SAYS_MAX = 1500 };

struct ask {
	const struct driver_job *job;
	const char *step;
	const char *revision; /* NULL: nothing was made yet */
	struct buf *says;
	struct fetch_answer answer;
	char made[DRIVER_REVISION]; /* what the answer calls the revision; "": none */
};

/* --- the question --- */

static void put(struct buf *out, const char *key, const char *text)
{
	buf_printf(out, "%s\"%s\":\"", out->n ? "," : "{", key);
	buf_add_json(out, span_of(text));
	buf_add_char(out, '"');
}

static void write_body(const struct ask *a, struct buf *out)
{
	put(out, "step", a->step);
	put(out, "id", a->job->id);
	put(out, "target", a->job->target->name);
	put(out, "anchor", a->job->anchor);
	put(out, "bad", a->job->bad);
	put(out, "reason", a->job->reason);
	if (a->revision)
		put(out, "revision", a->revision);
	buf_add_char(out, '}');
}

/* What stands in the request line. */
static void write_target(const char *url, struct buf *out)
{
	const char *host = strstr(url, "://") + 3;
	const char *path = host + strcspn(host, "/?");
	buf_printf(out, "%s%s", *path == '/' ? "" : "/", path);
}

static int sign(const struct ask *a, struct span body, char headers[3][AUTH_HEADER])
{
	const struct driver_webhook *w = &a->job->target->webhook;
	struct buf target = { 0 };
	write_target(w->url, &target);
	const struct auth_request request = { .method = SPAN("POST"),
					      .target = { target.p, target.n },
					      .body = body };
	int error = target.failed ? -ENOMEM
				  : auth_headers(w->sign.name, w->sign.secret, &request, headers);
	buf_fini(&target);
	return error;
}

static int post(struct ask *a, char why[FETCH_WHY])
{
	char signature[3][AUTH_HEADER];
	const char *headers[] = { "content-type: application/json", signature[0], signature[1],
				  signature[2], NULL };
	struct buf body = { 0 };
	struct fetcher *f = fetcher_new();
	uint64_t now = clock_ms(), until = a->job->deadline_ms;
	write_body(a, &body);
	snprintf(why, FETCH_WHY, "the question cannot be written");
	int error =
		f && !body.failed ? sign(a, (struct span){ body.p, body.n }, signature) : -ENOMEM;
	const struct fetch_request request = {
		.method = "POST",
		.url = a->job->target->webhook.url,
		.headers = headers,
		.body = { body.p, body.n },
		.ca_file = a->job->target->webhook.ca,
		.timeout_ms =
			(uint32_t)max_u64(until > now ? min_u64(until - now, UINT32_MAX) : 0, 1),
		.answer_most = ANSWER_MAX,
		.stop = a->job->stop,
	};
	if (!error)
		error = fetch(f, &request, &a->answer, why);
	fetcher_free(f);
	buf_fini(&body);
	return error;
}

/* --- the answer --- */

static enum driver_outcome outcome_of(struct ask *a, const struct json_value *root)
{
	struct span word = json_string(json_get(root, "outcome"));
	struct span text = json_string(json_get(root, "says"));
	struct span made = json_string(json_get(root, "revision"));
	buf_add(a->says, text.p, min_size(text.n, SAYS_MAX));
	if (text.n)
		buf_add_char(a->says, '\n');
	if (made.n && made.n < DRIVER_REVISION && !memchr(made.p, '\0', made.n))
		snprintf(a->made, sizeof(a->made), "%.*s", (int)made.n, made.p);
	for (int i = DRIVER_DONE; i <= DRIVER_FAILED; i++)
		if (span_eq(word, span_of(driver_outcome_names[i])))
			return (enum driver_outcome)i;
	buf_printf(a->says, "%s: the answer has no outcome done, again or failed\n", a->step);
	return DRIVER_FAILED;
}

static enum driver_outcome read_answer(struct ask *a)
{
	struct json *doc = NULL;
	enum driver_outcome outcome = DRIVER_FAILED;
	if (json_parse((struct span){ a->answer.body.p, a->answer.body.n }, &doc) == 0)
		outcome = outcome_of(a, json_root(doc));
	else
		buf_printf(a->says, "%s: the answer is no JSON\n", a->step);
	json_free(doc);
	return outcome;
}

/* What may be better soon: the service is busy, or not there. */
static bool passes_by(unsigned status)
{
	return status == 202 || status == 408 || status == 425 || status == 429 || status >= 500;
}

static enum driver_outcome ask(struct ask *a)
{
	char why[FETCH_WHY];
	enum driver_outcome outcome = DRIVER_AGAIN;
	int error = post(a, why);
	if (error) {
		buf_printf(a->says, "%s: no answer: %s\n", a->step, why);
		outcome = error == -EFBIG ? DRIVER_FAILED : DRIVER_AGAIN;
	} else if (a->answer.status == 200) {
		outcome = read_answer(a);
	} else {
		buf_printf(a->says, "%s: status %u\n", a->step, a->answer.status);
		outcome = passes_by(a->answer.status) ? DRIVER_AGAIN : DRIVER_FAILED;
	}
	buf_fini(&a->answer.body);
	return outcome;
}

/* --- steps --- */

static enum driver_outcome simple(const struct driver_job *job, const char *step, struct buf *says)
{
	struct ask a = { .job = job, .step = step, .says = says };
	return ask(&a);
}

static enum driver_outcome precedes(const struct driver_job *job, struct buf *says)
{
	return simple(job, "precedes", says);
}

static enum driver_outcome plan(const struct driver_job *job, struct buf *says)
{
	return simple(job, "plan", says);
}

static enum driver_outcome act(const struct driver_job *job, char revision[DRIVER_REVISION],
			       struct buf *says)
{
	struct ask a = { .job = job, .step = "act", .says = says };
	revision[0] = '\0';
	if (!driver_passes(job, says))
		return DRIVER_AGAIN;
	enum driver_outcome outcome = ask(&a);
	if (outcome == DRIVER_DONE && !driver_is_word(a.made)) {
		buf_add_text(says, "act: the answer has no revision that was made\n");
		return DRIVER_FAILED;
	}
	if (outcome == DRIVER_DONE)
		memcpy(revision, a.made, sizeof(a.made));
	return outcome;
}

static enum driver_outcome verify(const struct driver_job *job, const char *revision,
				  struct buf *says)
{
	struct ask a = { .job = job, .step = "verify", .revision = revision, .says = says };
	enum driver_outcome outcome = ask(&a);
	if (outcome != DRIVER_DONE)
		return outcome;
	if (strcmp(a.made, revision) != 0) {
		buf_printf(says, "verify: %s is there, where act has made %s\n",
			   a.made[0] ? a.made : "no revision", revision);
		return DRIVER_FAILED;
	}
	buf_printf(says, "verified: %s is there\n", revision);
	return DRIVER_DONE;
}

const struct driver driver_webhook = { .name = "webhook",
				       .is_revision = driver_is_word,
				       .precedes = precedes,
				       .plan = plan,
				       .act = act,
				       .verify = verify };
