/* Constructs that are written as if they were another that means the same. */
#include "policy/tree_writer.h"

#include <string.h>

/* {a as b}: what is imported or exported keeps its spelling, and the name here is a name; {a} is
 * the same with both. An import that is known by what is imported says it once. */
static uint32_t put_clause(struct writer *w, uint32_t i)
{
	const struct syntax_node *v = &w->v[i];
	uint32_t first = w->out->n, outer = i + 1, inner = i + 1;
	for (uint32_t k = i + 1; k < v->end; k = w->v[k].end)
		if (w->v[k].named && !(writer_flags(w, k) & TYPE_DROPPED))
			*(strcmp(writer_type(w, i), "export_specifier") == 0 ? &outer : &inner) = k;
	buf_clear(&w->word);
	buf_add_text(&w->word, "name ");
	buf_add(&w->word, w->text.p + w->v[outer].from, w->v[outer].to - w->v[outer].from);
	writer_put(w, first, w->v[outer].from, w->v[outer].to);
	bool import = strcmp(writer_type(w, i), "import_specifier") == 0;
	if (!import || !(w->names[inner] & NAME_IMPORT))
		writer_leaf(w, inner);
	writer_put_type(w, i, first);
	return 1;
}

/* {a} is written as {a: a}. */
static uint32_t put_shorthand(struct writer *w, uint32_t i)
{
	const struct syntax_node *v = &w->v[i];
	struct span pair = tree_right_of(w->l->shorthand, writer_type(w, i));
	const char *comma = memchr(pair.p, ',', pair.n);
	CHECK(comma);
	uint32_t first = w->out->n;
	size_t n = (size_t)(comma - pair.p);
	buf_clear(&w->word);
	buf_add(&w->word, comma + 1, pair.n - n - 1);
	buf_add_char(&w->word, ' ');
	buf_add(&w->word, w->text.p + v->from, v->to - v->from);
	writer_put(w, first, v->from, v->to);
	if (v->end > i + 1) {
		writer_node(w, i + 1, false);
	} else {
		buf_clear(&w->word);
		buf_add_text(&w->word, "identifier ");
		if (w->names[i])
			writer_add_name(w, i);
		else
			buf_add(&w->word, w->text.p + v->from, v->to - v->from);
		writer_put(w, w->out->n, v->from, v->to);
	}
	if (!n)
		return 2;
	buf_clear(&w->word);
	buf_add(&w->word, pair.p, n);
	writer_put(w, first, v->from, v->to);
	return 1;
}

/* Python: an else that holds nothing but an if is an elif, and what follows that if follows it. */
static uint32_t put_elif(struct writer *w, uint32_t i)
{
	const struct syntax_node *v = &w->v[i];
	uint32_t inner = 0, first = w->out->n, roots = 0;
	for (uint32_t k = i + 1, block = 0; k < v->end; k = block ? k + 1 : w->v[k].end) {
		if (!w->v[k].named || writer_flags(w, k) & TYPE_DROPPED)
			continue;
		if (block && (inner || w->v[k].type != w->v[v->parent].type))
			return 0;
		if (block) {
			inner = k;
			k = w->v[k].end - 1;
		}
		block = 1;
	}
	if (!inner)
		return 0;
	buf_clear(&w->word);
	buf_add_text(&w->word, "elif");
	writer_put(w, first, w->v[inner].from, w->v[inner].from + 2);
	for (uint32_t k = inner + 2; k < w->v[inner].end; k = w->v[k].end) {
		if (w->v[k].named)
			roots += writer_node(w, k, false);
		if (w->v[k].type == w->v[w->v[inner].parent].type) { /* its block */
			buf_clear(&w->word);
			buf_add_text(&w->word, "elif_clause");
			writer_put(w, first, w->v[inner].from, w->v[k].to);
			roots = 1;
		}
	}
	return roots;
}

/* Python: case a, b is case (a, b). */
static uint32_t put_case(struct writer *w, uint32_t i)
{
	const struct syntax_node *v = &w->v[i];
	uint32_t first = w->out->n, start = first, patterns = 0, comma = 0, last = 0;
	for (uint32_t k = i + 1; k < v->end; k = w->v[k].end) {
		bool pattern = strcmp(writer_type(w, k), "case_pattern") == 0;
		last = pattern ? k : last;
		patterns += pattern;
		comma = writer_flags(w, k) & TYPE_COMMA ? k : comma;
	}
	if (!comma)
		return 0;
	for (uint32_t k = i + 1; k < v->end; k = w->v[k].end) {
		if (!w->v[k].named && k != i + 1 && !(k == comma && patterns == 1))
			continue;
		start = k == i + 1 ? w->out->n + 1 : start;
		writer_node(w, k, k == comma);
		if (k == (patterns == 1 ? comma : last)) {
			const char *const around[] = { "tuple_pattern", "case_pattern" };
			for (size_t n = 0; n < ARRAY_LEN(around); n++) {
				buf_clear(&w->word);
				buf_add_text(&w->word, around[n]);
				writer_put(w, start, w->v[i + 1].to, w->v[k].to);
			}
		}
	}
	writer_put_type(w, i, first);
	return 1;
}

bool writer_rewritten(struct writer *w, uint32_t i, uint32_t *roots)
{
	const char *type = writer_type(w, i);
	const struct syntax_node *v = &w->v[i];
	*roots = 0;
	struct span name = { w->text.p + v->from, v->to - v->from };
	if (span_eq(name, SPAN("__proto__"))) /* {__proto__} sets no prototype */
		*roots = 0;
	else if (tree_right_of(w->l->shorthand, type).n)
		*roots = put_shorthand(w, i);
	else if (strcmp(type, "else_clause") == 0)
		*roots =
			strcmp(writer_type(w, v->parent), "if_statement") == 0 ? put_elif(w, i) : 0;
	else if (strcmp(type, "case_clause") == 0)
		*roots = put_case(w, i);
	else if (v->end > i + 1)
		*roots = put_clause(w, i);
	return *roots > 0;
}
