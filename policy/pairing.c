#include "policy/pairing.h"

#include <stdlib.h>
#include <string.h>

#include "policy/compare_parts.h"

struct match { /* NULL: missing */
	const struct render_file *a, *b;
	const struct syntax_language *language;
	struct comparison c;
	bool compared;
};

struct pairing {
	const struct render *a, *b;
	const struct quorum_settings *settings;
	struct match v[2 * RENDER_FILES];
	size_t n;
	bool used[RENDER_FILES]; /* of b's files */
	bool agreed;             /* there are files of no language, or actions, that are equal */
	bool failed;
	enum compare_reason why;
	struct score score;
	uint32_t nodes_a, nodes_b;
};

static struct span path_of(const struct render_file *f)
{
	return (struct span){ f->path.p, f->path.n };
}

static struct span text_of(const struct render_file *f)
{
	return (struct span){ f && f->text.p ? f->text.p : "", f ? f->text.n : 0 };
}

static void fail(struct pairing *p, enum compare_reason why)
{
	if (!p->failed)
		p->why = why;
	p->failed = true;
}

/* --- which files belong together --- */

static bool by_name(const struct render_file *a, const struct render_file *b)
{
	return a->choice == b->choice && span_eq(path_of(a), path_of(b)) &&
	       (a->path.n || (a->place == RENDER_BODY && b->place == RENDER_BODY) ||
		(a->place == b->place && a->language == b->language));
}

static bool by_place(const struct render_file *a, const struct render_file *b)
{
	return a->choice == b->choice && !(a->path.n && b->path.n) && a->language == b->language;
}

static const struct render_file *partner(struct pairing *p, const struct render_file *a,
					 bool (*fits)(const struct render_file *,
						      const struct render_file *))
{
	for (uint32_t i = 0; i < p->b->n; i++)
		if (!p->used[i] && fits(a, &p->b->files[i])) {
			p->used[i] = true;
			return &p->b->files[i];
		}
	return NULL;
}

static void pair_files(struct pairing *p)
{
	for (uint32_t i = 0; i < p->a->n; i++) {
		p->v[p->n].a = &p->a->files[i];
		p->v[p->n++].b = partner(p, &p->a->files[i], by_name);
	}
	for (size_t i = 0; i < p->n; i++)
		if (!p->v[i].b)
			p->v[i].b = partner(p, p->v[i].a, by_place);
	for (uint32_t i = 0; i < p->b->n; i++)
		if (!p->used[i])
			p->v[p->n++].b = &p->b->files[i];
}

/* --- one match --- */

static struct span base_of(const struct quorum_settings *s, const struct match *m)
{
	struct span path = path_of(m->a ? m->a : m->b);
	for (size_t i = 0; i < s->n_base; i++)
		if (span_eq(s->base[i].path, path))
			return (struct span){ s->base[i].text.p ? s->base[i].text.p : "",
					      s->base[i].text.n };
	return (struct span){ NULL, 0 };
}

static const struct syntax_language *language_of(struct pairing *p, const struct match *m)
{
	const struct syntax_language *a = m->a ? m->a->language : NULL;
	const struct syntax_language *b = m->b ? m->b->language : NULL;
	bool bodies = m->a && m->b && m->a->place == RENDER_BODY && m->b->place == RENDER_BODY;
	if (m->a && m->b && a != b && !bodies)
		fail(p, COMPARE_LANGUAGES_DIFFER);
	return a ? a : b;
}

static void texts_of(const struct pairing *p, const struct match *m,
		     struct span texts[COMPARE_SIDES])
{
	texts[COMPARE_A] = text_of(m->a);
	texts[COMPARE_B] = text_of(m->b);
	texts[COMPARE_BASE] = base_of(p->settings, m);
}

static void build(struct pairing *p, struct match *m, bool alone)
{
	const struct syntax_language *language = language_of(p, m);
	struct span texts[COMPARE_SIDES];
	texts_of(p, m, texts);
	if (p->failed)
		return;
	if (!language) {
		p->agreed = p->agreed || (m->a && m->b);
		if (!m->a || !m->b || !span_eq(texts[0], texts[1]))
			fail(p, COMPARE_UNKNOWN_LANGUAGE);
		return;
	}
	m->c = (struct comparison){ .has_base = texts[COMPARE_BASE].p != NULL };
	m->compared = true;
	m->language = language;
	if (!comparison_build(&m->c, language, texts, alone) || !comparison_to_base(&m->c)) {
		fail(p, m->c.reason);
		return;
	}
	p->nodes_a += m->c.trees[COMPARE_A].n;
	p->nodes_b += m->c.trees[COMPARE_B].n;
}

