/* `redcard audits`: what waits for a person at a running redcard, and the answers to it. */
#include "proxy/audits.h"

#include <stdio.h>
#include <string.h>

#include "lib/json.h"
#include "proxy/admin_client.h"
#include "proxy/cli.h"
#include "proxy/plain.h"
#include "proxy/status_print.h"
#include "proxy/verbs.h"

struct common {
	const char *config, *admin;
	bool json;
};

#define COMMON_OPTIONS(common)                                                            \
	{ .name = "config",                                                               \
	  .letter = 'c',                                                                  \
	  .value = "FILE",                                                                \
	  .text = &(common).config,                                                       \
	  .help = "take the address from it" },                                           \
	{                                                                                 \
		.name = "admin", .letter = 'a', .value = "ADDR", .text = &(common).admin, \
		.help = "the admin listener (" ADMIN_CLIENT_DEFAULT ")"                   \
	}

/* Asks and prints. 404 means that there is none. */
static int converse(const struct common *common, const char *verb,
		    const struct admin_request *request,
		    void (*print)(const struct json_value *root, struct buf *out), const char *id)
{
	struct admin_client client = { .verb = verb };
	struct buf body = { 0 }, out = { 0 };
	struct json *doc = NULL;
	unsigned answered = 0;
	int status = EXIT_TOOL;
	if (admin_client_find(&client, common->admin, common->config) != 0 ||
	    admin_client_ask(&client, request, &answered, &body) != 0)
		goto fail;
	if (answered == 404 && id) {
		fprintf(stderr,
			"redcard %s: no audit %s waits; it was answered or its time is over, see "
			"redcard audits list\n",
			verb, id);
		goto fail;
	}
	if (answered != 200 || json_parse((struct span){ body.p, body.n }, &doc) != 0) {
		admin_client_stranger(&client, answered != 200 ? "not 200" : "not JSON");
		goto fail;
	}
	if (common->json)
		buf_add(&out, body.p, body.n);
	else
		print(json_root(doc), &out);
	fwrite(out.p, 1, out.n, stdout);
	status = EXIT_CLEAN;
fail:
	json_free(doc);
	buf_fini(&out);
	buf_fini(&body);
	admin_client_fini(&client);
	return status;
}

/* --- list --- */

static void print_list(const struct json_value *root, struct buf *out)
{
	if (json_count(json_get(root, "audits")) == 0)
		buf_add_text(out, "no audit waits for a person\n");
	else
		status_print(root, out);
}

static int list_main(int argc, char **argv)
{
	struct common common = { 0 };
	const struct cli_option options[] = {
		COMMON_OPTIONS(common),
		{ .name = "json", .flag = &common.json, .help = "print the answer as it came" },
	};
	struct cli cli = {
		.verb = "audits list",
		.summary = "Lists the audits that wait for a person at a running redcard.",
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard audits list\n"
			    "  redcard audits list -c /etc/redcard/redcard.yaml --json\n",
	};
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	const struct admin_request request = { .method = "GET", .target = "/audits" };
	return converse(&common, cli.verb, &request, print_list, NULL);
}

/* --- show --- */

static void print_side(const struct json_value *file, const char *side, struct span builder,
		       struct buf *out)
{
	const struct json_value *text = json_get(file, side);
	char prefix[] = "  | ";
	prefix[0] = side[0];
	buf_printf(out, "\n%s, by ", side);
	plain_add(out, builder);
	if (json_type(text) != JSON_IS_TEXT) {
		buf_add_text(out, ", has no such file\n");
		return;
	}
	buf_add_text(out, ":\n");
	plain_add_lines(out, json_string(text), prefix);
}

static void print_file(const struct json_value *question, size_t i, size_t n, struct buf *out)
{
	const struct json_value *file = json_at(json_get(question, "files"), i);
	buf_printf(out, "\nfile %zu of %zu: ", i + 1, n);
	plain_add(out, json_string(json_get(file, "path")));
	buf_add_text(out, ", ");
	plain_add(out, json_string(json_get(file, "language")));
	buf_add_char(out, '\n');
	print_side(file, "a", json_string(json_get(question, "builder_a")), out);
	print_side(file, "b", json_string(json_get(question, "builder_b")), out);
}

static void print_audit(const struct json_value *root, struct buf *out)
{
	const struct json_value *question = json_get(root, "question");
	size_t files = json_count(json_get(question, "files"));
	for (size_t i = 0; i < json_count(root); i++) {
		const struct json_value *v = json_at(root, i);
		if (v == question)
			continue;
		plain_add(out, json_key_at(root, i));
		buf_add_text(out, ": ");
		if (json_type(v) == JSON_IS_TEXT)
			plain_add(out, json_string(v));
		else if (json_type(v) == JSON_IS_NUMBER)
			buf_printf(out, "%.6g", json_number(v));
		else
			buf_add_char(out, '-');
		buf_add_char(out, '\n');
	}
	if (json_string(json_get(question, "sharp_edits")).n) {
		buf_add_text(out, "sharp edits:\n");
		plain_add_lines(out, json_string(json_get(question, "sharp_edits")), "  ");
	}
	for (size_t i = 0; i < files; i++)
		print_file(question, i, files, out);
}

