/*
 * What comparing two renders costs, step by step: bench/distance A B. Each number is the least of
 * RUNS. Parsing alone is the first number, since nothing can be quicker than that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "lib/file.h"
#include "policy/compare.h"

enum { RUNS = 7, STEPS = 4 };

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void keep(double *least, double *mark)
{
	double now = now_ms();
	if (now - *mark < *least)
		*least = now - *mark;
	*mark = now;
}

static void measure(const struct syntax_language *l, const struct span texts[2], double ms[STEPS],
		    struct distance found[2])
{
	struct labels *labels = labels_new();
	struct tree t[2];
	double mark = now_ms();
	bool fine = labels != NULL;
	for (int i = 0; i < 2; i++) {
		struct syntax_tree *tree = syntax_tree_new(l);
		fine &= tree &&
			syntax_tree_grow(tree, texts[i], &syntax_default_limits) == SYNTAX_OK;
		syntax_tree_free(tree);
	}
	keep(&ms[0], &mark);
	for (int i = 0; i < 2; i++)
		fine &= tree_build(l, texts[i], labels, &t[i]) == TREE_OK;
	keep(&ms[1], &mark);
	CHECK(fine);
	struct score s = { .ac = { t[0].n, t[0].n }, .bc = { t[1].n, t[1].n } };
	uint32_t k = score_limit(&s, 3 * SCORE_UNITS);
	CHECK(distance_find(&t[0], &t[1], k, false, &distance_default_limits, &found[0]) ==
	      DISTANCE_DECIDED);
	keep(&ms[2], &mark);
	CHECK(distance_find(&t[0], &t[1], k, true, &distance_default_limits, &found[1]) ==
	      DISTANCE_DECIDED);
	keep(&ms[3], &mark);
	tree_fini(&t[0]);
	tree_fini(&t[1]);
	labels_free(labels);
}

int main(int argc, char **argv)
{
	double ms[STEPS] = { 1e9, 1e9, 1e9, 1e9 };
	struct buf files[2] = { 0 };
	struct distance found[2];
	struct rusage usage;
	for (int i = 0; i < 2; i++)
		if (argc != 3 || file_read(argv[i + 1], 4U << 20, &files[i]) != 0) {
			fputs("usage: distance A B\n", stderr);
			return 2;
		}
	const struct syntax_language *l = syntax_of_file(span_of(argv[1]));
	const struct span texts[2] = { { files[0].p, files[0].n }, { files[1].p, files[1].n } };
	for (int i = 0; l && i < RUNS; i++)
		measure(l, texts, ms, found);
	getrusage(RUSAGE_SELF, &usage);
	printf("parse %.1f ms, parse and trees %.1f ms, decide at 3 %% %.1f ms (%u..%u), number %.1f ms (%u..%u), "
	       "%ld KiB\n",
	       ms[0], ms[1], ms[2], found[0].low, found[0].high, ms[3], found[1].low, found[1].high,
	       usage.ru_maxrss);
	buf_fini(&files[0]);
	buf_fini(&files[1]);
	return 0;
}
