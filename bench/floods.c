/*
 * floods [-p POLICY] [-n ROWS] [-o WORDS]: what text costs that keeps the rules busy, against
 * ordinary code: how many floods cost how many times as much, and which cost most.
 *
 * Floods are, for every rule and lead-in, the lead-in with a body that is none, and a match without
 * its end, each over and over; and some by hand. Some of these are matches of some rule all the
 * same, and are marked. They are judged as plain bodies in monitor mode, where nothing ends them,
 * whole and 80 bytes at a time; and the matcher of all expressions runs over them alone. Prints
 * Markdown, the dearest first; with -o only those whose name has the words.
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
#define TIMES_MOST 5 /* ordinary code */
#define BYTE_NS 1.5  /* what a byte of a body may cost, */
#define EVENT_NS 400 /* and an event of FRAME_TEXT bytes */

enum cost { COST_WHOLE, COST_PIECES, COST_MATCHER, COSTS };

struct flood {
	char name[96];
	double cost[COSTS];  /* ns per byte */
	double times[COSTS]; /* against ordinary text; of the matcher, against all of its cost */
	double worse;        /* of whole and in pieces */
	bool found;          /* some rule matches there */
};

static struct ruleset *set;
static struct judge_scratch *scratch;
static struct multimatch_scratch *matcher_scratch;
static struct flood floods[FLOODS_MAX];
static size_t n_floods;
static char flood_text[FLOOD_BYTES], ordinary[FLOOD_BYTES];
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

/* One round: the whole of a text, `step` bytes at a time. */
static double judge_text(const char *text, size_t step, bool *found)
{
	struct judge *j = judge_new(set, NULL);
	struct verdict v = { .kind = VERDICT_PASS };
	if (!j)
		give_up("out of memory");
	judge_observe(j);
	uint64_t start = spent_ns();
	for (size_t at = 0; at < FLOOD_BYTES; at += step) {
		uint32_t n = (uint32_t)min_size(step, FLOOD_BYTES - at);
		struct piece p = { .raw_off = at, .raw_len = n, .text_len = n, .text = text + at };
		judge_feed(j, scratch, &p, 1, false, &v);
	}
	double ns = (double)(spent_ns() - start) / FLOOD_BYTES;
	*found = *found || judge_counts(j)->cards;
	judge_free(j);
	return ns;
}

/* What the matcher takes for all of the text at once, and nobody asks what it found. */
static double match_text(const char *text)
{
	struct multimatch_hits hits = { 0 };
	struct multimatch_stream *t = multimatch_open(set->multimatch);
	uint64_t start = spent_ns();
	if (!t || multimatch_feed(t, matcher_scratch, (struct span){ text, FLOOD_BYTES }, &hits))
		give_up("out of memory");
	double ns = (double)(spent_ns() - start) / FLOOD_BYTES;
	multimatch_close(t);
	multimatch_hits_fini(&hits);
	return ns;
}

static void keep_least(double *best, double ns)
{
	*best = *best > 0 && *best < ns ? *best : ns;
}

static void measure(const char *text, double cost[COSTS], bool *found)
{
	keep_least(&cost[COST_WHOLE], judge_text(text, FLOOD_BYTES, found));
	keep_least(&cost[COST_PIECES], judge_text(text, FRAME_TEXT, found));
	keep_least(&cost[COST_MATCHER], match_text(text));
}

/* The first is ordinary text. It is measured again beside every flood, in the same rounds, because
 * other work on the machine comes and goes. */
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
		flood_text[at] = unit.p[at % unit.n];
	if (n_floods == 1)
		memcpy(ordinary, flood_text, sizeof(ordinary));
	double normal[COSTS] = { 0 };
	bool unused = false;
	for (int round = 0; round < ROUNDS; round++) {
		measure(ordinary, normal, &unused);
		measure(flood_text, f->cost, &f->found);
	}
	for (int c = 0; c < COSTS; c++)
		f->times[c] = f->cost[c] / normal[c == COST_MATCHER ? COST_WHOLE : c];
	f->worse = f->times[COST_WHOLE] > f->times[COST_PIECES] ? f->times[COST_WHOLE]
								: f->times[COST_PIECES];
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
	return (x->worse < y->worse) - (x->worse > y->worse);
}

