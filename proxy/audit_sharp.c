#include "proxy/audit_sharp.h"

#include <string.h>

#include "policy/compare.h"
#include "proxy/diff_sharp.h"

static void add_file(const struct audit_file *f, uint32_t threshold, struct buf *out)
{
	const struct span texts[COMPARE_SIDES] = { f->a, f->b };
	const struct syntax_language *language = syntax_find(f->language);
	struct comparison c = { 0 };
	char path[256];
	size_t n = min_size(f->path.n, sizeof(path) - 1);
	if (!language || !f->a.n || !f->b.n)
		return;
	if (n)
		memcpy(path, f->path.p, n);
	path[n] = '\0';
	const char *const paths[] = { path, path };
	compare(&c, language, texts, threshold, false);
	compare_sharp(&c, language, texts);
	if (c.sharp_known)
		diff_sharp_text(&c.sharp, paths, texts, out);
	comparison_fini(&c);
}

void audit_sharp_add(const struct audit_question *q, struct buf *out)
{
	uint32_t threshold = (uint32_t)(q->threshold * SCORE_UNITS);
	for (size_t i = 0; i < q->n_files; i++) {
		struct buf lines = { 0 };
		add_file(&q->files[i], threshold, &lines);
		if (!lines.failed && out->n + lines.n <= AUDIT_SHARP_BYTES)
			buf_add(out, lines.p, lines.n);
		buf_fini(&lines);
	}
}
