#include "proxy/cli.h"

#include <stdio.h>
#include <string.h>

#include "proxy/verbs.h"

static bool wrong(const struct cli *cli, int *status, const char *what, const char *word)
{
	fprintf(stderr, "redcard %s: %s%s; see redcard %s --help\n", cli->verb, what, word,
		cli->verb);
	*status = EXIT_TOOL;
	return false;
}

enum { COLUMNS = 80, LEFT = 25 };

/* Words of a text, in lines that begin at a column; the cursor stands there already. */
static void print_wrapped(const char *text, size_t indent)
{
	size_t column = indent;
	while (*text) {
		size_t n = strcspn(text, " \n");
		if (column > indent && column + 1 + n > COLUMNS) {
			printf("\n%*s", (int)indent, "");
			column = indent;
		}
		printf("%s%.*s", column > indent ? " " : "", (int)n, text);
		column += n + (column > indent);
		text += n;
		text += strspn(text, " \n");
	}
	putchar('\n');
}

static void print_option(const char *left, const char *help)
{
	printf("  %-*s ", LEFT, left);
	print_wrapped(help, 2 + LEFT + 1);
}

void cli_help(const struct cli *cli)
{
	printf("usage: redcard %s [OPTION]...%s%s\n\n", cli->verb, cli->operands ? " " : "",
	       cli->operands ? cli->operands : "");
	print_wrapped(cli->summary, 0);
	putchar('\n');
	for (size_t i = 0; i < cli->n_options; i++) {
		const struct cli_option *o = &cli->options[i];
		char left[40];
		char letter[4] = { ' ', ' ', ' ', '\0' };
		if (o->letter) {
			letter[0] = '-';
			letter[1] = o->letter;
			letter[2] = ',';
		}
		snprintf(left, sizeof(left), "%s --%s%s%s", letter, o->name, o->value ? " " : "",
			 o->value ? o->value : "");
		print_option(left, o->help);
	}
	print_option("-h, --help", "print this");
	printf("\nExit status: 0 clean, 1 finding, 2 error.\n");
	if (cli->examples)
		printf("\nExamples:\n%s", cli->examples);
}

static const struct cli_option *find_name(const struct cli *cli, const char *name, size_t n)
{
	for (size_t i = 0; i < cli->n_options; i++)
		if (strlen(cli->options[i].name) == n && memcmp(cli->options[i].name, name, n) == 0)
			return &cli->options[i];
	return NULL;
}

static const struct cli_option *find_letter(const struct cli *cli, char letter)
{
	for (size_t i = 0; i < cli->n_options; i++)
		if (cli->options[i].letter && cli->options[i].letter == letter)
			return &cli->options[i];
	return NULL;
}

/* One word that begins with a dash. attached: the value written into the word itself, or NULL. */
static const struct cli_option *find_option(const struct cli *cli, const char *word,
					    const char **attached)
{
	*attached = NULL;
	if (word[1] != '-') {
		const struct cli_option *o = find_letter(cli, word[1]);
		if (word[2])
			*attached = word + 2;
		return o;
	}
	const char *equals = strchr(word, '=');
	if (equals)
		*attached = equals + 1;
	return find_name(cli, word + 2, equals ? (size_t)(equals - word - 2) : strlen(word + 2));
}

/* Takes the option at argv[*i]; its value may be the next word. */
static bool take_option(const struct cli *cli, int argc, char **argv, int *i, int *status)
{
	const char *attached = NULL;
	const char *word = argv[*i];
	const struct cli_option *o = find_option(cli, word, &attached);
	if (!o)
		return wrong(cli, status, "unknown option ", word);
	if (!o->value) {
		if (attached)
			return wrong(cli, status, "this option takes no value: ", word);
		*o->flag = true;
		return true;
	}
	if (!attached && *i + 1 < argc)
		attached = argv[++*i];
	if (!attached || !*attached)
		return wrong(cli, status, "a value is missing after ", word);
	*o->text = attached;
	return true;
}

/* A file where a verb takes none is mostly its configuration. */
static bool unexpected(const struct cli *cli, int *status, const char *word)
{
	if (cli->operands_max > 0 || !find_name(cli, "config", 6))
		return wrong(cli, status, "unexpected operand ", word);
	fprintf(stderr, "redcard %s: unexpected operand %s; name the configuration with -c\n",
		cli->verb, word);
	*status = EXIT_TOOL;
	return false;
}

bool cli_parse(struct cli *cli, int argc, char **argv, int *status)
{
	bool options = true;
	cli->v = argv + 1;
	cli->n = 0;
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];
		if (options && strcmp(word, "--") == 0) {
			options = false;
		} else if (options && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
			cli_help(cli);
			*status = EXIT_CLEAN;
			return false;
		} else if (options && word[0] == '-' && word[1]) {
			if (!take_option(cli, argc, argv, &i, status))
				return false;
		} else {
			if (cli->n >= cli->operands_max)
				return unexpected(cli, status, word);
			cli->v[cli->n++] = argv[i];
		}
	}
	if (cli->n < cli->operands_min)
		return wrong(cli, status, "missing operand ", cli->operands);
	return true;
}

/* --- verbs with parts --- */

static int wrong_part(const struct cli_parts *c, const char *word)
{
	fprintf(stderr, "redcard %s: %s%s%s write ", c->verb, word ? "not known: " : "which part?",
		word ? word : "", word ? ";" : "");
	for (size_t i = 0; i < c->n; i++)
		fprintf(stderr, "%s%s", c->parts[i].word,
			i + 2 < c->n    ? ", "
			: i + 2 == c->n ? " or "
					: "");
	fprintf(stderr, "; see redcard %s --help\n", c->verb);
	return EXIT_TOOL;
}

int cli_run_part(const struct cli_parts *c, int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;
	if (word && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
		fputs(c->usage, stdout);
		return EXIT_CLEAN;
	}
	if (c->first_is_default && (!word || word[0] == '-'))
		return c->parts[0].run(argc, argv);
	for (size_t i = 0; word && i < c->n; i++)
		if (strcmp(word, c->parts[i].word) == 0)
			return c->parts[i].run(argc - 1, argv + 1);
	return wrong_part(c, word);
}
