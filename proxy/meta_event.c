#include "proxy/meta_event.h"

#include <stdlib.h>
#include <string.h>

#include "lib/canonical.h"
#include "lib/decimal.h"

#define DEPTH_MAX 8                     /* of what stands in a metric that nobody judges */
#define WIDTH_MAX ASSERTION_METRICS_MAX /* values of one list or map there */
#define NUMBER_MAX 64

const char *const meta_rollbacks[META_ROLLBACK_COUNT] = {
	[META_NONE] = "none",
	[META_ASKED] = "asked",
	[META_WAITS] = "waits",
	[META_IMPOSSIBLE] = "impossible",
};

/* --- reading --- */

static const struct text_key {
	const char *name;
	size_t offset, max;
} keys[] = {
	{ "change", offsetof(struct meta_event, change), META_CHANGE_MAX },
	{ "target", offsetof(struct meta_event, target), CHANGE_TARGET - 1 },
	{ "revision", offsetof(struct meta_event, revision), CHANGE_REVISION - 1 },
	{ "spec", offsetof(struct meta_event, spec), META_CHANGE_MAX },
	{ "builder", offsetof(struct meta_event, builder), 63 },
	{ "note", offsetof(struct meta_event, note), 1000 },
};

/* Each key once, and none that is unknown. */
static bool has_only_keys(const struct json_value *root)
{
	bool seen[ARRAY_LEN(keys) + 1] = { false };
	for (size_t i = 0; i < json_count(root); i++) {
		struct span key = json_key_at(root, i);
		size_t k = 0;
		while (k < ARRAY_LEN(keys) && !span_eq(key, span_of(keys[k].name)))
			k++;
		if (seen[k] || (k == ARRAY_LEN(keys) && !span_eq(key, SPAN("metrics"))))
			return false;
		seen[k] = true;
	}
	return true;
}

static bool is_line(struct span text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
			return false;
	return true;
}

static bool take_texts(const struct json_value *root, struct meta_event *e)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const struct json_value *v = json_get(root, keys[i].name);
		struct span text = json_string(v);
		if (v && (json_type(v) != JSON_IS_TEXT || text.n == 0 || text.n > keys[i].max ||
			  !is_line(text)))
			return false;
		memcpy((char *)e + keys[i].offset, &text, sizeof(text));
	}
	return true;
}

static bool is_small(const struct json_value *v, unsigned depth)
{
	const struct json_value *values[WIDTH_MAX];
	size_t n = json_count(v);
	if (n > WIDTH_MAX || (n && depth == 0))
		return false;
	json_children(v, NULL, values);
	for (size_t i = 0; i < n; i++)
		if (!is_small(values[i], depth - 1))
			return false;
	return true;
}

const char *meta_event_read(struct span body, struct meta_event *e)
{
	*e = (struct meta_event){ .doc = NULL };
	if (json_parse_exact(body, &e->doc) != 0)
		return "the body is no JSON";
	const struct json_value *root = json_root(e->doc);
	if (json_type(root) != JSON_IS_MAP || json_count(root) > ARRAY_LEN(keys) + 1 ||
	    !has_only_keys(root))
		return "the body is one JSON object of change, target, revision, spec, builder, "
		       "metrics and note, each once";
	if (!take_texts(root, e))
		return "change, target, revision, spec, builder and note are texts of one line";
	if (!e->change.n)
		return "`change` is the id of the change that the metrics are about";
	if (!e->target.n != !e->revision.n)
		return "`target` and `revision` are named together";
	if (!assertion_metrics_take(json_get(root, "metrics"), &e->metrics))
		return "`metrics` is an object of up to 256 values";
	if (!is_small(json_get(root, "metrics"), DEPTH_MAX))
		return "`metrics` is nested deeper than 8, or a list or object in it has more than "
		       "256 values";
	return NULL;
}

void meta_event_fini(struct meta_event *e)
{
	json_free(e->doc);
	e->doc = NULL;
}

void meta_event_judge(struct meta_event *e, const struct ruleset *set)
{
	e->assertions = ruleset_assertions(set, &e->n_assertions);
	e->n_unknown = assertion_unknown(set, &e->metrics);
	e->monitor = ruleset_monitor(set);
	for (size_t i = 0; i < e->n_assertions; i++) {
		struct assertion_result *r = &e->results[i];
		*r = assertion_judge(&e->assertions[i], &e->metrics);
		if (r->fault == FAULT_NONE)
			continue;
		if (e->n_violations++ == 0 || r->severity > e->severity)
			e->severity = r->severity;
		e->wants_rollback |= e->assertions[i].rollback && !e->monitor;
	}
}

/* --- writing --- */

static void add_text(struct buf *out, struct span text)
{
	buf_add_char(out, '"');
	buf_add_json(out, text);
	buf_add_char(out, '"');
}

/* As a number where JSON's usual readers get just this one of it, else as a text. */
static void add_number(struct buf *out, struct span text)
{
	struct decimal exact, read;
	char copy[NUMBER_MAX], canonical[CANONICAL_NUMBER_BYTES];
	bool is_number =
		text.n < sizeof(copy) && decimal_parse(text, &exact) && !decimal_is_huge(&exact);
	if (is_number) {
		memcpy(copy, text.p, text.n);
		copy[text.n] = '\0';
		canonical_number(strtod(copy, NULL), canonical);
		is_number = decimal_parse(span_of(canonical), &read) &&
			    decimal_compare(&exact, &read) == 0;
	}
	if (is_number)
		buf_add_text(out, canonical);
	else
		add_text(out, text);
}

