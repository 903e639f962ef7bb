#include <stdio.h>
#include <string.h>

#include "lib/base.h"
#include "proxy/verbs.h"
#include "proxy/version.h"

struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
};

static int help_main(int argc, char **argv);

static const struct verb verbs[] = {
	{ "serve", serve_main, "stand in front of builders and judge what they stream" },
	{ "validate", validate_main,
	  "check a configuration and its policy; show how each rule is held" },
	{ "scan", scan_main, "judge a file or a recorded stream with the same engine" },
	{ "rules", rules_main, "list the rules of a policy, show one, or try their own samples" },
	{ "prove", prove_main, "cut recorded streams everywhere; check that no secret leaks" },
	{ "simulate", simulate_main,
	  "replay recorded streams against a new policy; show what changes" },
	{ "diff", diff_main, "compare two renders of one program by their syntax trees" },
	{ "audits", audits_main, "list and answer what waits for a person; try an auditor out" },
	{ "ledger", ledger_main, "read, write and verify the rows of what was decided" },
	{ "patchctl", patchctl_main, "serve rollbacks: restore an anchor, and verify it" },
	{ "rollback", rollback_main, "ask PatchCtl to plan or run a rollback; show how it goes" },
	{ "sinks", sinks_main, "send a test message to a sink of the ledger" },
	{ "drill", drill_main,
	  "inject bad canaries into a running system; follow them to their end" },
	{ "shadow", shadow_main, "send mirrored requests to a shadow, compare, and guard it" },
	{ "status", status_main, "ask a running redcard how it is" },
	{ "version", version_main, "print what this is and what it runs on" },
	{ "help", help_main, "print this, or the help of a verb" },
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static void print_usage(FILE *to)
{
	fputs("usage: redcard VERB [OPTION]... [OPERAND]...\n\n"
	      "A reverse proxy that judges the streams of AI code builders before their bytes\n"
	      "leave.\n\n",
	      to);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		fprintf(to, "  %-10s %s\n", verbs[i].name, verbs[i].summary);
	fputs("\nredcard VERB --help says more. Exit status: 0 clean, 1 finding, 2 error.\n"
	      "\nExamples:\n"
	      "  redcard validate deploy/redcard.yaml\n"
	      "  redcard serve -c deploy/redcard.yaml\n"
	      "  redcard scan answer.txt\n",
	      to);
}

static int unknown_verb(const char *name)
{
	fprintf(stderr, "redcard: unknown %s %s; see redcard help\n",
		name[0] == '-' ? "option" : "verb", name);
	return EXIT_TOOL;
}

static int help_main(int argc, char **argv)
{
	char option[] = "--help";
	if (argc < 2 || argv[1][0] == '-') {
		print_usage(stdout);
		return EXIT_CLEAN;
	}
	const struct verb *verb = find_verb(argv[1]);
	if (!verb)
		return unknown_verb(argv[1]);
	char *again[] = { argv[1], option, NULL };
	return verb->run(2, again);
}

static int run(int argc, char **argv)
{
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_TOOL;
	}
	const char *name = argv[1];
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
		name = "version";
	const struct verb *verb = find_verb(name);
	return verb ? verb->run(argc - 1, argv + 1) : unknown_verb(name);
}

int main(int argc, char **argv)
{
	int status = run(argc, argv);
	/* A report that could not be written (full disk, closed pipe) is not a clean one. */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("redcard: standard output");
		return EXIT_TOOL;
	}
	return status;
}
