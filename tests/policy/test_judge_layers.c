/* What is encoded is judged: in each encoding, in one another, however it is split; and what is
 * held begins with the first character that has a part of the body. */
#include <errno.h>

#include "tests/policy/encode.h"
#include "tests/policy/judge_play.h"
#include "tests/sanitized.h"

static const char policy[] =
	"version: 1\nrules:\n"
	"  - {id: key, title: t, severity: high, action: cut, regex: '\\b(ze-[a-c]{4})\\b',"
	" decode: {layers: [base64, hex, percent], depth: 3}}\n"
	"  - {id: mark, title: t, severity: high, action: flag, regex: '\\b(yes-[a-c]{3,})',"
	" decode: [base64, percent]}\n"
	"  - {id: word, title: t, severity: high, action: cut, regex: 'name=([0-9]{3})',"
	" keywords: [qqq], decode: [base64, hex]}\n"
	"  - {id: plain, title: t, severity: high, action: cut, regex: 'po-([0-9]{3})'}\n"
	"  - {id: mask, title: t, severity: high, action: redact, regex: 'xe-([0-9]{3})',"
	" decode: [hex]}\n"
	"  - {id: tight, title: t, severity: high, action: cut, regex: 'B:([a-z]{2,})E',"
	" hold: {bytes: 9}, decode: [hex, base64, percent]}\n"
	"  - {id: gap, title: t, severity: high, action: cut, regex: 'no[^a-z]([0-9]{3})',"
	" secret_group: 1, decode: [hex, base64]}\n";

enum { KEY, MARK, WORD, PLAIN, MASK, TIGHT, GAP };

#define RAW_FROM 3 /* where play() lets a stream's first segment begin */

static struct outcome one(const struct play *p, const char *text)
{
	struct segment v[] = { { 0, text, SEGMENT_TEXT } };
	return play_every_way(p, v, 1);
}

static void cuts(const struct play *p, const char *text, unsigned rule, size_t leaves)
{
	struct outcome o = one(p, text);
	cr_assert_eq(o.verdict.kind, VERDICT_CUT, "%s", text);
	cr_assert_eq(o.verdict.cause, CUT_RULE);
	cr_assert_eq(o.verdict.rule, rule, "%s", text);
	cr_assert_eq(o.let_go, RAW_FROM + leaves, "%s: leaves %lu, not %zu", text,
		     o.let_go - RAW_FROM, leaves);
}

static void passes(const struct play *p, const char *text)
{
	struct outcome o = one(p, text);
	cr_assert_eq(o.verdict.kind, VERDICT_PASS, "%s", text);
	cr_assert_eq(o.n_cards, 0, "%s", text);
}

/* At each of three places in a group of base64. */
Test(judge_layers, base64)
{
	struct play p = play_open(policy);
	for (size_t shift = 0; shift < 4; shift++) {
		char plain[64], text[128] = "auth: ";
		size_t n = (size_t)sprintf(plain, "%.*s ze-abca ok", (int)shift, "abc");
		for (int url = 0; url < 2; url++) {
			size_t before = strlen("auth: ");
			encode64(plain, n, url, text + before);
			/* the body's first byte has a part of this character */
			cuts(&p, text, KEY, before + 8 * (shift + 4) / 6);
			strcat(text, " and so on");
			cuts(&p, text, KEY, before + 8 * (shift + 4) / 6);
		}
	}
	passes(&p, "auth: emUtYWJjZCBvaw=="); /* ze-abcd ok */
	passes(&p, "auth: cG8tMTIzNA==");     /* of a rule that does not decode */
	play_close(&p);
}

Test(judge_layers, ends_of_runs)
{
	struct play p = play_open(policy);
	/* The secret ends with its run, whatever ends that: padding, the text, a blank. */
	cuts(&p, "emUtYWJjYQ==", KEY, 4);
	cuts(&p, "emUtYWJjYQ", KEY, 4);
	cuts(&p, "emUtYWJjYQ next", KEY, 4);
	cuts(&p, "7a652d61626361", KEY, 6);
	cuts(&p, "7a652d61626361.", KEY, 6);
	/* Half a secret in one run is not joined to what follows. */
	passes(&p, "emUtYWI= Y2E=");
	passes(&p, "7a652d6162 6361");
	play_close(&p);
}

Test(judge_layers, hex_and_percent)
{
	struct play p = play_open(policy);
	cuts(&p, "key 0x7a652d61626361 end", KEY, 12);
	cuts(&p, "key 7A652d61626361 end", KEY, 10);
	cuts(&p, "k=%7a%65%2D%61%62%63%61&x", KEY, 11);
	/* Plain at first: held as plain text until the `%`, and goes on without a gap. */
	cuts(&p, "http://h?k=ze-ab%63a&x=1", KEY, 14);
	cuts(&p, "http://h?k=ze-%61bca&x=1", KEY, 14);
	cuts(&p, "http://h?k=z%65-abca&x=1", KEY, 16);
	passes(&p, "http://h?k=ze-ab%64a&x=1");
	passes(&p, "http://h?k=ze-ab% 63a");
	play_close(&p);
}