static bool stood_before(const struct span *names, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (span_eq(names[k], names[i]))
			return true;
	return false;
}

static void add_value(struct buf *out, const struct json_value *v);

static void add_children(struct buf *out, const struct json_value *v, bool map)
{
	const struct json_value *values[WIDTH_MAX];
	struct span names[WIDTH_MAX];
	size_t count = json_count(v), n = 0;
	CHECK(count <= WIDTH_MAX); /* is_small() */
	json_children(v, names, values);
	for (size_t i = 0; i < count; i++) {
		if (map && stood_before(names, i))
			continue; /* the verdict tells of it, where it counts */
		buf_add_text(out, n++ ? "," : "");
		if (map) {
			add_text(out, names[i]);
			buf_add_char(out, ':');
		}
		add_value(out, values[i]);
	}
}

static void add_value(struct buf *out, const struct json_value *v)
{
	switch (json_type(v)) {
	case JSON_IS_NULL: buf_add_text(out, "null"); return;
	case JSON_IS_BOOL: buf_add_text(out, json_bool(v) ? "true" : "false"); return;
	case JSON_IS_NUMBER: add_number(out, json_number_text(v)); return;
	case JSON_IS_TEXT: add_text(out, json_string(v)); return;
	case JSON_IS_LIST:
		buf_add_char(out, '[');
		add_children(out, v, false);
		buf_add_char(out, ']');
		return;
	case JSON_IS_MAP:
		buf_add_char(out, '{');
		add_children(out, v, true);
		buf_add_char(out, '}');
		return;
	}
}

/* Its members: field, limit, operator, reason, severity, and the value where it is a number. */
static void add_violation(struct buf *out, const struct meta_event *e, size_t i)
{
	const struct assertion *a = &e->assertions[i];
	const struct assertion_result *r = &e->results[i];
	buf_add_text(out, "\"field\":");
	add_text(out, span_of(a->field));
	buf_add_text(out, ",\"limit\":");
	add_number(out, span_of(a->limit));
	buf_printf(out, ",\"operator\":\"%s\",\"reason\":\"%s\",\"severity\":\"%s\",\"unit\":",
		   assertion_operators[a->must_be], assertion_faults[r->fault],
		   severity_names[r->severity]);
	add_text(out, span_of(a->unit));
	if (r->value && json_type(r->value) == JSON_IS_NUMBER) {
		buf_add_text(out, ",\"value\":");
		add_number(out, json_number_text(r->value));
	}
}

void meta_event_add_verdict(struct buf *out, const struct meta_event *e)
{
	size_t n = 0;
	buf_printf(out, "\"monitor\":%s,\"severity\":", e->monitor ? "true" : "false");
	if (e->n_violations)
		add_text(out, span_of(severity_names[e->severity]));
	else
		buf_add_text(out, "null");
	buf_printf(out, ",\"unknown_metrics\":%zu,\"verdict\":\"%s\",\"violations\":[",
		   e->n_unknown, e->n_violations ? "violation" : "pass");
	for (size_t i = 0; i < e->n_assertions; i++) {
		if (e->results[i].fault == FAULT_NONE)
			continue;
		buf_add_text(out, n++ ? ",{" : "{");
		add_violation(out, e, i);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static void add_member(struct buf *out, const char *key, struct span text)
{
	if (!text.n)
		return;
	buf_printf(out, ",\"%s\":", key);
	add_text(out, text);
}

void meta_event_add_row(struct buf *out, const struct meta_event *e, const char *by)
{
	buf_add_char(out, '{');
	meta_event_add_verdict(out, e);
	add_member(out, "by", span_of(by));
	for (size_t i = 1; i < ARRAY_LEN(keys); i++) { /* the change is the subject */
		struct span text;
		memcpy(&text, (const char *)e + keys[i].offset, sizeof(text));
		add_member(out, keys[i].name, text);
	}
	buf_add_text(out, ",\"metrics\":");
	add_value(out, json_get(json_root(e->doc), "metrics"));
	buf_add_char(out, '}');
}

void meta_event_add_card(struct buf *out, const struct meta_event *e, size_t i)
{
	const struct assertion *a = &e->assertions[i];
	buf_add_char(out, '{');
	add_violation(out, e, i);
	buf_printf(out, ",\"monitor\":%s,\"rollback\":%s,\"source\":\"assertion\"",
		   e->monitor ? "true" : "false", a->rollback ? "true" : "false");
	add_member(out, "rule", span_of(a->field));
	add_member(out, "change", e->change);
	add_member(out, "spec", e->spec);
	add_member(out, "target", span_of(e->place.target));
	add_member(out, "revision", span_of(e->place.revision));
	add_member(out, "builder", e->builder);
	if (a->rollback && e->rollback == META_IMPOSSIBLE)
		add_member(out, "says",
			   SPAN("no rollback can be asked for: nobody has said which "
				"revision of which target it is"));
	buf_add_char(out, '}');
}
