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
