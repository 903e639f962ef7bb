#include "proxy/audit_redact.h"

#include <stdlib.h>
#include <string.h>

#include "lib/wire.h"
#include "proxy/gate.h"

enum { TEXTS_PER_FILE = 3 };

/* The text with its masks, in `out`. */
static void put_masks(const struct ruleset *set, struct span text, const struct edit *v, size_t n,
		      struct buf *out)
{
	uint64_t at = 0;
	for (size_t i = 0; i < n; i++) {
		struct span mask = ruleset_mask(set, v[i].rule);
		buf_add(out, text.p + at, (size_t)(v[i].from - at));
		if (v[i].masked)
			buf_add(out, mask.p, mask.n);
		at = v[i].to;
	}
	buf_add(out, text.p + at, text.n - (size_t)at);
}

/* Judges a text to its end; it stays where it is when nothing is taken out of it. */
static enum audit_redaction redact(struct ruleset *set, struct judge_scratch *scratch,
				   struct span *text, struct buf *room)
{
	if (text->n == 0)
		return AUDIT_REDACTION_DONE;
	const struct wire_options options = { .framing = FRAMING_NONE,
					      .dialect = DIALECT_UNKNOWN,
					      .for_edits = true,
					      .frame_max = GATE_FRAME_BYTES };
	struct wire *w = wire_new(&options);
	struct judge *j = w ? judge_new(set, w) : NULL;
	struct pieces pieces = { 0 };
	struct verdict verdict = { 0 };
	size_t n = 0;
	if (j) {
		size_t used = wire_feed(w, text->p, text->n, &pieces);
		(void)!wire_finish(w, text->p + used, text->n - used, &pieces);
		judge_feed(j, scratch, pieces.v, pieces.n, true, &verdict);
		const struct edit *v = judge_edits(j, &n);
		if (n)
			put_masks(set, *text, v, n, room);
	}
	bool failed = !j || wire_failed(w) == WIRE_NO_MEMORY || room->failed;
	bool stopped = !failed && (wire_failed(w) || verdict.kind == VERDICT_CUT);
	pieces_fini(&pieces);
	judge_free(j);
	wire_free(w);
	if (failed)
		return AUDIT_REDACTION_NO_MEMORY;
	if (n)
		*text = (struct span){ room->p ? room->p : "", room->n };
	return stopped ? AUDIT_REDACTION_STOPPED : AUDIT_REDACTION_DONE;
}

static bool copy(struct audit_redacted *r)
{
	size_t n = r->question.n_files;
	r->files = calloc(n + 1, sizeof(*r->files));
	r->rooms = calloc(TEXTS_PER_FILE * n + 1, sizeof(*r->rooms));
	if (!r->files || !r->rooms)
		return false;
	r->n = TEXTS_PER_FILE * n;
	if (n)
		memcpy(r->files, r->question.files, n * sizeof(*r->files));
	r->question.files = r->files;
	return true;
}

enum audit_redaction audit_redact(struct audit_redacted *r, const struct audit_question *q,
				  struct ruleset *set, struct judge_scratch *scratch)
{
	*r = (struct audit_redacted){ .question = *q };
	if (!copy(r))
		return AUDIT_REDACTION_NO_MEMORY;
	enum audit_redaction done = AUDIT_REDACTION_DONE;
	for (size_t i = 0; i < q->n_files; i++) {
		struct audit_file *f = &r->files[i];
		struct span *const texts[TEXTS_PER_FILE] = { &f->path, &f->a, &f->b };
		for (size_t k = 0; k < TEXTS_PER_FILE && done == AUDIT_REDACTION_DONE; k++)
			done = redact(set, scratch, texts[k], &r->rooms[TEXTS_PER_FILE * i + k]);
	}
	return done;
}

void audit_redacted_fini(struct audit_redacted *r)
{
	for (size_t i = 0; i < r->n; i++)
		buf_fini(&r->rooms[i]);
	free(r->rooms);
	free(r->files);
}
