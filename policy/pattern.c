#include "policy/pattern.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/pattern_set.h"

#define DEPTH_MAX 48

struct cell { /* one allocation: a node or a branch */
	struct cell *next;
	union {
		struct pattern_node node;
		struct pattern_branch branch;
	} u;
};

struct pattern {
	struct pattern_branch *root;
	struct cell *cells;
	unsigned groups;
};

struct reader {
	struct pattern *p;
	const char *s;
	size_t at;
	unsigned depth;
	const char *why;
	bool no_memory;
};

static struct cell *cell_new(struct reader *r)
{
	struct cell *c = calloc(1, sizeof(*c));
	if (!c) {
		r->no_memory = true;
		return NULL;
	}
	c->next = r->p->cells;
	r->p->cells = c;
	return c;
}

static bool failed(const struct reader *r)
{
	return r->why || r->no_memory;
}

/* A negated class has both cases of a letter or none; one case alone would be read wrong. */
static bool is_exact(const struct pattern_node *n, const struct pattern_set *set, bool negated)
{
	for (unsigned c = 'A'; c <= 'Z'; c++)
		if (negated && n->flags & PATTERN_I && set->in[c] != set->in[c ^ 32])
			return false;
	return !set->rough;
}

static void finish_set(struct pattern_node *n, struct pattern_set *set)
{
	for (unsigned c = 0; c < 256; c++) {
		bool other = (n->flags & PATTERN_I) && isalpha((int)c) && set->in[c ^ 32];
		n->in[c / 32] |= (uint32_t)(set->in[c] || other || set->rough) << c % 32;
	}
	n->rough = set->rough;
	if (n->flags & PATTERN_I)
		for (size_t c = 'A'; c <= 'Z'; c++) {
			set->in[c + 32] |= set->in[c];
			set->in[c] = 0;
		}
	for (unsigned c = 0; c < 256; c++)
		if (set->in[c]) {
			n->size++;
			n->byte = (char)c;
		}
	unsigned digits = 0, other = 0;
	for (unsigned c = 0; c < 256; c++) {
		digits += set->in[c] && c >= '0' && c <= '9';
		other += set->in[c] && (c >= 128 || !isalnum((int)c));
	}
	n->token = digits == 10 && !other;
}

static void read_escape(struct reader *r, struct pattern_node *n, struct pattern_set *set)
{
	char c = r->s[++r->at];
	if (c && strchr("bBAzZ", c)) {
		n->kind = PATTERN_ASSERT;
		r->at++;
		return;
	}
	n->kind = PATTERN_BYTES;
	if (c && strchr("dDwWsShHvVpPN", c)) {
		r->at++;
		if (c == 'p' || c == 'P')
			pattern_set_skip_property(r->s, &r->at);
		pattern_set_class(set, c);
		return;
	}
	int byte = pattern_set_escape(r->s, &r->at);
	if (byte < 0) {
		r->why = "a backreference or an escape that has no fixed meaning";
		return;
	}
	pattern_set_range(set, (unsigned)byte, (unsigned)byte);
}

static struct pattern_branch *read_branches(struct reader *r, unsigned *flags);

static bool starts(const struct reader *r, const char *text)
{
	return strncmp(r->s + r->at, text, strlen(text)) == 0;
}

/* (?flags) and (?flags: : true when it was one; at ends after the last flag. */
static bool read_flags(struct reader *r, unsigned *flags)
{
	size_t at = r->at + 2;
	unsigned now = *flags;
	bool off = false;
	for (; r->s[at] && strchr("imsU-", r->s[at]); at++) {
		unsigned bit = r->s[at] == 'i'   ? PATTERN_I
			       : r->s[at] == 'm' ? PATTERN_M
			       : r->s[at] == 's' ? PATTERN_S
						 : 0;
		if (r->s[at] == '-')
			off = true;
		else
			now = off ? now & ~bit : now | bit;
	}
	if (r->s[at] != ')' && r->s[at] != ':')
		return false;
	r->at = at;
	*flags = now;
	return true;
}

