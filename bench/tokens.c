/*
 * tokens [-q]: how far the estimate of tokens holds on the recorded streams that report theirs.
 *
 * One line a stream: the running estimate just before the last report, the one at the end, what was
 * reported, how much of it was reasoning. Then the shares within 10 %. -q prints the shares alone.
 */
#include <string.h>
#include <unistd.h>

#include "tests/policy/token_corpora.h"

#define TINY 20 /* where two tokens are off by 10 % */

enum { ALL_BEFORE, UNSEEN, ALL_AFTER, VISIBLE, VISIBLE_UNSEEN, TEXT_ONLY, PROSE, GROUPS };

static const char *const names[GROUPS] = {
	[ALL_BEFORE] = "all, before their last report",
	[UNSEEN] = "of the half that nothing was fitted to",
	[ALL_AFTER] = "all, at their end",
	[VISIBLE] = "without reported reasoning, before their last report",
	[VISIBLE_UNSEEN] = "of the half that nothing was fitted to",
	[TEXT_ONLY] = "and without tool calls",
	[PROSE] = "and with 200 bytes of text or more",
};
static unsigned near[GROUPS], total[GROUPS];
static unsigned misses, hidden, tiny;
static bool quiet;

static void count(unsigned group, bool hit)
{
	near[group] += hit;
	total[group]++;
}

static void each(const struct token_stream *t)
{
	bool hit = token_near(t->before, t->reported);
	if (!quiet)
		printf("%-9s %7llu %7llu %7llu %7llu %s %s\n", dialect_names[t->dialect],
		       (unsigned long long)t->before, (unsigned long long)t->after,
		       (unsigned long long)t->reported, (unsigned long long)t->reasoning,
		       hit ? "near" : "    ", t->name);
	count(ALL_BEFORE, hit);
	if (t->unseen)
		count(UNSEEN, hit);
	if (!hit) {
		misses++;
		hidden += t->hidden;
		tiny += !t->hidden && t->reported < TINY;
	}
	count(ALL_AFTER, token_near(t->after, t->reported));
	if (t->reasoning)
		return;
	count(VISIBLE, hit);
	if (t->unseen)
		count(VISIBLE_UNSEEN, hit);
	if (t->calls)
		return;
	count(TEXT_ONLY, hit);
	if (t->text >= 200)
		count(PROSE, hit);
}

int main(int argc, char **argv)
{
	const char *folder = getenv("CORPORA");
	quiet = argc > 1 && strcmp(argv[1], "-q") == 0;
	if (!quiet)
		printf("%-9s %7s %7s %7s %7s      %s\n", "dialect", "before", "after", "report",
		       "reason", "stream");
	if (!token_corpora(folder ? folder : "../shared/corpora", each)) {
		fprintf(stderr, "tokens: no corpora; name their folder in CORPORA\n");
		return 1;
	}
	for (unsigned i = 0; i < GROUPS; i++)
		printf("%3u of %3u within 10 %%: %s\n", near[i], total[i], names[i]);
	printf("Of the %u that are not: %u hide reasoning, without a trace; %u of the others report fewer "
	       "than %d tokens\n",
	       misses, hidden, tiny, TINY);
	return 0;
}
