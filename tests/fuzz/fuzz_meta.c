/* Bytes that may be an event of the auditor: what is taken is judged, and its row and its cards are
 * JSON that the ledger can keep; what breaks no assertion has each of their fields as a number. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/canonical.h"
#include "proxy/meta_event.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct ruleset *rules(void)
{
	static struct ruleset *set;
	static const char text[] =
		"version: 1\nrules:\n  - {id: r, title: t, severity: low, action: "
		"flag, regex: 'abc[0-9]+'}\n";
	struct buf errors = { 0 };
	if (!set)
		CHECK(ruleset_parse("p.yaml", SPAN(text), &set, &errors) == 0);
	buf_fini(&errors);
	return set;
}

static void check_json(struct buf *text)
{
	struct buf canonical = { 0 };
	if (!text->failed)
		CHECK(canonical_text((struct span){ text->p, text->n }, &canonical) == 0);
	buf_fini(&canonical);
	text->n = 0;
}

static void check(struct meta_event *e)
{
	struct buf out = { 0 };
	meta_event_judge(e, rules());
	for (size_t i = 0; i < e->n_assertions; i++) {
		const struct assertion_result *r = &e->results[i];
		CHECK(r->fault != FAULT_NONE ||
		      (r->value && json_type(r->value) == JSON_IS_NUMBER));
		if (r->fault == FAULT_NONE)
			continue;
		meta_event_add_card(&out, e, i);
		check_json(&out);
	}
	meta_event_add_row(&out, e, "ci");
	check_json(&out);
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct meta_event *e = calloc(1, sizeof(*e));
	if (!e)
		return 0;
	if (!meta_event_read((struct span){ (const char *)p, n }, e))
		check(e);
	meta_event_fini(e);
	free(e);
	return 0;
}
