/* policy/trigger.c, policy/tail.c: heads and what is walked behind them find what the matcher finds
 * with whole lead-ins, however the text comes. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/yaml.h"
#include "policy/lead_in.h"
#include "policy/pattern.h"
#include "policy/re2.h"
#include "policy/rule.h"
#include "policy/seek.h"
#include "policy/tail.h"
#include "policy/trigger.h"
#include "policy/trigger_split.h"

#define TEXT_MOST 700
#define KEPT 64 /* of older text, as a channel keeps it */

static const char *const expressions[] = {
	"\\b(?:SG\\.(?i))",
	"\\bSG\\.",
	"(?i)\\b(?:\\b(?:sgp_))",
	"\\b(?:gh[pousr]_)",
	"(?i)key",
	("(?i)(?:key|(?-i:[Aa]pi|API)|token)(?:[ \\t\\w.-]{0,20})[\\s'\"]{0,3}(?:=|>|:{1,3}=|\\|\\||:|=>|\\?=|,)"
	 "[\\x60'\"\\s=]{0,5}"),
	"(?i)(?:twitter)(?:[ \\w.-]{0,20})[\\s'\"]{0,3}(?:=|:)[\"\\s=]{0,5}(?:A{4})",
	"\\bcurl[ \\t](?:[^\\n|;\"'`]{0,120}[ \\t])?",
	"\\b(?:curl|wget)[ \\t][^\\n|;]{1,200}\\|[ \\t]{0,4}(?:sudo[ \\t]{1,4})?",
	"\\bcurl\\b(?:.*?|.*?(?:[\\n\\r]{1,2}.*?){1,5})[\\t\\n\\r ](?:-H|--header)(?:=|[\\t ]{0,5})",
	"\\b(?:curl|fetch)[ (][^\\n]{0,160}\\b(?:169\\.254|metadata)(?::80)?/",
	"token[0-9]{2,4}(?:zone\\b)",
	"token\\b.{0,9}\\b[a-z]",
	"(?s)-----BEGIN .{2,70}KEY",
	"(?i)\\bprivate_key_id[\"']?[ \\t]{0,4}[:=][ \\t]{0,4}[\"']",
	"\\bprivate_key_id(?:[ \\t]?x|[0-9]{2,4}){1,3}z",
	"\\.run\\([^)\\n]{0,80}\\b(?:host|debug)[ \\t]{0,2}=",
	"\\bkey(?i:[a-c]{1,3})[A-C]{0,3}=",
	"tok[^\\W_]{2,5}?_+x",
	"api(?:_?key)?[-_]{0,2}(?:a|b*c){2}=",
	"(?i)\\b(?:api|auth)[_-]?key[ \\w]{0,20}=",
	"(?:^|[ =\"'])(?:[\\w.~]{3}\\dQ~)",
	"\\b[0-9a-zA-Z]{6}_",
	"(?i)\\b[0-9a-z]{4}\\.(?-i:token)\\.",
	"\\b(?:tok)?[0-9]{3,5}:(?:AA)",
	"(?i:[\\w.-]{0,50}?(?:(?-i:[Aa]pi|KEY)))",
	"(?:\\bapi[ \\t]{1,4}|\\b_token\\b =|tee[ \\t]{1,2}(?:-a[ \\t]{1,3})?)[\"']?(?:~|/root)/",
	"\\bcurl\\b",
	"key(?:[a-z]{3}|[a-z]{0,9}y\\b)",
	"api[a-z]{0,30}(?:key|=)\\b",
	"(?i)tok[ \\t]{0,30}\\b[a-z_]{2,40}\\b['\"]?",
	"\\b(?:curl|wget)[ \\t][^\\n]{1,200}(?:\\$\\(|`|=@|[ \\t\"']@|<)[ \\t]{0,4}(?:cat[ \\t]{1,4}|base64)?",
	"curl[ \\t](?:[^\\n|;&]{0,80}[ \\t])?(?:-[a-z]{0,4}[ec]|--exec)[ \\t]{1,4}",
	"curl[ \\t]{1,4}[^\\n|;&]{1,60}[^\\n]{1,80}\\b(?:ba|z)?sh[ \\t]{1,4}-i[^\\n]{0,30}\\|",
	"key(?:[a-z]{2,6}=[^\\s]{1,80}[ \\t]{1,4}){0,6}of=",
	"key(?:[a-z]{0,13},?)*=",
	"(?i)\\bkey:[\\t ]*\"?\\btoken\\b\"?(?s:.){0,200}?\\bdata:(?s:.){0,100}?[\\t\\n ]+",
	"key[a-z]{14,40}x{0,20}\\b",
	"(?:foo[a-z]{3}|foobar\\b)",
	"\\xf-?abcd",
	"(?m)^[ \\t]{0,4}(?:sudo )?(?:env )?curl",
};

