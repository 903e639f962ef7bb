#include "proxy/ledger_pages.h"

#include <errno.h>
#include <string.h>

#include "lib/json.h"
#include "proxy/admin_request.h"
#include "proxy/answer.h"
#include "proxy/ledger_post.h"
#include "proxy/server.h"
#include "proxy/units.h"
#include "proxy/worker.h"

#define TITLE_MAX 200
#define ROWS 100
#define ROWS_MAX 1000
#define PAGE_BYTES (1u << 20)

static const struct span all = SPAN_INIT("/ledger/");

bool ledger_pages_have(struct span path)
{
	return path.n > all.n && memcmp(path.p, all.p, all.n) == 0;
}

/* --- POST --- */

static enum step_next run_record(struct exchange *x)
{
	const struct ledger_added *added = ledger_post_answer(x);
	struct buf out = { 0 };
	if (!added)
		return STEP_WAIT;
	if (added->error)
		return ledger_post_refuse(x, added->error);
	buf_printf(&out, "{\"id\":\"%s\",\"repeated\":%s,\"sequence\":%llu}\n", added->id,
		   added->repeated ? "true" : "false", (unsigned long long)added->sequence);
	answer_body(x, 201, "application/json", (struct span){ out.p, out.n });
	buf_fini(&out);
	return exchange_to(x, &step_finish);
}

static const struct step step_record = { "record", run_record };

enum step_next ledger_pages_add(struct exchange *x, const struct ledger_row *row,
				void (*then)(const struct ledger_added *added, void *owner),
				void *owner)
{
	return ledger_post_add_with(x, row, &step_record, then, owner);
}

/* The wave as text, which is what the row is about. */
static bool wave_of(const struct json_value *v, struct buf *out)
{
	uint64_t number;
	if (v && json_type(v) == JSON_IS_TEXT)
		buf_add(out, json_string(v).p, json_string(v).n);
	else if (v && ledger_whole(v, &number))
		buf_add_number(out, number, 10);
	return out->n > 0 && !out->failed;
}

static enum step_next record(struct exchange *x, const struct json_value *root)
{
	static const struct span prefix = SPAN_INIT("new:");
	struct span once = http1_find(http1_head(x->client->http), SPAN("idempotency-key"));
	struct span title = json_string(json_get(root, "title"));
	struct buf wave = { 0 }, key = { 0 };
	enum step_next next;
	buf_add(&key, prefix.p, prefix.n);
	buf_add(&key, once.p, once.n);
	struct ledger_row row = { .kind = SPAN_INIT("spec"),
				  .key = { once.p ? key.p : NULL, once.p ? key.n : 0 },
				  .body = { x->request_head.p, x->request_head.n } };
	bool has_wave = wave_of(json_get(root, "wave"), &wave);
	row.subject = (struct span){ wave.p, wave.n };
	if (title.n == 0 || title.n > TITLE_MAX)
		next = admin_problem(x, 400, "no title", "`title` is a text of 1 to 200 bytes");
	else if (!has_wave || ledger_row_wrong(row.kind, row.subject, (struct span){ 0 }))
		next = admin_problem(x, 400, "no wave",
				     "`wave` is a whole number, or a text of up to 256 bytes");
	else if (once.p && (once.n == 0 || ledger_row_wrong(row.kind, row.subject, row.key)))
		next = admin_problem(x, 400, "no key",
				     "an Idempotency-Key has 1 to 196 bytes of plain text");
	else
		next = ledger_post_add(x, &row, &step_record);
	buf_fini(&wave);
	buf_fini(&key);
	return next;
}

static enum step_next run_receive(struct exchange *x)
{
	struct json *doc;
	switch (admin_gather(x, LEDGER_BODY_MAX, "a row has at most 64 KiB")) {
	case ADMIN_BODY_WAITS: return STEP_WAIT;
	case ADMIN_BODY_REFUSED: return exchange_to(x, &step_finish);
	case ADMIN_BODY_WHOLE: break;
	}
	int error = json_parse((struct span){ x->request_head.p, x->request_head.n }, &doc);
	if (error)
		return ledger_post_refuse(x, error);
	enum step_next next = json_type(json_root(doc)) == JSON_IS_MAP
				      ? record(x, json_root(doc))
				      : ledger_post_refuse(x, -EINVAL);
	json_free(doc);
	return next;
}

static const struct step step_receive = { "receive", run_receive };

/* --- GET --- */

