/* Trees and the table of their labels, as memory. */
#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"
#include "policy/tree.h"

struct labels {
	struct buf text;
	uint32_t *start; /* n + 1 of them */
	uint32_t *slots; /* 1 + label; 0: free */
	uint32_t n, cap; /* cap is a power of two */
};

struct labels *labels_new(void)
{
	struct labels *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->cap = 1024;
	l->text.max = LABELS_BYTES;
	l->start = calloc(l->cap + 1, sizeof(*l->start));
	l->slots = calloc(l->cap * 2, sizeof(*l->slots));
	if (l->start && l->slots)
		return l;
	labels_free(l);
	return NULL;
}

void labels_free(struct labels *l)
{
	if (!l)
		return;
	buf_fini(&l->text);
	free(l->start);
	free(l->slots);
	free(l);
}

bool labels_full(const struct labels *l)
{
	return l->text.full;
}

uint32_t labels_count(const struct labels *l)
{
	return l->n;
}

struct span labels_text(const struct labels *l, uint32_t label)
{
	CHECK(label < l->n);
	return (struct span){ l->text.p + l->start[label], l->start[label + 1] - l->start[label] };
}

static uint32_t *find(const struct labels *l, struct span text)
{
	size_t mask = (size_t)l->cap * 2 - 1, i = span_hash(text, 0) & mask;
	while (l->slots[i] && !span_eq(labels_text(l, l->slots[i] - 1), text))
		i = (i + 1) & mask;
	return &l->slots[i];
}

static bool double_room(struct labels *l)
{
	uint32_t cap = l->cap * 2;
	uint32_t *start = realloc(l->start, (cap + 1) * sizeof(*start));
	if (!start)
		return false;
	l->start = start;
	uint32_t *slots = calloc((size_t)cap * 2, sizeof(*slots));
	if (!slots)
		return false;
	free(l->slots);
	l->slots = slots;
	l->cap = cap;
	for (uint32_t i = 0; i < l->n; i++)
		*find(l, labels_text(l, i)) = i + 1;
	return true;
}

uint32_t labels_intern(struct labels *l, struct span text)
{
	uint32_t *slot = find(l, text);
	if (*slot)
		return *slot - 1;
	if (l->n == l->cap) {
		if (!double_room(l))
			return UINT32_MAX;
		slot = find(l, text);
	}
	buf_add(&l->text, text.p, text.n);
	if (l->text.failed)
		return UINT32_MAX;
	l->start[++l->n] = (uint32_t)l->text.n;
	*slot = l->n;
	return l->n - 1;
}

bool tree_init(struct tree *t, uint32_t n)
{
	size_t room = (size_t)n + 1;
	*t = (struct tree){ .n = n };
	t->label = memory_take(room * (sizeof(*t->label) + sizeof(*t->left) + sizeof(*t->source)));
	if (!t->label)
		return false;
	t->left = t->label + room;
	t->source = (struct syntax_range *)(t->left + room);
	return true;
}

void tree_fini(struct tree *t)
{
	free(t->label);
	*t = (struct tree){ 0 };
}

bool tree_equal(const struct tree *a, const struct tree *b)
{
	return a->n == b->n && memcmp(a->label, b->label, a->n * sizeof(*a->label)) == 0 &&
	       memcmp(a->left, b->left, a->n * sizeof(*a->left)) == 0;
}

void tree_dump(const struct tree *t, const struct labels *labels, struct buf *out)
{
	uint32_t *stack = malloc(((size_t)t->n * 2 + 2) * sizeof(*stack)), n = 0;
	if (!stack) {
		out->failed = true;
		return;
	}
	stack[n++] = (t->n - 1) * 2;
	while (n) {
		uint32_t top = stack[--n], i = top / 2;
		if (top & 1) {
			buf_add_text(out, "]}");
			continue;
		}
		if (i != t->n - 1 && out->n && out->p[out->n - 1] == '}')
			buf_add_char(out, ',');
		buf_add_text(out, "{\"l\":\"");
		buf_add_json(out, labels_text(labels, t->label[i]));
		buf_add_text(out, "\",\"c\":[");
		stack[n++] = top | 1;
		for (uint32_t c = i; c > t->left[i]; c = t->left[c - 1])
			stack[n++] = (c - 1) * 2;
	}
	free(stack);
}
