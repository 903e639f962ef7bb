#include "proxy/diff_sharp.h"

#include "proxy/printable.h"

enum { EXCERPT_COLUMNS = 48, PATH_COLUMNS = 256 };

static struct span source(const struct diff *d, const struct sharp_edit *one, int side)
{
	struct syntax_range r = one->at[side].source;
	return (struct span){ d->texts[side].p + r.from, r.to - r.from };
}

static void add_line(const struct diff *d, const struct sharp_edit *one, struct buf *out)
{
	buf_printf(out, "sharp: %s ", sharp_kind_names[one->kind]);
	if (one->in[0])
		printable_add(out, source(d, one, 0), EXCERPT_COLUMNS);
	buf_add_text(out, one->in[0] && one->in[1] ? " -> " : one->in[1] ? "added: " : "");
	if (one->in[1])
		printable_add(out, source(d, one, 1), EXCERPT_COLUMNS);
	else
		buf_add_text(out, " taken away");
	for (int i = 0; i < 2; i++)
		if (one->in[i]) {
			buf_add_text(out, i && one->in[0] ? ", " : " at ");
			printable_add(out, span_of(d->paths[i]), PATH_COLUMNS);
			buf_printf(out, ":%u:%u", one->at[i].line, one->at[i].column);
		}
}

void diff_sharp_text(const struct diff *d, unsigned columns, struct buf *out)
{
	const struct sharp_edits *e = &d->c.sharp;
	struct buf line = { 0 };
	for (uint32_t i = 0; i < e->n && i < DIFF_CHANGES_SHOWN; i++) {
		buf_clear(&line);
		add_line(d, &e->v[i], &line);
		if (columns)
			printable_add(out, (struct span){ line.p, line.n }, columns);
		else
			buf_add(out, line.p, line.n);
		buf_add_char(out, '\n');
	}
	if (e->n > DIFF_CHANGES_SHOWN)
		buf_printf(out, "and %s%u more sharp edits\n", e->more ? "at least " : "",
			   e->n - DIFF_CHANGES_SHOWN);
	out->failed = out->failed || line.failed;
	buf_fini(&line);
}

static void add_place(const struct diff *d, const struct sharp_edit *one, int side, struct buf *out)
{
	const struct sharp_place *p = &one->at[side];
	buf_printf(out, ",\"%c\":{\"from\":%u,\"to\":%u,\"line\":%u,\"column\":%u,\"text\":\"",
		   "ab"[side], p -> source.from, p->source.to, p->line, p->column);
	buf_add_json(out, source(d, one, side));
	buf_add_text(out, "\"}");
}

void diff_sharp_json(const struct diff *d, struct buf *out)
{
	const struct sharp_edits *e = &d->c.sharp;
	if (!d->c.sharp_known) {
		buf_add_text(out, "\"sharp_edits\":null");
		return;
	}
	buf_add_text(out, "\"sharp_edits\":[");
	for (uint32_t i = 0; i < e->n; i++) {
		buf_printf(out, "%s{\"kind\":\"%s\"", i ? "," : "", sharp_kind_names[e->v[i].kind]);
		for (int k = 0; k < 2; k++)
			if (e->v[i].in[k])
				add_place(d, &e->v[i], k, out);
		buf_add_char(out, '}');
	}
	buf_printf(out, "],\"sharp_edits_more\":%s", e->more ? "true" : "false");
}