struct both {
	struct multimatch *whole, *heads;
	struct multimatch_scratch *scratch;
	struct triggers *triggers;
	size_t n, hits;
	size_t by_table; /* texts */
};

static void take(struct both *b, const struct multimatch_pattern *v, size_t n)
{
	struct buf why = { 0 };
	size_t bad, n_heads;
	*b = (struct both){ .triggers = triggers_new(n), .n = n };
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(triggers_add(b->triggers, &v[i], (uint32_t)i, NULL), 0);
	cr_assert_eq(triggers_finish(b->triggers), 0);
	const struct multimatch_pattern *heads = triggers_heads(b->triggers, &n_heads);
	cr_assert_eq(multimatch_new(v, n, &b->whole, &bad, &why), 0, "%.*s", (int)why.n, why.p);
	cr_assert_eq(multimatch_new(heads, n_heads, &b->heads, &bad, &why), 0, "%s: %.*s",
		     bad < n_heads ? heads[bad].text : "", (int)why.n, why.p);
	cr_assert_eq(multimatch_scratch_fit(&b->scratch, b->whole), 0);
	cr_assert_eq(multimatch_scratch_fit(&b->scratch, b->heads), 0);
	buf_fini(&why);
}

static void give(struct both *b)
{
	multimatch_free(b->whole);
	multimatch_free(b->heads);
	multimatch_scratch_free(b->scratch);
	triggers_free(b->triggers);
}

static uint32_t below(uint32_t *seed, uint32_t n)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % n;
}

/* What seeks the heads: the matcher, the table, or now this and now that. */
enum seek_by { BY_MATCHER, BY_TABLE, BY_BOTH, WAYS };

static void choose(struct seek *k, enum seek_by way, uint32_t *seed)
{
	k->crowd = way == BY_MATCHER || (way == BY_BOTH && below(seed, 2)) ? 0 : SEEK_CROWD_MAX;
}

static void add_all(struct multimatch_hits *all, const struct multimatch_hits *more)
{
	for (size_t i = 0; i < more->n; i++)
		multimatch_hits_add(all, more->v[i].end, more->v[i].pattern);
}

/* The text begins at `base` of a channel and comes `step` bytes at a time; 0: a few each time. */
static void find(struct both *b, char *text, size_t n, uint64_t base, size_t step, enum seek_by way,
		 struct multimatch_hits *all)
{
	const struct seeker with = { b->heads, triggers_table(b->triggers), b->scratch };
	struct seek seek = { 0 };
	struct multimatch_hits heads = { 0 }, out = { 0 };
	struct walks walks = { 0 };
	uint32_t seed = (uint32_t)n;
	all->n = 0;
	for (size_t at = 0, part; at < n; at += part) {
		size_t from = at > KEPT ? at - KEPT : 0;
		part = min_size(step ? step : 1 + below(&seed, 50), n - at);
		struct span known = { text + from, at + part - from };
		struct track track = { .text = text + from,
				       .base = base + from,
				       .n = (uint32_t)known.n };
		heads.n = out.n = 0;
		choose(&seek, way, &seed);
		cr_assert_eq(seek_feed(&seek, &with, known, at - from, at, &heads), 0);
		cr_assert_eq(seek.in_table && way == BY_MATCHER, false);
		cr_assert(triggers_find(b->triggers, &walks, &track, base, base + at, false, &heads,
					&out));
		add_all(all, &out);
	}
	cr_assert_lt(walks.n, 40 * b->n);
	heads.n = out.n = 0;
	cr_assert_eq(seek_finish(&seek, &with, &heads), 0);
	struct track rest = { .text = text, .base = base, .n = (uint32_t)n };
	cr_assert(triggers_find(b->triggers, &walks, &rest, base, base + n, true, &heads, &out));
	add_all(all, &out);
	cr_assert_eq(walks.n, 0);
	seek_end(&seek);
	multimatch_hits_fini(&heads);
	multimatch_hits_fini(&out);
	walks_fini(&walks);
}

