#include "proxy/audit_sharp.h"

#include <string.h>

#include "proxy/diff_sharp.h"

static void add_file(const struct audit_file *f, uint32_t threshold, struct buf *out)
{
	char path[256];
	size_t n = min_size(f->path.n, sizeof(path) - 1);
	struct diff d = { .paths = { path, path },
			  .texts = { f->a, f->b },
			  .language = syntax_find(f->language),
			  .threshold = threshold };
	if (!d.language || !f->a.n || !f->b.n)
		return;
	if (n)
		memcpy(path, f->path.p, n);
	path[n] = '\0';
	compare(&d.c, d.language, d.texts, threshold, false);
	compare_sharp(&d.c, d.language, d.texts);
	if (d.c.sharp_known)
		diff_sharp_text(&d, 0, out);
	comparison_fini(&d.c);
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
