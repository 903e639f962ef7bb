/* What auditors are asked, and which answers count. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "proxy/audit_form.h"
#include "proxy/plain.h"

#define NONCE "0123456789abcdef0123456789abcdef"

static const struct config_auditor judge = { .name = "judge", .model = "model-1" };
static const struct audit_file files[] = {
	{ { "a.py", 4 }, { "python", 6 }, { "x = 1\n", 6 }, { "x = 2\n", 6 } },
	{ { "b\"\n.py", 6 }, { NULL, 0 }, { NULL, 0 }, { "END of it\x1b[2J\xff", 14 } },
};
static const struct audit_question question = {
	.exchange = { "X1", 2 },
	.spec = { "QA-1", 4 },
	.builder_a = { "one", 3 },
	.builder_b = { "two", 3 },
	.diff_percent = 4.25,
	.threshold = 3,
	.reason = { "above_threshold", 15 },
	.sharp_edits = { "a.py:1: constant\n", 17 },
	.files = files,
	.n_files = ARRAY_LEN(files),
};

static struct json *parsed(const struct buf *b)
{
	struct json *j = NULL;
	cr_assert_not(b->failed);
	cr_assert_eq(json_parse((struct span){ b->p, b->n }, &j), 0, "%.*s", (int)b->n, b->p);
	return j;
}

static void has_text(const struct json_value *map, const char *key, const char *wanted)
{
	const struct json_value *v = json_get(map, key);
	cr_assert_not_null(v, "%s", key);
	if (!wanted) {
		cr_assert_eq(json_type(v), JSON_IS_NULL, "%s", key);
		return;
	}
	cr_assert_eq(json_type(v), JSON_IS_TEXT, "%s", key);
	struct span got = json_string(v);
	cr_assert(span_eq(got, span_of(wanted)), "%s: %.*s", key, (int)got.n, got.p);
}

Test(audit_form, a_webhook_gets_all_of_the_question)
{
	struct buf out = { 0 };
	audit_form_json(&question, &out);
	struct json *j = parsed(&out);
	const struct json_value *root = json_root(j), *list = json_get(root, "files");
	has_text(root, "exchange", "X1");
	has_text(root, "spec", "QA-1");
	has_text(root, "builder_a", "one");
	has_text(root, "builder_b", "two");
	has_text(root, "reason", "above_threshold");
	has_text(root, "sharp_edits", "a.py:1: constant\n");
	cr_assert_eq(json_number(json_get(root, "diff_percent")), 4.25);
	cr_assert_eq(json_number(json_get(root, "threshold")), 3);
	cr_assert_eq(json_count(root), 9);
	cr_assert_eq(json_count(list), 2);
	has_text(json_at(list, 0), "path", "a.py");
	has_text(json_at(list, 0), "language", "python");
	has_text(json_at(list, 0), "a", "x = 1\n");
	has_text(json_at(list, 0), "b", "x = 2\n");
	has_text(json_at(list, 1), "path", "b\"\n.py");
	has_text(json_at(list, 1), "language", NULL);
	has_text(json_at(list, 1), "a", NULL);
	json_free(j);
	buf_fini(&out);
}

Test(audit_form, what_is_not_known_is_null)
{
	const struct audit_question bare = { .diff_percent = NAN, .threshold = 3 };
	struct buf out = { 0 };
	audit_form_json(&bare, &out);
	struct json *j = parsed(&out);
	has_text(json_root(j), "spec", NULL);
	has_text(json_root(j), "diff_percent", NULL);
	has_text(json_root(j), "exchange", "");
	cr_assert_eq(json_count(json_get(json_root(j), "files")), 0);
	json_free(j);
	buf_fini(&out);
}

static struct span content(const struct json *j, size_t message)
{
	const struct json_value *v = json_at(json_get(json_root(j), "messages"), message);
	return json_string(json_get(v, "content"));
}

static size_t times(struct span text, const char *what)
{
	size_t n = 0;
	for (const char *p = text.p;
	     (p = memmem(p, text.n - (size_t)(p - text.p), what, strlen(what))) != NULL; p++)
		n++;
	return n;
}

Test(audit_form, a_model_gets_it_between_fences)
{
	struct buf out = { 0 };
	audit_form_chat(&judge, &question, NONCE, &out);
	struct json *j = parsed(&out);
	const struct json_value *root = json_root(j);
	has_text(root, "model", "model-1");
	cr_assert_eq(json_number(json_get(root, "temperature")), 0);
	cr_assert_eq(json_type(json_get(root, "temperature")), JSON_IS_NUMBER);
	cr_assert_eq(json_type(json_get(root, "stream")), JSON_IS_BOOL);
	cr_assert_not(json_bool(json_get(root, "stream")));
	has_text(json_get(root, "response_format"), "type", "json_object");
	cr_assert_eq(json_count(json_get(root, "messages")), 2);
	has_text(json_at(json_get(root, "messages"), 0), "role", "system");
	has_text(json_at(json_get(root, "messages"), 1), "role", "user");
	cr_assert_eq(times(content(j, 0), NONCE), 2);
	/* The sharp edits and two sides of two files, each with two fences. */
	cr_assert_eq(times(content(j, 1), "\nBEGIN " NONCE " "), 5);
	cr_assert_eq(times(content(j, 1), "\nEND " NONCE " "), 5);
	cr_assert_eq(times(content(j, 1), NONCE), 10);
	cr_assert_eq(times(content(j, 1), "\nx = 1\n"), 1);
	cr_assert_eq(times(content(j, 1), "\\\"\\n.py"), 1, "a path may not begin a line");
	json_free(j);
	buf_fini(&out);
}