static void read_group_header(struct reader *r, struct pattern_node *n, unsigned *flags)
{
	size_t from = r->at;
	if (starts(r, "(?P<") || starts(r, "(?'") ||
	    (starts(r, "(?<") && !starts(r, "(?<=") && !starts(r, "(?<!"))) {
		char close = r->s[r->at + 2] == '\'' ? '\'' : '>';
		r->at += 3;
		while (r->s[r->at] && r->s[r->at] != close)
			r->at++;
		r->at += r->s[r->at] != '\0';
		n->capture = ++r->p->groups;
	} else if (starts(r, "(?=") || starts(r, "(?!") || starts(r, "(?>")) {
		r->at += 3;
		n->kind = PATTERN_OPAQUE;
	} else if (starts(r, "(?<=") || starts(r, "(?<!")) {
		r->at += 4;
		n->kind = PATTERN_OPAQUE;
	} else if (starts(r, "(?") && read_flags(r, flags)) {
		n->kind = r->s[r->at] == ')' ? PATTERN_FLAGS : PATTERN_GROUP;
		r->at += r->s[r->at] == ':';
	} else if (starts(r, "(?") || starts(r, "(*")) {
		r->why = "a condition, a recursion, a verb, a comment or a flag other than i, m, s";
	} else {
		r->at++;
		n->capture = ++r->p->groups;
	}
	n->header = r->at - from;
}

static void read_group(struct reader *r, struct pattern_node *n, unsigned *flags)
{
	unsigned inner = *flags;
	n->kind = PATTERN_GROUP;
	read_group_header(r, n, &inner);
	if (failed(r))
		return;
	if (n->kind == PATTERN_FLAGS)
		*flags = inner;
	else
		n->branches = read_branches(r, &inner);
	if (r->s[r->at] != ')')
		r->why = "a parenthesis is not closed";
	else
		r->at++;
}

static uint32_t read_number(struct reader *r)
{
	uint32_t v = 0;
	while (isdigit((unsigned char)r->s[r->at])) {
		v = v < 100000 ? v * 10 + (uint32_t)(r->s[r->at] - '0') : v;
		r->at++;
	}
	return v;
}

static bool read_braces(struct reader *r, struct pattern_node *n)
{
	size_t before = r->at++;
	if (isdigit((unsigned char)r->s[r->at])) {
		n->min = n->max = read_number(r);
		if (r->s[r->at] == ',') {
			r->at++;
			n->max =
				isdigit((unsigned char)r->s[r->at]) ? read_number(r) : PATTERN_MANY;
		}
		if (r->s[r->at] == '}') {
			r->at++;
			return true;
		}
	}
	r->at = before; /* not a quantifier: the brace is a literal and the next item */
	n->min = n->max = 1;
	return false;
}

static void read_quantifier(struct reader *r, struct pattern_node *n)
{
	char c = r->s[r->at];
	n->min = n->max = 1;
	if (c == '{') {
		if (!read_braces(r, n))
			return;
	} else if (c == '*' || c == '+' || c == '?') {
		r->at++;
		n->min = c == '+';
		n->max = c == '?' ? 1 : PATTERN_MANY;
	} else {
		return;
	}
	if (r->s[r->at] == '?')
		r->at++;
	else if (r->s[r->at] == '+')
		r->why = "a possessive quantifier";
}

static struct pattern_node *read_item(struct reader *r, unsigned *flags)
{
	struct cell *cell = cell_new(r);
	if (!cell)
		return NULL;
	struct pattern_node *n = &cell->u.node;
	struct pattern_set set = { .rough = false };
	n->from = r->at;
	n->flags = *flags;
	char c = r->s[r->at];
	if (c == '(') {
		read_group(r, n, flags);
	} else if (c == '[') {
		if (!pattern_set_read(r->s, &r->at, &set))
			r->why = "a bracket class is not closed";
	} else if (c == '\\') {
		read_escape(r, n, &set);
	} else if (c == '^' || c == '$') {
		n->kind = PATTERN_ASSERT;
		r->at++;
	} else if (c == '*' || c == '+' || c == '?') {
		r->why = "a quantifier with nothing before it";
	} else {
		pattern_set_range(&set, c == '.' ? 0 : (unsigned char)c,
				  c == '.' ? 255 : (unsigned char)c);
		r->at++;
	}
	if (failed(r))
		return NULL;
	if (n->kind == PATTERN_BYTES) {
		n->exact = is_exact(n, &set, strncmp(r->s + n->from, "[^", 2) == 0);
		finish_set(n, &set);
	}
	n->atom = r->at;
	read_quantifier(r, n);
	n->to = r->at;
	return n;
}

