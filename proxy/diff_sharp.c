#include "proxy/diff_sharp.h"

#include "proxy/printable.h"

enum { SHOWN_MAX = 20, COLUMNS_MAX = 60 }; /* edits in text; columns of what each says */

static void add_part(struct buf *out, struct span text, struct syntax_range r)
{
	printable_add(out, (struct span){ text.p + r.from, r.to - r.from }, COLUMNS_MAX);
}

static void add_edit(const struct sharp_edit *one, const char *const paths[2],
		     const struct span texts[2], struct buf *out)
{
	buf_printf(out, "sharp: %s ", sharp_kind_names[one->kind]);
	if (!one->in[0])
		buf_add_text(out, "added ");
	else
		add_part(out, texts[0], one->at[0].source);
	if (one->in[0] && one->in[1])
		buf_add_text(out, " -> ");
	if (one->in[1])
		add_part(out, texts[1], one->at[1].source);
	else
		buf_add_text(out, " taken away");
	for (int k = 0; k < 2; k++)
		if (one->in[k]) {
			buf_add_text(out, k && one->in[0] ? ", " : " at ");
			printable_add(out, span_of(paths[k]), 256);
			buf_printf(out, ":%u:%u", one->at[k].line, one->at[k].column);
		}
	buf_add_char(out, '\n');
}

void diff_sharp_text(const struct sharp_edits *e, const char *const paths[2],
		     const struct span texts[2], struct buf *out)
{
	for (uint32_t i = 0; i < e->n && i < SHOWN_MAX; i++)
		add_edit(&e->v[i], paths, texts, out);
	if (e->n > SHOWN_MAX)
		buf_printf(out, "sharp: and %s%u more\n", e->more ? "at least " : "",
			   e->n - SHOWN_MAX);
}

static void add_place(struct buf *out, const char *name, const struct sharp_place *p,
		      struct span text)
{
	struct syntax_range r = p->source;
	buf_printf(out, ",\"%s\":{\"from\":%u,\"to\":%u,\"line\":%u,\"column\":%u,\"text\":\"",
		   name, r.from, r.to, p->line, p->column);
	buf_add_json(out, (struct span){ text.p + r.from, r.to - r.from });
	buf_add_text(out, "\"}");
}

void diff_sharp_json(const struct sharp_edits *e, bool known, const struct span texts[2],
		     struct buf *out)
{
	static const char *const names[] = { "a", "b" };
	if (!known) {
		buf_add_text(out, ",\"sharp_edits\":null");
		return;
	}
	buf_add_text(out, ",\"sharp_edits\":[");
	for (uint32_t i = 0; i < e->n; i++) {
		buf_printf(out, "%s{\"kind\":\"%s\"", i ? "," : "", sharp_kind_names[e->v[i].kind]);
		for (int k = 0; k < 2; k++)
			if (e->v[i].in[k])
				add_place(out, names[k], &e->v[i].at[k], texts[k]);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
	if (e->more)
		buf_add_text(out, ",\"sharp_edits_more\":true");
}
