/* Any text in three channels, whole and split as the input says: the same cards, the same released
 * bytes. The first byte seeds the splits; a byte of 0xff changes the channel, 0xfe ends it. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base.h"
#include "policy/judge.h"

#define TEXT_MAX 4096

static const char policy[] =
	"version: 1\nrules:\n"
	"  - {id: key, title: t, severity: high, action: cut, regex: '\\b(ze-[a-c]{4})\\b',"
	" decode: {layers: [base64, hex, percent], depth: 3}}\n"
	"  - {id: mark, title: t, severity: high, action: flag, regex: '\\b(ye-[a-c]{3,})',"
	" decode: [percent, hex]}\n"
	"  - {id: word, title: t, severity: high, action: cut, regex: 'a=([0-9]{3})', keywords: [qq],"
	" decode: [base64, percent]}\n"
	"  - {id: tight, title: t, severity: high, action: cut, regex: 'B:([a-z]{2,})E', hold: {bytes: 9},"
	" decode: [hex]}\n"
	"  - {id: call, title: t, severity: high, action: cut, languages: [c, go], lead_in: 'f\\(',"
	" hold: {bytes: 300}, query: '(call_expression arguments: (argument_list (identifier))) @c'}\n"
	"  - {id: zone, title: t, severity: high, action: cut, regex: 'da[0-9]{2}z\\b', hold: window 6}\n";

struct result {
	enum verdict_kind kind;
	uint64_t released;
	uint64_t decided;
	size_t n;
	struct card cards[JUDGE_CARDS_MAX];
};

static struct ruleset *set;
static struct judge_scratch *scratch;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(const uint8_t *p, size_t n, uint64_t seed, struct result *out)
{
	struct judge *j = judge_new(set, NULL);
	struct verdict v;
	uint16_t channel = 0;
	uint64_t limit = 0;
	const bool whole = seed == 0; /* the end comes with the last of the text, too */
	CHECK(j);
	for (size_t i = 0; i < n;) {
		struct piece pieces[16];
		size_t k = 0;
		bool more = true;
		while (k < ARRAY_LEN(pieces) && i < n && more) {
			if (p[i] >= 0xfe) {
				if (p[i] == 0xff)
					channel = (uint16_t)((channel + 1) % 3);
				else
					pieces[k++] = (struct piece){ .raw_off = i,
								      .channel = channel,
								      .kind = PIECE_CHANNEL_END };
				i++;
				continue;
			}
			size_t len = 0;
			while (i + len < n && p[i + len] < 0xfe && more) {
				len++;
				seed = seed * 6364136223846793005u + 1442695040888963407u;
				more = seed == 0 || (seed >> 60) > 4;
			}
			pieces[k++] = (struct piece){ .raw_off = i,
						      .raw_len = (uint32_t)len,
						      .text_len = (uint32_t)len,
						      .channel = channel,
						      .text = (const char *)p + i };
			i += len;
		}
		judge_feed(j, scratch, pieces, k, whole && i == n, &v);
		uint64_t now = v.kind == VERDICT_PASS ? i : v.release_raw;
		CHECK(now >= limit && now <= i);
		limit = now;
	}
	judge_feed(j, scratch, NULL, 0, true, &v);
	CHECK(v.kind != VERDICT_HOLD);
	out->kind = v.kind;
	out->released = v.kind == VERDICT_PASS ? n : v.release_raw;
	out->decided = v.kind == VERDICT_CUT ? v.decided_raw : 0;
	CHECK(out->released >= limit);
	const struct card *cards = judge_cards(j, &out->n);
	for (size_t i = 0; i < out->n; i++)
		out->cards[i] = cards[i];
	judge_free(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct result whole, split;
	struct buf errors = { 0 };
	if (!set)
		CHECK(ruleset_parse("fuzz.yaml", SPAN(policy), &set, &errors) == 0 &&
		      judge_scratch_new(set, &scratch) == 0);
	if (size < 2 || size > TEXT_MAX)
		return 0;
	run(data + 1, size - 1, 0, &whole);
	run(data + 1, size - 1, data[0] + 1u, &split);
	CHECK(whole.kind == split.kind && whole.released == split.released && whole.n == split.n &&
	      whole.decided == split.decided);
	for (size_t i = 0; i < whole.n; i++)
		CHECK(whole.cards[i].rule == split.cards[i].rule &&
		      whole.cards[i].raw_off == split.cards[i].raw_off &&
		      whole.cards[i].layers == split.cards[i].layers &&
		      whole.cards[i].body_raw == split.cards[i].body_raw &&
		      whole.cards[i].text_len == split.cards[i].text_len);
	return 0;
}
