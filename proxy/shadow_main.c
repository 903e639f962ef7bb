/* `redcard shadow`: which of its parts. */
#include <stdio.h>
#include <string.h>

#include "lib/base.h"
#include "proxy/mirror_check.h"
#include "proxy/shadow.h"
#include "proxy/verbs.h"

static const char usage[] =
	"usage: redcard shadow PART [OPTION]...\n\n"
	"A copy of a share of the requests, for a shadow that nobody depends on.\n\n"
	"  run     send what is mirrored to the shadow, judge and compare, and guard it\n"
	"  check   say which tap this machine can run, and why\n"
	"  watch   print what is mirrored, without a shadow\n"
	"\nredcard shadow PART --help says more.\n"
	"\nExamples:\n"
	"  redcard shadow check\n"
	"  redcard shadow run -c /etc/redcard/redcard.yaml\n"
	"  redcard shadow watch -c /etc/redcard/redcard.yaml\n";

int shadow_main(int argc, char **argv)
{
	static const struct {
		const char *word;
		int (*run)(int argc, char **argv);
	} parts[] = {
		{ "run", shadow_run_main },
		{ "check", shadow_check_main },
		{ "watch", shadow_watch_main },
	};
	const char *word = argc > 1 ? argv[1] : NULL;
	if (word && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
		fputs(usage, stdout);
		return EXIT_CLEAN;
	}
	for (size_t i = 0; word && i < ARRAY_LEN(parts); i++)
		if (strcmp(word, parts[i].word) == 0)
			return parts[i].run(argc - 1, argv + 1);
	fprintf(stderr,
		"redcard shadow: %s%s%s write run, check or watch; see redcard shadow --help\n",
		word ? "not known: " : "which part?", word ? word : "", word ? ";" : "");
	return EXIT_TOOL;
}
