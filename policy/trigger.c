#include "policy/trigger.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/tail.h"
#include "policy/trigger_split.h"

#define NONE UINT32_MAX
#define STRIDE 8 /* bytes */

/* What is done where a head ends. */
struct trigger {
	const struct tail *tail; /* NULL: the lead-in ends there */
	uint32_t edge;           /* a word begins so many bytes before; 0: it need not */
	uint32_t users;          /* the first of `users` */
	uint32_t next;           /* another one of this head */
};

struct user {
	const struct head *body;
	uint32_t pattern;
	uint32_t next;
};

struct known_tail {
	char *text;
	struct tail *tail; /* NULL: it is no table */
};

struct triggers {
	struct multimatch_pattern *heads;
	uint32_t *first; /* trigger of each head */
	struct trigger *v;
	struct user *users;
	struct known_tail *tails;
	uint32_t n_heads, n, n_users, n_tails;
};

struct triggers *triggers_new(size_t patterns)
{
	struct triggers *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->heads = calloc(patterns + 1, sizeof(*t->heads));
	t->first = calloc(patterns + 1, sizeof(*t->first));
	t->v = calloc(patterns + 1, sizeof(*t->v));
	t->users = calloc(patterns + 1, sizeof(*t->users));
	t->tails = calloc(patterns + 1, sizeof(*t->tails));
	if (t->heads && t->first && t->v && t->users && t->tails)
		return t;
	triggers_free(t);
	return NULL;
}

void triggers_free(struct triggers *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i < t->n_heads; i++)
		free((char *)(uintptr_t)t->heads[i].text);
	for (uint32_t i = 0; i < t->n_tails; i++) {
		free(t->tails[i].text);
		free(t->tails[i].tail);
	}
	free(t->heads);
	free(t->first);
	free(t->v);
	free(t->users);
	free(t->tails);
	free(t);
}

void walks_fini(struct walks *w)
{
	free(w->v);
	free(w->said);
	*w = (struct walks){ 0 };
}

size_t walks_memory(const struct walks *w)
{
	return w->cap * sizeof(*w->v) + w->cap_said * sizeof(*w->said);
}

const struct multimatch_pattern *triggers_heads(const struct triggers *t, size_t *n)
{
	*n = t->n_heads;
	return t->heads;
}

uint32_t triggers_user(const struct triggers *t, size_t head)
{
	return t->users[t->v[t->first[head]].users].pattern;
}

/* Takes the text over. */
static uint32_t head_of(struct triggers *t, char *text, bool keyword)
{
	for (uint32_t i = 0; i < t->n_heads; i++)
		if (t->heads[i].keyword == keyword && strcmp(t->heads[i].text, text) == 0) {
			free(text);
			return i;
		}
	t->heads[t->n_heads] = (struct multimatch_pattern){ .text = text, .keyword = keyword };
	t->first[t->n_heads] = NONE;
	return t->n_heads++;
}

static void use(struct triggers *t, uint32_t head, const struct tail *tail, uint32_t edge,
		struct user user)
{
	uint32_t i = t->first[head], *last;
	while (i != NONE && (t->v[i].tail != tail || t->v[i].edge != edge))
		i = t->v[i].next;
	if (i == NONE) {
		i = t->n++;
		t->v[i] = (struct trigger){ tail, edge, NONE, t->first[head] };
		t->first[head] = i;
	}
	for (last = &t->v[i].users; *last != NONE;)
		last = &t->users[*last].next;
	*last = t->n_users;
	t->users[t->n_users++] = user;
}

/* Many rules have the same tail. Takes the text over. */
static int tail_of(struct triggers *t, char *text, const struct tail **out)
{
	for (uint32_t i = 0; i < t->n_tails; i++)
		if (strcmp(t->tails[i].text, text) == 0) {
			*out = t->tails[i].tail;
			free(text);
			return 0;
		}
	struct known_tail *one = &t->tails[t->n_tails++];
	one->text = text;
	int rc = tail_read(text, &one->tail);
	*out = one->tail;
	return rc;
}

