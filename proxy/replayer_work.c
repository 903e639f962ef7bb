/* What a thread of the replayer does with a request: it sends it, and makes a row of the answer. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "proxy/ledger.h"
#include "proxy/replayer_core.h"
#include "proxy/shadow_rewrite.h"

static void conclude(struct job *j, enum shadow_result result, const char *reason)
{
	j->concluded = true;
	j->finding = (struct shadow_finding){ .result = result, .reason = reason };
}

/* --- sending --- */

static const struct config_route *route_of(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_routes; i++)
		if (strcmp(c->routes[i].name, name) == 0)
			return &c->routes[i];
	return NULL;
}

/* What the route says goes before what is said for all. */
static struct config_shadow_to to_of(const struct config *c, const struct job *j)
{
	struct config_shadow_to to = c->shadow->to;
	const struct config_route *route = route_of(c, j->route);
	if (route && route->shadow_host)
		to.rewrite.host = route->shadow_host;
	if (route && route->shadow_model)
		to.rewrite.model = route->shadow_model;
	return to;
}

static void conclude_failed(struct job *j, int error)
{
	switch (-error) {
	case ETIMEDOUT: conclude(j, SHADOW_TIMEOUT, "timeout"); break;
	case ECANCELED: conclude(j, SHADOW_STOPPED, "stopped"); break;
	case ECONNREFUSED: conclude(j, SHADOW_ERROR, "connection refused"); break;
	case EHOSTUNREACH: conclude(j, SHADOW_ERROR, "host not found"); break;
	case ECONNRESET:
		conclude(j, SHADOW_ERROR, "kept connection ended");
		j->doubtful = true;
		break;
	case EFBIG: j->too_large = true; break; /* what that means the primary tells */
	case ENOMEM: conclude(j, SHADOW_STOPPED, "out of memory"); break;
	case EINVAL: conclude(j, SHADOW_UNSUITABLE, "no url"); break;
	default: conclude(j, SHADOW_ERROR, "connection broken"); break;
	}
}

static void send_it(struct replayer_thread *t, const struct config *config,
		    const struct shadow_request *r, struct job *j)
{
	const struct config_shadow *s = config->shadow;
	char why[FETCH_WHY];
	const struct fetch_request request = {
		.method = r->method,
		.url = r->url,
		.headers = r->headers,
		.body = { r->has_body ? (r->body.p ? r->body.p : "") : NULL, r->body.n },
		.ca_file = s->to.ca,
		.timeout_ms = s->total_ms,
		.connect_ms = s->connect_ms,
		.first_byte_ms = s->first_byte_ms,
		.answer_most = config->mirror->answer_most,
		.once = true,
		.stop = &t->r->stop,
	};
	j->sent_ms = clock_ms();
	int error = fetch(t->fetcher, &request, &j->reply, why);
	j->answered = !error;
	if (error)
		conclude_failed(j, error);
}

void replayer_send(struct replayer_thread *t, const struct config *config, struct job *j)
{
	const struct http1_limits limits = { config->limits.head_bytes * 2,
					     config->limits.target_bytes,
					     config->limits.headers + 16 };
	const struct config_shadow_to to = to_of(config, j);
	struct shadow_request r;
	enum shadow_fit fit =
		shadow_rewrite((struct span){ j->bytes.p, j->bytes.n }, &limits, &to, &r);
	if (fit != SHADOW_FITS) {
		conclude(j, SHADOW_UNSUITABLE, shadow_fit_names[fit]);
	} else if (!(j->target = strdup(r.target))) {
		conclude(j, SHADOW_STOPPED, "out of memory");
	} else {
		send_it(t, config, &r, j);
	}
	shadow_request_fini(&r);
	buf_fini(&j->bytes);
}

/* --- what it came to --- */

