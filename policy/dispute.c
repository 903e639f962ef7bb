#include "policy/dispute.h"

#include "policy/compare_parts.h"

bool dispute_grow(struct render *r, struct labels *labels)
{
	bool news = false;
	for (uint32_t i = 0; i < r->n; i++) {
		struct render_file *f = &r->files[i];
		struct span text = { f->text.p ? f->text.p : "", f->text.n };
		if (f->language && (f->stated || r->ended))
			news = online_grow(&f->online, f->language, text, !f->open, labels) || news;
		else if (!f->open && f->stated && !f->online.whole)
			news = f->online.whole = true; /* none of ours: it has no tree */
	}
	return news;
}

void dispute_forget(struct render *r)
{
	for (uint32_t i = 0; i < r->n; i++)
		online_fini(&r->files[i].online);
}

/* --- which files are paired for certain --- */

static bool alike(const struct render_file *a, const struct render_file *b)
{
	return a->choice == b->choice && a->path.n == b->path.n &&
	       span_eq((struct span){ a->path.p, a->path.n },
		       (struct span){ b->path.p, b->path.n }) &&
	       (a->path.n || a->language == b->language);
}

/* What the file is, and which place it has among those like it, cannot change any more. */
static bool is_certain(const struct render *r, uint32_t i, uint32_t *place)
{
	const struct render_file *f = &r->files[i];
	*place = 0;
	if (f->place == RENDER_BODY || !f->stated || (!f->path.n && f->place == RENDER_CALL))
		return false;
	for (uint32_t k = 0; k < i; k++) {
		const struct render_file *before = &r->files[k];
		bool known = before->path.n || (before->place == RENDER_FENCE && before->stated);
		if (!known && before->choice == f->choice)
			return false;
		*place += alike(before, f);
	}
	return true;
}

static const struct render_file *partner(const struct render *r, const struct render_file *of,
					 uint32_t place)
{
	uint32_t at;
	for (uint32_t i = 0; i < r->n; i++)
		if (alike(&r->files[i], of) && is_certain(r, i, &at) && at == place)
			return &r->files[i];
	return NULL;
}

/* --- what is known of a pair of files --- */

/* One that will not be a program, whatever else is said. */
static bool is_broken(const struct render_file *f, enum compare_reason *why)
{
	if (!f->language || !f->online.whole || f->online.result == TREE_OK ||
	    f->online.result == TREE_EMPTY)
		return false;
	*why = compare_tree(f->online.result);
	return true;
}

static bool differs(const struct render_file *a, const struct render_file *b,
		    enum compare_reason *why)
{
	if (a->language != b->language) {
		*why = COMPARE_LANGUAGES_DIFFER;
		return true;
	}
	*why = COMPARE_UNKNOWN_LANGUAGE;
	if (!a->language && !a->open && !b->open)
		return !span_eq((struct span){ a->text.p, a->text.n },
				(struct span){ b->text.p, b->text.n });
	return a->language && (is_broken(a, why) || is_broken(b, why));
}

/* --- the sizes --- */

/* Of all files of a render that has ended; else, or where it is not known, the most. */
static uint32_t size_of(const struct render *r, uint32_t most)
{
	uint64_t n = 0;
	for (uint32_t i = 0; i < r->n; i++) {
		if (r->files[i].language && !r->files[i].online.whole)
			return most;
		n += r->files[i].online.n;
	}
	return r->ended && n < most ? (uint32_t)n : most;
}

/* The score that a distance of `low` would have at least. A render has no more nodes than the other
 * one and their distance. More distance is more of the score, whatever the sizes then are. */
static struct score score_of(uint32_t a, uint32_t b, uint32_t base, uint32_t low)
{
	uint32_t less = a < b ? a : b, more = a < b ? b : a;
	uint64_t reach = (uint64_t)less + low;
	more = more < reach ? more : (uint32_t)reach;
	return (struct score){ .ab = { low, low },
			       .ac = { less + base, less + base },
			       .bc = { more + base, more + base } };
}

bool dispute_certain(const struct render *a, const struct render *b,
		     const struct quorum_settings *settings, uint32_t base_nodes,
		     enum compare_reason *why, struct score *score)
{
	uint32_t size_a = size_of(a, settings->max_nodes), size_b = size_of(b, settings->max_nodes);
	struct score widest =
		score_of(size_a, size_b, base_nodes, size_a < size_b ? size_a : size_b);
	uint32_t most = score_limit(&widest, settings->threshold) + 1, low = 0, place;
	for (uint32_t i = 0; i < a->n && low < most; i++) {
		const struct render_file *f = &a->files[i];
		const struct render_file *g =
			is_certain(a, i, &place) ? partner(b, f, place) : NULL;
		if (g && differs(f, g, why))
			return true;
		if (g && f->language && most <= ONLINE_EDITS)
			low += online_distance(&f->online, &g->online, most - low);
	}
	*score = score_of(size_a, size_b, base_nodes, low);
	*why = COMPARE_ABOVE_THRESHOLD;
	bool above = score_above(score, settings->threshold) == 1;
	score->ab.high = score->ac.high + score->bc.high;
	score->ac.low = score->bc.low = 0;
	return above;
}
