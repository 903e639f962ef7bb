/* `redcard rollback abort` and `bypass`: how a person keeps a rollback from being made. */
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proxy/admin_client.h"
#include "proxy/cli.h"
#include "proxy/plain.h"
#include "proxy/rollback.h"
#include "proxy/units.h"
#include "proxy/verbs.h"

static void member(struct buf *out, const char *key, const char *value)
{
	buf_printf(out, "%s\"%s\":\"", out->n > 1 ? "," : "", key);
	buf_add_json(out, span_of(value));
	buf_add_char(out, '"');
}

/* --- abort --- */

static int abort_it(struct rollback_client *c, const struct cli *cli, const char *reason)
{
	char target[80];
	struct buf body = { 0 }, out = { 0 };
	struct json *doc = NULL;
	int status = EXIT_TOOL;
	snprintf(target, sizeof(target), "/rollback/%.40s/abort", cli->v[0]);
	buf_add_char(&body, '{');
	member(&body, "reason", reason);
	buf_add_char(&body, '}');
	if (!body.failed && rollback_open(c, cli->verb) &&
	    rollback_ask(c, "POST", target, (struct span){ body.p, body.n }, NULL, &doc) == 0) {
		if (!c->json) {
			plain_add(&out, json_string(json_get(json_root(doc), "phase")));
			printf("%.*s\n", (int)out.n, out.n ? out.p : "");
		}
		status = EXIT_CLEAN;
	}
	json_free(doc);
	buf_fini(&out);
	buf_fini(&body);
	rollback_close(c);
	return status;
}

int rollback_abort_main(int argc, char **argv)
{
	struct rollback_client c = { 0 };
	const char *reason = NULL;
	const struct cli_option options[] = {
		ROLLBACK_OPTIONS(c),
		{ .name = "reason",
		  .value = "TEXT",
		  .text = &reason,
		  .help = "one line, for the history; needed" },
	};
	struct cli cli = {
		.verb = "rollback abort",
		.summary =
			"Ends a rollback that has not acted yet; 0 aborted, 2 it was too late or "
			"an error.",
		.operands = "ID",
		.operands_min = 1,
		.operands_max = 1,
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard rollback abort --token-file token --reason 'a false alarm' "
			    "01M8C9NG4NX8WDX89WXVAPGAGD\n",
	};
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	if (!rollback_is_id(cli.v[0]))
		fprintf(stderr,
			"redcard %s: %.40s is no id of a rollback; see redcard rollback list\n",
			cli.verb, cli.v[0]);
	else if (!reason || !reason[0])
		fprintf(stderr, "redcard %s: why? write --reason TEXT\n", cli.verb);
	else
		return abort_it(&c, &cli, reason);
	return EXIT_TOOL;
}

/* --- bypass --- */

struct bypass_wish {
	const char *config, *admin, *reason, *how_long, *target;
	bool end, json;
};

static bool write_body(const char *verb, const struct bypass_wish *b, struct buf *out)
{
	uint32_t ms = 0;
	const struct passwd *user = getpwuid(getuid());
	if (b->end && (b->how_long || b->reason)) {
		fprintf(stderr,
			"redcard %s: --end has neither --for nor --reason; leave them out\n", verb);
		return false;
	}
	if (!b->end && (!b->reason || !b->reason[0] || !b->how_long)) {
		fprintf(stderr, "redcard %s: %s\n", verb,
			b->how_long ? "why? write --reason TEXT"
				    : "for how long? write --for TIME, such as 15m");
		return false;
	}
	if (!b->end && (units_duration(span_of(b->how_long), &ms) != 0 || ms < 1000 ||
			ms > 24u * 3600 * 1000)) {
		fprintf(stderr, "redcard %s: --for %s cannot be; write a duration from 1s to 24h\n",
			verb, b->how_long);
		return false;
	}
	buf_add_char(out, '{');
	member(out, "by", user && user->pw_name ? user->pw_name : "somebody");
	if (b->target)
		member(out, "target", b->target);
	if (b->end)
		buf_add_text(out, ",\"end\":true}");
	else
		buf_printf(out, ",\"for_s\":%.3f", (double)ms / 1000);
	if (!b->end) {
		member(out, "reason", b->reason);
		buf_add_char(out, '}');
	}
	return !out->failed;
}

static void say_problem(const char *verb, unsigned status, struct span body)
{
	struct json *doc = NULL;
	struct buf out = { 0 };
	if (json_parse(body, &doc) == 0)
		plain_add(&out, json_string(json_get(json_root(doc), "detail")));
	fprintf(stderr, "redcard %s: redcard refuses (%u): %.*s\n", verb, status, (int)out.n,
		out.n ? out.p : "");
	buf_fini(&out);
	json_free(doc);
}

static int ask(const char *verb, const struct bypass_wish *b, struct span body)
{
	struct admin_client client = { .verb = verb };
	struct buf answer = { 0 };
	unsigned answered = 0;
	int status = EXIT_TOOL;
	const struct admin_request request = { .method = "POST",
					       .target = "/rollback/bypass",
					       .body = body };
	if (admin_client_find(&client, b->admin, b->config) == 0 &&
	    admin_client_ask(&client, &request, &answered, &answer) == 0) {
		if (answered == 201)
			status = EXIT_CLEAN;
		else
			say_problem(verb, answered, (struct span){ answer.p, answer.n });
	}
	if (status == EXIT_CLEAN && b->json)
		printf("%.*s", (int)answer.n, answer.p);
	else if (status == EXIT_CLEAN)
		puts(b->end ? "rollbacks are asked for again" : "no rollback is asked for");
	buf_fini(&answer);
	admin_client_fini(&client);
	return status;
}

int rollback_bypass_main(int argc, char **argv)
{
	struct bypass_wish b = { 0 };
	const struct cli_option options[] = {
		{ .name = "config",
		  .letter = 'c',
		  .value = "FILE",
		  .text = &b.config,
		  .help = "take the address from it" },
		{ .name = "admin",
		  .letter = 'a',
		  .value = "ADDR",
		  .text = &b.admin,
		  .help = "the admin listener (" ADMIN_CLIENT_DEFAULT ")" },
		{ .name = "reason",
		  .value = "TEXT",
		  .text = &b.reason,
		  .help = "one line, for the ledger; needed" },
		{ .name = "for",
		  .value = "TIME",
		  .text = &b.how_long,
		  .help = "such as 15m, at most 24h; needed" },
		{ .name = "target",
		  .value = "NAME",
		  .text = &b.target,
		  .help = "only of that target (all)" },
		{ .name = "end", .flag = &b.end, .help = "the bypass is over" },
		{ .name = "json", .flag = &b.json, .help = "print the answer as it came" },
	};
	struct cli cli = {
		.verb = "rollback bypass",
		.summary =
			"For a while a running redcard asks for no rollback: an emergency, which "
			"is recorded.",
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard rollback bypass --reason 'restoring by hand' --for 15m\n"
			    "  redcard rollback bypass --end\n",
	};
	struct buf body = { 0 };
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	status = write_body(cli.verb, &b, &body)
			 ? ask(cli.verb, &b, (struct span){ body.p, body.n })
			 : EXIT_TOOL;
	buf_fini(&body);
	return status;
}