static void judge(struct replayer_thread *t, const struct config *config, struct job *j)
{
	const struct shadow_case c = { .config = config,
				       .route = route_of(config, j->route),
				       .target = j->target,
				       .primary = j->has_primary ? &j->primary : NULL,
				       .reply = &j->reply,
				       .too_large = j->too_large };
	if (judge_scratch_grow(t->scratch.judge, config->ruleset) != 0) /* after a reload */
		j->finding = (struct shadow_finding){ .result = SHADOW_UNCOMPARED,
						      .reason = "out of memory" };
	else
		shadow_judge(&c, &t->scratch, &j->finding);
}

static void put_side(struct buf *body, const char *name, unsigned status, uint64_t first_us,
		     uint64_t total_us)
{
	buf_printf(body, ",\"%s\":", name);
	if (status == 0 && total_us == 0)
		buf_add_text(body, "null");
	else
		buf_printf(body, "{\"first_us\":%llu,\"status\":%u,\"total_us\":%llu}",
			   (unsigned long long)first_us, status, (unsigned long long)total_us);
}

static void put_member(struct buf *body, const char *name, const char *text)
{
	buf_printf(body, ",\"%s\":\"", name);
	buf_add_json(body, span_of(text));
	buf_add_char(body, '"');
}

static void put_row(const struct job *j)
{
	const struct shadow_finding *f = &j->finding;
	struct buf body = { 0 };
	buf_printf(&body, "{\"cards\":%llu,\"diff_percent\":", (unsigned long long)f->cards);
	if (f->scored)
		buf_printf(&body, "[%.17g,%.17g]", f->low, f->high);
	else
		buf_add_text(&body, "null");
	put_side(&body, "primary", j->has_primary ? j->primary.status : 0, j->primary.first_us,
		 j->primary.total_us);
	put_member(&body, "reason", f->reason);
	put_member(&body, "result", shadow_result_names[f->result]);
	put_member(&body, "route", j->route);
	put_side(&body, "shadow", j->reply.status, j->reply.first_us, j->reply.total_us);
	put_member(&body, "spec", j->spec);
	buf_add_char(&body, '}');
	if (!body.failed)
		ledger_put("shadow", j->id, (struct span){ body.p, body.n });
	buf_fini(&body);
}

static uint32_t in_ms(uint64_t us)
{
	return (uint32_t)min_u64((us + 999) / 1000, UINT32_MAX - 1);
}

static void measure(struct replayer_thread *t, const struct job *j)
{
	const struct shadow_finding *f = &j->finding;
	bool whole = j->has_primary && j->primary.whole;
	bool answered = j->answered && f->result < SHADOW_ERROR;
	struct shadow_told told = { .result = f->result,
				    .shadow_ms = UINT32_MAX,
				    .sent_ms = j->sent_ms,
				    .primary_ms = whole ? in_ms(j->primary.total_us) : UINT32_MAX };
	metric_add(t->shard, SHADOW_REQUESTS, f->result, 1);
	if (f->scored)
		metric_observe(t->shard, SHADOW_DIFF, 0, f->high);
	if (f->result > SHADOW_TIMEOUT)
		return;
	if (whole)
		metric_observe(t->shard, SHADOW_LATENCY, SIDE_PRIMARY,
			       (double)j->primary.total_us / 1e6);
	if (answered)
		metric_observe(t->shard, SHADOW_LATENCY, SIDE_SHADOW,
			       (double)j->reply.total_us / 1e6);
	/* One that was given up took at least so long. */
	if (f->result == SHADOW_TIMEOUT || answered)
		told.shadow_ms = in_ms(j->reply.total_us);
	if (t->r->options.told && !j->doubtful && replayer_was_awake(t->r, j->sent_ms))
		t->r->options.told(t->r->options.owner, &told);
}

void replayer_conclude(struct replayer_thread *t, const struct config *config, struct job *j)
{
	if (!j->concluded)
		judge(t, config, j);
	measure(t, j);
	if (j->finding.result <= SHADOW_TIMEOUT)
		put_row(j);
}