Test(audit_form, an_instruction_of_ones_own_leaves_the_fences_and_the_form)
{
	struct config_auditor own = judge;
	struct buf out = { 0 };
	own.prompt = "Judge like my grandmother.";
	audit_form_chat(&own, &question, NONCE, &out);
	struct json *j = parsed(&out);
	cr_assert_eq(times(content(j, 0), "grandmother"), 1);
	cr_assert_eq(times(content(j, 0), "equivalent"), 0);
	cr_assert_eq(times(content(j, 0), NONCE), 2);
	cr_assert_eq(times(content(j, 0), "{\"answer\": \"yes\" or \"no\""), 1);
	json_free(j);
	buf_fini(&out);
}

Test(audit_form, what_is_too_large_is_no_question)
{
	static char text[AUDIT_QUESTION_BYTES];
	struct audit_file large = files[0];
	struct audit_question q = question;
	memset(text, 'x', sizeof(text));
	q.files = &large;
	q.n_files = 1;
	for (int chat = 0; chat < 2; chat++) {
		for (int fits = 0; fits < 2; fits++) {
			struct buf out = { .max = AUDIT_QUESTION_BYTES };
			large.a = (struct span){ text, sizeof(text) - (fits ? 8192 : 100) };
			if (chat)
				audit_form_chat(&judge, &q, NONCE, &out);
			else
				audit_form_json(&q, &out);
			cr_assert_eq(out.failed, !fits, "chat %d, fits %d", chat, fits);
			buf_fini(&out);
		}
	}
}

/* --- answers --- */