static void check(struct both *b, char *text, size_t n)
{
	static const size_t steps[] = { TEXT_MOST, 1, 2, 7, 33, 80, 0 };
	struct multimatch_hits want = { 0 }, got = { 0 };
	struct multimatch_stream *t = multimatch_open(b->whole);
	cr_assert_eq(multimatch_feed(t, b->scratch, (struct span){ text, n }, &want), 0);
	cr_assert_eq(multimatch_finish(t, b->scratch, &want), 0);
	multimatch_close(t);
	multimatch_hits_sort(&want);
	b->hits += want.n;
	enum seek_by ways = triggers_table(b->triggers) ? WAYS : BY_TABLE;
	b->by_table += ways == WAYS;
	for (size_t i = 0; i < ARRAY_LEN(steps) * ways; i++) {
		size_t step = steps[i / ways];
		find(b, text, n, i / ways % 2 ? 1000 : 0, step, (enum seek_by)(i % ways), &got);
		size_t all = got.n;
		multimatch_hits_sort(&got);
		cr_assert_eq(got.n, all, "some twice, by %zu: %.*s", step, (int)n, text);
		for (size_t k = 0; k < min_size(got.n, want.n); k++)
			cr_assert(got.v[k].end == want.v[k].end &&
					  got.v[k].pattern == want.v[k].pattern,
				  "%zu by %zu: pattern %u at %zu, not %u at %zu: %.*s", k, step,
				  got.v[k].pattern, (size_t)got.v[k].end, want.v[k].pattern,
				  (size_t)want.v[k].end, (int)n, text);
		cr_assert_eq(got.n, want.n, "%zu hits, not %zu, by %zu: %.*s", got.n, want.n, step,
			     (int)n, text);
	}
	multimatch_hits_fini(&want);
	multimatch_hits_fini(&got);
}

/* A text of pieces of the expressions themselves, which come near to what they match. */
static size_t write_text(char *text, const struct multimatch_pattern *v, size_t n, uint32_t *seed)
{
	static const char *const words[] = { "SG.",         "sgp_",     "key",
					     "api",         "token",    " = \"",
					     ": '",         "curl ",    "wget ",
					     " -H ",        "| sudo ",  "\n",
					     "=>",          "   ",      "169.254/",
					     "_",           "twitter",  "AAAA",
					     "-----BEGIN ", "KEY",      "private_key_id",
					     "API",         "host =",   ".run(",
					     "ghp_",        "x",        "abc",
					     "\"",          ":=",       "||",
					     "fetch(",      "12345:AA", "Q~",
					     "a~1Q~",       "~/",       "-a ",
					     "tee " };
	size_t at = 0;
	uint32_t one = below(seed, (uint32_t)n);
	while (at + 20 < TEXT_MOST) {
		const char *from = words[below(seed, ARRAY_LEN(words))];
		size_t len = strlen(from);
		if (below(seed, 3) == 0) { /* of a pattern, often the same one */
			const char *p = v[below(seed, 4) ? one : below(seed, (uint32_t)n)].text;
			size_t most = strlen(p);
			from = p + below(seed, (uint32_t)most);
			from += strspn(from, "\\()?:[]{}i-b|");
			len = min_size(strcspn(from, "\\()?:[]{}|"), 19);
		}
		memcpy(text + at, from, len);
		at += len;
	}
	return at;
}

/* A byte of the class, with luck a letter. */
static char member(const struct pattern_node *n, uint32_t *seed)
{
	unsigned c = 0;
	for (int i = 0; i < 300; i++) {
		c = i < 6     ? 'a' + below(seed, 26)
		    : i < 200 ? 32 + below(seed, 95)
			      : below(seed, 256);
		if (n->in[c / 32] >> c % 32 & 1)
			break;
	}
	return (char)c;
}

static void spell(struct buf *out, const struct pattern_branch *list, uint32_t *seed);