/* The page of one audit; an id is never longer than ours, nor made of other characters. */
static bool target_of(const char *verb, const char *id, char target[64])
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	if (strlen(id) <= 32 && !id[strspn(id, digits)]) {
		snprintf(target, 64, "/audits/%s", id);
		return true;
	}
	fprintf(stderr, "redcard %s: %s is no id of an audit; see redcard audits list\n", verb, id);
	return false;
}

static int show_main(int argc, char **argv)
{
	struct common common = { 0 };
	const struct cli_option options[] = {
		COMMON_OPTIONS(common),
		{ .name = "json", .flag = &common.json, .help = "print the answer as it came" },
	};
	struct cli cli = {
		.verb = "audits show",
		.summary = "Shows what is asked in one audit: why, and both renders.",
		.operands = "ID",
		.operands_min = 1,
		.operands_max = 1,
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard audits show 01KB2Q8Y0V6ZJ4T3N5M7P9R1SX\n",
	};
	int status;
	char target[64];
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	if (!target_of(cli.verb, cli.v[0], target))
		return EXIT_TOOL;
	const struct admin_request request = { .method = "GET", .target = target };
	return converse(&common, cli.verb, &request, print_audit, cli.v[0]);
}

/* --- answer --- */

static void print_answered(const struct json_value *root, struct buf *out)
{
	(void)root;
	buf_add_text(out, "answered\n");
}

static int answer(const struct common *common, const struct cli *cli, const char *reason)
{
	char target[64];
	struct buf body = { .max = 32768 };
	if (!target_of(cli->verb, cli->v[0], target))
		return EXIT_TOOL;
	if (strcmp(cli->v[1], "yes") != 0 && strcmp(cli->v[1], "no") != 0) {
		fprintf(stderr, "redcard %s: %s is no answer; write yes or no\n", cli->verb,
			cli->v[1]);
		return EXIT_TOOL;
	}
	buf_printf(&body, "{\"answer\":\"%s\",\"reason\":\"", cli->v[1]);
	buf_add_json(&body, span_of(reason));
	buf_add_text(&body, "\"}");
	const struct admin_request request = { .method = "POST",
					       .target = target,
					       .body = { body.p, body.n } };
	int status = EXIT_TOOL;
	if (body.failed)
		fprintf(stderr, "redcard %s: the reason is too long; write a sentence\n",
			cli->verb);
	else
		status = converse(common, cli->verb, &request, print_answered, cli->v[0]);
	buf_fini(&body);
	return status;
}

static int answer_main(int argc, char **argv)
{
	struct common common = { 0 };
	const char *reason = "";
	const struct cli_option options[] = {
		COMMON_OPTIONS(common),
		{ .name = "reason",
		  .letter = 'r',
		  .value = "TEXT",
		  .text = &reason,
		  .help = "for the record" },
	};
	struct cli cli = {
		.verb = "audits answer",
		.summary = "Answers an audit: whether the two renders may pass as equivalent.",
		.operands = "ID yes|no",
		.operands_min = 2,
		.operands_max = 2,
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard audits answer 01KB2Q8Y0V6ZJ4T3N5M7P9R1SX no --reason 'b "
			    "drops the check of the size'\n",
	};
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	return answer(&common, &cli, reason);
}

/* --- which of them --- */

static const char usage[] =
	"usage: redcard audits [list] [OPTION]...\n"
	"       redcard audits show [OPTION]... ID\n"
	"       redcard audits answer [OPTION]... ID yes|no\n"
	"       redcard audits ask [OPTION]... A B\n\n"
	"Lists, shows and answers the audits of renders that wait for a person, or tries\n"
	"an auditor out. redcard audits list --help, and so on, says more. Exit status:\n"
	"0 clean, 1 finding, 2 error.\n\n"
	"Examples:\n"
	"  redcard audits\n"
	"  redcard audits answer 01KB2Q8Y0V6ZJ4T3N5M7P9R1SX yes --reason 'only the names differ'\n"
	"  redcard audits ask -c redcard.yaml --auditor judge a.py b.py\n";

int audits_main(int argc, char **argv)
{
	static const struct cli_part parts[] = {
		{ "list", list_main },
		{ "show", show_main },
		{ "answer", answer_main },
		{ "ask", audits_ask_main },
	};
	const struct cli_parts all = { .verb = "audits",
				       .usage = usage,
				       .parts = parts,
				       .n = ARRAY_LEN(parts),
				       .first_is_default = true };
	return cli_run_part(&all, argc, argv);
}
