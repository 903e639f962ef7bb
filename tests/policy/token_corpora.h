/*
 * The recorded streams that report their tokens, and what the budget's estimate makes of them. For
 * the test and for bench/tokens.
 */
#ifndef TESTS_POLICY_TOKEN_CORPORA_H
#define TESTS_POLICY_TOKEN_CORPORA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/json.h"
#include "lib/sha256.h"
#include "lib/wire_usage.h"
#include "policy/budget.h"

struct token_stream {
	const char *name;
	enum dialect dialect;
	uint64_t text;   /* bytes of text that were counted */
	uint64_t before; /* the running estimate just before the last report */
	uint64_t after;  /* and at the end */
	uint64_t reported, reasoning;
	bool calls;  /* a tool was called */
	bool hidden; /* more than a tenth is reasoning of which little shows, and which is not
			sealed */
	bool unseen; /* of the half that the figures of policy/tokens.c were not fitted to */
};

static inline bool token_near(uint64_t estimate, uint64_t reported)
{
	uint64_t off = estimate > reported ? estimate - reported : reported - estimate;
	return off * 10 <= reported;
}

static inline void token_pieces(struct budget *b, const struct wire *w, struct pieces *v,
				struct token_stream *t)
{
	struct budget_breach breach;
	for (size_t i = 0; i < v->n; i++) {
		const struct piece *p = &v->v[i];
		if (p->kind == PIECE_TEXT && wire_channel(w, p->channel).kind >= CHANNEL_CONTENT)
			t->text += p->text_len;
		if (p->kind == PIECE_FRAME && p->tokens.output)
			t->before = budget_tokens(b);
		budget_feed(b, w, p, 1, &breach);
	}
	v->n = 0;
}

/* False: it cannot be decoded, or reports nothing. */
static inline bool token_measure(struct span body, enum framing framing, enum dialect dialect,
				 struct token_stream *t)
{
	const struct wire_options options = { .framing = framing,
					      .dialect = dialect,
					      .frame_max = 1 << 20 };
	struct wire *w = wire_new(&options);
	struct pieces v = { 0 };
	struct budget b;
	struct wire_usage usage;
	CHECK(w);
	budget_init(&b, &(struct budget_limits){ 0 }, &(struct budget_price){ 0 });
	size_t used = wire_feed(w, body.p, body.n, &v);
	token_pieces(&b, w, &v, t);
	enum wire_error error = wire_finish(w, body.p + used, body.n - used, &v);
	token_pieces(&b, w, &v, t);
	wire_usage(w, &usage);
	t->dialect = wire_dialect(w);
	t->after = budget_tokens(&b);
	t->reported = usage.output;
	t->reasoning = usage.reasoning;
	t->calls = b.called;
	t->hidden = usage.reasoning * 10 > usage.output && b.shown < usage.reasoning * 500 &&
		    b.sealed == 0;
	pieces_fini(&v);
	wire_free(w);
	return error == WIRE_OK && usage.output > 0;
}

static inline bool token_read(const char *folder, const char *name, struct buf *out)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/llm_streams/%s", folder, name);
	FILE *f = fopen(path, "rb");
	buf_clear(out);
	if (!f)
		return false;
	for (size_t n = 1; n > 0;) {
		char *to = buf_reserve(out, 65536);
		CHECK(to);
		n = fread(to, 1, 65536, f);
		out->n += n;
	}
	fclose(f);
	return true;
}

/* One payload a line, as events. */
static inline void token_events(struct buf *body)
{
	struct buf out = { 0 };
	for (size_t at = 0; at < body->n;) {
		const char *end = memchr(body->p + at, '\n', body->n - at);
		size_t n = end ? (size_t)(end - body->p) - at : body->n - at;
		buf_add_text(&out, "data: ");
		buf_add(&out, body->p + at, n);
		buf_add_text(&out, "\n\n");
		at += n + 1;
	}
	buf_fini(body);
	*body = out;
}

static inline bool token_line(const char *folder, struct span line, struct token_stream *t,
			      struct buf *body, char name[256])
{
	struct json *j = NULL;
	if (json_parse(line, &j) != 0)
		return false;
	const struct json_value *root = json_root(j);
	struct span file = json_string(json_get(root, "file"));
	struct span type = json_string(json_get(root, "content_type"));
	struct span path = json_string(json_get(root, "path"));
	struct span query = json_string(json_get(root, "query"));
	char target[1024];
	enum framing framing = FRAMING_SSE;
	enum dialect dialect = DIALECT_UNKNOWN;
	snprintf(name, 256, "%.*s", (int)file.n, file.p);
	snprintf(target, sizeof(target), "%.*s?%.*s", (int)path.n, path.p, (int)query.n, query.p);
	bool there = token_read(folder, name, body);
	if (path.n)
		wire_detect(span_of(target), type, &framing, &dialect);
	else
		token_events(body);
	json_free(j);
	char sum[SHA256_HEX];
	CHECK(sha256_of(span_of(name), sum) == 0);
	*t = (struct token_stream){ .name = name, .unseen = strchr("13579bdf", sum[63]) != NULL };
	return there && token_measure((struct span){ body->p, body->n }, framing, dialect, t);
}

/* Calls each() for every recorded stream that reports its output; returns how many, 0 when the
 * corpora are not there. */
static inline size_t token_corpora(const char *folder, void (*each)(const struct token_stream *t))
{
	static const char *const lists[] = { "index.jsonl", "vercel_chunks_index.jsonl" };
	struct buf list = { 0 }, body = { 0 };
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		if (!token_read(folder, lists[i], &list))
			continue;
		for (size_t at = 0; at < list.n;) {
			const char *end = memchr(list.p + at, '\n', list.n - at);
			size_t len = end ? (size_t)(end - list.p) - at : list.n - at;
			struct token_stream t;
			char name[256];
			if (len && token_line(folder, (struct span){ list.p + at, len }, &t, &body,
					      name)) {
				each(&t);
				n++;
			}
			at += len + 1;
		}
	}
	buf_fini(&list);
	buf_fini(&body);
	return n;
}

#endif