int triggers_add(struct triggers *t, const struct multimatch_pattern *p, uint32_t pattern,
		 const struct head *body)
{
	struct trigger_split s = { .head = NULL };
	const struct tail *tail = NULL;
	int rc = p->keyword ? 0 : trigger_split(p->text, &s);
	if (!rc && s.tail)
		rc = tail_of(t, s.tail, &tail);
	if (!rc && (!s.head || (s.tail && !tail))) { /* then the matcher has all of it */
		free(s.head);
		s.edge = 0;
		s.head = strdup(p->text);
		rc = s.head ? 0 : -ENOMEM;
	}
	if (!rc && !p->keyword)
		rc = trigger_plain(&s);
	if (rc)
		free(s.head);
	else
		use(t, head_of(t, s.head, p->keyword), tail, s.edge,
		    (struct user){ body, pattern, NONE });
	return rc;
}

static bool is_word(unsigned char c)
{
	return isalnum(c) || c == '_';
}

struct place { /* the text of a call, and what is found in it */
	const unsigned char *text;
	uint64_t from, until; /* offsets of its first byte, and after its last */
	uint64_t base;        /* the channel's text began there */
	uint64_t fresh;       /* and what is new of it */
	struct multimatch_hits *out;
};

static unsigned char byte_at(const struct place *p, uint64_t at)
{
	return p->text[at - p->from];
}

/* Whether a word begins at `at`. */
static bool begins_word(const struct place *p, uint64_t at)
{
	return at <= p->base || !is_word(byte_at(p, at - 1));
}

static bool was_said(const struct walks *w, uint32_t pattern)
{
	bool was = false;
	for (uint32_t i = 0; i < w->n_said && !was; i++)
		was = w->said[i] == pattern;
	return was;
}

/* A lead-in ends at `end`. */
static void report(const struct triggers *t, const struct walks *w, const struct place *p,
		   const struct trigger *one, uint64_t end)
{
	for (uint32_t i = one->users; i != NONE; i = t->users[i].next) {
		const struct user *u = &t->users[i];
		bool known = u->body && end < p->until;
		if (known && !(u->body->may[byte_at(p, end)] & 1))
			continue;
		if (end > p->fresh || !was_said(w, u->pattern))
			multimatch_hits_add(p->out, end - p->base, u->pattern);
	}
}

static void begin(struct walks *w, const struct place *p, struct walk walk)
{
	if (w->n == w->cap) {
		uint32_t cap = w->cap ? 2 * w->cap : 8;
		struct walk *v = realloc(w->v, cap * sizeof(*v));
		if (!v) {
			p->out->failed = true;
			return;
		}
		w->v = v;
		w->cap = cap;
	}
	w->v[w->n++] = walk;
}

/* What a tail says at `at`. Walks that begin there are taken on from `from`. */
static void heed(const struct triggers *t, struct walks *w, const struct place *p, uint32_t trigger,
		 uint32_t says, uint64_t at, uint64_t from)
{
	const struct trigger *one = &t->v[trigger];
	if (says & TAIL_ACCEPTS)
		report(t, w, p, one, at);
	for (uint32_t gaps = says & ~TAIL_ACCEPTS; gaps; gaps &= gaps - 1) {
		const struct tail_gap *gap = &one->tail->gaps[__builtin_ctz(gaps)];
		begin(w, p,
		      (struct walk){ .trigger = trigger,
				     .state = gap->start,
				     .left = gap->most,
				     .skip = (uint16_t)(at - from),
				     .fresh = true });
	}
}

/* Takes one walk on until there is something to say, or to the end. */
static uint64_t step_on(const struct tail *tail, uint32_t *state, const struct place *p,
			uint64_t at, uint64_t to)
{
	const unsigned char *byte = p->text + (at - p->from), *end = p->text + (to - p->from);
	uint32_t now = *state, next;
	for (; byte < end; byte++, now = next) {
		next = tail_step(tail, now, *byte);
		if (next & TAIL_NOTE)
			break;
	}
	*state = now;
	return p->from + (uint64_t)(byte - p->text);
}

