/* What others may know of a gate, and the ending of a stream that it cut. */
#include <errno.h>

#include "proxy/gate_core.h"

const char *const cut_form_names[CUT_FORM_COUNT] = {
	[CUT_GRACEFUL] = "graceful", [CUT_ERROR] = "error", [CUT_ABORT] = "abort"
};

size_t gate_memory(const struct gate *g)
{
	return sizeof(*g) + g->window.cap + g->leaving.cap + g->edits.bytes.cap +
	       frames_memory(&g->frames) + wire_memory(g->wire) + judge_memory(g->judge) +
	       (g->budget ? sizeof(*g->budget) : 0);
}

bool gate_barred(const struct gate *g)
{
	return g->barred;
}

enum budget_limit gate_broken(const struct gate *g)
{
	return g->broken;
}

const struct budget *gate_budget(const struct gate *g)
{
	return g->budget;
}

void gate_allow(struct gate *g, enum budget_limit limit, uint64_t nano)
{
	if (g->budget)
		budget_allow(g->budget, limit, nano);
}

void gate_guess_input(struct gate *g, uint64_t tokens)
{
	if (g->budget)
		budget_guess_input(g->budget, tokens);
}

bool gate_holding(const struct gate *g)
{
	return g->state == GATE_OPEN && g->verdict.kind == VERDICT_HOLD;
}

bool gate_at_boundary(const struct gate *g)
{
	return g->at_boundary;
}

const struct gate_record *gate_record(const struct gate *g)
{
	return &g->record;
}

const char *gate_reason(const struct gate *g)
{
	return g->reason;
}

const struct verdict *gate_verdict(const struct gate *g)
{
	return &g->verdict;
}

struct judge *gate_judge(struct gate *g)
{
	return g->judge;
}

struct wire *gate_wire(struct gate *g)
{
	return g->wire;
}

int gate_end(struct gate *g, struct span exchange_id, struct buf *out)
{
	CHECK(g->state == GATE_CUT);
	/* An ending would repeat ids as they were. */
	if (g->cut == CUT_ABORT || !g->at_boundary || g->edits.envelope)
		return -ENOTSUP;
	const struct wire_notice notice = {
		.exchange = exchange_id,
		.rule = span_of(g->reason),
		.message = SPAN("The builder's output broke this proxy's policy and was ended."),
	};
	enum wire_ending how = g->cut == CUT_GRACEFUL ? ENDING_REFUSAL : ENDING_ERROR;
	return wire_end(g->wire, how, g->record.released, &notice, out);
}
