/* policy/judge.c: the same cards and the same released bytes for every split, and never a byte of a
 * secret. */
#include "policy/multimatch.h"
#include "tests/policy/judge_play.h"

#define RULE(id, action, regex, more)                                                            \
	"  - {id: " id ", title: t, severity: high, action: " action ", regex: '" regex "'" more \
	"}\n"

static const char policy[] = "version: 1\nrules:\n"       /* rules by number: */
	RULE("key", "cut", "\\b(zed-[a-z0-9]{8})\\b", "") /* 0 */
	RULE("mark", "flag", "\\b(yel-[a-z0-9]{6})", "")  /* 1 */
	RULE("account", "cut", "\\bacct=([0-9]{6})\\b", ", keywords: [frobnicate, quux]") /* 2 */
	RULE("tight", "cut", "BEGIN:([a-z]{4,})END", ", hold: {bytes: 12}")               /* 3 */
	RULE("loose", "cut", "LOOSE:([a-z]{4,})END",
	     ", hold: {bytes: 10}, on_bound: release") /* 4 */
	RULE("short", "cut", "zed-a([a-z0-9]{3})", "") /* 5 */
	RULE("written", "cut", "\\b(sq(?:ab-[a-z]{5}|cd-[0-9]{7}))",
	     ", lead_in: \"\\\\bsq(?:ab|cd)-\"")         /* 6 */
	RULE("open-end", "flag", "tail:([a-z]{3,})", "") /* 7 */
	;

static const char windows[] = "version: 1\nrules:\n" RULE("zone", "cut", "danger[0-9]{2}zone\\b",
							  ", hold: window 14") /* 0 */
	RULE("seen", "flag", "note[0-9]{2}!", ", hold: none")                  /* 1 */
	RULE("late", "cut", "stop[0-9]{2}now", ", hold: none")                 /* 2 */
	RULE("key", "cut", "\\b(zed-[a-z0-9]{8})\\b", "")                      /* 3 */
	RULE("plain", "cut", "brick(?:s|ed) wall", ", hold: window 16")        /* 4 */
	;

static struct outcome every(const char *yaml, const struct segment *v, size_t n)
{
	struct play p = play_open(yaml);
	struct outcome out = play_every_way(&p, v, n);
	play_close(&p);
	return out;
}

#define EVERY(yaml, ...)                                     \
	every(yaml, (const struct segment[]){ __VA_ARGS__ }, \
	      ARRAY_LEN(((const struct segment[]){ __VA_ARGS__ })))

static void is_cut(const struct outcome *o, unsigned rule, uint64_t release)
{
	cr_assert_eq(o->verdict.kind, VERDICT_CUT);
	cr_assert_eq(o->verdict.cause, CUT_RULE);
	cr_assert_eq(o->verdict.rule, rule);
	cr_assert_eq(o->let_go, release, "released %lu, expected %lu", o->let_go, release);
}

static void is_passed(const struct outcome *o, size_t cards)
{
	cr_assert_eq(o->verdict.kind, VERDICT_PASS);
	cr_assert_eq(o->n_cards, cards, "%zu cards", o->n_cards);
}

Test(judge, clean_text_passes)
{
	struct outcome o =
		EVERY(policy, { 0, "nothing zed- to see, zed-1234567 and yel-12345 ", 0 },
		      { 1, "acct=123456", 0 });
	is_passed(&o, 0);
}

Test(judge, secret_is_cut_at_its_body)
{
	struct outcome o = EVERY(policy, { 0, "key is zed-12345678 ok", 0 });
	is_cut(&o, 0, 3 + 11); /* "key is zed-" */
	cr_assert_eq(o.n_cards, 1);
	cr_assert_eq(o.cards[0].text_off, 7);
	cr_assert_eq(o.cards[0].text_len, 12);
	cr_assert_eq(o.cards[0].raw_off, 10);
	cr_assert_eq(o.verdict.decided_raw, 3 + 20); /* the blank that \b needs */
}

Test(judge, secret_over_segments_and_escapes)
{
	struct outcome o = EVERY(policy, { 0, "is ze", 0 }, { 1, "other", 0 }, { 0, "d-12", 0 },
				 { 0, "3", SEGMENT_ESCAPE }, { 0, "4567", 0 }, { 1, "more", 0 },
				 { 0, "8\n", 0 });
	is_cut(&o, 0, 3 + 5 + 7 + 5 + 7 + 2);
	cr_assert_eq(o.cards[0].raw_off, 6);
}