/* Takes one walk on; whether it goes on from there. */
static bool walk_on(const struct triggers *t, struct walks *w, uint32_t i, const struct place *p,
		    uint64_t from, uint64_t to)
{
	struct walk walk = w->v[i];
	const struct tail *tail = t->v[walk.trigger].tail;
	uint32_t state = walk.state;
	bool over = false;
	for (uint64_t at = from + walk.skip, begun = at; at < to && !over; begun = at) {
		uint64_t gap_end = walk.left == TAIL_NO_GAP ? to : at + walk.left;
		at = step_on(tail, &state, p, at, min_u64(to, gap_end));
		if (at < min_u64(to, gap_end)) {
			unsigned char byte = byte_at(p, at++);
			const struct tail_state *one = tail_state(tail, state);
			if (one->edge && one->word != is_word(byte))
				heed(t, w, p, walk.trigger, one->edge, at - 1, from);
			state = tail_step(tail, state, byte) & ~TAIL_NOTE;
			one = tail_state(tail, state);
			if (one->says)
				heed(t, w, p, walk.trigger, one->says, at, from);
			over = one->over;
		}
		if (walk.left != TAIL_NO_GAP)
			walk.left -= (uint16_t)(at - begun);
		if (!walk.left) {
			walk.left = TAIL_NO_GAP;
			state = tail_state(tail, state)->cut;
			over = tail_state(tail, state)->over;
		}
	}
	walk.state = (uint16_t)state;
	walk.skip = 0;
	w->v[i] = walk;
	return !over;
}

/* A walk is over when a younger one of its trigger says all that it would say; the youngest tend
 * to. */
static void drop_within(const struct triggers *t, struct walks *w, uint32_t trigger)
{
	const struct tail *tail = t->v[trigger].tail;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < w->n; i++) {
		struct walk *one = &w->v[i];
		bool said = false;
		for (uint32_t k = w->n; one->trigger == trigger && --k > i && !said;)
			said = w->v[k].trigger == trigger &&
			       tail_within(tail, one->state, one->left, w->v[k].state,
					   w->v[k].left);
		one->fresh = one->fresh && one->trigger != trigger;
		if (!said)
			w->v[kept++] = *one;
	}
	w->n = kept;
}

static void drop_beside_fresh(const struct triggers *t, struct walks *w)
{
	for (uint32_t i = w->n; i-- > 0;)
		if (w->v[i].fresh) {
			drop_within(t, w, w->v[i].trigger);
			i = w->n;
		}
}

/* Where each byte may begin a walk, they are compared again before they are many. */
static uint64_t stride(const struct triggers *t, const struct walks *w)
{
	for (uint32_t i = 0; i < w->n; i++)
		if (t->v[w->v[i].trigger].tail->begins)
			return STRIDE;
	return UINT32_MAX;
}

static void all_on(const struct triggers *t, struct walks *w, const struct place *p, uint64_t from,
		   uint64_t to)
{
	for (uint64_t until; w->n && from < to; from = until) {
		uint32_t kept = 0, old = w->n;
		until = min_u64(to, from + stride(t, w));
		for (uint32_t i = 0; i < w->n; i++) {
			if (!walk_on(t, w, i, p, from, until))
				continue;
			if (kept != i)
				w->v[kept] = w->v[i];
			kept++;
		}
		bool more = w->n > old;
		w->n = kept;
		if (more)
			drop_beside_fresh(t, w);
	}
}

/* Where another walk is in the gap already and may end it as early, two are one of which the gap
 * ends as late as that of the second. */
static bool go_on_in_gap(const struct tail *tail, struct walks *w, uint32_t trigger, uint32_t gap)
{
	for (uint32_t i = 0; i < w->n; i++) {
		struct walk *one = &w->v[i];
		if (one->trigger == trigger && one->left >= tail->gaps[gap].least &&
		    tail_state(tail, one->state)->in >> gap & 1) {
			one->left = tail->gaps[gap].most;
			return true;
		}
	}
	return false;
}

/* Begins a walk behind a head, but where one of two says all that the other would. */
static void begin_beside(const struct tail *tail, struct walks *w, const struct place *p,
			 struct walk walk)
{
	for (uint32_t i = 0; i < w->n; i++) {
		struct walk *one = &w->v[i];
		if (one->trigger != walk.trigger)
			continue;
		if (tail_within(tail, walk.state, walk.left, one->state, one->left))
			return;
		if (tail_within(tail, one->state, one->left, walk.state, walk.left)) {
			*one = walk;
			return;
		}
	}
	begin(w, p, walk);
}