static struct pattern_branch *read_branches(struct reader *r, unsigned *flags)
{
	struct pattern_branch *first = NULL, **tail = &first;
	if (++r->depth > DEPTH_MAX)
		r->why = "groups nested too deep";
	while (!failed(r)) {
		struct cell *cell = cell_new(r);
		if (!cell)
			break;
		struct pattern_branch *b = &cell->u.branch;
		struct pattern_node **item = &b->first;
		while (!failed(r) && r->s[r->at] && r->s[r->at] != ')' && r->s[r->at] != '|') {
			*item = read_item(r, flags);
			item = *item ? &(*item)->next : item;
		}
		b->end = r->at;
		*tail = b;
		tail = &b->next;
		if (r->s[r->at] != '|')
			break;
		r->at++;
	}
	r->depth--;
	return first;
}

int pattern_parse(const char *source, struct pattern **out, const char **why)
{
	struct pattern *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	struct reader r = { .p = p, .s = source };
	unsigned flags = 0;
	p->root = read_branches(&r, &flags);
	if (!failed(&r) && r.s[r.at])
		r.why = "a parenthesis too many";
	if (failed(&r)) {
		pattern_free(p);
		*why = r.why ? r.why : "out of memory";
		return r.no_memory ? -ENOMEM : -EINVAL;
	}
	*out = p;
	return 0;
}

void pattern_free(struct pattern *p)
{
	while (p && p->cells) {
		struct cell *c = p->cells;
		p->cells = c->next;
		free(c);
	}
	free(p);
}

const struct pattern_branch *pattern_root(const struct pattern *p)
{
	return p->root;
}

unsigned pattern_groups(const struct pattern *p)
{
	return p->groups;
}

static uint32_t times(uint32_t a, uint32_t b)
{
	uint64_t v = (uint64_t)a * b;
	return a == PATTERN_MANY && b   ? PATTERN_MANY
	       : b == PATTERN_MANY && a ? PATTERN_MANY
	       : v > PATTERN_MANY       ? PATTERN_MANY
					: (uint32_t)v;
}

static uint32_t plus(uint32_t a, uint32_t b)
{
	return a > PATTERN_MANY - b ? PATTERN_MANY : a + b;
}

static void node_ends(const struct pattern_node *n, uint32_t set[8])
{
	if (n->kind == PATTERN_GROUP)
		pattern_branches_ends(n->branches, set);
	for (size_t i = 0; i < 8; i++)
		if (n->kind == PATTERN_OPAQUE || (n->kind == PATTERN_BYTES && n->size > 32))
			set[i] = UINT32_MAX;
		else if (n->kind == PATTERN_BYTES)
			set[i] |= n->in[i];
}

void pattern_branches_ends(const struct pattern_branch *b, uint32_t set[8])
{
	for (; b; b = b->next) {
		uint32_t own[8] = { 0 };
		for (const struct pattern_node *n = b->first; n; n = n->next) {
			if (pattern_min(n))
				memset(own, 0, sizeof(own));
			node_ends(n, own);
		}
		for (size_t i = 0; i < 8; i++)
			set[i] |= own[i];
	}
}

uint32_t pattern_branches_min(const struct pattern_branch *b)
{
	uint32_t least = b ? PATTERN_MANY : 0;
	for (; b; b = b->next) {
		uint32_t sum = 0;
		for (const struct pattern_node *n = b->first; n; n = n->next)
			sum = plus(sum, pattern_min(n));
		least = sum < least ? sum : least;
	}
	return least;
}

uint32_t pattern_branches_max(const struct pattern_branch *b)
{
	uint32_t most = 0;
	for (; b; b = b->next) {
		uint32_t sum = 0;
		for (const struct pattern_node *n = b->first; n; n = n->next)
			sum = plus(sum, pattern_max(n));
		most = sum > most ? sum : most;
	}
	return most;
}

uint32_t pattern_min(const struct pattern_node *n)
{
	if (n->kind == PATTERN_BYTES)
		return n->min;
	/* A look-around is opaque and has no width; an atomic group counts as none, the safe side
	 * of a minimum. */
	return n->kind == PATTERN_GROUP ? times(pattern_branches_min(n->branches), n->min) : 0;
}

uint32_t pattern_max(const struct pattern_node *n)
{
	if (n->kind == PATTERN_BYTES)
		return n->max;
	return n->kind == PATTERN_GROUP || n->kind == PATTERN_OPAQUE
		       ? times(pattern_branches_max(n->branches), n->max)
		       : 0;
}