Test(judge, body_begins_in_an_escape)
{
	struct outcome o =
		EVERY(policy, { 0, "zed", 0 }, { 0, "-1", SEGMENT_ESCAPE }, { 0, "2345678 ", 0 });
	is_cut(&o, 0, 3 + 3 + 7);
}

Test(judge, decided_by_the_end)
{
	struct outcome o = EVERY(policy, { 0, "zed-12345678", 0 });
	is_cut(&o, 0, 7);
	o = EVERY(policy, { 0, "zed-12345678", 0 }, { 0, "", SEGMENT_END },
		  { 1, "and on it goes", 0 });
	is_cut(&o, 0, 7);
	cr_assert_eq(o.verdict.decided_raw, 3 + 12 + 7);
}

Test(judge, flags_go_on)
{
	struct outcome o = EVERY(policy, { 0, "yel-123456 and yel-abcdef, yel-7654321", 0 });
	is_passed(&o, 3);
	o = EVERY(policy, { 0, "tail:abcdef. tail:xyz", 0 });
	is_passed(&o, 2);
	cr_assert_eq(o.cards[0].text_len, 6);
	cr_assert_eq(o.cards[1].text_len, 3);
}

Test(judge, a_repeated_text_is_one_card)
{
	struct outcome o = EVERY(policy, { 0, "yel-123456 and yel-abcdef", 0 },
				 { 1, "yel-123456 again", 0 }, { 0, " yel-123456 ", 0 });
	is_passed(&o, 2);
}

#define FOUR(text) text text text text

/* What begins first may be decided last, behind many others or behind few. */
Test(judge, cards_come_as_they_are_decided)
{
	static const char yaml[] =
		"version: 1\nrules:\n" RULE("long", "flag", "L<([a-zL< 0-9-]{4,300})>", "")
			RULE("mark", "flag", "\\b(yel-[a-z0-9]{6})", "");
	struct outcome o = EVERY(yaml, { 0, "L<" FOUR(FOUR("ab L<")) "yel-123456 >", 0 });
	is_passed(&o, 2);
	cr_assert(o.cards[0].rule == 1 && o.cards[1].rule == 0);
	o = EVERY(yaml, { 0, "L<" FOUR("yel-123456 ") "> L<yel-abcdef>", 0 });
	is_passed(&o, 4);
	cr_assert(o.cards[0].rule == 1 && o.cards[1].rule == 0 && o.cards[2].rule == 1);
}

Test(judge, flags_after_the_cut_are_dropped)
{
	struct outcome o = EVERY(policy, { 0, "yel-aaaaaa zed-12345678 yel-bbbbbb ", 0 });
	is_cut(&o, 0, 3 + 15);
	cr_assert_eq(o.n_cards, 2);
	cr_assert_eq(o.cards[0].rule, 1);
	cr_assert_eq(o.cards[1].rule, 0);
	o = EVERY(policy, { 0, "zed-1234567", 0 }, { 1, "yel-aaaaaa", 0 }, { 0, "8 ", 0 },
		  { 1, "yel-bbbbbb", 0 });
	cr_assert_eq(o.n_cards, 2);
}

Test(judge, other_holds_limit_the_release)
{
	/* Channel 1 holds an undecided candidate when channel 0 is cut, and one that has already
	 * died. */
	struct outcome o = EVERY(policy, { 1, "zed-123 zed-12", 0 }, { 0, "zed-12345678 ", 0 },
				 { 1, "345678 ", 0 });
	is_cut(&o, 0, 3 + 12);
	o = EVERY(policy, { 1, "zed-123 zed-12", 0 }, { 0, "zed-123456", 0 }, { 1, "!", 0 },
		  { 0, "78 ", 0 });
	is_cut(&o, 0, 3 + 14 + 7 + 4);
}

/* Each is ruled out by its last segment, which in one call is there when it opens; but the cut
 * before that must not let go what it held. */
Test(judge, what_is_ruled_out_at_once_held_before)
{
	struct outcome o =
		EVERY(policy, { 1, "zed-12", 0 }, { 0, "zed-12345678 ", 0 }, { 1, "!", 0 });
	is_cut(&o, 0, 3 + 4); /* by its first bytes */
	o = EVERY(policy, { 1, "BEGIN:abcdefghi", 0 }, { 0, "zed-12345678 ", 0 }, { 1, "!", 0 });
	is_cut(&o, 0, 3 + 6); /* by where its run ends */
	o = EVERY(policy, { 1, "sqab-he sqab-hel", 0 }, { 0, "zed-12345678 ", 0 }, { 1, "!", 0 });
	is_cut(&o, 0, 3 + 13); /* the body has a lead-in, and one has gone already */
	o = EVERY(policy, { 1, "yel-12", 0 }, { 0, "zed-12345678 ", 0 }, { 1, "!", 0 });
	is_cut(&o, 0, 3 + 6 + 7 + 4); /* what flags holds nothing */
	o = EVERY("version: 1\nrules:\n" RULE("in", "cut", "zed-([a-z0-9]{4}) ", "")
			  RULE("out", "cut", "OUT<([a-z0-9 -]{4,40})>", ""),
		  { 0, "OUT<ab OUT<abc zed-1234 !", 0 });
	is_cut(&o, 0, 3 + 11);
}

