/* Bytes that may be JSON: what is canonical stays as it is when it is made canonical again, and a
 * line of an export or of checkpoints is read without harm. */
#include <stddef.h>
#include <stdint.h>

#include "lib/canonical.h"
#include "proxy/ledger_checkpoint.h"
#include "proxy/ledger_row.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void read_line(struct span text)
{
	struct json *doc;
	struct buf body = { 0 };
	struct ledger_row row;
	struct ledger_checkpoint checkpoint;
	char hash[SHA256_HEX];
	if (json_parse(text, &doc) != 0)
		return;
	(void)ledger_checkpoint_read(json_root(doc), &checkpoint);
	if (!ledger_row_read(json_root(doc), &body, &row))
		CHECK(ledger_row_hash(&row, hash) == 0);
	buf_fini(&body);
	json_free(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf once = { 0 }, twice = { 0 };
	const struct span text = { (const char *)p, n };
	if (canonical_text(text, &once) == 0) {
		const struct span first = { once.p, once.n };
		CHECK(canonical_text(first, &twice) == 0);
		CHECK(span_eq(first, (struct span){ twice.p, twice.n }));
	}
	buf_fini(&once);
	buf_fini(&twice);
	read_line(text);
	return 0;
}