/* So often or a little oftener than it may be there. */
static void spell_item(struct buf *out, const struct pattern_node *n, uint32_t *seed)
{
	uint32_t most = n->max == PATTERN_MANY ? n->min + 20 : n->max, times = n->min;
	switch (below(seed, 5)) {
	case 0: times = most + (most > n->min ? below(seed, 2) : 0); break;
	case 1: times += below(seed, most - n->min + 1); break;
	case 2:
	case 3: times += below(seed, (uint32_t)min_u64(most - n->min, 4) + 1); break;
	}
	for (uint32_t i = 0; i < times; i++)
		if (n->kind == PATTERN_BYTES)
			buf_add_char(out, member(n, seed));
		else if (n->kind == PATTERN_GROUP)
			spell(out, n->branches, seed);
}

/* Some text that the list matches, or nearly. */
static void spell(struct buf *out, const struct pattern_branch *list, uint32_t *seed)
{
	uint32_t n = 0;
	for (const struct pattern_branch *b = list; b; b = b->next)
		n++;
	for (uint32_t skip = n ? below(seed, n) : 0; skip; skip--)
		list = list->next;
	for (const struct pattern_node *i = list ? list->first : NULL; i; i = i->next)
		if (below(seed, 60))
			spell_item(out, i, seed);
}

/* A text of what expressions match, whole or in part, mostly of one and often its beginning. */
static size_t write_matches(char *text, const struct multimatch_pattern *v, size_t n,
			    uint32_t *seed)
{
	struct buf unit = { 0 };
	size_t at = 0;
	uint32_t one = below(seed, (uint32_t)n);
	while (at + 5 < TEXT_MOST) {
		struct pattern *p = NULL;
		const char *why = NULL;
		const char *of = v[below(seed, 6) ? one : below(seed, (uint32_t)n)].text;
		buf_clear(&unit);
		cr_assert_eq(pattern_parse(of, &p, &why), 0, "%s: %s", of, why);
		spell(&unit, pattern_root(p), seed);
		pattern_free(p);
		size_t part = unit.n;
		if (below(seed, 2)) /* its beginning */
			part = min_size(part, below(seed, below(seed, 2) ? 9 : (uint32_t)part + 1));
		part = min_size(part, TEXT_MOST - 1 - at);
		memcpy(text + at, unit.n ? unit.p : "", part);
		at += part;
		if (below(seed, 3))
			text[at++] = " \n\"=a"[below(seed, 5)];
	}
	buf_fini(&unit);
	return at;
}

/* Whether a table did as well. */
static bool compare(const struct multimatch_pattern *v, size_t n, int rounds, size_t least)
{
	struct both b;
	char text[TEXT_MOST];
	uint32_t seed = 5;
	take(&b, v, n);
	for (int round = 0; round < rounds; round++)
		check(&b, text,
		      round % 2 ? write_matches(text, v, n, &seed) : write_text(text, v, n, &seed));
	cr_assert_geq(b.hits, least, "%zu", b.hits);
	give(&b);
	return b.by_table > 0;
}

Test(trigger, finds_what_the_matcher_finds)
{
	struct multimatch_pattern v[ARRAY_LEN(expressions)] = { 0 }, rows[ARRAY_LEN(v)];
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		v[i].text = expressions[i];
		if (compare(&v[i], 1, 100, 1))
			rows[n++] = v[i];
	}
	cr_assert_geq(n, ARRAY_LEN(v) * 3 / 4);
	cr_assert(compare(rows, n, 200, 10000));
	compare(v, ARRAY_LEN(v), 200, 10000);
}

Test(trigger, finds_what_the_matcher_finds_of_the_pack)
{
	struct ruleset *set = NULL;
	struct buf errors = { 0 };
	size_t n = 0;
	cr_assert_eq(ruleset_load("builtin", &set, &errors), 0);
	/* Without one, text that is full of heads costs the matcher's price again. */
	cr_assert_not_null(triggers_table(set->triggers));
	struct multimatch_pattern *v = calloc(set->n_patterns, sizeof(*v));
	cr_assert_not_null(v);
	for (size_t i = 0; i < set->n; i++)
		for (size_t k = 0; k < set->rules[i].n_branches; k++)
			v[n++].text = set->rules[i].branches[k].lead_in;
	compare(v, n, 600, 2000);
	free(v);
	ruleset_unref(set);
	buf_fini(&errors);
}

