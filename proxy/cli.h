/*
 * Options of a verb, from one table that also makes its --help.
 *
 *	static const char *config = "redcard.yaml";
 *	static bool json;
 *	const struct cli_option options[] = {
 *		{ .name = "config", .letter = 'c', .value = "FILE", .text = &config, .help = "the
 *configuration" }, { .name = "json", .flag = &json, .help = "print JSON" },
 *	};
 *	struct cli cli = { .verb = "status", ..., .options = options, .n_options =
 *ARRAY_LEN(options) }; int status; if (!cli_parse(&cli, argc, argv, &status)) return status;
 */
#ifndef PROXY_CLI_H
#define PROXY_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base.h"

/* --name, -letter; with a value --name=VALUE, --name VALUE, -cVALUE or -c VALUE. Exactly one of
 * text, flag is set. */
struct cli_option {
	const char *name;
	char letter;       /* 0: none */
	const char *value; /* how --help calls its value; NULL: a flag */
	const char *help;  /* one line */
	const char **text; /* keeps its initial value when the option is absent */
	bool *flag;
};

struct cli {
	const char *verb;
	const char *summary; /* one sentence */
	const char
		*operands; /* how --help calls them, such as "[FILE|-]..."; NULL: none are taken */
	size_t operands_min, operands_max;
	const struct cli_option *options;
	size_t n_options;
	const char *examples; /* lines, each with its newline */
	/* Filled by cli_parse(): */
	char **v; /* the operands; "-" is one */
	size_t n;
};

/* True: go on. False: *status is what the verb returns, since help was printed (0) or the usage is
 * wrong (2, one line on standard error). The order of options and operands is free; "--" ends the
 * options. argv is reordered. */
bool cli_parse(struct cli *cli, int argc, char **argv, int *status) MUST_USE;

void cli_help(const struct cli *cli);

struct cli_part {
	const char *word;
	int (*run)(int argc, char **argv);
};

/* A verb that consists of parts, such as `redcard shadow run`. */
struct cli_parts {
	const char *verb;
	const char *usage; /* printed as it is for --help */
	const struct cli_part *parts;
	size_t n;
	bool first_is_default; /* where no part is named the first one runs, with all options */
};

/* Runs the part that argv[1] names, with an argv that begins there; returns the exit status. */
int cli_run_part(const struct cli_parts *c, int argc, char **argv);

#endif
