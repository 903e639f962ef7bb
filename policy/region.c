#include "policy/region.h"

#include <stdlib.h>
#include <string.h>

#include "policy/syntax_rule.h"

static const struct syntax_limits limits = {
	.bytes = REGION_LINE + 1, .steps = 600, .depth = 2000, .memory = SYNTAX_MEMORY
};

void region_begin(struct region *g, uint64_t at, bool stated,
		  const struct syntax_language *language)
{
	g->open = true;
	g->stated = stated;
	g->language = language;
	g->start = at;
	g->blank = true;
}

static void forget_closed(struct region *g)
{
	for (size_t i = 0; i < REGION_CLOSERS; i++) {
		syntax_tree_free(g->closed[i]);
		g->closed[i] = NULL;
	}
}

static void forget_trees(struct region *g)
{
	forget_closed(g);
	for (size_t i = 0; g->trees && i < syntax_count(); i++)
		syntax_tree_free(g->trees[i]);
	free(g->trees);
	g->trees = NULL;
}

static void end(struct region *g)
{
	forget_trees(g);
	buf_fini(&g->text);
	g->open = false;
}

void region_end(struct region *g)
{
	int64_t before = syntax_held();
	end(g);
	g->held += syntax_held() - before;
}

size_t region_memory(const struct region *g)
{
	size_t trees = g->trees ? syntax_count() * sizeof(struct syntax_tree *) : 0;
	return sizeof(*g) + g->text.cap + trees + (g->held > 0 ? (size_t)g->held : 0);
}

/* The tree of the text so far; NULL: no memory. */
static struct syntax_tree *tree_of(struct region *g, const struct syntax_language *language)
{
	size_t i = 0;
	while (syntax_language(i) != language)
		i++;
	if (!g->trees && !(g->trees = calloc(syntax_count(), sizeof(struct syntax_tree *))))
		return NULL;
	if (!g->trees[i])
		g->trees[i] = syntax_tree_new(language);
	return g->trees[i];
}

/* What may be spent before a byte was read, and bytes for which one more may be. The end of a
 * region is the last chance, and may go four times as far. */
static bool may_spend(const struct region *g, bool whole)
{
	uint64_t times = whole ? 4 : 1;
	return g->parses < times * (64 / g->share + g->taken / 256) &&
	       g->steps < times * (2000 / g->share + g->taken / 8) &&
	       g->questions < times * (256 / g->share + g->taken / 32);
}

/* The tree of the text with the k-th closer behind it, which is in g->text now. NULL: none. */
static struct syntax_tree *closed_tree(struct region *g, const struct syntax_tree *open, size_t k)
{
	struct span text = { g->text.p, g->text.n };
	struct syntax_tree *tree = g->closed[k] ? g->closed[k] : syntax_tree_copy(open);
	g->closed[k] = tree;
	if (!tree)
		return NULL;
	uint64_t before = syntax_tree_steps(tree);
	enum syntax_result grown = syntax_tree_grow(tree, text, &limits);
	g->steps += syntax_tree_steps(tree) - before;
	return grown == SYNTAX_OK ? tree : NULL;
}

/* Whether a match stays one where the text goes on with what would end a comment or a string: an
 * open one is parsed as if it were code. */
static enum syntax_answer confirm(struct region *g, const struct region_asker *who,
				  const struct syntax_form *form, const struct syntax_tree *open,
				  uint32_t at)
{
	const char *p = form->language->closers + 1;
	enum syntax_answer answer = SYNTAX_YES;
	size_t n = g->text.n, k = 0;
	if (g->closed_language != form->language || g->closed_at != n)
		forget_closed(g);
	g->closed_language = form->language;
	g->closed_at = n;
	for (const char *end; answer == SYNTAX_YES && (end = strchr(p, ' ')) != NULL; p = end + 1) {
		struct syntax_range range;
		CHECK(k < REGION_CLOSERS);
		buf_add(&g->text, p, (size_t)(end - p));
		struct syntax_tree *tree = g->text.failed ? NULL : closed_tree(g, open, k++);
		struct span text = { g->text.p, g->text.n };
		answer = tree ? syntax_ask(tree, form->query, who->regex, text, at, true, &range)
			      : SYNTAX_EXHAUSTED;
		g->text.n = n;
	}
	return answer == SYNTAX_NO || answer == SYNTAX_BROKEN ? SYNTAX_OPEN : answer;
}

static enum syntax_answer ask_one(struct region *g, const struct region_asker *who,
				  const struct syntax_form *form, const struct candidate *c,
				  bool whole, struct syntax_range *range)
{
	struct span text = { g->text.p, g->text.n };
	struct syntax_tree *tree = tree_of(g, form->language);
	if (!tree)
		return SYNTAX_EXHAUSTED;
	uint64_t before = syntax_tree_steps(tree);
	enum syntax_result grown = syntax_tree_grow(tree, text, &limits);
	g->steps += syntax_tree_steps(tree) - before;
	g->questions++;
	if (grown != SYNTAX_OK)
		return SYNTAX_EXHAUSTED;
	uint32_t at = (uint32_t)(c->point - 1 - g->start);
	enum syntax_answer answer =
		syntax_ask(tree, form->query, who->regex, text, at, whole, range);
	return answer == SYNTAX_YES && !whole ? confirm(g, who, form, tree, at) : answer;
}

