#include "proxy/gate_edit.h"

/* Bytes [from, to) of the row. */
static void add_row(struct buf *to_buf, const struct gate_out *row, uint64_t from, uint64_t to)
{
	if (from < row->old.n && from < to)
		buf_add(to_buf, row->old.p + from, (size_t)(min_u64(to, row->old.n) - from));
	from = max_u64(from, row->old.n);
	if (from < to)
		buf_add(to_buf, row->fresh.p + (from - row->old.n), (size_t)(to - from));
}

bool gate_edit(struct gate_edits *e, struct judge *judge, uint64_t from, struct gate_out *out,
	       struct gate_record *record)
{
	size_t n;
	const struct edit *v = judge_edits(judge, &n);
	uint64_t to = from + out->old.n + out->fresh.n, at = from;
	if (n == 0 || v[0].from >= to)
		return true;
	for (size_t i = 0; i < n && v[i].from < to; i++) {
		uint64_t begin = max_u64(v[i].from, at), end = min_u64(v[i].to, to);
		add_row(&e->bytes, out, at - from, begin - from);
		if (v[i].masked &&
		    v[i].from >= from) { /* else it left with the edit's first part */
			struct span mask = ruleset_mask(judge_ruleset(judge), v[i].rule);
			buf_add(&e->bytes, mask.p, mask.n);
			record->redactions++;
		}
		e->envelope |= v[i].envelope;
		record->redacted += end > begin ? end - begin : 0;
		at = max_u64(at, end);
	}
	add_row(&e->bytes, out, at - from, to - from);
	*out = (struct gate_out){ 0 };
	judge_edited(judge, to);
	if (!e->bytes.failed)
		out->old = (struct span){ e->bytes.p, e->bytes.n };
	return !e->bytes.failed;
}