Test(judge_layers, in_one_another)
{
	struct play p = play_open(policy);
	char a[128], b[256], c[512] = "see ";
	size_t n = encode64("x ze-abca y", 11, false, a);
	encode16(a, n, true, b);
	strcpy(c + 4, b);
	/* Character 6 of the base64 has bits of the dash and of the body: it is known, and held
	 * from, with its second digit. */
	cuts(&p, c, KEY, 4 + 13);
	n = encode64(b, 2 * n, true, c + 4);
	struct outcome o = one(&p, c);
	cr_assert(o.verdict.kind == VERDICT_CUT && o.verdict.rule == KEY && o.n_cards == 1);
	char name[32];
	judge_layers_name(o.cards[0].layers, name);
	cr_assert_str_eq(name, "base64 in hex in base64");
	cuts(&p, "k=%257a%2565%252d%2561bca&", KEY, 17);
	/* deeper than the rule asks for */
	n = encode16("ze-abca", 7, false, a);
	n = encode16(a, n, false, b);
	n = encode16(b, n, false, c);
	c[n] = '\0';
	o = one(&p, c);
	cr_assert_eq(o.verdict.kind, VERDICT_CUT);
	char d[1024];
	encode16(c, n, false, d);
	struct segment v[] = { { 0, d, SEGMENT_TEXT } };
	o = play(&p, v, 1, NULL, false);
	cr_assert(o.verdict.kind == VERDICT_PASS && !o.n_cards);
	play_close(&p);
}

Test(judge_layers, actions_and_refinements)
{
	struct play p = play_open(policy);
	/* flag: a card, and nothing is held */
	struct outcome o = one(&p, "say eWVzLWFiYw== ok");
	cr_assert(o.verdict.kind == VERDICT_PASS && o.n_cards == 1 && o.cards[0].rule == MARK);
	cr_assert_eq(o.cards[0].raw_off, RAW_FROM + 4);
	/* the same text in plain and encoded is one card */
	o = one(&p, "yes-abc eWVzLWFiYw== ok");
	cr_assert(o.verdict.kind == VERDICT_PASS && o.n_cards == 1);
	/* keywords may stand in the text around, or be decoded as well */
	passes(&p, "bmFtZT0xMjM0 ");
	cuts(&p, "QQQ bmFtZT0xMjM0 ", WORD, 4 + 6);
	passes(&p, "bmFtZT0xMjM0 qqq");
	cuts(&p, "cXFxIG5hbWU9MTIzNA ", WORD, 12);
	/* what would be redacted is cut */
	cuts(&p, "say 78652d313233 ", MASK, 10);
	/* a hold's bytes are derived ones */
	o = one(&p, "423a6162636465666768696a6b6c6d6e");
	cr_assert(o.verdict.kind == VERDICT_CUT && o.verdict.cause == CUT_HOLD_BOUND &&
		  o.verdict.rule == TIGHT);
	cr_assert_eq(o.let_go, RAW_FROM + 4);
	play_close(&p);
}

/* Channels, their ends, and escapes that stand for a character. */
Test(judge_layers, channels)
{
	struct play p = play_open(policy);
	struct segment v[] = {
		{ 0, "auth: emUt", SEGMENT_TEXT },
		{ 1, "7a652d6162", SEGMENT_TEXT },
		{ 0, "Y", SEGMENT_ESCAPE },
		{ 0, "WJj", SEGMENT_TEXT },
		{ 1, "", SEGMENT_END },
		{ 0, "YQ", SEGMENT_TEXT },
		{ 1, "6361", SEGMENT_TEXT },
		{ 0, "", SEGMENT_END },
		{ 0, "and more", SEGMENT_TEXT },
	};
	struct outcome o = play_every_way(&p, v, ARRAY_LEN(v));
	cr_assert(o.verdict.kind == VERDICT_CUT && o.verdict.rule == KEY && o.n_cards == 1);
	/* released: all before the escape in which the body begins */
	cr_assert_eq(o.let_go, RAW_FROM + 10 + PLAY_GAP + 10 + PLAY_GAP);
	play_close(&p);
}

/* A cut in one channel, while in another a character has come that belongs to a lead-in and to the
 * body behind it: that one stays. */
Test(judge_layers, held_when_another_cuts)
{
	struct play p = play_open(policy);
	struct segment v[] = { { 0, "say eCB6ZS1", SEGMENT_TEXT }, { 1, "po-123 ", SEGMENT_TEXT } };
	struct outcome o = play_every_way(&p, v, 2);
	cr_assert(o.verdict.kind == VERDICT_CUT && o.verdict.rule == PLAIN);
	cr_assert_eq(o.let_go, RAW_FROM + 10);
	play_close(&p);
}

