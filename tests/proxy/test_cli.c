#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <string.h>

#include "proxy/cli.h"
#include "proxy/verbs.h"

static const char *file;
static bool json;

static const struct cli_option options[] = {
	{ .name = "config", .letter = 'c', .value = "FILE", .text = &file, .help = "a file" },
	{ .name = "json", .flag = &json, .help = "print JSON" },
};

static struct cli cli;
static int status;

/* Words are divided by blanks. */
static bool parse(const char *words)
{
	static char room[256];
	static char *argv[16] = { NULL };
	int argc = 0;
	file = NULL;
	json = false;
	status = -1;
	cli = (struct cli){ .verb = "try",
			    .summary = "Tries.",
			    .operands = "FILE [FILE]",
			    .operands_min = 1,
			    .operands_max = 2,
			    .options = options,
			    .n_options = ARRAY_LEN(options),
			    .examples = "  try\n" };
	snprintf(room, sizeof(room), "try %s", words);
	for (char *w = strtok(room, " "); w; w = strtok(NULL, " "))
		argv[argc++] = w;
	return cli_parse(&cli, argc, argv, &status);
}

Test(cli, options_and_operands_in_any_order)
{
	static const char *const lines[] = { "-c x --json a b", "a --config=x b --json",
					     "a b -cx --json", "--config x a --json b" };
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		cr_assert(parse(lines[i]), "%s", lines[i]);
		cr_assert_str_eq(file, "x");
		cr_assert(json);
		cr_assert_eq(cli.n, 2);
		cr_assert_str_eq(cli.v[0], "a");
		cr_assert_str_eq(cli.v[1], "b");
	}
}

Test(cli, a_dash_is_an_operand_and_two_end_the_options)
{
	cr_assert(parse("-"));
	cr_assert_str_eq(cli.v[0], "-");
	cr_assert(parse("-- --json -c"));
	cr_assert_eq(cli.n, 2);
	cr_assert_str_eq(cli.v[0], "--json");
	cr_assert_not(json);
}

Test(cli, an_absent_option_keeps_its_value)
{
	cr_assert(parse("a"));
	cr_assert_null(file);
	cr_assert_not(json);
}

Test(cli, what_is_wrong_is_one_line_and_status_2)
{
	static const char *const lines[] = { "--jso a", "--jsonx a",  "-x a",        "--json=1 a",
					     "a -c",    "a --config", "a --config=", "a b c",
					     "--json",  "---json a" };
	cr_redirect_stderr();
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		cr_assert_not(parse(lines[i]), "%s", lines[i]);
		cr_assert_eq(status, EXIT_TOOL);
	}
}

Test(cli, help_is_no_error)
{
	cr_redirect_stdout();
	cr_assert_not(parse("--help"));
	cr_assert_eq(status, EXIT_CLEAN);
	cr_assert_not(parse("a -h"));
	cr_assert_eq(status, EXIT_CLEAN);
	cr_assert(parse("-- -h"));
}

static int ran; /* 10 times the part, and how many words it got */

static int first(int argc, char **argv)
{
	(void)argv;
	ran = 10 + argc;
	return 7;
}

static int second(int argc, char **argv)
{
	cr_assert_str_eq(argv[0], "second");
	ran = 20 + argc;
	return 8;
}

static int run_part(bool first_is_default, int argc, char **argv)
{
	static const struct cli_part parts[] = { { "first", first }, { "second", second } };
	const struct cli_parts all = { .verb = "try",
				       .usage = "usage\n",
				       .parts = parts,
				       .n = ARRAY_LEN(parts),
				       .first_is_default = first_is_default };
	ran = 0;
	return cli_run_part(&all, argc, argv);
}

Test(cli, a_part_is_run_with_its_own_words)
{
	char verb[] = "try", word[] = "second", option[] = "--json", help[] = "-h",
	     not [] = "third";
	char *words[] = { verb, word, option, NULL }, *none[] = { verb, option, NULL };
	char *asks[] = { verb, help, NULL }, *other[] = { verb, not, NULL };
	cr_redirect_stdout();
	cr_redirect_stderr();
	cr_assert_eq(run_part(false, 3, words), 8);
	cr_assert_eq(ran, 22);
	cr_assert_eq(run_part(true, 2, none), 7);
	cr_assert_eq(ran, 12);
	cr_assert_eq(run_part(true, 1, none), 7);
	cr_assert_eq(run_part(false, 1, none), EXIT_TOOL);
	cr_assert_eq(run_part(false, 2, none), EXIT_TOOL);
	cr_assert_eq(run_part(true, 2, other), EXIT_TOOL);
	cr_assert_eq(run_part(true, 2, asks), EXIT_CLEAN);
	cr_assert_eq(ran, 0);
	cr_assert_stderr_eq_str(
		"redcard try: which part? write first or second; see redcard try --help\n"
		"redcard try: not known: --json; write first or second; see redcard try --help\n"
		"redcard try: not known: third; write first or second; see redcard try --help\n");
}
