#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/trigger_state.h"

/* What has more is left to the matcher. */
#define PARTS_MOST 64  /* of an expression, and more are room for all */
#define PARTS_MEAN 8   /* for each expression */
#define READS_MOST 512 /* of an expression and what it is multiplied out to */

struct part { /* of an expression: one way in which it may begin */
	char *head;
	struct trigger_row row; /* n 0: it is none, and the head is all of the part */
	const struct tail *tail;
};

struct parts {
	struct part v[PARTS_MOST];
	uint32_t n, reads;
	bool too_many; /* of either */
};

struct triggers *triggers_new(size_t patterns)
{
	struct triggers *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->patterns = (uint32_t)patterns;
	t->cap = t->patterns * (PARTS_MEAN + 1) + PARTS_MOST;
	t->heads = calloc(t->cap, sizeof(*t->heads));
	t->first = calloc(t->cap, sizeof(*t->first));
	t->sought = calloc(t->cap, sizeof(*t->sought));
	t->v = calloc(t->cap, sizeof(*t->v));
	t->users = calloc(t->cap, sizeof(*t->users));
	t->tails = calloc(t->cap, sizeof(*t->tails));
	t->fronts = calloc(t->cap, sizeof(*t->fronts));
	if (t->heads && t->first && t->sought && t->v && t->users && t->tails && t->fronts)
		return t;
	triggers_free(t);
	return NULL;
}

static void forget_sought(struct triggers *t)
{
	for (uint32_t i = 0; t->sought && i < t->n_heads; i++)
		free(t->sought[i].in);
	free(t->sought);
	t->sought = NULL;
}