static const struct {
	const char *text;
	enum audit_answer answer;
} answers[] = {
	{ "{\"answer\":\"yes\",\"reason\":\"same\"}", AUDIT_YES },
	{ " {\"reason\":\"same\", \"answer\":\"yes\"}\n", AUDIT_YES },
	{ "{\"answer\":\"yes\"}", AUDIT_YES },
	{ "{\"answer\":\"no\",\"reason\":\"\"}", AUDIT_NO },
	{ "{\"answer\":\"no\"}", AUDIT_NO },
	{ "", AUDIT_UNCLEAR },
	{ " ", AUDIT_UNCLEAR },
	{ "yes", AUDIT_UNCLEAR },
	{ "Yes, both are the same.", AUDIT_UNCLEAR },
	{ "\"yes\"", AUDIT_UNCLEAR },
	{ "true", AUDIT_UNCLEAR },
	{ "null", AUDIT_UNCLEAR },
	{ "{}", AUDIT_UNCLEAR },
	{ "[\"yes\"]", AUDIT_UNCLEAR },
	{ "[{\"answer\":\"yes\"}]", AUDIT_UNCLEAR },
	{ "{\"answer\":\"YES\"}", AUDIT_UNCLEAR },
	{ "{\"answer\":\"Yes\"}", AUDIT_UNCLEAR },
	{ "{\"answer\":\"yes \"}", AUDIT_UNCLEAR },
	{ "{\"answer\":\"yes\\u0000\"}", AUDIT_UNCLEAR },
	{ "{\"answer\":\"yes or no\"}", AUDIT_UNCLEAR },
	{ "{\"answer\":true}", AUDIT_UNCLEAR },
	{ "{\"answer\":1}", AUDIT_UNCLEAR },
	{ "{\"answer\":null}", AUDIT_UNCLEAR },
	{ "{\"answer\":[\"yes\"]}", AUDIT_UNCLEAR },
	{ "{\"answer\":{\"answer\":\"yes\"}}", AUDIT_UNCLEAR },
	{ "{\"result\":{\"answer\":\"yes\"}}", AUDIT_UNCLEAR },
	{ "{\"Answer\":\"yes\"}", AUDIT_UNCLEAR },
	{ "{\"reason\":\"yes\"}", AUDIT_UNCLEAR },
	{ "{\"answer\":\"yes\",\"answer\":\"no\"}", AUDIT_UNCLEAR },
	{ "{\"answer\":\"no\",\"answer\":\"yes\"}", AUDIT_UNCLEAR },
	{ "{\"answer\":\"yes\",\"answer\":\"yes\"}", AUDIT_UNCLEAR },
	{ "{\"answer\":\"yes\",\"reason\":7}", AUDIT_UNCLEAR },
	{ "{\"answer\":\"yes\",\"reason\":null}", AUDIT_UNCLEAR },
	{ "{\"answer\":\"yes\",\"reason\":\"a\",\"reason\":\"b\"}", AUDIT_UNCLEAR },
	{ "{\"answer\":\"yes\",\"unless\":\"it rains\"}", AUDIT_UNCLEAR },
	{ "{\"answer\":\"yes\"}{\"answer\":\"no\"}", AUDIT_UNCLEAR },
	{ "{\"answer\":\"yes\"}\n{\"answer\":\"yes\"}", AUDIT_UNCLEAR },
	{ "{\"answer\":\"yes\"} and so on", AUDIT_UNCLEAR },
	{ "```json\n{\"answer\":\"yes\"}\n```", AUDIT_UNCLEAR },
	{ "{\"answer\":\"yes\",}", AUDIT_UNCLEAR },
	{ "{'answer':'yes'}", AUDIT_UNCLEAR },
	{ "{\"answer\":\"yes\"", AUDIT_UNCLEAR },
	{ "{\"answer\":\"yes", AUDIT_UNCLEAR },
	{ "{\"answer\":\"yes\",\"reason\":\"\xff\"}", AUDIT_UNCLEAR },
};

Test(audit_form, only_an_explicit_yes_is_one)
{
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct audit_said said;
		audit_read_json(span_of(answers[i].text), &said);
		cr_assert_eq(said.answer, answers[i].answer, "%s: %s", answers[i].text,
			     audit_answer_names[said.answer]);
		cr_assert_eq(said.reason[0] == '\0' && said.answer == AUDIT_UNCLEAR, false);
	}
}

Test(audit_form, no_prefix_of_a_yes_is_one)
{
	static const char whole[] = "{\"answer\":\"yes\",\"reason\":\"same\"}";
	for (size_t n = 0; n < sizeof(whole) - 1; n++) {
		struct audit_said said;
		audit_read_json((struct span){ whole, n }, &said);
		cr_assert_eq(said.answer, AUDIT_UNCLEAR, "%.*s", (int)n, whole);
	}
}

#define YES "{\\\"answer\\\":\\\"yes\\\"}"
#define MESSAGE "{\"role\":\"assistant\",\"content\":\"" YES "\"}"