static int rises(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* How many floods cost how many times as much as ordinary code. */
static void print_spread(const char *what, double *times, size_t n)
{
	static const double bounds[] = { 5, 10, 20, 50, 1e30 };
	size_t i = 0;
	if (!n)
		return;
	qsort(times, n, sizeof(*times), rises);
	printf("| %s |", what);
	for (size_t b = 0; b < ARRAY_LEN(bounds); b++) {
		size_t from = i;
		while (i < n && times[i] <= bounds[b])
			i++;
		printf(" %zu |", i - from);
	}
	printf(" %.1f | %.1f | %.1f |\n", times[n / 2], times[n * 9 / 10], times[n - 1]);
}

static void print_worse(const char *what, bool found)
{
	static double times[FLOODS_MAX];
	size_t n = 0;
	for (size_t i = 1; i < n_floods; i++)
		if (floods[i].found == found)
			times[n++] = floods[i].worse;
	print_spread(what, times, n);
}

static void print_spreads(void)
{
	static const char *const names[] = { "whole", "in pieces", "the matcher alone, whole" };
	static double times[FLOODS_MAX];
	printf("| times ordinary code | to 5 | to 10 | to 20 | to 50 | more | median | 9 in 10 below "
	       "| worst |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|\n");
	for (int c = 0; c < COSTS; c++) {
		for (size_t i = 1; i < n_floods; i++)
			times[i] = floods[i].times[c];
		print_spread(names[c], times + 1, n_floods - 1);
	}
	print_worse("the worse of whole and in pieces, where nothing is found", false);
	print_worse("where something is found", true);
}

/* Against what ordinary text may cost by the bounds, whatever this machine needs for it. */
static void print_bounds(void)
{
	size_t over[2] = { 0 };
	for (size_t i = 1; i < n_floods; i++) {
		const double *cost = floods[i].cost;
		over[floods[i].found] += cost[COST_WHOLE] > TIMES_MOST * BYTE_NS ||
					 cost[COST_PIECES] > TIMES_MOST * EVENT_NS / FRAME_TEXT;
	}
	printf("\nOver %d times %.1f ns a byte whole, or %d ns for %d bytes in pieces: %zu where "
	       "nothing is found, %zu where something is\n",
	       TIMES_MOST, BYTE_NS, EVENT_NS, FRAME_TEXT, over[0], over[1]);
}

static void print_worst(const char *policy, size_t rows)
{
	struct flood normal = floods[0];
	printf("%zu floods of %s, in ns per byte whole and in pieces of %d; times: of the worse of "
	       "both\n\n",
	       n_floods - 1, policy, FRAME_TEXT);
	print_spreads();
	print_bounds();
	qsort(floods + 1, n_floods - 1, sizeof(floods[0]), dearer);
	printf("\n| whole | pieces | matcher | times | flood |\n|---:|---:|---:|---:|---|\n");
	printf("| %.2f | %.2f | %.2f | 1 | ordinary code |\n", normal.cost[COST_WHOLE],
	       normal.cost[COST_PIECES], normal.cost[COST_MATCHER]);
	for (size_t i = 1; i < n_floods && i <= rows; i++) {
		const struct flood *f = &floods[i];
		printf("| %.2f | %.2f | %.2f | %.1f | `%s`%s |\n", f->cost[COST_WHOLE],
		       f->cost[COST_PIECES], f->cost[COST_MATCHER], f->worse, f->name,
		       f->found ? " (found)" : "");
	}
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
	if (judge_scratch_new(set, &scratch) ||
	    multimatch_scratch_fit(&matcher_scratch, set->multimatch))
		give_up("out of memory");
	flood("ordinary code", "", (struct span){ frame_source, sizeof(frame_source) - 1 });
	for (size_t i = 0; i < set->n; i++)
		if (!set->rules[i].syntax)
			flood_rule(&set->rules[i]);
	flood_by_hand();
	print_worst(policy, rows > 0 ? (size_t)rows : 0);
	buf_fini(&errors);
	multimatch_scratch_free(matcher_scratch);
	judge_scratch_free(scratch);
	ruleset_unref(set);
	return 0;
}