void triggers_free(struct triggers *t)
{
	if (!t)
		return;
	forget_sought(t);
	head_table_free(t->table);
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

static int keep_sought(struct sought *to, uint32_t (*in)[8], uint32_t n)
{
	to->in = n ? malloc(n * sizeof(*in)) : NULL;
	if (!to->in)
		return n ? -ENOMEM : 0;
	memcpy(to->in, in, n * sizeof(*in));
	to->n = n;
	return 0;
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
	uint32_t *at = &t->first[head], *last;
	while (*at != TRIGGER_NONE && (t->v[*at].tail != tail || t->v[*at].front != front))
		at = &t->v[*at].next;
	uint32_t i = *at;
	if (i == TRIGGER_NONE) {
		i = *at = t->n++;
		t->v[i] = (struct trigger){
			.front = front, .tail = tail, .users = TRIGGER_NONE, .next = TRIGGER_NONE
		};
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

static int read_parts(struct triggers *t, const char *expression, struct parts *p);

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

/* It has no row, or a tail that is no table: then perhaps some ways in which it may go have. */
static int read_choices(struct triggers *t, const char *expression, struct parts *p)
{
	struct trigger_choices c;
	struct trigger_row none = { .n = 0 };
	uint32_t mark = p->n;
	int rc = trigger_choose(expression, &c);
	for (uint32_t i = 0; i < c.n; i++) {
		if (!rc && !p->too_many)
			rc = read_parts(t, c.v[i], p);
		free(c.v[i]);
	}
	if (rc || p->too_many || any_row(p, mark))
		return rc;
	forget(p, mark);
	return part_add(p, strdup(expression), &none, NULL);
}

static int read_parts(struct triggers *t, const char *expression, struct parts *p)
{
	struct trigger_split s;
	struct trigger_row row;
	const struct tail *tail = NULL;
	p->too_many = p->too_many || p->n == PARTS_MOST || p->reads++ == READS_MOST;
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
		      : read_choices(t, expression, p);
}

static int use_part(struct triggers *t, struct part *p, struct user user)
{
	const struct trigger_front_part *front;
	struct trigger_row *r = &p->row;
	int rc = front_of(t, r, &front);
	if (rc)
		return rc;
	uint32_t head = head_of(t, p->head, false);
	p->head = NULL;
	t->whole = t->whole || !r->n;
	use(t, head, front, p->tail, user);
	bool known = t->sought[head].n || !r->n;
	return known ? 0 : keep_sought(&t->sought[head], r->in + r->before, r->n - r->before);
}

static int use_parts(struct triggers *t, struct parts *p, struct user user)
{
	int rc = 0;
	for (uint32_t i = 0; i < p->n && !rc; i++)
		rc = use_part(t, &p->v[i], user);
	forget(p, 0);
	return rc;
}

/* One that is too long to be looked for whole is found by its end, each time. */
static int use_keyword(struct triggers *t, const char *keyword, struct user user)
{
	struct part part = { .tail = NULL };
	bool fits = trigger_row_spell(keyword, &part.row);
	if (fits && part.row.before) {
		part.head = trigger_row_text(&part.row);
		int rc = part.head ? use_part(t, &part, user) : -ENOMEM;
		free(part.head);
		return rc;
	}
	char *text = strdup(keyword);
	if (!text)
		return -ENOMEM;
	uint32_t head = head_of(t, text, true);
	use(t, head, NULL, NULL, user);
	bool known = t->sought[head].n || !fits;
	return known ? 0 : keep_sought(&t->sought[head], part.row.in, part.row.n);
}

/* The matcher has all of it. */
static int use_whole(struct triggers *t, const char *expression, struct user user)
{
	char *text = strdup(expression);
	if (!text)
		return -ENOMEM;
	t->whole = true;
	use(t, head_of(t, text, false), NULL, NULL, user);
	return 0;
}

int triggers_add(struct triggers *t, const struct multimatch_pattern *p, uint32_t pattern,
		 const struct head *body)
{
	struct user user = { body, pattern, TRIGGER_NONE };
	CHECK(t->sought);
	if (p->keyword)
		return use_keyword(t, p->text, user);
	struct parts *parts = calloc(1, sizeof(*parts));
	if (!parts)
		return -ENOMEM;
	int rc = read_parts(t, p->text, parts);
	bool left = parts->too_many || t->n_users + parts->n + t->patterns > t->cap;
	if (rc || left)
		forget(parts, 0);
	if (!rc)
		rc = left ? use_whole(t, p->text, user) : use_parts(t, parts, user);
	free(parts);
	return rc;
}

/* Whether a walk that begins there says something, or is not over, behind the byte. */
static bool tail_goes_on(const struct tail *tail, uint32_t start, unsigned char byte)
{
	const struct tail_state *one = tail_state(tail, start);
	uint32_t step = tail_step(tail, start, byte);
	return one->says || one->edge || !(step & TAIL_OVER) || step & (TAIL_ENDS | TAIL_GOES_ON);
}

static bool goes_on(const struct trigger *one, unsigned char byte)
{
	return tail_goes_on(one->tail, one->tail->start[0], byte) ||
	       tail_goes_on(one->tail, one->tail->start[1], byte);
}

static bool begins_body(const struct trigger *one, const struct user *users, unsigned char byte)
{
	bool does = false;
	for (uint32_t i = 0; i < one->n_users && !does; i++)
		does = !users[one->users + i].body || users[one->users + i].body->may[byte] & 1;
	return does;
}

/* Copies a trigger and its users behind those that are there. */
static void lay(const struct triggers *t, uint32_t from, struct trigger *to, struct user *users,
		uint32_t *n_users)
{
	*to = t->v[from];
	to->users = *n_users;
	for (uint32_t u = t->v[from].users; u != TRIGGER_NONE; u = t->users[u].next)
		users[(*n_users)++] = t->users[u];
	to->n_users = *n_users - to->users;
	for (unsigned c = 0; c < 256; c++) {
		bool body = begins_body(to, users, (unsigned char)c);
		bool on = to->tail ? goes_on(to, (unsigned char)c) : body;
		to->begins[c / 32] |= (uint32_t)body << c % 32;
		to->goes_on[c / 32] |= (uint32_t)on << c % 32;
	}
}

/* In place of lists, what belongs together stands together. */
static int lay_out(struct triggers *t)
{
	uint32_t *first = calloc(t->n_heads + 1, sizeof(*first)), n = 0, n_users = 0;
	struct trigger *v = calloc(t->n + 1, sizeof(*v));
	struct user *users = calloc(t->n_users + 1, sizeof(*users));
	if (!first || !v || !users) {
		free(first);
		free(v);
		free(users);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < t->n_heads; i++) {
		first[i] = n;
		for (uint32_t k = t->first[i]; k != TRIGGER_NONE; k = t->v[k].next)
			lay(t, k, &v[n++], users, &n_users);
	}
	first[t->n_heads] = n;
	free(t->first);
	free(t->v);
	free(t->users);
	t->first = first;
	t->v = v;
	t->users = users;
	return 0;
}

static int make_table(struct triggers *t)
{
	struct head_row *rows = calloc(t->n_heads + 1, sizeof(*rows));
	bool all = t->n_heads > 0;
	for (uint32_t i = 0; rows && i < t->n_heads; i++) {
		rows[i] = (struct head_row){ t->sought[i].in, t->sought[i].n, t->heads[i].keyword };
		all = all && rows[i].n;
	}
	int rc = !rows ? -ENOMEM : all ? head_table_new(rows, t->n_heads, &t->table) : 0;
	free(rows);
	forget_sought(t);
	return rc;
}

int triggers_finish(struct triggers *t)
{
	int rc = make_table(t);
	return rc ? rc : lay_out(t);
}

const struct head_table *triggers_table(const struct triggers *t)
{
	return t->table;
}
