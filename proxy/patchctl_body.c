#include "proxy/patchctl_body.h"

#include <math.h>
#include <string.h>

#include "lib/canonical.h"
#include "lib/json.h"

/* --- reading --- */

bool patchctl_is_key(struct span key)
{
	for (size_t i = 0; i < key.n; i++)
		if ((unsigned char)key.p[i] <= 0x20 || (unsigned char)key.p[i] >= 0x7f)
			return false;
	return key.n > 0 && key.n <= ROLLBACK_KEY_MOST;
}

/* A map in which no key stands twice and none is unknown; NULL: it is not. */
static struct json *parse(struct span body, const char *const *keys, size_t n)
{
	struct buf canonical = { 0 };
	struct json *doc = NULL;
	if (json_parse(body, &doc) != 0)
		return NULL;
	const struct json_value *root = json_root(doc);
	bool good = json_type(root) == JSON_IS_MAP && canonical_add(&canonical, root) == 0;
	for (size_t i = 0; good && i < json_count(root); i++) {
		size_t k = 0;
		while (k < n && !span_eq(span_of(keys[k]), json_key_at(root, i)))
			k++;
		good = k < n;
	}
	buf_fini(&canonical);
	if (good)
		return doc;
	json_free(doc);
	return NULL;
}

/* Copies a text that fits and has no NUL. Absent ones are empty. */
static bool take(const struct json_value *root, const char *key, char *to, size_t bytes)
{
	const struct json_value *v = json_get(root, key);
	struct span text = json_string(v);
	if (v && (json_type(v) != JSON_IS_TEXT || text.n >= bytes ||
		  (text.n && memchr(text.p, '\0', text.n))))
		return false;
	memcpy(to, text.n ? text.p : "", text.n);
	to[text.n] = '\0';
	return true;
}

