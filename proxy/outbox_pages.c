#include "proxy/outbox_pages.h"

#include <math.h>
#include <string.h>

#include "lib/canonical.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "proxy/admin_request.h"
#include "proxy/ledger_pages.h"
#include "proxy/outbox.h"
#include "proxy/server.h"
#include "proxy/worker.h"

#define BODY_BYTES 4096
#define REASON_BYTES 200
#define BY_BYTES 64

struct wanted {
	struct span reason, by, target; /* target empty: all */
	double for_s;
	bool end;
};

bool outbox_pages_have(struct span path)
{
	return span_eq(path, SPAN("/rollback/bypass"));
}

/* --- what is wanted --- */

static bool is_known(struct span key)
{
	static const struct span known[] = { SPAN_INIT("reason"), SPAN_INIT("for_s"),
					     SPAN_INIT("target"), SPAN_INIT("by"),
					     SPAN_INIT("end") };
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (span_eq(key, known[i]))
			return true;
	return false;
}

static bool is_map(const struct json_value *root)
{
	struct buf canonical = { 0 };
	bool good = json_type(root) == JSON_IS_MAP && canonical_add(&canonical, root) == 0;
	buf_fini(&canonical);
	for (size_t i = 0; i < json_count(root) && good; i++)
		good = is_known(json_key_at(root, i));
	return good;
}

/* Absent ones are empty. */
static bool take_line(const struct json_value *v, size_t most, struct span *out)
{
	*out = v ? json_string(v) : (struct span){ "", 0 };
	if (v && json_type(v) != JSON_IS_TEXT)
		return false;
	for (size_t i = 0; i < out->n; i++)
		if ((unsigned char)out->p[i] < 0x20 || out->p[i] == 0x7f)
			return false;
	return out->n <= most;
}

/* What is wrong with it, or NULL. */
static const char *read_wanted(const struct json_value *root, struct wanted *w)
{
	const struct json_value *end = json_get(root, "end"), *how_long = json_get(root, "for_s");
	w->end = json_bool(end);
	w->for_s = json_number(how_long);
	if (end && !w->end)
		return "`end` is true, or left out";
	if (!take_line(json_get(root, "reason"), REASON_BYTES, &w->reason) ||
	    (!w->end && w->reason.n == 0))
		return "`reason` is one line of 1 to 200 bytes: why is nothing to be taken back?";
	if (!take_line(json_get(root, "by"), BY_BYTES, &w->by))
		return "`by` is one line of up to 64 bytes";
	if (!take_line(json_get(root, "target"), ROLLBACK_TARGET_MAX, &w->target) ||
	    (json_get(root, "target") && w->target.n == 0))
		return "`target` is the name of one of PatchCtl's targets, or left out";
	if (w->end && how_long)
		return "`end` has no `for_s`";
	if (!w->end && (json_type(how_long) != JSON_IS_NUMBER || !(w->for_s >= 1) ||
			w->for_s * 1000 > OUTBOX_BYPASS_MOST_MS))
		return "`for_s` is a number of seconds, from 1 to 86400";
	return NULL;
}

/* --- its row --- */

static void member(struct buf *body, const char *key, struct span value)
{
	buf_printf(body, ",\"%s\":\"", key);
	buf_add_json(body, value);
	buf_add_char(body, '"');
}

static enum step_next record(struct exchange *x, const struct wanted *w)
{
	struct buf body = { 0 };
	uint64_t until = clock_real_ms();
	until += w->end ? 0 : (uint64_t)llround(w->for_s * 1000);
	buf_printf(&body, "{\"phase\":\"%s\",\"until_ms\":%llu", w->end ? "ends" : "begins",
		   (unsigned long long)until);
	member(&body, "reason", w->reason);
	member(&body, "by", w->by.n ? w->by : SPAN("somebody"));
	member(&body, "from", span_of(x->client->peer));
	member(&body, "target", w->target);
	buf_add_char(&body, '}');
	const struct ledger_row row = { .kind = SPAN_INIT("bypass"),
					.subject = w->target.n ? w->target : SPAN("all"),
					.body = { body.p, body.n } };
	enum step_next next =
		body.failed || ledger_row_wrong(row.kind, row.subject, row.key)
			? admin_problem(x, 400, "no bypass", "its row could not be made")
			: ledger_pages_add(x, &row, outbox_bypass_written, x->w->server->outbox);
	buf_fini(&body);
	return next;
}

static enum step_next run_receive(struct exchange *x)
{
	struct json *doc = NULL;
	struct wanted w;
	switch (admin_gather(x, BODY_BYTES, "a bypass has at most 4 KiB")) {
	case ADMIN_BODY_WAITS: return STEP_WAIT;
	case ADMIN_BODY_REFUSED: return exchange_to(x, &step_finish);
	case ADMIN_BODY_WHOLE: break;
	}
	int error = json_parse((struct span){ x->request_head.p, x->request_head.n }, &doc);
	const char *wrong = error || !is_map(json_root(doc))
				    ? "the body is one JSON object of reason, for_s, target, by "
				      "and end"
				    : read_wanted(json_root(doc), &w);
	enum step_next next = wrong ? admin_problem(x, 400, "no bypass", wrong) : record(x, &w);
	json_free(doc);
	return next;
}

static const struct step step_receive = { "receive", run_receive };

enum step_next outbox_pages_answer(struct exchange *x, const struct http1_head *head)
{
	if (!head->host.n || !admin_names_address(head->host))
		return admin_problem(
			x, 403, "asked by a name",
			"a bypass is asked for at the listener's address or localhost");
	if (!x->w->server->outbox)
		return admin_problem(x, 404, "no rollback", "this redcard has no `rollback`");
	if (!span_eq(head->method, SPAN("POST")))
		return admin_problem(x, 405, "method not allowed",
				     "a bypass begins and ends with POST; /status shows it");
	return admin_may_post(x, head) ? exchange_to(x, &step_receive)
				       : exchange_to(x, &step_finish);
}
