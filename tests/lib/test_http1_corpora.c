/*
 * Recorded attacks and another parser's own cases. What matters is not whether a case is taken or
 * refused, but that what is taken has one meaning: each message is written anew as the proxy would,
 * and must then read the same.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/http1_play.h"

#define SPLITS_MAX 300 /* cases up to this size are tried at every split point */

static FILE *corpus_open(const char *name)
{
	char path[512];
	const char *corpora = getenv("CORPORA");
	snprintf(path, sizeof(path), "%s/http1/%s", corpora ? corpora : "../shared/corpora", name);
	FILE *f = fopen(path, "r");
	if (!f)
		fprintf(stderr, "skipped: no corpora (%s)\n", path);
	return f;
}

/* The plain string value of a key in one line of JSON, allocated; NULL when it is not there. */
static char *json_text(const char *line, const char *key)
{
	char pattern[64];
	snprintf(pattern, sizeof(pattern), "\"%s\": \"", key);
	const char *p = strstr(line, pattern);
	return p ? strndup(p + strlen(pattern), strcspn(p + strlen(pattern), "\"")) : NULL;
}

static void unbase64(const char *text, struct buf *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned bits = 0, n = 0;
	for (; *text && *text != '='; text++) {
		bits = (bits << 6 | (unsigned)(strchr(digits, *text) - digits)) & 0xffff;
		n += 6;
		if (n >= 8) {
			n -= 8;
			buf_add_char(out, (char)(bits >> n & 0xff));
		}
	}
}

/* A message written anew from its parsed head and body, the way the proxy forwards it. */
static void rewrite(const struct http1_head *head, const struct buf *body, struct buf *out)
{
	buf_printf(out, "%.*s %.*s HTTP/1.1\r\n", (int)head->method.n, head->method.p,
		   (int)head->target.n, head->target.p);
	buf_printf(out, "host: %.*s\r\n", (int)(head->host.n ? head->host.n : 1),
		   head->host.n ? head->host.p : "x");
	for (size_t i = 0; i < head->n; i++) {
		const struct http1_header *v = &head->headers[i];
		if (http1_hop_by_hop(head, v) || span_eq_nocase(v->name, SPAN("host")) ||
		    span_eq_nocase(v->name, SPAN("content-length")))
			continue;
		buf_add(out, v->name.p, v->name.n);
		buf_add_text(out, ": ");
		buf_add(out, v->value.p, v->value.n);
		buf_add_text(out, "\r\n");
	}
	if (head->framing != HTTP1_NO_BODY)
		buf_printf(out, "content-length: %zu\r\n", body->n);
	buf_add_text(out, "\r\n");
	buf_add(out, body->p, body->n);
}

/* No byte of a written head may start a line or end one except where we wrote it. */
static void expect_clean(const char *id, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		cr_assert((c >= 0x20 && c != 0x7f) || c == '\t', "%s: control byte %u", id, c);
	}
}

/* Parses requests one after the other; each one that is whole is written anew and must come back
 * as itself. */
static size_t expect_one_meaning(const char *id, const char *bytes, size_t n)
{
	struct http1 *h = http1_new(HTTP1_REQUEST, &play_limits);
	struct buf body = { 0 }, out = { 0 };
	struct span slice;
	size_t used, messages = 0;
	enum http1_event event;
	do {
		event = http1_feed(h, bytes, n, &used, &slice);
		bytes += used;
		n -= used;
		if (event == HTTP1_BODY)
			buf_add(&body, slice.p, slice.n);
		if (event != HTTP1_END)
			continue;
		const struct http1_head *head = http1_head(h);
		expect_clean(id, head->target);
		for (size_t i = 0; i < head->n; i++) {
			expect_clean(id, head->headers[i].name);
			expect_clean(id, head->headers[i].value);
		}
		rewrite(head, &body, &out);
		struct play setup = { .kind = HTTP1_REQUEST, .limits = { 65536, 8192, 100 } };
		char *line = play(setup, out.p, out.n, out.n, out.n);
		size_t end = strlen(line);
		cr_assert(line[0] == 'H' && end > 2 && strcmp(line + end - 2, "EM") == 0,
			  "%s: rewritten reads %s", id, line);
		cr_assert_null(strstr(line + 1, "EH("), "%s: two messages: %s", id, line);
		free(line);
		buf_clear(&body);
		buf_clear(&out);
		http1_next(h);
		messages++;
	} while (event != HTTP1_MORE && event != HTTP1_REFUSED);
	http1_free(h);
	buf_fini(&body);
	buf_fini(&out);
	return messages;
}