static const struct {
	const char *body;
	enum audit_answer answer;
} chats[] = {
	{ "{\"choices\":[{\"message\":" MESSAGE ",\"finish_reason\":\"stop\"}]}", AUDIT_YES },
	{ "{\"id\":\"1\",\"choices\":[{\"index\":0,\"message\":" MESSAGE "}],\"usage\":{}}",
	  AUDIT_YES },
	{ "{\"choices\":[{\"message\":" MESSAGE ",\"finish_reason\":null}]}", AUDIT_YES },
	{ "{\"choices\":[{\"message\":{\"content\":\"{\\\"answer\\\":\\\"no\\\"}\"}}]}", AUDIT_NO },
	{ "", AUDIT_UNCLEAR },
	{ "{\"answer\":\"yes\"}", AUDIT_UNCLEAR },
	{ "{\"choices\":[]}", AUDIT_UNCLEAR },
	{ "{\"choices\":{\"0\":{\"message\":" MESSAGE "}}}", AUDIT_UNCLEAR },
	{ "[{\"choices\":[{\"message\":" MESSAGE "}]}]", AUDIT_UNCLEAR },
	{ "{\"choices\":[{\"message\":" MESSAGE "},{\"message\":" MESSAGE "}]}", AUDIT_UNCLEAR },
	{ "{\"choices\":[{\"message\":" MESSAGE ",\"finish_reason\":\"length\"}]}", AUDIT_UNCLEAR },
	{ "{\"choices\":[{\"message\":" MESSAGE ",\"finish_reason\":\"content_filter\"}]}",
	  AUDIT_UNCLEAR },
	{ "{\"choices\":[{\"delta\":" MESSAGE "}]}", AUDIT_UNCLEAR },
	{ "{\"choices\":[{\"message\":{\"content\":null,\"tool_calls\":[]}}]}", AUDIT_UNCLEAR },
	{ "{\"choices\":[{\"message\":{\"content\":{\"answer\":\"yes\"}}}]}", AUDIT_UNCLEAR },
	{ "{\"choices\":[{\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"" YES "\"}]}}]}",
	  AUDIT_UNCLEAR },
	{ "{\"choices\":[{\"message\":{\"content\":\"yes\"}}]}", AUDIT_UNCLEAR },
	{ "{\"choices\":[{\"message\":{\"content\":\"Sure: " YES "\"}}]}", AUDIT_UNCLEAR },
	{ "{\"choices\":[{\"message\":{\"content\":\"" YES "\",\"content\":\"no\"}}]}",
	  AUDIT_UNCLEAR },
	{ "{\"choices\":[],\"choices\":[{\"message\":" MESSAGE "}]}", AUDIT_UNCLEAR },
	{ "data: {\"choices\":[{\"message\":" MESSAGE "}]}\n\n", AUDIT_UNCLEAR },
};

Test(audit_form, a_models_answer_is_the_content_of_its_one_choice)
{
	for (size_t i = 0; i < ARRAY_LEN(chats); i++) {
		struct audit_said said;
		audit_read_chat(span_of(chats[i].body), &said);
		cr_assert_eq(said.answer, chats[i].answer, "%s: %s", chats[i].body,
			     audit_answer_names[said.answer]);
	}
}

Test(audit_form, reasons_are_bounded_and_on_one_line)
{
	char text[AUDIT_REASON_BYTES + 64];
	struct audit_said said;
	audit_say(&said, AUDIT_NO, SPAN("a\nb\x1b[2J\x7f"));
	cr_assert_str_eq(said.reason, "a b [2J ");
	audit_say(&said, AUDIT_NO, (struct span){ NULL, 0 });
	cr_assert_str_eq(said.reason, "");
	/* A character of n bytes at the end is there whole or not at all. */
	static const char *const letters[] = { "a", "\xc3\xa4", "\xe2\x82\xac",
					       "\xf0\x9f\x98\x80" };
	for (size_t k = 0; k < ARRAY_LEN(letters); k++) {
		size_t size = strlen(letters[k]);
		for (size_t lead = 0; lead < 4; lead++) {
			memset(text, 'x', lead);
			size_t n = lead;
			for (; n + size <= sizeof(text); n += size)
				memcpy(text + n, letters[k], size);
			audit_say(&said, AUDIT_NO, (struct span){ text, n });
			size_t kept = strlen(said.reason);
			cr_assert_leq(kept, AUDIT_REASON_BYTES);
			cr_assert_gt(kept, AUDIT_REASON_BYTES - size);
			cr_assert_eq((kept - lead) % size, 0, "%zu bytes, after %zu", size, lead);
		}
	}
}

/* --- on a terminal --- */

Test(audit_form, what_others_wrote_cannot_move_the_cursor)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{ "plain \xc3\xa4 \xe2\x82\xac\xf0\x9f\x98\x80",
		  "plain \xc3\xa4 \xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "a\tb", "a   b" },
		{ "\x1b[2J\r\x7f", "^[[2J^M^?" },
		{ "\xe2\x80\xae\xe2\x80\x8b", "<U+202E><U+200B>" },
		{ "\xff\xe2\x82", "\\xff\\xe2\\x82" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf out = { 0 };
		plain_add(&out, span_of(rows[i].text));
		buf_add_char(&out, '\0');
		cr_assert_str_eq(out.p, rows[i].shown);
		buf_fini(&out);
	}
	struct buf out = { 0 };
	plain_add_lines(&out, SPAN("one\n\ntwo\r\nthree"), "a | ");
	buf_add_char(&out, '\0');
	cr_assert_str_eq(out.p, "a | one\na | \na | two^M\na | three\n");
	buf_fini(&out);
}
