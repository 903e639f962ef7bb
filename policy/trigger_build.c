#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/trigger_state.h"

#define PARTS_MOST 64 /* of an expression; one that has more is left to the matcher, */
#define PARTS_MEAN 8  /* and so are the last ones where all together have more */
#define DEPTH_MOST 24

struct part { /* of an expression: one way in which it may begin */
	char *head;
	struct trigger_row row; /* n 0: it is none, and the head is all of the part */
	const struct tail *tail;
};

struct parts {
	struct part v[PARTS_MOST];
	uint32_t n;
	bool too_many;
};

struct triggers *triggers_new(size_t patterns)
{
	struct triggers *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->patterns = (uint32_t)patterns;
	t->cap = t->patterns * (PARTS_MEAN + 1) + 1;
	t->heads = calloc(t->cap, sizeof(*t->heads));
	t->first = calloc(t->cap, sizeof(*t->first));
	t->v = calloc(t->cap, sizeof(*t->v));
	t->users = calloc(t->cap, sizeof(*t->users));
	t->tails = calloc(t->cap, sizeof(*t->tails));
	t->fronts = calloc(t->cap, sizeof(*t->fronts));
	if (t->heads && t->first && t->v && t->users && t->tails && t->fronts)
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
	for (uint32_t i = 0; i < t->n_fronts; i++)
		free(t->fronts[i]);
	free(t->fronts);
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
	t->first[t->n_heads] = TRIGGER_NONE;
	return t->n_heads++;
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
	if (t->n_tails == t->cap) {
		free(text);
		return 0;
	}
	struct known_tail *one = &t->tails[t->n_tails++];
	one->text = text;
	int rc = tail_read(text, &one->tail);
	*out = one->tail;
	return rc;
}

static bool same_front(const struct trigger_front_part *a, const struct trigger_row *r)
{
	return a->row == r->n && a->before == r->before && a->front == r->front &&
	       memcmp(a->in, r->in, r->before * sizeof(r->in[0])) == 0;
}

static int front_of(struct triggers *t, const struct trigger_row *r,
		    const struct trigger_front_part **out)
{
	*out = NULL;
	if (!r->before && r->front == FRONT_ANY)
		return 0;
	for (uint32_t i = 0; i < t->n_fronts; i++)
		if (same_front(t->fronts[i], r)) {
			*out = t->fronts[i];
			return 0;
		}
	size_t size = r->before * sizeof(r->in[0]);
	struct trigger_front_part *f = malloc(sizeof(*f) + size);
	if (!f)
		return -ENOMEM;
	*f = (struct trigger_front_part){ r->n, r->before, r->front };
	memcpy(f->in, r->in, size);
	*out = t->fronts[t->n_fronts++] = f;
	return 0;
}

static void use(struct triggers *t, uint32_t head, const struct trigger_front_part *front,
		const struct tail *tail, struct user user)
{
	uint32_t i = t->first[head], *last;
	while (i != TRIGGER_NONE && (t->v[i].tail != tail || t->v[i].front != front))
		i = t->v[i].next;
	if (i == TRIGGER_NONE) {
		i = t->n++;
		t->v[i] = (struct trigger){ front, tail, TRIGGER_NONE, t->first[head] };
		t->first[head] = i;
	}
	for (last = &t->v[i].users; *last != TRIGGER_NONE; last = &t->users[*last].next)
		if (t->users[*last].pattern == user.pattern)
			return; /* two ways to begin that are one */
	*last = t->n_users;
	t->users[t->n_users++] = user;
}

static int part_add(struct parts *p, char *head, const struct trigger_row *row,
		    const struct tail *tail)
{
	if (!head)
		return -ENOMEM;
	p->v[p->n++] = (struct part){ head, *row, tail };
	return 0;
}

static int read_parts(struct triggers *t, const char *expression, unsigned depth, struct parts *p);

static void forget(struct parts *p, uint32_t keep)
{
	while (p->n > keep)
		free(p->v[--p->n].head);
}

static bool any_row(const struct parts *p, uint32_t from)
{
	while (from < p->n && !p->v[from].row.n)
		from++;
	return from < p->n;
}

/* It has no row, or a tail that is no table: then perhaps some of the ways have in which it may go.
 */
static int read_choices(struct triggers *t, const char *expression, unsigned depth, struct parts *p)
{
	struct trigger_choices c;
	struct trigger_row none = { .n = 0 };
	uint32_t mark = p->n;
	int rc = trigger_choose(expression, &c);
	for (uint32_t i = 0; i < c.n; i++) {
		if (!rc && !p->too_many)
			rc = read_parts(t, c.v[i], depth + 1, p);
		free(c.v[i]);
	}
	if (rc || any_row(p, mark))
		return rc;
	forget(p, mark);
	p->too_many = false;
	return part_add(p, strdup(expression), &none, NULL);
}

static int read_parts(struct triggers *t, const char *expression, unsigned depth, struct parts *p)
{
	struct trigger_split s;
	struct trigger_row row;
	const struct tail *tail = NULL;
	p->too_many = p->too_many || p->n == PARTS_MOST || depth > DEPTH_MOST;
	int rc = p->too_many ? 0 : trigger_split(expression, &s);
	if (rc || p->too_many)
		return rc;
	bool parted = s.tail;
	if (parted)
		rc = tail_of(t, s.tail, &tail);
	bool is_row =
		parted == (tail != NULL) && trigger_row_read(parted ? s.head : expression, &row);
	free(s.head);
	if (rc)
		return rc;
	return is_row ? part_add(p, trigger_row_text(&row), &row, tail)
		      : read_choices(t, expression, depth, p);
}

static int use_parts(struct triggers *t, struct parts *p, struct user user)
{
	int rc = 0;
	for (uint32_t i = 0; i < p->n && !rc; i++) {
		const struct trigger_front_part *front;
		rc = front_of(t, &p->v[i].row, &front);
		if (rc)
			break;
		use(t, head_of(t, p->v[i].head, false), front, p->v[i].tail, user);
		p->v[i].head = NULL;
	}
	forget(p, 0);
	return rc;
}

static int whole(struct triggers *t, const struct multimatch_pattern *p, struct user user)
{
	char *text = strdup(p->text);
	if (!text)
		return -ENOMEM;
	use(t, head_of(t, text, p->keyword), NULL, NULL, user);
	return 0;
}

int triggers_add(struct triggers *t, const struct multimatch_pattern *p, uint32_t pattern,
		 const struct head *body)
{
	struct user user = { body, pattern, TRIGGER_NONE };
	if (p->keyword)
		return whole(t, p, user);
	struct parts *parts = calloc(1, sizeof(*parts));
	if (!parts)
		return -ENOMEM;
	int rc = read_parts(t, p->text, 0, parts);
	bool left = parts->too_many || t->n_users + parts->n + t->patterns > t->cap;
	if (rc || left)
		forget(parts, 0);
	if (!rc)
		rc = left ? whole(t, p, user) : use_parts(t, parts, user);
	free(parts);
	return rc;
}