/* A walk is dropped only for one that goes on as long as it would. */
Test(trigger, gaps_end_each_at_its_own_place)
{
	static const struct {
		const char *expression, *text;
	} cases[] = {
		{ "key(?:[a-z]{40}=|[a-z]{0,30}=)",
		  "keykeyabcdefghijklmnopqrstuvwxyzabcdefghijk=" },
		{ "key(?:[a-z-]{0,60}=|-[a-z-]{0,20}=)",
		  "key-abcdefghijklmnopqrstuvwxyzabcdefghijk=" },
		{ "key[a-z]{0,20}=", "keykeyabcdefghijklmnopqrst=" },
		{ "key[a-z]{1,20}b?=", "keykeyabcdefghijklmnopqrstb=" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct multimatch_pattern v = { .text = cases[i].expression };
		char text[TEXT_MOST];
		struct both b;
		take(&b, &v, 1);
		strcpy(text, cases[i].text);
		check(&b, text, strlen(text));
		cr_assert_eq(b.hits, 1, "%s", v.text);
		give(&b);
	}
}

/* gitleaks' rules, as text; empty where they are not there. */
static struct buf read_rules(void)
{
	char command[512], part[4096];
	struct buf text = { 0 };
	snprintf(command, sizeof(command),
		 "gzip -dc '%s/secrets/gitleaks_rules.json.gz' 2>/dev/null",
		 getenv("CORPORA") ? getenv("CORPORA") : "../shared/corpora");
	FILE *pipe = popen(command, "r");
	for (size_t n; pipe && (n = fread(part, 1, sizeof(part), pipe)) > 0;)
		buf_add(&text, part, n);
	if (pipe)
		pclose(pipe);
	return text;
}

/* Its lead-in, which the caller frees; NULL: it has none. */
static char *lead_in_of(const struct yaml_node *rule)
{
	const struct yaml_node *re2 = yaml_get(rule, "regex_re2");
	struct buf regex = { 0 }, why = { 0 };
	struct lead_in l = { .found = false };
	char *out = NULL;
	if (re2 && re2->len && re2_translate(re2->text, &regex, &why) == 0) {
		buf_add_char(&regex, '\0');
		bool group = lead_in_find(regex.p, 0, NULL, &l) == 0 && l.groups;
		lead_in_fini(&l);
		if (lead_in_find(regex.p, group, NULL, &l) == 0 && l.found)
			out = strdup(l.lead_in);
		lead_in_fini(&l);
	}
	buf_fini(&regex);
	buf_fini(&why);
	return out;
}

Test(trigger, finds_what_the_matcher_finds_of_others_rules)
{
	struct buf text = read_rules(), errors = { 0 };
	struct multimatch_pattern v[256] = { 0 };
	struct yaml *y = NULL;
	size_t n = 0;
	if (!text.n) {
		cr_log_warn("skipped: no corpora");
		return;
	}
	cr_assert_eq(yaml_parse("rules", (struct span){ text.p, text.n }, 0, &y, &errors), 0);
	for (const struct yaml_node *r = yaml_get(yaml_root(y), "rules")->first; r; r = r->next)
		if ((v[n].text = lead_in_of(r)))
			n++;
	cr_assert_geq(n, 205, "%zu", n);
	for (size_t i = 0; i < n; i++)
		compare(&v[i], 1, 6, 0);
	compare(v, n, 300, 3000);
	for (size_t i = 0; i < n; i++)
		free((char *)(uintptr_t)v[i].text);
	yaml_free(y);
	buf_fini(&text);
}

Test(trigger, heads_are_literal_and_shared)
{
	static const struct multimatch_pattern v[] = {
		{ .text = "\\b(?:SG\\.(?i))" },          { .text = "\\bSG\\." },
		{ .text = "(?i)(?:token)[ \\w]{0,9}=" }, { .text = "(?i)token[\"']?[ \\t]{0,4}:" },
		{ .text = "(?i)\\btoken_?x{2,4}=" },     { .text = "tok", .keyword = true },
		{ .text = "(?:ab|[yz]{3})c" },           { .text = "x.*yz" }
	};
	static const char *const heads[] = { "\\x53\\x47\\x2e",
					     "(?i)\\x74\\x6f\\x6b\\x65\\x6e",
					     "tok",
					     "\\x61\\x62\\x63",
					     "[\\x79\\x7a][\\x79\\x7a][\\x79\\x7a]\\x63",
					     "x.*yz" };
	struct triggers *t = triggers_new(ARRAY_LEN(v));
	size_t n;
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		cr_assert_eq(triggers_add(t, &v[i], (uint32_t)i, NULL), 0);
	const struct multimatch_pattern *found = triggers_heads(t, &n);
	cr_assert_eq(n, ARRAY_LEN(heads));
	for (size_t i = 0; i < n; i++)
		cr_assert_str_eq(found[i].text, heads[i]);
	cr_assert(triggers_user(t, 1) >= 2 && triggers_user(t, 1) <= 4);
	triggers_free(t);
}

/* What is no row however it goes is not multiplied out without end. */
Test(trigger, multiplying_out_is_bounded)
{
	struct buf text = { 0 };
	for (int i = 0; i < 24; i++)
		buf_add_text(&text, "(?:a|b)");
	buf_add_text(&text, "xyz$");
	buf_add_char(&text, '\0');
	const struct multimatch_pattern one = { .text = text.p };
	struct triggers *t = triggers_new(1);
	size_t n;
	cr_assert_eq(triggers_add(t, &one, 0, NULL), 0);
	cr_assert_eq(triggers_finish(t), 0);
	const struct multimatch_pattern *found = triggers_heads(t, &n);
	cr_assert_eq(n, 1);
	cr_assert_str_eq(found[0].text, text.p);
	cr_assert_null(triggers_table(t));
	triggers_free(t);
	buf_fini(&text);
}

/* A class without bytes is nothing that can be looked for. */
Test(trigger, an_empty_class_is_no_row)
{
	struct trigger_row row;
	cr_assert_not(trigger_row_read("foo[^\\s\\S]bar", &row));
	cr_assert(trigger_row_read("foo[^\\S]bar", &row));
}

/* Each byte of such a gap begins others, and these do; they are compared before they are many. */
Test(trigger, walks_stay_few_where_each_byte_begins_some)
{
	struct multimatch_pattern v = {
		.text = "(?:^|[ =])aba(?:={1,17}a{1,30}|(?:[^=]{0,15}|[ab]{3,50})"
			"{1,4}[ab=]*|[^\\n]){0,2}b*"
	};
	char text[] = " abakeykeyabababababaaaaaaaaaaaaaabbbbkbkakababbakeyaaaaaaaabababababababab";
	struct both b;
	struct multimatch_hits heads = { 0 }, out = { 0 };
	struct walks walks = { 0 };
	struct head_table_place place = { 0 };
	take(&b, &v, 1);
	struct span all = { text, strlen(text) };
	head_table_find(triggers_table(b.triggers), all, 0, &place, &heads);
	struct track track = { .text = text, .n = (uint32_t)all.n };
	cr_assert(triggers_find(b.triggers, &walks, &track, 0, 0, false, &heads, &out));
	cr_assert_gt(out.n, 20);
	cr_assert_leq(walks.cap, 16384);
	multimatch_hits_fini(&heads);
	multimatch_hits_fini(&out);
	walks_fini(&walks);
	give(&b);
}

/* Where heads overlap, older walks give way: an end is not told once for each head before it. */
Test(trigger, ends_are_not_told_for_each_head)
{
	static const char *const tails[] = { "aaa[a-z]{0,14}", "aaa(?:[a-z]{0,3}[a-z.]{0,9})" };
	for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
		struct multimatch_pattern v = { .text = tails[i] };
		char text[4096];
		struct both b;
		struct multimatch_hits heads = { 0 }, out = { 0 };
		struct walks walks = { 0 };
		struct head_table_place place = { 0 };
		memset(text, 'a', sizeof(text));
		take(&b, &v, 1);
		struct span all = { text, sizeof(text) };
		head_table_find(triggers_table(b.triggers), all, 0, &place, &heads);
		struct track track = { .text = text, .n = sizeof(text) };
		cr_assert(triggers_find(b.triggers, &walks, &track, 0, 0, false, &heads, &out));
		cr_assert_eq(out.n, sizeof(text) - 2);
		cr_assert_leq(out.cap, 4 * sizeof(text));
		multimatch_hits_fini(&heads);
		multimatch_hits_fini(&out);
		walks_fini(&walks);
		give(&b);
	}
}

