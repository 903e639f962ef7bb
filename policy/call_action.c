/* What a call says besides files, written so that the order of keys and white space make no
 * difference. */
#include <stdlib.h>
#include <string.h>

#include "policy/call.h"

enum { DEPTH_MAX = 64 };

struct reader {
	const char *p, *end;
	struct render *r;
	struct buf out;
	unsigned depth;
	bool held; /* a file, in the value being read */
};

struct member { /* of an object: what was written of it */
	size_t at, n, key_n;
	const char *p;
	bool path;
};

struct members {
	struct member *v;
	size_t n, cap;
	bool held;
};

static bool value(struct reader *d);

/* The next byte that is no blank; 0: none. */
static char peek(struct reader *d)
{
	while (d->p < d->end && *d->p == ' ')
		d->p++;
	return d->p < d->end ? *d->p : '\0';
}

static bool broken(struct reader *d)
{
	render_fail(d->r, COMPARE_TRUNCATED);
	return false;
}

static bool no_memory(struct reader *d)
{
	render_fail(d->r, COMPARE_NO_MEMORY);
	return false;
}

static bool string(struct reader *d)
{
	const char *from = d->p++;
	while (d->p < d->end && *d->p != '"')
		d->p += *d->p == '\\' ? 2 : 1;
	if (d->p >= d->end)
		return broken(d);
	d->p++;
	buf_add(&d->out, from, (size_t)(d->p - from));
	return true;
}

/* A file that has no path is a string after all. */
static bool file(struct reader *d)
{
	struct render_file *f = d->p + 1 < d->end ? &d->r->files[d->p[1] - '0'] : NULL;
	CHECK(f && f < d->r->files + d->r->n);
	d->p += 2;
	if (f->path.n) {
		d->held = true;
		return true;
	}
	f->dropped = true;
	buf_add_char(&d->out, '"');
	for (size_t i = 0; i < f->text.n; i++) {
		if (f->text.p[i] == '"' || f->text.p[i] == '\\')
			buf_add_char(&d->out, '\\');
		buf_add_char(&d->out, f->text.p[i]);
	}
	buf_add_char(&d->out, '"');
	return true;
}

static int by_key(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int order = memcmp(x->p, y->p, x->key_n < y->key_n ? x->key_n : y->key_n);
	if (order)
		return order;
	if (x->key_n != y->key_n)
		return x->key_n < y->key_n ? -1 : 1;
	return (x->p > y->p) - (x->p < y->p);
}

static bool member_add(struct members *all, struct member one)
{
	if (all->n == all->cap) {
		size_t cap = all->cap ? 2 * all->cap : 8;
		struct member *v = realloc(all->v, cap * sizeof(*v));
		if (!v)
			return false;
		all->v = v;
		all->cap = cap;
	}
	all->v[all->n++] = one;
	return true;
}

/* Appends "key":value, unless the value is a file. */
static bool member(struct reader *d, struct members *all)
{
	struct member one = { .at = d->out.n };
	if (peek(d) != '"')
		return broken(d);
	if (!string(d))
		return false;
	one.key_n = d->out.n - one.at;
	if (peek(d) != ':')
		return broken(d);
	d->p++;
	buf_add_char(&d->out, ':');
	one.path = peek(d) == MARK_PATH;
	bool is_file = peek(d) == MARK_FILE, held = d->held;
	d->held = false;
	if (!value(d))
		return false;
	bool gone = is_file && d->held;
	all->held = all->held || gone;
	d->held = d->held || held;
	one.n = d->out.n - one.at;
	one.path = one.path && one.n > one.key_n + 3; /* of "", there is none */
	if (!gone)
		return member_add(all, one) || no_memory(d);
	d->out.n = one.at;
	return true;
}

/* In the order of the keys; the path of a file is no part of it. */
static void put_members(struct reader *d, size_t from, struct members *all)
{
	struct buf sorted = { 0 };
	for (size_t i = 0; i < all->n; i++)
		all->v[i].p = d->out.p + all->v[i].at;
	if (all->n)
		qsort(all->v, all->n, sizeof(*all->v), by_key);
	buf_add_char(&sorted, '{');
	for (size_t i = 0; i < all->n; i++) {
		if (all->held && all->v[i].path)
			continue;
		if (sorted.n > 1)
			buf_add_char(&sorted, ',');
		buf_add(&sorted, all->v[i].p, all->v[i].n);
	}
	buf_add_char(&sorted, '}');
	d->out.n = from;
	buf_add(&d->out, sorted.p, sorted.n);
	d->out.failed = d->out.failed || sorted.failed;
	buf_fini(&sorted);
}

static bool object(struct reader *d)
{
	struct members all = { 0 };
	size_t from = d->out.n;
	bool fine = true;
	d->p++;
	if (peek(d) == '}') {
		d->p++;
		buf_add_text(&d->out, "{}");
		return true;
	}
	while (fine && (fine = member(d, &all)) && peek(d) == ',')
		d->p++;
	if (fine && peek(d) != '}')
		fine = broken(d);
	if (fine && !d->out.failed) {
		d->p++;
		put_members(d, from, &all);
	}
	free(all.v);
	return fine && !d->out.failed;
}

static bool list(struct reader *d)
{
	d->p++;
	buf_add_char(&d->out, '[');
	if (peek(d) != ']') {
		while (value(d)) {
			if (peek(d) != ',')
				break;
			d->p++;
			buf_add_char(&d->out, ',');
		}
		if (d->r->failed || peek(d) != ']')
			return broken(d);
	}
	d->p++;
	buf_add_char(&d->out, ']');
	return true;
}

static bool word(struct reader *d)
{
	const char *from = d->p;
	while (d->p < d->end && !strchr(" {}[],:\"\1\2", *d->p))
		d->p++;
	buf_add(&d->out, from, (size_t)(d->p - from));
	return d->p > from || broken(d);
}

static bool value(struct reader *d)
{
	bool fine;
	if (peek(d) == MARK_PATH)
		d->p++;
	if (d->depth == DEPTH_MAX) {
		render_fail(d->r, COMPARE_TOO_LARGE);
		return false;
	}
	d->depth++;
	char first = peek(d);
	if (first == '{')
		fine = object(d);
	else if (first == '[')
		fine = list(d);
	else if (first == '"')
		fine = string(d);
	else
		fine = first == MARK_FILE ? file(d) : word(d);
	d->depth--;
	return fine && (!d->out.failed || no_memory(d));
}

void call_end(struct call *c, struct render *r)
{
	struct reader d = { .p = c->rest.p, .end = c->rest.p + c->rest.n, .r = r };
	if (!c->rest.n)
		return;
	if (c->broken || c->string || c->depth)
		render_fail(r, COMPARE_TRUNCATED);
	while (!r->failed && peek(&d)) {
		d.held = false;
		d.out.n = 0;
		if (value(&d) && !(d.held && d.out.n == 2)) {
			buf_add(&r->actions, d.out.p, d.out.n);
			buf_add_char(&r->actions, '\n');
		}
	}
	buf_fini(&d.out);
	if (r->actions.failed)
		render_fail(r, COMPARE_NO_MEMORY);
}