/* By the rule's languages, or by the one that is stated. */
static enum syntax_answer ask(struct region *g, const struct region_asker *who,
			      const struct candidate *c, bool whole, struct syntax_range *range)
{
	const struct syntax_rule *rule = who->set->rules[c->rule].syntax;
	bool open = false, exhausted = false, broken = false;
	for (size_t i = 0; i < rule->n; i++) {
		if (g->stated && rule->v[i].language != g->language)
			continue;
		switch (ask_one(g, who, &rule->v[i], c, whole, range)) {
		case SYNTAX_YES: return SYNTAX_YES;
		case SYNTAX_OPEN: open = true; break;
		case SYNTAX_EXHAUSTED: exhausted = true; break;
		case SYNTAX_BROKEN: broken = g->stated; break;
		case SYNTAX_NO: break;
		}
	}
	if (exhausted)
		return SYNTAX_EXHAUSTED;
	return open ? SYNTAX_OPEN : broken ? SYNTAX_BROKEN : SYNTAX_NO;
}

static void decide(struct region *g, struct candidate *c, enum syntax_answer answer, uint64_t at,
		   bool by_end, const struct syntax_range *range)
{
	uint64_t least = c->point > RULE_REACH_MAX ? c->point - RULE_REACH_MAX : 0;
	if (answer == SYNTAX_OPEN)
		return;
	c->decided = at;
	c->by_end = by_end;
	c->answer = CANDIDATE_DEAD;
	if (answer == SYNTAX_YES) {
		c->answer = CANDIDATE_FOUND;
		c->secret.from = max_u64(g->start + range->from, least);
		c->secret.to = max_u64(g->start + range->to, c->point);
	} else if (answer != SYNTAX_NO) {
		c->answer = CANDIDATE_BOUND;
	}
}

/* Whether a checkpoint at `at` has to decide about it. */
static bool is_open(const struct region_asker *who, const struct candidate *c, uint64_t at)
{
	const struct rule *r = &who->set->rules[c->rule];
	return r->syntax && !c->decided && c->point <= at && at <= c->point + r->info.hold_bytes;
}

static void checkpoint(struct region *g, const struct region_asker *who, uint64_t at, bool whole,
		       bool by_end)
{
	bool counted = false;
	for (uint32_t i = 0; i < who->list->n; i++) {
		struct candidate *c = &who->list->v[i];
		struct syntax_range range = { 0, 0 };
		if (!is_open(who, c, at) || c->point <= g->start)
			continue;
		enum syntax_answer answer = SYNTAX_EXHAUSTED;
		if (may_spend(g, whole)) {
			g->parses += !counted;
			counted = true;
			answer = ask(g, who, c, whole, &range);
		} else if (!whole) {
			return;
		}
		decide(g, c, answer, at, by_end, &range);
	}
}

/* What is still open and begins before the text that is kept can not be decided any more. */
static void give_up(struct region *g, const struct region_asker *who, uint64_t at)
{
	struct syntax_range none = { 0, 0 };
	for (uint32_t i = 0; i < who->list->n; i++)
		if (is_open(who, &who->list->v[i], at) && who->list->v[i].point <= g->start)
			decide(g, &who->list->v[i], SYNTAX_EXHAUSTED, at, false, &none);
}

static bool begins_line(const struct buf *text, size_t i)
{
	return text->p[i - 1] == '\n';
}

static bool begins_top(const struct buf *text, size_t i)
{
	return begins_line(text, i) && !strchr(" \t\r\n})]", text->p[i]);
}

/* The text has grown past what is kept: a line in its first column is the best new beginning. */
static void trim(struct region *g)
{
	size_t most = g->text.n - REGION_KEPT, i = most, line = 0;
	for (; i > 0 && !begins_top(&g->text, i); i--)
		line = !line && begins_line(&g->text, i) ? i : line;
	i = i ? i : line;
	if (!i)
		return;
	g->start += i;
	buf_drop_front(&g->text, i);
	forget_trees(g);
}

/* The line that has just ended goes on in the next. */
static bool is_continued(const struct buf *text)
{
	size_t n = text->n - 1;
	n -= n > 0 && text->p[n - 1] == '\r';
	return n > 0 && text->p[n - 1] == '\\';
}

static void end_line(struct region *g, const struct region_asker *who)
{
	if (!g->blank && !is_continued(&g->text))
		checkpoint(g, who, g->start + g->text.n, false, false);
	g->blank = true;
	if (g->text.n > REGION_TEXT)
		trim(g);
}

static bool is_blank(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strchr(" \t\r\n", p[i]) || !p[i])
			return false;
	return true;
}

static bool take(struct region *g, const struct region_asker *who, const char *p, size_t n)
{
	while (n > 0) {
		const char *end = memchr(p, '\n', n);
		size_t part = end ? (size_t)(end - p) + 1 : n;
		bool full = part >= REGION_LINE - g->text.n;
		part = full ? REGION_LINE - g->text.n : part;
		buf_add(&g->text, p, part);
		if (g->text.failed)
			return false;
		g->taken += part;
		g->blank = g->blank && is_blank(p, part);
		if (full) { /* one line of it is longer than all that may be kept */
			g->start += g->text.n;
			buf_clear(&g->text);
			forget_trees(g);
			give_up(g, who, g->start);
		} else if (end) {
			end_line(g, who);
		}
		p += part;
		n -= part;
	}
	return true;
}

bool region_take(struct region *g, const struct region_asker *who, const char *p, size_t n)
{
	int64_t before = syntax_held();
	bool ok = take(g, who, p, n);
	g->held += syntax_held() - before;
	return ok;
}

void region_close(struct region *g, const struct region_asker *who, uint64_t at, bool fence,
		  bool by_end)
{
	int64_t before = syntax_held();
	if (fence) {
		const char *last = g->text.n ? memrchr(g->text.p, '\n', g->text.n) : NULL;
		g->text.n = last ? (size_t)(last - g->text.p) + 1 : 0;
		forget_trees(g); /* the line may have been parsed with the rest */
	}
	checkpoint(g, who, at, true, by_end);
	end(g);
	g->held += syntax_held() - before;
}