Test(judge, two_rules_at_once)
{
	struct outcome o = EVERY(policy, { 0, "zed-abcdefgh ", 0 });
	is_cut(&o, 5, 3 + 4); /* decided earlier, and the longer one holds from before it */
	o = EVERY(policy, { 0, "zed-zed-zed-abcdefgh ", 0 });
	cr_assert_eq(o.verdict.kind, VERDICT_CUT);
}

Test(judge, overlapping_candidates)
{
	struct outcome o = EVERY(policy, { 0, "xzed-zed-zed-11111111 zed-22222222 ", 0 });
	is_cut(&o, 0, 3 + 13);
	o = EVERY(policy, { 0, "BEGIN:BEGIN:abcdEND", 0 });
	is_cut(&o, 3, 3 + 12);
}

Test(judge, keywords)
{
	struct outcome o = EVERY(policy, { 0, "FrobNicate acct=123456 ", 0 });
	is_cut(&o, 2, 3 + 16);
	o = EVERY(policy, { 0, "acct=123456 frobnicate", 0 });
	is_passed(&o, 0);
	o = EVERY(policy, { 1, "frobnicate", 0 }, { 0, "acct=123456 ", 0 });
	is_passed(&o, 0);
	o = EVERY(policy, { 0, "acct=123456 qu", 0 }, { 0, "ux acct=123456 ", 0 });
	is_cut(&o, 2, 3 + 14 + 7 + 8);
}

Test(judge, bounds)
{
	struct outcome o = EVERY(policy, { 0, "BEGIN:abcdEND", 0 });
	is_cut(&o, 3, 9);
	o = EVERY(policy, { 0, "BEGIN:abcdefghijkl and on", 0 });
	cr_assert_eq(o.verdict.kind, VERDICT_CUT);
	cr_assert_eq(o.verdict.cause, CUT_HOLD_BOUND);
	cr_assert_eq(o.verdict.rule, 3);
	cr_assert_eq(o.let_go, 9);
	cr_assert_eq(o.verdict.decided_raw, 9 + 12);
	cr_assert_eq(o.n_cards, 0, "a bound is no violation");
	o = EVERY(policy, { 0, "LOOSE:abcdefghijklmnEND and on", 0 });
	is_passed(&o, 0);
	o = EVERY(policy, { 0, "LOOSE:abcdefgEND", 0 });
	is_cut(&o, 4, 9);
}

Test(judge, written_lead_in)
{
	struct outcome o = EVERY(policy, { 0, "x sqab-hello", 0 });
	is_cut(&o, 6, 3 + 7);
	cr_assert_eq(o.cards[0].text_off, 2);
	o = EVERY(policy, { 0, "sqcd-hello sqab-1234567 sqcd-123456", 0 });
	is_passed(&o, 0);
}

Test(judge, windows)
{
	struct outcome o = EVERY(windows, { 0, "some words and danger12zone here", 0 });
	is_cut(&o, 0, 3 + 28 - 16); /* the widest window counts for all */
	o = EVERY(windows, { 0, "some words and danger12zones, danger1zone", 0 });
	is_passed(&o, 0);
	o = EVERY(windows, { 0, "bricked wa", 0 }, { 1, "abc", 0 }, { 0, "ll", 0 });
	is_cut(&o, 4, 3);
	o = EVERY(windows, { 0, "note12! and note34! bricks wall", 0 });
	is_cut(&o, 4, 3 + 15); /* again the widest window: decided at 31 */
	cr_assert_eq(o.n_cards, 3);
	cr_assert_eq(o.cards[1].text_off, 12);
	cr_assert_eq(o.cards[1].text_len, 7);
}

Test(judge, without_a_hold_the_match_may_leave)
{
	struct outcome o = EVERY(windows, { 0, "all right until stop12now", 0 });
	is_cut(&o, 2, 3 + 25 - 16); /* the other rules' windows hold the last 16 bytes; a hold of
				       its own it has not */
}

