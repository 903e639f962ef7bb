/*
 * floods [-p POLICY] [-n ROWS] [-o WORDS]: what text costs that keeps the rules busy, against
 * ordinary code.
 *
 * Floods are, for every rule and lead-in, the lead-in with a body that is none, and a match without
 * its end, each over and over; and some by hand. They are judged as plain bodies in monitor mode,
 * where nothing ends them, whole and 80 bytes at a time. Prints the worst, the dearest first; with
 * -o only those whose name has the words.
 */
#include <ctype.h>
#include <stdbool.h>
#include <unistd.h>

#include "bench/frames.h"
#include "bench/harness.h"
#include "policy/judge.h"
#include "policy/pattern.h"
#include "policy/rule.h"

#define FLOOD_BYTES (64u << 10)
#define FLOODS_MAX 4096
#define ROUNDS 5

struct flood {
	char name[96];
	double whole, parts; /* ns per byte */
	double times;        /* the worse of both, against ordinary text */
	bool cut;
};

static struct ruleset *set;
static struct judge_scratch *scratch;
static struct flood floods[FLOODS_MAX];
static size_t n_floods;
static char text[FLOOD_BYTES];
static const char *only = "";

_Noreturn static void give_up(const char *what)
{
	fprintf(stderr, "floods: %s\n", what);
	exit(2);
}

static uint64_t spent_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double judge_text(size_t step, bool *cut)
{
	double best = 1e30;
	for (int round = 0; round < ROUNDS; round++) {
		struct judge *j = judge_new(set, NULL);
		struct verdict v = { .kind = VERDICT_PASS };
		if (!j)
			give_up("out of memory");
		judge_observe(j);
		uint64_t start = spent_ns();
		for (size_t at = 0; at < FLOOD_BYTES; at += step) {
			uint32_t n = (uint32_t)min_size(step, FLOOD_BYTES - at);
			struct piece p = {
				.raw_off = at, .raw_len = n, .text_len = n, .text = text + at
			};
			judge_feed(j, scratch, &p, 1, false, &v);
		}
		double ns = (double)(spent_ns() - start) / FLOOD_BYTES;
		best = ns < best ? ns : best;
		*cut = *cut || v.kind == VERDICT_CUT;
		judge_free(j);
	}
	return best;
}

/* The first is ordinary text. */
static void flood(const char *name, const char *what, struct span unit)
{
	if (!unit.n || n_floods == FLOODS_MAX)
		return;
	struct flood *f = &floods[n_floods++];
	snprintf(f->name, sizeof(f->name), "%s%s", name, what);
	if (n_floods > 1 && !strstr(f->name, only)) {
		n_floods--;
		return;
	}
	for (size_t at = 0; at < FLOOD_BYTES; at++)
		text[at] = unit.p[at % unit.n];
	f->whole = judge_text(FLOOD_BYTES, &f->cut);
	f->parts = judge_text(FRAME_TEXT, &f->cut);
	double whole = f->whole / floods[0].whole, parts = f->parts / floods[0].parts;
	f->times = whole > parts ? whole : parts;
}

/* A byte of the class, a letter or a digit where there is one, another one each time. */
static char member(const struct pattern_node *n, unsigned *turn)
{
	char some = 'x';
	for (unsigned i = 0; i < 256; i++) {
		unsigned c = (*turn * 7 + i) % 256;
		if (!(n->in[c / 32] >> c % 32 & 1))
			continue;
		some = (char)c;
		if (isalnum((int)c))
			break;
	}
	++*turn;
	return some;
}

/* The shortest text that an expression's first alternatives match. */
static void spell(struct buf *out, const struct pattern_branch *list, unsigned *turn)
{
	for (const struct pattern_node *n = list ? list->first : NULL; n; n = n->next)
		for (uint32_t i = 0; i < n->min && i < 64; i++)
			if (n->kind == PATTERN_BYTES)
				buf_add_char(out, member(n, turn));
			else if (n->kind == PATTERN_GROUP)
				spell(out, n->branches, turn);
}

