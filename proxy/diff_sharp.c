#include "proxy/diff_sharp.h"

#include <stdio.h>

#include "proxy/report.h"

enum { SHOWN_MAX = 60 }; /* bytes of a text in a line */

/* White space as one blank, without what would move a terminal's cursor. */
static void print_part(struct span text, struct syntax_range r)
{
	uint32_t shown = 0;
	for (uint32_t i = r.from; i < r.to; i++) {
		unsigned char c = (unsigned char)text.p[i];
		bool inside = (c & 0xc0) == 0x80; /* a character */
		if (shown >= SHOWN_MAX && !inside) {
			fputs("...", stdout);
			return;
		}
		shown++;
		if (c > ' ' && c != 0x7f)
			putchar(c);
		else if (i + 1 == r.to || (unsigned char)text.p[i + 1] > ' ')
			putchar(' ');
	}
}

void diff_sharp_text(const struct sharp_edits *e, const char *const paths[2],
		     const struct span texts[2])
{
	for (uint32_t i = 0; i < e->n; i++) {
		const struct sharp_edit *one = &e->v[i];
		printf("sharp: %s ", sharp_kind_names[one->kind]);
		if (!one->in[0])
			fputs("added ", stdout);
		else
			print_part(texts[0], one->at[0].source);
		if (one->in[0] && one->in[1])
			fputs(" -> ", stdout);
		if (one->in[1])
			print_part(texts[1], one->at[1].source);
		else
			fputs(" taken away", stdout);
		for (int k = 0; k < 2; k++)
			if (one->in[k])
				printf("%s %s:%u:%u", k && one->in[0] ? "," : " at", paths[k],
				       one->at[k].line, one->at[k].column);
		putchar('\n');
	}
	if (e->more)
		puts("sharp: and more");
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