Test(judge, monitor_never_holds_or_cuts)
{
	char yaml[2048];
	snprintf(yaml, sizeof(yaml), "mode: monitor\n%s", policy);
	struct play p = play_open(yaml);
	struct segment v[] = { { 0, "zed-12345678 BEGIN:abcdefghijklmnop zed-87654321 ", 0 } };
	struct outcome o = play_every_way(&p, v, 1);
	is_passed(&o, 2);
	cr_assert_eq(o.cards[0].action, ACTION_CUT);
	struct judge *j = judge_new(p.set, NULL);
	struct verdict verdict;
	struct piece piece = { .raw_len = 8, .text_len = 8, .text = "zed-1234" };
	judge_feed(j, p.scratch, &piece, 1, false, &verdict);
	cr_assert_eq(verdict.kind, VERDICT_PASS);
	judge_free(j);
	play_close(&p);
}

Test(judge, text_after_a_channels_end_is_another_text)
{
	struct outcome o =
		EVERY(policy, { 0, "zed-1234", 0 }, { 0, "", SEGMENT_END }, { 0, "5678 zed-", 0 },
		      { 0, "", SEGMENT_END }, { 0, "87654321 zed-12345678", 0 });
	is_cut(&o, 0, 3 + 8 + 14 + 9 + 14 + 13);
}

Test(judge, time_is_over)
{
	struct play p = play_open(policy);
	struct judge *j = judge_new(p.set, NULL);
	struct verdict v;
	struct piece piece = {
		.raw_off = 10, .raw_len = 12, .text_len = 12, .text = "xx LOOSE:abc"
	};
	judge_feed(j, p.scratch, &piece, 1, false, &v);
	cr_assert_eq(v.kind, VERDICT_HOLD);
	cr_assert_eq(v.release_raw, 19);
	judge_expire(j, &v);
	cr_assert_eq(v.kind, VERDICT_PASS);
	cr_assert_eq(judge_counts(j)->bound_releases, 1);
	piece = (struct piece){
		.raw_off = 30, .raw_len = 11, .text_len = 11, .text = "dEND zed-12"
	};
	judge_feed(j, p.scratch, &piece, 1, false, &v);
	cr_assert_eq(v.kind, VERDICT_HOLD);
	cr_assert_eq(v.release_raw, 39);
	judge_expire(j, &v);
	cr_assert_eq(v.kind, VERDICT_CUT);
	cr_assert_eq(v.cause, CUT_HOLD_BOUND);
	cr_assert_eq(v.release_raw, 39);
	cr_assert_eq(v.rule, 0);
	judge_free(j);
	play_close(&p);
}

Test(judge, memory_stays_small)
{
	struct play p = play_open(policy);
	struct judge *j = judge_new(p.set, NULL);
	struct verdict v;
	size_t before = judge_memory(j);
	cr_assert_lt(before, 512);
	for (uint64_t i = 0; i < 2000; i++) {
		struct piece piece = {
			.raw_off = i * 50, .raw_len = 6, .text_len = 6, .text = "words "
		};
		judge_feed(j, p.scratch, &piece, 1, false, &v);
	}
	cr_assert_lt(judge_memory(j) - before, 2048, "%zu", judge_memory(j));
	cr_assert_eq(judge_counts(j)->text_bytes, 12000);
	judge_free(j);
	play_close(&p);
}

/* Prose counts as code inside its fences only, tool arguments as a whole. */
static size_t cards_in(const char *body, size_t first)
{
	struct play p = play_open("version: 1\nrules:\n" RULE(
		"hit", "flag", "run\\.me\\(([a-z]{2})", ", scope: code"));
	struct wire_options options = { .framing = FRAMING_LINES,
					.dialect = DIALECT_OLLAMA,
					.frame_max = 4096 };
	struct wire *w = wire_new(&options);
	struct judge *j = judge_new(p.set, w);
	struct pieces pieces = { 0 };
	struct verdict v;
	size_t n = strlen(body), at = wire_feed(w, body, first, &pieces), cards;
	judge_feed(j, p.scratch, pieces.v, pieces.n, false, &v);
	pieces.n = 0;
	at += wire_feed(w, body + at, n - at, &pieces);
	judge_feed(j, p.scratch, pieces.v, pieces.n, false, &v);
	pieces.n = 0;
	cr_assert_eq(wire_finish(w, body + at, n - at, &pieces), WIRE_OK);
	judge_feed(j, p.scratch, pieces.v, pieces.n, true, &v);
	judge_cards(j, &cards);
	pieces_fini(&pieces);
	judge_free(j);
	wire_free(w);
	play_close(&p);
	return cards;
}

