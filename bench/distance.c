/*
 * What comparing two renders costs, step by step: bench/distance A B. Prints one JSON object with
 * the median and the least of RUNS, in milliseconds of CPU time. `parse` is tree-sitter alone;
 * `trees` is what normalised trees take beside that, `decide` the verdict at 3 %, `number` the
 * distance as far as it is affordable, `sharp` the sharp edits, of the trees that the parser made.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/file.h"
#include "policy/compare.h"

enum { RUNS = 15 };
enum step { PARSE, TREES, DECIDE, NUMBER, SHARP, STEPS };

static const char *const names[STEPS] = { "parse", "trees", "decide", "number", "sharp" };

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double since(double *mark)
{
	double before = *mark;
	*mark = now_ms();
	return *mark - before;
}

static void measure(const struct syntax_language *l, const struct span texts[2], double ms[STEPS],
		    struct distance found[2])
{
	struct labels *labels = labels_new();
	struct tree t[2];
	struct syntax_text *parsed[2] = { NULL, NULL };
	struct sharp_edits edits;
	double mark = now_ms();
	bool fine = labels != NULL;
	for (int i = 0; i < 2; i++) {
		struct syntax_tree *tree = syntax_tree_new(l);
		fine &= tree &&
			syntax_tree_grow(tree, texts[i], &syntax_default_limits) == SYNTAX_OK;
		syntax_tree_free(tree);
	}
	ms[PARSE] = since(&mark);
	for (int i = 0; i < 2; i++)
		fine &= tree_build_keeping(l, texts[i], labels, &t[i], SIZE_MAX, &parsed[i]) ==
			TREE_OK;
	ms[TREES] = since(&mark) - ms[PARSE];
	CHECK(fine);
	struct score s = { .ac = { t[0].n, t[0].n }, .bc = { t[1].n, t[1].n } };
	uint32_t k = score_limit(&s, 3 * SCORE_UNITS);
	CHECK(distance_find(&t[0], &t[1], k, false, &distance_default_limits, &found[0]) ==
	      DISTANCE_DECIDED);
	ms[DECIDE] = since(&mark);
	CHECK(distance_find(&t[0], &t[1], k, true, &distance_default_limits, &found[1]) ==
	      DISTANCE_DECIDED);
	ms[NUMBER] = since(&mark);
	CHECK(sharp_find(l, (const struct tree *const[]){ &t[0], &t[1] }, parsed, labels, texts,
			 &edits) == SHARP_KNOWN);
	ms[SHARP] = since(&mark);
	sharp_edits_fini(&edits);
	for (int i = 0; i < 2; i++)
		syntax_text_free(parsed[i]);
	tree_fini(&t[0]);
	tree_fini(&t[1]);
	labels_free(labels);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* getrusage() would count what this process was before it became this program. */
static long peak_kib(void)
{
	struct buf status = { 0 };
	long kib = 0;
	if (file_read("/proc/self/status", 1U << 16, &status) == 0) {
		buf_add_char(&status, '\0');
		const char *line = status.failed ? NULL : strstr(status.p, "VmHWM:");
		kib = line ? strtol(line + 6, NULL, 10) : 0;
	}
	buf_fini(&status);
	return kib;
}

static void report(double ms[RUNS][STEPS], const struct distance found[2])
{
	for (int s = 0; s < STEPS; s++) {
		double one[RUNS];
		for (int i = 0; i < RUNS; i++)
			one[i] = ms[i][s];
		qsort(one, RUNS, sizeof(*one), by_size);
		printf("%s\"%s\": [%.3f, %.3f]", s ? ", " : "{", names[s], one[RUNS / 2], one[0]);
	}
	printf(", \"low\": %u, \"high\": %u, \"kib\": %ld}\n", found[1].low, found[1].high,
	       peak_kib());
}

int main(int argc, char **argv)
{
	double ms[RUNS][STEPS];
	struct buf files[2] = { 0 };
	struct distance found[2];
	for (int i = 0; i < 2; i++)
		if (argc != 3 || file_read(argv[i + 1], 4U << 20, &files[i]) != 0) {
			fputs("usage: distance A B\n", stderr);
			return 2;
		}
	const struct syntax_language *l = syntax_of_file(span_of(argv[1]));
	const struct span texts[2] = { { files[0].p, files[0].n }, { files[1].p, files[1].n } };
	if (!l) {
		fputs("distance: the file's name says no language\n", stderr);
		return 2;
	}
	for (int i = 0; i < RUNS; i++)
		measure(l, texts, ms[i], found);
	report(ms, found);
	buf_fini(&files[0]);
	buf_fini(&files[1]);
	return 0;
}
