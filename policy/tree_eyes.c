/* Calls that see how names are spelled, such as eval: what each of them sees. */
#include "policy/tree_eyes.h"

#include <string.h>

static bool is_around(const struct names *s, uint32_t scope, uint32_t inner)
{
	while (inner != scope && inner)
		inner = s->scopes[inner].parent;
	return inner == scope;
}

/* The numbered names of a scope and of those around it, with a NUL behind them. */
static void list_names(const struct names *s, uint32_t inner, struct buf *out)
{
	for (uint32_t i = 1; i < s->n_entries; i++) {
		const struct entry *e = &s->entries[i];
		if (e->scope >= s->n_scopes || e->flags || !is_around(s, e->scope, inner))
			continue;
		buf_add_char(out, ' ');
		buf_add(out, s->text.p + e->from, e->length);
	}
	buf_add_char(out, '\0');
}

/* The calls that see names, unless the file has a function of that name. Past EYES_MAX all names
 * are spelled, and there is nothing more to list. */
void tree_eyes_open(const struct names *s, const struct buf *eyes, uint32_t *out, struct buf *seen)
{
	size_t at = 0;
	seen->max = SEEN_BYTES_MAX;
	for (size_t i = 0, n = 0; i + sizeof(uint32_t) <= eyes->n; i += sizeof(uint32_t)) {
		uint32_t node;
		memcpy(&node, eyes->p + i, sizeof(node));
		if (out[node] != 0)
			continue;
		if (n++ < EYES_MAX) {
			at = seen->n;
			list_names(s, s->at[node], seen);
		}
		out[node] = NAME_EYE | (uint32_t)at;
	}
}
