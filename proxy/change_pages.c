#include "proxy/change_pages.h"

#include <errno.h>
#include <string.h>

#include "lib/json.h"
#include "lib/sha256.h"
#include "proxy/admin_request.h"
#include "proxy/answer.h"
#include "proxy/change_state.h"
#include "proxy/changes.h"
#include "proxy/ledger_post.h"
#include "proxy/server.h"
#include "proxy/worker.h"

#define LISTED 100
#define LOOKED_AT 2000 /* events that the list is made from */
#define URL_MAX 1000
#define BUILDER_MAX 64

static const struct span list = SPAN_INIT("/changes"), one = SPAN_INIT("/changes/"),
			 report_from = SPAN_INIT("/ledger/"), report_to = SPAN_INIT("/change");

static bool is_report(struct span path)
{
	return path.n > report_from.n + report_to.n &&
	       memcmp(path.p, report_from.p, report_from.n) == 0 &&
	       memcmp(path.p + path.n - report_to.n, report_to.p, report_to.n) == 0;
}

static struct span spec_of(const struct exchange *x)
{
	struct span target = http1_head(x->client->http)->target;
	return (struct span){ target.p + report_from.n, target.n - report_from.n - report_to.n };
}

bool change_pages_have(struct span path)
{
	return span_eq(path, list) || (path.n > one.n && memcmp(path.p, one.p, one.n) == 0) ||
	       is_report(path);
}

static enum step_next answer(struct exchange *x, int error, unsigned status, struct buf *out)
{
	if (!error && !out->failed)
		answer_body(x, status, "application/json", (struct span){ out->p, out->n });
	else
		error = error ? error : -ENOMEM;
	buf_fini(out);
	if (error == -EAGAIN)
		return admin_problem(
			x, 503, "many events",
			"this change has more events than are read at once; ask again");
	return error ? admin_problem(x, 503, "ledger not read", "the ledger cannot be read")
		     : exchange_to(x, &step_finish);
}

/* --- GET --- */

static int add_change(struct exchange *x, struct span change, struct buf *out)
{
	struct server *s = x->w->server;
	struct change_state state;
	if (!s->states)
		s->states = change_states_new();
	int error = s->states ? change_state_read(s->states, s->ledger_reader, change, &state)
			      : -ENOMEM;
	if (error)
		return error;
	buf_add_text(out, "{\"change\":\"");
	buf_add_json(out, change);
	buf_add_text(out, "\",");
	change_state_add(out, &state);
	buf_add_char(out, '}');
	return 0;
}

static enum step_next show(struct exchange *x, struct span coded)
{
	struct buf room = { 0 }, out = { 0 };
	struct span change;
	if (!buf_reserve(&room, coded.n + 1) || !admin_decode(coded, &room, &change) ||
	    change.n > LEDGER_SUBJECT_MAX) {
		buf_fini(&room);
		return admin_problem(x, 400, "no change", "a change is named by its id");
	}
	int error = add_change(x, change, &out);
	buf_add_char(&out, '\n');
	buf_fini(&room);
	return answer(x, error, 200, &out);
}

struct found {
	char names[LISTED][LEDGER_SUBJECT_MAX + 1];
	size_t n;
	bool more;
};

static void note(struct found *f, struct span change)
{
	for (size_t i = 0; i < f->n; i++)
		if (span_eq(span_of(f->names[i]), change))
			return;
	f->more = f->more || f->n == LISTED;
	if (f->n == LISTED || change.n > LEDGER_SUBJECT_MAX)
		return;
	memcpy(f->names[f->n], change.p, change.n);
	f->names[f->n++][change.n] = '\0';
}

static enum step_next show_all(struct exchange *x)
{
	const struct ledger_filter filter = { .kind = SPAN_INIT("meta"),
					      .limit = LOOKED_AT,
					      .newest_first = true };
	struct ledger_store *s = x->w->server->ledger_reader;
	struct found f = { .n = 0 };
	struct ledger_row row;
	struct buf out = { 0 };
	size_t n = 0;
	int found = ledger_store_select(s, &filter), error;
	for (; found >= 0 && (found = ledger_store_next(s, &row)) == 1; n++)
		note(&f, row.subject);
	ledger_store_end(s);
	error = found < 0 ? found : 0;
	buf_add_text(&out, "{\"changes\":[");
	for (size_t i = 0; i < f.n && !error; i++) {
		buf_add_text(&out, i ? "," : "");
		error = add_change(x, span_of(f.names[i]), &out);
	}
	buf_printf(&out, "],\"more\":%s}\n", f.more || n == LOOKED_AT ? "true" : "false");
	return answer(x, error, 200, &out);
}

/* --- POST --- */

static enum step_next run_record(struct exchange *x)
{
	const struct ledger_added *added = ledger_post_answer(x);
	struct buf out = { 0 };
	if (!added)
		return STEP_WAIT;
	if (added->error && added->error != -EEXIST)
		return ledger_post_refuse(x, added->error);
	changes_follow(x->w);
	struct span spec = spec_of(x);
	/* -EEXIST: the same change, with another url or builder; the first row stays. */
	buf_printf(&out, "{\"id\":\"%s\",\"repeated\":%s,\"sequence\":%llu,\"spec\":\"%.*s\"}\n",
		   added->id, added->repeated || added->error ? "true" : "false",
		   (unsigned long long)added->sequence, (int)spec.n, spec.p);
	return answer(x, 0, 201, &out);
}

