/* One request of a sink, and what its answer means. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proxy/sink.h"
#include "proxy/sink_message.h"

#define ANSWER_BYTES 65536
#define LIMITED_S 60 /* what GitHub asks for where it names no time */

/* GitHub says with a 403 too that there were too many requests. */
static bool limited(const struct fetch_answer *a)
{
	static const char words[] = "rate limit";
	return a->status == 403 &&
	       (a->retry_after_s ||
		(a->body.n && memmem(a->body.p, a->body.n, words, sizeof(words) - 1)));
}

static enum sink_answer by_status(const struct fetch_answer *a, uint32_t *wait_s)
{
	*wait_s = a->retry_after_s;
	if (a->status >= 200 && a->status < 300)
		return SINK_TAKEN;
	if (limited(a)) {
		*wait_s = a->retry_after_s ? a->retry_after_s : LIMITED_S;
		return SINK_FAILED;
	}
	if (a->status == 408 || a->status == 425 || a->status == 429 || a->status < 200 ||
	    a->status >= 500)
		return SINK_FAILED;
	return SINK_REFUSED;
}

enum sink_answer sink_send(struct fetcher *f, const struct config_sink *s,
			   const struct sink_message *m, const _Atomic bool *stop, uint32_t *wait_s,
			   struct buf *excerpt, char why[FETCH_WHY])
{
	const struct fetch_request request = {
		.method = m->method,
		.url = m->url.p,
		.headers = m->headers,
		.body = { m->body.p, m->body.n },
		.ca_file = s->ca,
		.timeout_ms = s->timeout_ms,
		.answer_most = ANSWER_BYTES,
		.stop = stop,
	};
	struct fetch_answer answer = { 0 };
	enum sink_answer result = SINK_FAILED;
	int error = fetch(f, &request, &answer, why);
	*wait_s = 0;
	if (error == -ECANCELED)
		result = SINK_STOPPED;
	else if (!error || (error == -EFBIG && answer.status)) /* its status is all that counts */
		result = by_status(&answer, wait_s);
	if (!error)
		snprintf(why, FETCH_WHY, "status %u", answer.status);
	if (excerpt)
		buf_add(excerpt, answer.body.p, min_size(answer.body.n, 300));
	buf_fini(&answer.body);
	return result;
}