static bool take(struct span name, struct span value, struct ledger_filter *f)
{
	if (span_eq(name, SPAN("kind")))
		f->kind = value;
	else if (span_eq(name, SPAN("subject")))
		f->subject = value;
	else if (span_eq(name, SPAN("after")))
		return units_count(value, &f->after) == 0;
	else if (span_eq(name, SPAN("since_ms")))
		return units_count(value, &f->since_ms) == 0;
	else if (span_eq(name, SPAN("limit")))
		return units_count(value, &f->limit) == 0 && f->limit >= 1 && f->limit <= ROWS_MAX;
	else
		return false;
	return true;
}

/* room is as large as the query from the start: it must not move. */
static bool read_query(struct span query, struct ledger_filter *f, struct buf *room)
{
	if (!buf_reserve(room, query.n + 1))
		return false;
	while (query.n) {
		const char *end = memchr(query.p, '&', query.n);
		struct span one = { query.p, end ? (size_t)(end - query.p) : query.n };
		const char *equals = memchr(one.p, '=', one.n);
		struct span name = { one.p, equals ? (size_t)(equals - one.p) : one.n }, value;
		size_t used = one.n + (end != NULL);
		if (!equals ||
		    !admin_decode((struct span){ equals + 1, one.n - name.n - 1 }, room, &value) ||
		    !take(name, value, f))
			return false;
		query = (struct span){ query.p + used, query.n - used };
	}
	return true;
}

static int put_rows(struct ledger_store *s, const struct ledger_filter *f, struct buf *out)
{
	struct ledger_row row;
	uint64_t n = 0, last = f->after;
	int found = ledger_store_select(s, f);
	buf_add_text(out, "{\"rows\":[");
	while (found >= 0 && out->n < PAGE_BYTES && (found = ledger_store_next(s, &row)) == 1) {
		if (n++)
			buf_add_char(out, ',');
		ledger_row_add_json(out, &row);
		last = row.sequence;
	}
	ledger_store_end(s);
	buf_printf(out, "],\"last\":%llu,\"more\":%s}\n", (unsigned long long)last,
		   found == 1 || n == f->limit ? "true" : "false");
	return found < 0 ? found : out->failed ? -ENOMEM : 0;
}

static enum step_next answer_with(struct exchange *x, int error, struct buf *out)
{
	if (!error)
		answer_body(x, 200, "application/json", (struct span){ out->p, out->n });
	buf_fini(out);
	return error ? admin_problem(x, 503, "ledger not read", "the ledger cannot be read")
		     : exchange_to(x, &step_finish);
}

static enum step_next list(struct exchange *x, struct span query)
{
	struct ledger_filter filter = { .limit = ROWS };
	struct buf room = { 0 }, out = { 0 };
	bool good = read_query(query, &filter, &room);
	int error = good ? put_rows(x->w->server->ledger_reader, &filter, &out) : 0;
	buf_fini(&room);
	return good ? answer_with(x, error, &out)
		    : admin_problem(x, 400, "unknown query",
				    "rows are asked for by kind, subject, after, since_ms and "
				    "limit (1 to 1000)");
}

static enum step_next show(struct exchange *x, struct span id)
{
	struct ledger_store *s = x->w->server->ledger_reader;
	struct ledger_row row;
	struct buf out = { 0 };
	int found = ledger_store_find(s, id, &row);
	if (found == 1) {
		ledger_row_add_json(&out, &row);
		buf_add_char(&out, '\n');
	}
	ledger_store_end(s);
	if (found == 0)
		return admin_problem(x, 404, "no such row", "the ledger has no row of this id");
	return answer_with(x, found < 0 ? found : out.failed ? -ENOMEM : 0, &out);
}

enum step_next ledger_pages_answer(struct exchange *x, const struct http1_head *head,
				   struct span path)
{
	struct span id = { path.p + all.n, path.n - all.n };
	struct span query = { path.p + path.n, head->target.n - path.n };
	bool reads = span_eq(head->method, SPAN("GET")) || span_eq(head->method, SPAN("HEAD"));
	bool new = span_eq(id, SPAN("new"));
	if (!head->host.n || !admin_names_address(head->host))
		return admin_problem(x, 403, "asked by a name",
				     "the ledger is at the listener's address or localhost");
	if (!x->w->server->ledger)
		return admin_problem(x, 404, "no ledger", "this redcard has no `ledger`");
	if (new &&span_eq(head->method, SPAN("POST")))
		return admin_may_post(x, head) ? exchange_to(x, &step_receive)
					       : exchange_to(x, &step_finish);
	if (new || !reads)
		return admin_problem(x, 400, "wrong method",
				     "rows are read with GET; /ledger/new takes a POST");
	if (query.n)
		query = (struct span){ query.p + 1, query.n - 1 };
	return span_eq(id, SPAN("rows")) ? list(x, query) : show(x, id);
}
