#include "proxy/baseline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "proxy/recording.h"

struct baseline {
	struct json *json; /* owns the texts */
	struct span *v;    /* sorted */
	size_t n;
};

static int compare(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	int c = memcmp(x->p, y->p, min_size(x->n, y->n));
	return c ? c : (x->n > y->n) - (x->n < y->n);
}

/* False: not the shape of a report. Without room only counts. */
static bool gather(struct baseline *b, bool keep)
{
	const struct json_value *files = json_root(b->json);
	b->n = 0;
	if (json_type(files) != JSON_IS_LIST)
		return false;
	for (size_t i = 0; i < json_count(files); i++) {
		const struct json_value *found = json_get(json_at(files, i), "findings");
		if (!found || json_type(found) != JSON_IS_LIST)
			return false;
		for (size_t k = 0; k < json_count(found); k++) {
			const struct json_value *print = json_get(json_at(found, k), "fingerprint");
			if (!print)
				return false;
			if (keep)
				b->v[b->n] = json_string(print);
			b->n++;
		}
	}
	return true;
}

static int take(struct baseline *b, const char *path)
{
	struct buf text = { 0 };
	int error = recording_read(path, &text);
	if (!error)
		error = json_parse((struct span){ text.p ? text.p : "", text.n }, &b->json);
	buf_fini(&text);
	if (error)
		return error;
	if (!gather(b, false))
		return -EINVAL;
	b->v = calloc(b->n + 1, sizeof(*b->v));
	if (!b->v)
		return -ENOMEM;
	(void)gather(b, true);
	qsort(b->v, b->n, sizeof(*b->v), compare);
	return 0;
}

int baseline_load(const char *path, struct baseline **out)
{
	struct baseline *b = calloc(1, sizeof(*b));
	int error = b ? take(b, path) : -ENOMEM;
	if (!error) {
		*out = b;
		return 0;
	}
	fprintf(stderr, "redcard scan: %s: %s; a baseline is what redcard scan --json printed\n",
		path, error == -EINVAL ? "not a report" : strerror(-error));
	baseline_free(b);
	return error;
}

void baseline_free(struct baseline *b)
{
	if (!b)
		return;
	json_free(b->json);
	free(b->v);
	free(b);
}

bool baseline_has(const struct baseline *b, struct span fingerprint)
{
	return bsearch(&fingerprint, b->v, b->n, sizeof(*b->v), compare) != NULL;
}