/* What no table can say is left to the matcher. */
Test(tail, what_looks_around_is_none)
{
	static const char *const others[] = { "a(?=b)", "(?:a$)", "a|b",
					      "(?:[a-z][a-z]){0,300}b(?:[a-z][a-z]){0,300}c" };
	struct tail *t = NULL;
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		cr_assert_eq(tail_read(others[i], &t), 0);
		cr_assert_null(t, "%s", others[i]);
	}
}

/* The whole pack's long gaps and what ends at the edge of a word. */
Test(tail, what_the_pack_has_is_a_table)
{
	static const char *const all[] = {
		"[^\\n]{1,200}(?:\\$\\(|`|=@|[ \\t\"']@|<)[ \\t]{0,4}(?:cat[ \\t]{1,4}|base64[ \\t]{1,4}(?:-w[ \\t]?0[ "
		"\\t]{1,4})?)?",
		"[ \\t]{0,4}[A-Za-z_]{1,20}\\.fileno\\(\\)[ \\t]{0,4},[ \\t]{0,4}[012][ \\t]{0,4}\\)[;\\s]{1,24}"
		"[^\\n]{0,120}\\b(?:call|run|Popen|spawn|system|execl|execve|execv)\\(",
		"[ \\t](?:[^\\n|;&]{0,80}[ \\t])?(?:-[a-z]{0,4}[ec]|--exec)[ \\t]{1,4}[\"']?",
		"[^\\n|;&]{1,60}[^\\n]{1,80}\\b(?:ba|z|da|k)?sh[ \\t]{1,4}-i[^\\n]{0,30}\\|[ \\t]{0,4}",
		"[ \\t]{1,4}(?:[a-z]{2,6}=[^\\s]{1,80}[ \\t]{1,4}){0,6}of=",
		"(?i)(?:[\\t ]*[\"']?\\bsecret\\b[\"']?(?s:.){0,200}?\\bdata:(?s:.){0,100}?[\\t\\n ]+)",
		"\\b",
		"[ab]{2,9}(?:c|d\\b)",
	};
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct tail *t = NULL;
		cr_assert_eq(tail_read(all[i], &t), 0);
		cr_assert_not_null(t, "%s", all[i]);
		free(t);
	}
}