/* What a run gave is not joined to the next one by a class that has every byte. */
Test(judge_layers, runs_are_apart)
{
	struct play p = play_open(policy);
	cuts(&p, "6e6f213132333435", GAP, 6);
	passes(&p, "796573206e6f 3132333435");
	passes(&p, "eWVzIG5v MTIzNDU2");
	play_close(&p);
}

static size_t add_part(char *to, const char *const *words, size_t n)
{
	char plain[64] = "", code[256];
	const char *word = words[(size_t)rand() % n];
	switch (rand() % 6) {
	case 0: return (size_t)sprintf(to, "%s", word);
	case 1: return (size_t)sprintf(to, "%c", " \n=\"-/&"[rand() % 7]);
	case 2: return encode_percent(word, strlen(word), 1 + (size_t)rand() % 3, to);
	case 3: return encode16(word, strlen(word), rand() % 2, to);
	case 4: return encode64(word, strlen(word), rand() % 2, to);
	default: {
		sprintf(plain, "%s%s", word, words[(size_t)rand() % n]);
		size_t k = encode64(plain, strlen(plain), false, code);
		return rand() % 2 ? encode16(code, k, false, to)
				  : encode_percent(code, k, 1 + (size_t)rand() % 4, to);
	}
	}
}

/* Random texts of all encodings, in two channels. */
Test(judge_layers, no_split_matters)
{
	static const char *const words[] = { "ze-",    "abca", "ze-abca", " ",
					     "yes-ab", "caa.", "name=12", "3",
					     "qqq",    "B:",   "abcdE",   "xe-123",
					     "text",   "yno",  "123",     "no!12" };
	struct play p = play_open(policy);
	size_t cut = 0, cards = 0;
	for (unsigned seed = 1; seed < (SANITIZED ? 40 : 120); seed++) {
		static char room[6][400];
		struct segment v[6];
		srand(seed);
		for (size_t i = 0; i < 6; i++) {
			size_t n = 0;
			while (n < 20)
				n += add_part(room[i] + n, words, ARRAY_LEN(words));
			room[i][n] = '\0';
			v[i] = (struct segment){ (uint16_t)(rand() % 2), room[i], SEGMENT_TEXT };
		}
		struct outcome o = play_every_way(&p, v, 6);
		cut += o.verdict.kind == VERDICT_CUT;
		for (size_t i = 0; i < o.n_cards; i++)
			cards += o.cards[i].layers != 0;
	}
	cr_log_info("%zu cut, %zu cards of decoded text", cut, cards);
	size_t least = SANITIZED ? 7 : 20;
	cr_assert(cut > least && cards > least, "%zu cut, %zu cards", cut, cards);
	play_close(&p);
}

static void refuses(const char *more, const char *says)
{
	char text[512];
	struct ruleset *set;
	struct buf errors = { 0 };
	snprintf(text, sizeof(text),
		 "version: 1\nrules:\n  - {id: a, title: t, severity: high, action: cut,"
		 " regex: 'abcd([a-z]{4})', %s}\n",
		 more);
	cr_assert_eq(ruleset_parse("p.yaml", span_of(text), &set, &errors), -EINVAL, "%s", more);
	buf_add_char(&errors, '\0');
	cr_assert_not_null(strstr(errors.p, says), "%s: %s", more, errors.p);
	buf_fini(&errors);
}

Test(judge_layers, bad_policies)
{
	refuses("decode: [rot13]", "p.yaml:3: decode \"rot13\" is not known; use one of: base64");
	refuses("decode: yes", "p.yaml:3: decode is no list");
	refuses("decode: []", "decode is no list");
	refuses("decode: {depth: 2}", "decode has no layers");
	refuses("decode: {layers: [hex], depth: 4}", "depth 4 is out of range");
	refuses("decode: {layers: [hex], zz: 4}", "key \"zz\" is not known");
	refuses("decode: [hex], hold: none", "decode and this hold exclude each other");
	refuses("decode: [hex], hold: window 20", "decode and this hold exclude each other");
	refuses("decode: [hex], scope: code", "decode and scope: code exclude each other");
}

/* A policy's own decode is for its critical rules that can. */
Test(judge_layers, policy_default)
{
	struct play p = play_open(
		"version: 1\ndecode: [hex]\nrules:\n"
		"  - {id: a, title: t, severity: critical, action: cut, regex: 'aaaa-([0-9]{4})'}\n"
		"  - {id: b, title: t, severity: high, action: cut, regex: 'bbbb-([0-9]{4})'}\n"
		"  - {id: c, title: t, severity: critical, action: cut, regex: 'c-([0-9]{4})'}\n"
		"  - {id: d, title: t, severity: critical, action: cut, regex: 'dddd-([0-9]{4})',"
		" decode: none}\n"
		"  - {id: e, title: t, severity: critical, action: flag, regex: '[a-z]{40}',"
		" hold: window 40}\n");
	cuts(&p, "616161612d31323334", 0, 10);
	passes(&p, "626262622d31323334");
	passes(&p, "632d31323334");
	passes(&p, "646464642d31323334");
	play_close(&p);
}
