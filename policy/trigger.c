#include "policy/trigger.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/tail.h"
#include "policy/trigger_split.h"

#define NONE UINT32_MAX

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

/* A lead-in ends at `end`. */
static void report(const struct triggers *t, const struct trigger *one, const struct place *p,
		   uint64_t end)
{
	for (uint32_t i = one->users; i != NONE; i = t->users[i].next) {
		const struct user *u = &t->users[i];
		bool known = u->body && end < p->until;
		if (!known || u->body->may[byte_at(p, end)] & 1)
			multimatch_hits_add(p->out, end - p->base, u->pattern);
	}
}

/* Takes one walk on; whether it goes on from there. */
static bool step_on(const struct triggers *t, struct walk *w, const struct place *p, uint64_t from,
		    uint64_t to)
{
	const struct trigger *one = &t->v[w->trigger];
	const struct tail *tail = one->tail;
	uint32_t state = w->state;
	for (uint64_t at = from; at < to && state != TAIL_DEAD; at++) {
		state = tail_next(tail, state, byte_at(p, at));
		if (tail->accepts[state])
			report(t, one, p, at + 1);
	}
	w->state = (uint16_t)state;
	return state != TAIL_DEAD;
}

static void all_on(const struct triggers *t, struct walks *w, const struct place *p, uint64_t from,
		   uint64_t to)
{
	uint32_t kept = 0;
	if (!w->n || from >= to)
		return;
	for (uint32_t i = 0; i < w->n; i++)
		if (step_on(t, &w->v[i], p, from, to))
			w->v[kept++] = w->v[i];
	w->n = kept;
}

/* A walk is over when a younger one says all that it would say. */
static void drop_within(const struct triggers *t, struct walks *w, uint32_t trigger)
{
	const struct tail *tail = t->v[trigger].tail;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < w->n; i++) {
		bool said = false;
		for (uint32_t k = i + 1; k < w->n && w->v[i].trigger == trigger && !said; k++)
			said = w->v[k].trigger == trigger &&
			       tail_within(tail, w->v[i].state, w->v[k].state);
		if (!said)
			w->v[kept++] = w->v[i];
	}
	w->n = kept;
}

static bool begin(const struct triggers *t, struct walks *w, uint32_t trigger, uint16_t state)
{
	if (w->n == w->cap) {
		uint32_t cap = w->cap ? 2 * w->cap : 8;
		struct walk *v = realloc(w->v, cap * sizeof(*v));
		if (!v)
			return false;
		w->v = v;
		w->cap = cap;
	}
	w->v[w->n++] = (struct walk){ trigger, state };
	drop_within(t, w, trigger);
	return true;
}

/* A head ends at `end`. */
static bool pull(const struct triggers *t, struct walks *w, const struct place *p, uint32_t head,
		 uint64_t end)
{
	bool ok = true;
	for (uint32_t i = t->first[head]; i != NONE && ok; i = t->v[i].next) {
		const struct trigger *one = &t->v[i];
		if (one->edge && !begins_word(p, end - one->edge))
			continue;
		uint32_t state = one->tail ? one->tail->start[is_word(byte_at(p, end - 1))] : 0;
		if (!one->tail || one->tail->accepts[state])
			report(t, one, p, end);
		if (one->tail)
			ok = begin(t, w, i, (uint16_t)state);
	}
	return ok;
}

bool triggers_find(const struct triggers *t, struct walks *w, const struct track *text,
		   uint64_t base, uint64_t fresh, struct multimatch_hits *heads,
		   struct multimatch_hits *out)
{
	const struct place p = { (const unsigned char *)text->text, text->base, track_end(text),
				 base, out };
	uint64_t at = fresh;
	bool ok = true;
	multimatch_hits_sort(heads);
	for (size_t i = 0; i < heads->n && ok; i++) {
		uint64_t end = heads->v[i].end + base;
		all_on(t, w, &p, at, end);
		at = max_u64(at, end);
		ok = pull(t, w, &p, heads->v[i].pattern, end);
	}
	all_on(t, w, &p, at, p.until);
	multimatch_hits_sort(out);
	return ok && !out->failed;
}
