/* `redcard shadow`: which of its verbs. */
#include <stdio.h>
#include <string.h>

#include "lib/base.h"
#include "proxy/shadow_verbs.h"
#include "proxy/verbs.h"

static const char usage[] =
	"usage: redcard shadow run [OPTION]...\n\n"
	"The shadow gets copies of requests. redcard shadow run sends them, judges and compares\n"
	"what it answers, and guards it. redcard shadow run --help says more. Exit status: 0 clean,\n"
	"2 error.\n\n"
	"Examples:\n"
	"  redcard shadow run -c /etc/redcard/redcard.yaml\n";

int shadow_main(int argc, char **argv)
{
	static const struct {
		const char *word;
		int (*run)(int argc, char **argv);
	} parts[] = {
		{ "run", shadow_run_main },
	};
	const char *word = argc > 1 ? argv[1] : "";
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
		fputs(usage, stdout);
		return EXIT_CLEAN;
	}
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (strcmp(word, parts[i].word) == 0)
			return parts[i].run(argc - 1, argv + 1);
	fprintf(stderr, "redcard shadow: not known: %s; write run; see redcard shadow --help\n",
		word);
	return EXIT_TOOL;
}