/* A reason stands in a history on one line. */
static bool is_line(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

static bool take_target(const struct json_value *root, const struct config_patchctl *c, char *to,
			const struct driver **driver)
{
	if (!take(root, "target", to, PATCHCTL_NAME))
		return false;
	const struct driver_target *target = config_target(c, span_of(to));
	*driver = target ? target->driver : NULL;
	return target != NULL;
}

static const char *anchor_wrong(const struct json_value *root, const struct config_patchctl *c,
				struct anchor *a)
{
	const struct driver *driver;
	if (!take_target(root, c, a->target, &driver))
		return "`target` is the name of one that is configured";
	if (!take(root, "revision", a->revision, sizeof(a->revision)) ||
	    !driver->is_revision(a->revision))
		return "`revision` is the whole name of a revision; for git, 40 or 64 hex digits";
	if (!take(root, "note", a->note, sizeof(a->note)) || !is_line(a->note))
		return "`note` is one line of up to 200 bytes";
	return NULL;
}

const char *patchctl_read_anchor(struct span body, const struct config_patchctl *c,
				 struct anchor *out)
{
	static const char *const keys[] = { "target", "revision", "note" };
	struct json *doc = parse(body, keys, ARRAY_LEN(keys));
	const char *wrong = doc ? anchor_wrong(json_root(doc), c, out)
				: "the body is one JSON object of target, revision and note";
	json_free(doc);
	return wrong;
}

static bool take_deadline(const struct json_value *v, const struct config_patchctl *c,
			  uint64_t now_ms, uint64_t *out)
{
	*out = now_ms + c->timeout_ms;
	if (!v)
		return true;
	double seconds = json_number(v);
	if (json_type(v) != JSON_IS_NUMBER || !(seconds >= 0.001) || seconds * 1000 > c->timeout_ms)
		return false;
	*out = now_ms + (uint64_t)llround(seconds * 1000);
	return true;
}

static const char *rollback_wrong(const struct json_value *root, const struct config_patchctl *c,
				  uint64_t now_ms, struct rollback *r)
{
	const struct driver *driver;
	if (!take_target(root, c, r->target, &driver))
		return "`target` is the name of one that is configured";
	if (!take(root, "bad", r->bad, sizeof(r->bad)) || !driver->is_revision(r->bad))
		return "`bad` is the whole name of a revision; for git, 40 or 64 hex digits";
	if (!take(root, "anchor", r->anchor, sizeof(r->anchor)) ||
	    (json_get(root, "anchor") && !driver->is_revision(r->anchor)))
		return "`anchor` is the whole name of a revision, or left out";
	if (strcmp(r->anchor, r->bad) == 0)
		return "`anchor` and `bad` are one revision";
	if (!take(root, "reason", r->reason, sizeof(r->reason)) || !r->reason[0] ||
	    !is_line(r->reason))
		return "`reason` is one line of 1 to 200 bytes";
	if (!take_deadline(json_get(root, "deadline_s"), c, now_ms, &r->deadline_ms))
		return "`deadline_s` is a number of seconds up to `limits.timeout`";
	return NULL;
}

const char *patchctl_read_rollback(struct span body, const struct config_patchctl *c,
				   uint64_t now_ms, struct rollback *out)
{
	static const char *const keys[] = { "target", "bad", "anchor", "reason", "deadline_s" };
	struct json *doc = parse(body, keys, ARRAY_LEN(keys));
	const char *wrong =
		doc ? rollback_wrong(json_root(doc), c, now_ms, out)
		    : "the body is one JSON object of target, bad, anchor, reason and deadline_s";
	json_free(doc);
	return wrong;
}

const char *patchctl_read_reason(struct span body, char reason[ROLLBACK_TEXT])
{
	static const char *const keys[] = { "reason" };
	struct json *doc = parse(body, keys, ARRAY_LEN(keys));
	bool good = doc && take(json_root(doc), "reason", reason, ROLLBACK_TEXT) && reason[0] &&
		    is_line(reason);
	json_free(doc);
	return good ? NULL : "the body is {\"reason\": ...}, one line of 1 to 200 bytes";
}

static bool take_verdict(const struct json_value *root, enum statement_verdict *out)
{
	struct span text = json_string(json_get(root, "verdict"));
	for (int i = 0; i < STATEMENT_VERDICTS; i++)
		if (span_eq(text, span_of(statement_verdict_names[i]))) {
			*out = (enum statement_verdict)i;
			return true;
		}
	return false;
}

/* A number up to most, times scale, without a rest. -1: it is absent. */
static bool take_number(const struct json_value *v, double most, double scale, int64_t *out)
{
	double n = json_number(v);
	*out = -1;
	if (!v)
		return true;
	if (json_type(v) != JSON_IS_NUMBER || !(n >= 0 && n <= most))
		return false;
	*out = llround(n * scale);
	return scale > 1 || n == (double)*out;
}

static const char *statement_wrong(const struct json_value *root, const struct config_patchctl *c,
				   struct statement *st)
{
	const struct driver *driver = NULL;
	if (!take_verdict(root, &st->verdict))
		return "`verdict` is pass, audit or fail";
	if (json_get(root, "target") && !take_target(root, c, st->target, &driver))
		return "`target` is the name of one that is configured";
	if (!take(root, "revision", st->revision, sizeof(st->revision)) ||
	    (json_get(root, "revision") &&
	     !(driver ? driver->is_revision : driver_is_word)(st->revision)))
		return "`revision` is the whole name of a revision, or left out";
	if (!take_number(json_get(root, "votes"), 1000, 1, &st->votes) ||
	    !take_number(json_get(root, "needed"), 1000, 1, &st->needed))
		return "`votes` and `needed` are whole numbers up to 1000";
	if (!take_number(json_get(root, "diff_percent"), 100, 1e6, &st->diff_e6))
		return "`diff_percent` is a number from 0 to 100";
	if (!take(root, "reason", st->reason, sizeof(st->reason)) || !is_line(st->reason))
		return "`reason` is one line of up to 200 bytes";
	return NULL;
}

const char *patchctl_read_statement(struct span body, const struct config_patchctl *c,
				    struct statement *out)
{
	static const char *const keys[] = { "verdict", "target",       "revision", "votes",
					    "needed",  "diff_percent", "reason" };
	struct json *doc = parse(body, keys, ARRAY_LEN(keys));
	const char *wrong =
		doc ? statement_wrong(json_root(doc), c, out)
		    : "the body is one JSON object of verdict, target, revision, votes, "
		      "needed, diff_percent and reason";
	json_free(doc);
	return wrong;
}

/* --- writing --- */

static void put_text(struct buf *out, const char *key, const char *text)
{
	buf_printf(out, "\"%s\":\"", key);
	buf_add_json(out, span_of(text));
	buf_add_text(out, "\",");
}

static void put_time(struct buf *out, const char *key, uint64_t ms)
{
	if (ms)
		buf_printf(out, "\"%s\":%llu,", key, (unsigned long long)ms);
	else
		buf_printf(out, "\"%s\":null,", key);
}

void patchctl_put_anchor(struct buf *out, const struct anchor *a)
{
	buf_add_char(out, '{');
	put_text(out, "target", a->target);
	put_text(out, "revision", a->revision);
	put_text(out, "by", a->by);
	put_text(out, "note", a->note);
	buf_printf(out, "\"time_ms\":%llu}", (unsigned long long)a->time_ms);
}

void patchctl_put_rollback(struct buf *out, const struct rollback *r)
{
	buf_add_char(out, '{');
	put_text(out, "id", r->id);
	put_text(out, "target", r->target);
	put_text(out, "bad", r->bad);
	put_text(out, "anchor", r->anchor);
	put_text(out, "reason", r->reason);
	put_text(out, "by", r->by);
	put_text(out, "phase", rollback_phase_names[r->phase]);
	put_text(out, "revision", r->revision);
	put_time(out, "accepted_ms", r->accepted_ms);
	put_time(out, "acting_ms", r->acting_ms);
	put_time(out, "acted_ms", r->acted_ms);
	put_time(out, "ended_ms", r->ended_ms);
	put_time(out, "deadline_ms", r->deadline_ms);
	put_text(out, "says", r->says);
	buf_printf(out, "\"tries\":%llu}", (unsigned long long)r->tries);
}

static void put_number(struct buf *out, const char *key, int64_t value, double scale)
{
	char text[CANONICAL_NUMBER_BYTES] = "null";
	if (value >= 0)
		canonical_number((double)value / scale, text);
	buf_printf(out, "\"%s\":%s,", key, text);
}

void patchctl_put_statement(struct buf *out, const struct statement *st)
{
	buf_add_char(out, '{');
	put_text(out, "change", st->change);
	put_text(out, "verdict", statement_verdict_names[st->verdict]);
	put_text(out, "target", st->target);
	put_text(out, "revision", st->revision);
	put_number(out, "votes", st->votes, 1);
	put_number(out, "needed", st->needed, 1);
	put_number(out, "diff_percent", st->diff_e6, 1e6);
	put_text(out, "reason", st->reason);
	put_text(out, "by", st->by);
	buf_printf(out, "\"time_ms\":%llu}", (unsigned long long)st->time_ms);
}