static bool within(const struct tail *t, uint32_t a, uint32_t b)
{
	return tail_within(t, a, TAIL_NO_GAP, b, TAIL_NO_GAP);
}

Test(tail, one_state_is_within_another)
{
	struct tail *t = NULL;
	cr_assert_eq(tail_read("[a-c]{0,5}=", &t), 0);
	cr_assert_not_null(t);
	uint32_t start = t->start[1], later = tail_step(t, start, 'b');
	cr_assert(within(t, later, start) && !within(t, start, later));
	cr_assert(within(t, TAIL_DEAD, start) && !within(t, start, TAIL_DEAD));
	uint32_t end = tail_step(t, later, '=');
	cr_assert(end & TAIL_ENDS && tail_state(t, end & TAIL_STATE)->says == TAIL_ACCEPTS);
	cr_assert_eq(tail_step(t, later, 'd'), TAIL_DEAD | TAIL_OVER);
	free(t);
}

Test(tail, a_gap_counts)
{
	struct tail *t = NULL;
	cr_assert_eq(tail_read("[a-c]{2,70}=", &t), 0);
	cr_assert_not_null(t);
	const struct tail_state *start = tail_state(t, t->start[0]);
	uint32_t gap = t->gaps[0].start;
	cr_assert(start->says == 1 && start->over && t->n_gaps == 1 && t->gaps[0].most == 70);
	cr_assert(tail_within(t, gap, 5, gap, 6) && !tail_within(t, gap, 6, gap, 5));
	cr_assert_neq(tail_step(t, gap, '='),
		      tail_step(t, tail_step(t, tail_step(t, gap, 'a'), 'a'), '='));
	uint32_t later = tail_step(t, tail_step(t, gap, 'a'), 'b'), cut = tail_state(t, later)->cut;
	cr_assert_eq(tail_step(t, later, 'c'), later);
	cr_assert(cut != later && tail_state(t, cut)->cut == cut);
	cr_assert(tail_step(t, cut, 'c') == (TAIL_DEAD | TAIL_OVER));
	cr_assert(tail_within(t, cut, TAIL_NO_GAP, later, 1) && !within(t, later, cut));
	free(t);
}