static void spell_expression(struct buf *out, const char *expression)
{
	struct pattern *p = NULL;
	const char *why = NULL;
	unsigned turn = 0;
	buf_add_char(out, ' ');
	if (pattern_parse(expression, &p, &why))
		return;
	spell(out, pattern_root(p), &turn);
	pattern_free(p);
}

static void flood_rule(const struct rule *r)
{
	struct buf unit = { 0 };
	for (size_t b = 0; b < r->n_branches; b++) {
		buf_clear(&unit);
		spell_expression(&unit, r->branches[b].lead_in);
		flood(r->info.id, ", lead-in alone", (struct span){ unit.p, unit.n });
		buf_add_text(&unit, "ab1\"!\n");
		flood(r->info.id, ", lead-in and a short body", (struct span){ unit.p, unit.n });
	}
	buf_clear(&unit);
	spell_expression(&unit, r->info.regex);
	unit.n -= unit.n > 4 ? 3 : 0;
	buf_add_text(&unit, "!\n");
	flood(r->info.id, ", almost", (struct span){ unit.p, unit.n });
	buf_fini(&unit);
}

static void flood_by_hand(void)
{
	static const char *const units[] = { "api_key = \"short\"\n",
					     "AKIA",
					     " AKIA",
					     "\"'`",
					     "password = \"",
					     "key=",
					     "token: ",
					     "secret secret secret = ",
					     "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo",
					     "0123456789abcdef",
					     " 0123456789abcdef0123456789abcdef0123456",
					     "eyJ.eyJ.",
					     "https://a:",
					     "curl -H ",
					     "-----BEGIN ",
					     "\\u0041\\x41%41" };
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		char name[64];
		size_t n = 0;
		for (const char *p = units[i]; *p && n + 3 < sizeof(name); p++)
			if (*p == '\n')
				n += (size_t)snprintf(name + n, 3, "\\n");
			else
				name[n++] = *p;
		name[n] = '\0';
		flood("text ", name, span_of(units[i]));
	}
}

static int dearer(const void *a, const void *b)
{
	const struct flood *x = a, *y = b;
	return (x->times < y->times) - (x->times > y->times);
}

static void print_worst(const char *policy, size_t rows)
{
	size_t past = 0;
	struct flood normal = floods[0];
	for (size_t i = 1; i < n_floods; i++)
		past += floods[i].times > 5;
	qsort(floods, n_floods, sizeof(floods[0]), dearer);
	printf("%zu floods of %s; ns per byte whole and in pieces of %d; times ordinary code, the "
	       "worse of both\n\n",
	       n_floods - 1, policy, FRAME_TEXT);
	printf("| whole | pieces | times | flood |\n|---|---|---|---|\n");
	printf("| %.2f | %.2f | 1 | ordinary code |\n", normal.whole, normal.parts);
	for (size_t i = 0; i < n_floods && i < rows; i++)
		printf("| %.2f | %.2f | %.1f | `%s`%s |\n", floods[i].whole, floods[i].parts,
		       floods[i].times, floods[i].name, floods[i].cut ? " (cut)" : "");
	printf("\n%zu of them cost more than 5 times as much.\n", past);
}

int main(int argc, char **argv)
{
	const char *policy = "builtin";
	long rows = 10;
	struct buf errors = { 0 };
	int o;
	while ((o = getopt(argc, argv, "p:n:o:")) != -1) {
		if (o == 'p')
			policy = optarg;
		else if (o == 'n')
			rows = atol(optarg);
		else if (o == 'o')
			only = optarg;
		else
			return 2;
	}
	if (ruleset_load(policy, &set, &errors) != 0) {
		fprintf(stderr, "%.*s", (int)errors.n, errors.p);
		return 2;
	}
	if (judge_scratch_new(set, &scratch) != 0)
		give_up("out of memory");
	flood("ordinary code", "", (struct span){ frame_source, sizeof(frame_source) - 1 });
	for (size_t i = 0; i < set->n; i++)
		if (!set->rules[i].syntax)
			flood_rule(&set->rules[i]);
	flood_by_hand();
	print_worst(policy, rows > 0 ? (size_t)rows : 0);
	buf_fini(&errors);
	judge_scratch_free(scratch);
	ruleset_unref(set);
	return 0;
}