static const struct step step_record = { "record", run_record };

/* What a body may say. */
static const struct {
	const char *name;
	size_t max;
	bool needed;
} keys[] = {
	{ "builder", BUILDER_MAX, false },
	{ "revision", CHANGE_REVISION - 1, true },
	{ "target", CHANGE_TARGET - 1, true },
	{ "url", URL_MAX, false },
};

static bool is_line(struct span text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
			return false;
	return true;
}

/* Appends it anew, as the row has it. NULL, or what is wrong. */
static const char *read_report(const struct json_value *root, struct buf *out)
{
	size_t known = 0;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const struct json_value *v = json_get(root, keys[i].name);
		struct span text = json_string(v);
		if (!v && !keys[i].needed)
			continue;
		if (!v || json_type(v) != JSON_IS_TEXT || text.n == 0 || text.n > keys[i].max ||
		    !is_line(text))
			return "`target` and `revision` name the change; `url` and `builder` may "
			       "be there; each is a text";
		buf_printf(out, "%s\"%s\":\"", out->n ? "," : "{", keys[i].name);
		buf_add_json(out, text);
		buf_add_char(out, '"');
		known++;
	}
	buf_add_char(out, '}');
	return json_type(root) == JSON_IS_MAP && json_count(root) == known
		       ? NULL
		       : "the body is one JSON object of target, revision, url and builder, each "
			 "once";
}

static bool change_key(struct span spec, const struct json_value *root, char out[SHA256_HEX])
{
	struct span target = json_string(json_get(root, "target"));
	struct span revision = json_string(json_get(root, "revision"));
	struct buf text = { 0 };
	buf_printf(&text, "change\n%.*s\n%zu\n", (int)spec.n, spec.p, target.n);
	buf_add(&text, target.p, target.n);
	buf_add_char(&text, '\n');
	buf_add(&text, revision.p, revision.n);
	bool good = !text.failed && sha256_of((struct span){ text.p, text.n }, out) == 0;
	buf_fini(&text);
	return good;
}

static enum step_next record(struct exchange *x, const struct json_value *root)
{
	struct buf body = { 0 };
	char key[SHA256_HEX];
	struct span spec = spec_of(x);
	const char *wrong = read_report(root, &body);
	const struct ledger_row row = { .kind = SPAN_INIT("change"),
					.subject = spec,
					.key = { key, SHA256_HEX - 1 },
					.body = { body.p, body.n } };
	enum step_next next;
	if (wrong)
		next = admin_problem(x, 400, "no change", wrong);
	else if (body.failed || !change_key(spec, root, key))
		next = ledger_post_refuse(x, -ENOMEM);
	else
		next = ledger_post_add(x, &row, &step_record);
	buf_fini(&body);
	return next;
}

static int is_spec(struct exchange *x)
{
	struct ledger_store *s = x->w->server->ledger_reader;
	struct ledger_row row;
	int found = ledger_store_find(s, spec_of(x), &row);
	if (found == 1)
		found = span_eq(row.kind, SPAN("spec"));
	ledger_store_end(s);
	return found;
}

static enum step_next run_receive(struct exchange *x)
{
	struct json *doc;
	switch (admin_gather(x, LEDGER_BODY_MAX, "a row has at most 64 KiB")) {
	case ADMIN_BODY_WAITS: return STEP_WAIT;
	case ADMIN_BODY_REFUSED: return exchange_to(x, &step_finish);
	case ADMIN_BODY_WHOLE: break;
	}
	int found = is_spec(x);
	if (found < 0)
		return ledger_post_refuse(x, found);
	if (!found)
		return admin_problem(x, 404, "no such spec",
				     "the ledger has no row of kind spec with this id");
	int error = json_parse((struct span){ x->request_head.p, x->request_head.n }, &doc);
	if (error)
		return ledger_post_refuse(x, error);
	enum step_next next = record(x, json_root(doc));
	json_free(doc);
	return next;
}

static const struct step step_receive = { "receive", run_receive };

enum step_next change_pages_answer(struct exchange *x, const struct http1_head *head,
				   struct span path)
{
	bool reads = span_eq(head->method, SPAN("GET")) || span_eq(head->method, SPAN("HEAD"));
	if (!head->host.n || !admin_names_address(head->host))
		return admin_problem(x, 403, "asked by a name",
				     "changes are at the listener's address or localhost");
	if (!x->w->server->ledger)
		return admin_problem(x, 404, "no ledger", "this redcard has no `ledger`");
	if (head->target.n != path.n)
		return admin_problem(x, 400, "unknown query", "these pages take no query");
	if (is_report(path))
		return !span_eq(head->method, SPAN("POST"))
			       ? admin_problem(x, 405, "method not allowed",
					       "a change is reported with POST")
		       : admin_may_post(x, head) ? exchange_to(x, &step_receive)
						 : exchange_to(x, &step_finish);
	if (!reads)
		return admin_problem(x, 405, "method not allowed", "changes are read with GET");
	return path.n == list.n ? show_all(x)
				: show(x, (struct span){ path.p + one.n, path.n - one.n });
}