#define LINE(text)                                                                 \
	"{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"" text \
	"\"},\"done\":false}\n"

Test(judge, code_only)
{
	static const struct {
		const char *body;
		size_t cards;
	} cases[] = {
		{ LINE("say run.me(ab) ") LINE("again run.me(ab)"), 0 },
		{ LINE("say\\n```py\\nrun.") LINE("me(ab)\\n```\\nrun.me(cd)"), 1 },
		{ LINE("``") LINE("`\\n") LINE("run.me(ab) run.me(cd)") LINE("\\n``")
			  LINE("`\\nrun.me(ef)"),
		  2 },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t cut = 0; cut <= strlen(cases[i].body); cut += 3) {
			size_t n = cards_in(cases[i].body, cut);
			cr_assert_eq(n, cases[i].cards, "case %zu split at %zu: %zu cards", i, cut,
				     n);
		}
}

/* Random streams out of what rules are sensitive to. */
static const char *const crumbs[] = { "zed-",   "zed-a",  "12345678", "abcd",   " ",   "yel-",
				      "123456", "acct=",  "BEGIN:",   "LOOSE:", "END", "quux",
				      "danger", "12",     "zone",     "note",   "!",   "stop",
				      "now",    "sqab-",  "sqcd-",    "tail:",  "\n",  "z",
				      "brick",  "s wall", "ed wall",  "e",      "d",   "-",
				      "x" };

static unsigned next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(*seed >> 33);
}

static void differential(const char *yaml, uint64_t seed, int rounds)
{
	struct play p = play_open(yaml);
	int cuts = 0, cards = 0;
	for (int round = 0; round < rounds; round++) {
		struct segment v[24];
		size_t n = 3 + next_random(&seed) % 21;
		for (size_t i = 0; i < n; i++) {
			unsigned dice = next_random(&seed) % 16;
			v[i] = (struct segment){ (uint16_t)(next_random(&seed) % 3 / 2),
						 crumbs[next_random(&seed) % ARRAY_LEN(crumbs)],
						 SEGMENT_TEXT };
			if (dice == 0 && strlen(v[i].text) <= 4)
				v[i].kind = SEGMENT_ESCAPE;
			if (dice == 1)
				v[i].kind = SEGMENT_END;
		}
		size_t bytes = play_bytes(v, n);
		bool splits[512] = { false };
		struct outcome whole = play(&p, v, n, NULL, false), other;
		for (int way = 0; way < 4; way++) {
			unsigned rate = 1 + next_random(&seed) % 9;
			for (size_t i = 0; i < bytes; i++)
				splits[i] = way == 0 || next_random(&seed) % 10 < rate;
			char what[64];
			snprintf(what, sizeof(what), "round %d way %d", round, way);
			other = play(&p, v, n, splits, way & 1);
			play_same(&whole, &other, what);
		}
		cuts += whole.verdict.kind == VERDICT_CUT;
		cards += (int)whole.n_cards;
	}
	cr_assert_gt(cuts, rounds / 50, "the streams hardly test anything: %d cuts", cuts);
	cr_assert_gt(cards, rounds / 50, "the streams hardly test anything: %d cards", cards);
	play_close(&p);
}

Test(judge, random_streams)
{
	differential(policy, 1, 3000);
}

Test(judge, random_streams_with_windows)
{
	differential(windows, 2, 3000);
}

Test(judge, without_memory_it_closes)
{
	struct play p = play_open(policy);
	for (long n = 0; n < 2; n++) {
		struct judge *j = judge_new(p.set, NULL);
		struct verdict v;
		struct piece pieces[] = {
			{ .raw_off = 5, .raw_len = 4, .text_len = 4, .text = "abcd" },
			{ .raw_off = 20, .raw_len = 4, .text_len = 4, .text = "abcd", .channel = 1 }
		};
		multimatch_limit_streams(n);
		judge_feed(j, p.scratch, pieces, 2, false, &v);
		multimatch_limit_streams(-1);
		cr_assert_eq(v.kind, VERDICT_CUT);
		cr_assert_eq(v.cause, CUT_ENGINE_ERROR);
		cr_assert_eq(v.release_raw, 0, "nothing of the call may leave");
		judge_feed(j, p.scratch, pieces, 2, true, &v);
		cr_assert_eq(v.kind, VERDICT_CUT);
		judge_free(j);
	}
	play_close(&p);
}