static void add(struct distance *sum, struct distance one)
{
	sum->low += one.low;
	sum->high += one.high;
}

static void score(struct pairing *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].compared) {
			add(&p->score.ac, p->v[i].c.score.ac);
			add(&p->score.bc, p->v[i].c.score.bc);
		}
	uint32_t k = score_limit(&p->score, p->settings->threshold);
	for (size_t i = 0; i < p->n && !p->failed; i++) {
		if (!p->v[i].compared)
			continue;
		if (comparison_measure(&p->v[i].c, k, true))
			add(&p->score.ab, p->v[i].c.score.ab);
		else
			fail(p, p->v[i].c.reason);
	}
}

static enum compare_reason judge_sharp(struct pairing *p, enum compare_reason why)
{
	for (size_t i = 0; i < p->n; i++) {
		struct match *m = &p->v[i];
		struct span texts[COMPARE_SIDES];
		texts_of(p, m, texts);
		if (m->compared)
			why = comparison_sharp(&m->c, m->language, texts, why);
	}
	return why;
}

/* --- all of them --- */

static bool is_empty(const struct render *r)
{
	return r->n == 0 && r->actions.n == 0;
}

static void find_faults(struct pairing *p)
{
	const struct render *a = p->a, *b = p->b;
	if (a->failed || b->failed)
		fail(p, a->failed ? a->why : b->why);
	else if (is_empty(a) || is_empty(b))
		fail(p, is_empty(a) && is_empty(b) ? COMPARE_BOTH_EMPTY : COMPARE_EMPTY);
}

static void compare_files(struct pairing *p)
{
	bool actions = p->a->actions.n || p->b->actions.n;
	pair_files(p);
	bool alone = p->n == 1 && !actions;
	for (size_t i = 0; i < p->n && !p->failed; i++)
		build(p, &p->v[i], alone);
	if (p->nodes_a > p->settings->max_nodes || p->nodes_b > p->settings->max_nodes)
		fail(p, COMPARE_TOO_LARGE);
	if (!p->failed && !p->agreed && !actions && (!p->nodes_a || !p->nodes_b))
		fail(p, p->nodes_a || p->nodes_b ? COMPARE_EMPTY : COMPARE_BOTH_EMPTY);
	if (!p->failed)
		score(p);
}

static bool same_tools(const struct pairing *p)
{
	return span_eq((struct span){ p->a->names.p, p->a->names.n },
		       (struct span){ p->b->names.p, p->b->names.n });
}

/* A tool may know one key and not the other, or do another thing with it. */
static bool same_keys(const struct pairing *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct render_file *a = p->v[i].a, *b = p->v[i].b;
		if (a && b && a->place == RENDER_CALL && b->place == RENDER_CALL &&
		    (a->tool != b->tool || a->said_path != b->said_path ||
		     a->said_text != b->said_text))
			return false;
	}
	return true;
}

static enum compare_reason reason(struct pairing *p, bool *scored)
{
	struct span a = { p->a->actions.p, p->a->actions.n };
	struct span b = { p->b->actions.p, p->b->actions.n };
	*scored = !p->failed && (p->nodes_a || p->nodes_b);
	if (p->failed)
		return p->why;
	enum compare_reason of_files =
		*scored ? compare_score(&p->score, p->settings->threshold) : COMPARE_EQUAL;
	if (of_files == COMPARE_NOTHING_CHANGED && (a.n || b.n || p->agreed))
		of_files = COMPARE_EQUAL;
	/* Whatever the files: an auditor sees those alone. */
	if (!span_eq(a, b) || !same_tools(p) || !same_keys(p))
		return COMPARE_ACTIONS_DIFFER;
	return judge_sharp(p, of_files);
}

void pairing_judge(const struct render *a, const struct render *b,
		   const struct quorum_settings *settings, struct quorum_pair *out)
{
	struct pairing *p = calloc(1, sizeof(*p));
	out->reason = COMPARE_NO_MEMORY;
	if (p) {
		*p = (struct pairing){ .a = a, .b = b, .settings = settings };
		find_faults(p);
		if (!p->failed)
			compare_files(p);
		out->reason = reason(p, &out->scored);
		out->score = p->score;
		out->nodes_a = p->nodes_a;
		out->nodes_b = p->nodes_b;
		for (size_t i = 0; i < p->n; i++)
			if (p->v[i].compared)
				comparison_fini(&p->v[i].c);
	}
	free(p);
	out->verdict = compare_verdict(out->reason);
}