/* A head ends at `end`, and its tail begins. */
static void follow(const struct triggers *t, struct walks *w, const struct place *p,
		   uint32_t trigger, uint64_t end)
{
	const struct tail *tail = t->v[trigger].tail;
	uint16_t start = tail->start[is_word(byte_at(p, end - 1))];
	const struct tail_state *one = tail_state(tail, start);
	uint32_t old = w->n;
	if (one->says & TAIL_ACCEPTS)
		report(t, w, p, &t->v[trigger], end);
	for (uint32_t gaps = one->says & ~TAIL_ACCEPTS; gaps; gaps &= gaps - 1) {
		uint32_t gap = (uint32_t)__builtin_ctz(gaps);
		struct walk walk = { .trigger = trigger,
				     .state = tail->gaps[gap].start,
				     .left = tail->gaps[gap].most };
		if (!old)
			begin(w, p, walk);
		else if (!go_on_in_gap(tail, w, trigger, gap))
			begin_beside(tail, w, p, walk);
	}
	struct walk walk = { .trigger = trigger, .state = start, .left = TAIL_NO_GAP };
	if (!one->over && !old)
		begin(w, p, walk);
	else if (!one->over)
		begin_beside(tail, w, p, walk);
	if (old && w->n > old)
		drop_within(t, w, trigger);
}

/* Where the text ends a word does. */
static void all_end(const struct triggers *t, struct walks *w, const struct place *p)
{
	for (uint32_t i = 0; i < w->n; i++) {
		const struct trigger *one = &t->v[w->v[i].trigger];
		const struct tail_state *state = tail_state(one->tail, w->v[i].state);
		if (state->word && state->edge & TAIL_ACCEPTS)
			report(t, w, p, one, p->until);
	}
	w->n = 0;
	w->n_said = 0;
}

/* What has ended where the text does may end there once more, by the edge of a word that the next
 * byte shows. */
static void keep_said(const struct triggers *t, struct walks *w, const struct place *p)
{
	bool waits = false;
	w->n_said = 0;
	for (uint32_t i = 0; i < w->n && !waits; i++)
		waits = tail_state(t->v[w->v[i].trigger].tail, w->v[i].state)->edge & TAIL_ACCEPTS;
	for (size_t i = p->out->n; waits && i-- > 0; w->n_said++) {
		if (p->out->v[i].end < p->until - p->base)
			break;
		if (w->n_said == w->cap_said) {
			uint32_t cap = w->cap_said ? 2 * w->cap_said : 4;
			uint32_t *said = realloc(w->said, cap * sizeof(*said));
			if (!said) {
				p->out->failed = true;
				break;
			}
			w->said = said;
			w->cap_said = cap;
		}
		w->said[w->n_said] = p->out->v[i].pattern;
	}
}

/* A head ends at `end`. */
static void pull(const struct triggers *t, struct walks *w, const struct place *p, uint32_t head,
		 uint64_t end)
{
	for (uint32_t i = t->first[head]; i != NONE; i = t->v[i].next) {
		const struct trigger *one = &t->v[i];
		if (one->edge && !begins_word(p, end - one->edge))
			continue;
		if (one->tail)
			follow(t, w, p, i, end);
		else
			report(t, w, p, one, end);
	}
}

bool triggers_find(const struct triggers *t, struct walks *w, const struct track *text,
		   uint64_t base, uint64_t fresh, bool ended, struct multimatch_hits *heads,
		   struct multimatch_hits *out)
{
	const struct place p = {
		(const unsigned char *)text->text, text->base, track_end(text), base, fresh, out
	};
	uint64_t at = fresh;
	multimatch_hits_sort(heads);
	for (size_t i = 0; i < heads->n && !out->failed; i++) {
		uint64_t end = heads->v[i].end + base;
		all_on(t, w, &p, at, end);
		at = max_u64(at, end);
		pull(t, w, &p, heads->v[i].pattern, end);
	}
	all_on(t, w, &p, at, p.until);
	if (ended)
		all_end(t, w, &p);
	multimatch_hits_sort(out);
	keep_said(t, w, &p);
	return !out->failed;
}