/* The same line however the bytes are split. Returns it. */
static char *expect_split_independent(const char *id, enum http1_kind kind, const struct buf *b)
{
	struct play setup = { .kind = kind };
	char *whole = play(setup, b->p, b->n, b->n, b->n);
	for (size_t first = 1; first < b->n; first++) {
		if (b->n > SPLITS_MAX && first > 1)
			break;
		char *line = play(setup, b->p, b->n, first, first == 1 ? 1 : b->n);
		cr_assert_str_eq(line, whole, "%s split at %zu:\n%s\n%s", id, first, line, whole);
		free(line);
	}
	return whole;
}

static void run_llhttp_case(const char *line, size_t *refused, size_t *taken)
{
	char *id = json_text(line, "id"), *type = json_text(line, "type"),
	     *input = json_text(line, "input_b64");
	struct buf b = { 0 };
	bool must_fail = strstr(line, "\"strict_expect\": \"error\"") != NULL;
	unbase64(input, &b);
	if (strncmp(type, "request", 7) == 0 || strncmp(type, "response", 8) == 0) {
		enum http1_kind kind = type[2] == 'q' ? HTTP1_REQUEST : HTTP1_RESPONSE;
		char *got = expect_split_independent(id, kind, &b);
		bool was_refused = strstr(got, "R(") != NULL;
		cr_expect(!must_fail || was_refused, "%s (%s) must be refused: %s", id, type, got);
		if (kind == HTTP1_REQUEST)
			expect_one_meaning(id, b.p, b.n);
		if (getenv("REDCARD_VERBOSE") && was_refused && !must_fail)
			fprintf(stderr, "stricter than llhttp: %s: %s\n", id, got);
		*(was_refused ? refused : taken) += 1;
		free(got);
	}
	buf_fini(&b);
	free(id);
	free(type);
	free(input);
}

Test(http1_corpora, cases_of_llhttp, .timeout = 120)
{
	FILE *f = corpus_open("llhttp_cases.jsonl");
	char *line = NULL;
	size_t size = 0, refused = 0, taken = 0;
	if (!f)
		return;
	while (getline(&line, &size, f) > 0)
		run_llhttp_case(line, &refused, &taken);
	cr_assert_gt(refused, 100);
	cr_assert_gt(taken, 30);
	free(line);
	fclose(f);
}

Test(http1_corpora, transfer_encoding_mutations, .timeout = 120)
{
	static const char *const forms[] = { "cl_te_b64", "te_cl_b64" };
	FILE *f = corpus_open("te_mutations_default.jsonl");
	char *line = NULL;
	size_t size = 0, cases = 0, taken = 0;
	if (!f)
		return;
	while (getline(&line, &size, f) > 0) {
		char *id = json_text(line, "id");
		for (size_t i = 0; i < ARRAY_LEN(forms); i++, cases++) {
			char *input = json_text(line, forms[i]);
			struct buf b = { 0 };
			unbase64(input, &b);
			free(expect_split_independent(id, HTTP1_REQUEST, &b));
			size_t messages = expect_one_meaning(id, b.p, b.n);
			cr_assert_leq(messages, 1, "%s: a second request was smuggled", id);
			if (messages == 1 && getenv("REDCARD_VERBOSE"))
				fprintf(stderr, "taken as one message: %s %s\n", id, forms[i]);
			taken += messages;
			free(input);
			buf_fini(&b);
		}
		free(id);
	}
	cr_assert_eq(cases, 268);
	cr_assert_leq(taken, 8, "%zu taken: only a name inside another header's value is harmless",
		      taken);
	free(line);
	fclose(f);
}
