#include <ctype.h>
#include <string.h>

#include "lib/buf.h"
#include "policy/pattern.h"
#include "policy/trigger_split.h"
#include "policy/word.h"

#define CLASS_FEW 9 /* a class of more bytes than this is nothing to look for */
#define LITERAL_FEW 4
#define SOUGHT_MOST 24 /* longer literals are a burden to Hyperscan with each part of a text */

struct reading {
	const char *source;
	struct trigger_row *row;
	bool edge; /* of a word, before the next byte */
};

static bool in_set(const uint32_t in[8], unsigned c)
{
	return in[c / 32] >> c % 32 & 1;
}

static unsigned size_of(const uint32_t in[8])
{
	unsigned n = 0;
	for (size_t i = 0; i < 8; i++)
		n += (unsigned)__builtin_popcount(in[i]);
	return n;
}

/* 1: all of its bytes are bytes of words; 0: none is; -1: some are. */
static int word_kind(const uint32_t in[8])
{
	int kind = -2;
	for (unsigned c = 0; c < 256; c++)
		if (in_set(in, c))
			kind = kind == -2 || kind == is_word(c) ? is_word(c) : -1;
	return kind;
}

/* Between these two bytes is always an edge. */
static bool parts_words(const uint32_t a[8], const uint32_t b[8])
{
	int before = word_kind(a), after = word_kind(b);
	return before >= 0 && after >= 0 && before != after;
}

static bool add_bytes(struct reading *r, const struct pattern_node *n)
{
	struct trigger_row *row = r->row;
	if (!n->exact || !n->size || n->min != n->max || n->min > TRIGGER_ROW_MOST - row->n)
		return false;
	for (uint32_t i = 0; i < n->min; i++) {
		uint32_t *in = row->in[row->n++];
		memcpy(in, n->in, sizeof(n->in));
		if (r->source[n->from] == '.' && !(n->flags & PATTERN_S))
			in['\n' / 32] &= ~(1u << '\n' % 32);
		if (r->edge && !parts_words(row->in[row->n - 2], in))
			return false;
		r->edge = false;
	}
	return true;
}

static bool add_assertion(struct reading *r, const struct pattern_node *n)
{
	struct trigger_row *row = r->row;
	bool edge = strncmp(r->source + n->from, "\\b", 2) == 0;
	bool begin = r->source[n->from] == '^' && !(n->flags & PATTERN_M);
	if (n->min != 1 || n->max != 1 || (row->n && !edge) || (!edge && !begin))
		return false;
	if (row->n)
		r->edge = true;
	else if (row->front != FRONT_ANY && (row->front == FRONT_EDGE) != edge)
		return false;
	else
		row->front = edge ? FRONT_EDGE : FRONT_BEGIN;
	return true;
}

static bool add_list(struct reading *r, const struct pattern_branch *b)
{
	bool ok = !b->next;
	for (const struct pattern_node *n = b->first; n && ok; n = n->next)
		switch (n->kind) {
		case PATTERN_BYTES: ok = add_bytes(r, n); break;
		case PATTERN_ASSERT: ok = add_assertion(r, n); break;
		case PATTERN_FLAGS: break;
		case PATTERN_GROUP:
			ok = n->min == 1 && n->max == 1 && add_list(r, n->branches);
			break;
		case PATTERN_OPAQUE: ok = false; break;
		}
	return ok;
}

bool trigger_row_read(const char *head, struct trigger_row *out)
{
	struct pattern *p = NULL;
	const char *why = NULL;
	*out = (struct trigger_row){ .n = 0 };
	if (pattern_parse(head, &p, &why))
		return false;
	struct reading r = { .source = head, .row = out };
	bool ok = add_list(&r, pattern_root(p)) && !r.edge;
	pattern_free(p);
	for (uint32_t i = 0; i < out->n; i++)
		if (size_of(out->in[i]) > CLASS_FEW || out->n - i > SOUGHT_MOST)
			out->before = i + 1;
	return ok && out->before < out->n;
}

bool trigger_row_spell(const char *text, struct trigger_row *out)
{
	size_t n = strlen(text);
	*out = (struct trigger_row){ .n = 0 };
	if (!n || n > TRIGGER_ROW_MOST)
		return false;
	for (; *text; text++) {
		unsigned c = (unsigned char)*text, other = isalpha((int)c) ? c ^ 32 : c;
		uint32_t *in = out->in[out->n++];
		in[c / 32] |= 1u << c % 32;
		in[other / 32] |= 1u << other % 32;
	}
	out->before = out->n > SOUGHT_MOST ? out->n - SOUGHT_MOST : 0;
	return true;
}

/* A letter is there in both cases, or not at all. */
static bool ignores_case(const struct trigger_row *r, uint32_t from)
{
	for (uint32_t i = from; i < r->n; i++)
		for (unsigned c = 'a'; c <= 'z'; c++)
			if (in_set(r->in[i], c) != in_set(r->in[i], c - 32))
				return false;
	return true;
}

static void spell(struct buf *out, const uint32_t in[8], bool caseless)
{
	struct buf set = { 0 };
	unsigned n = 0;
	for (unsigned c = 0; c < 256; c++)
		if (in_set(in, c) && !(caseless && isupper((int)c))) {
			buf_printf(&set, "\\x%02x", c);
			n++;
		}
	buf_add_text(out, n > 1 ? "[" : "");
	buf_add(out, set.p, set.n);
	buf_add_text(out, n > 1 ? "]" : "");
	out->failed = out->failed || set.failed;
	buf_fini(&set);
}

/* What is literal enough stands alone, so that rules share it; else all that is known helps. */
char *trigger_row_text(const struct trigger_row *r)
{
	struct buf text = { 0 };
	uint32_t literals = 0;
	for (uint32_t i = r->before; i < r->n; i++)
		literals += size_of(r->in[i]) <= LITERAL_FEW;
	bool alone = literals >= TRIGGER_LITERALS;
	uint32_t from = alone ? r->before : 0;
	bool caseless = ignores_case(r, from);
	buf_add_text(&text, caseless ? "(?i)" : "");
	if (!alone && r->front != FRONT_ANY)
		buf_add_text(&text, r->front == FRONT_EDGE ? "\\b" : "^");
	for (uint32_t i = from; i < r->n; i++)
		spell(&text, r->in[i], caseless);
	return buf_take_text(&text);
}
