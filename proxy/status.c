#include <stdio.h>

#include "lib/buf.h"
#include "lib/json.h"
#include "proxy/admin_client.h"
#include "proxy/cli.h"
#include "proxy/status_print.h"
#include "proxy/verbs.h"

static int report(const struct admin_client *client, bool json)
{
	const struct admin_request request = { .method = "GET", .target = "/status" };
	struct buf body = { 0 };
	struct json *doc = NULL;
	unsigned answered = 0;
	int status = EXIT_TOOL;
	if (admin_client_ask(client, &request, &answered, &body) != 0)
		goto fail;
	if (answered != 200) {
		admin_client_stranger(client, "not 200");
		goto fail;
	}
	if (json_parse((struct span){ body.p, body.n }, &doc) != 0) {
		admin_client_stranger(client, "not JSON");
		goto fail;
	}
	if (json) {
		fwrite(body.p, 1, body.n, stdout);
		if (body.n > 0 && body.p[body.n - 1] != '\n')
			putchar('\n');
	} else {
		struct buf out = { 0 };
		status_print(json_root(doc), &out);
		fwrite(out.p, 1, out.n, stdout);
		buf_fini(&out);
	}
	status = EXIT_CLEAN;
fail:
	json_free(doc);
	buf_fini(&body);
	return status;
}

int status_main(int argc, char **argv)
{
	const char *config = NULL, *admin = NULL;
	bool json = false;
	const struct cli_option options[] = {
		{ .name = "config",
		  .letter = 'c',
		  .value = "FILE",
		  .text = &config,
		  .help = "take the address from it" },
		{ .name = "admin",
		  .letter = 'a',
		  .value = "ADDR",
		  .text = &admin,
		  .help = "the admin listener (" ADMIN_CLIENT_DEFAULT ")" },
		{ .name = "json", .flag = &json, .help = "print the answer as it came" },
	};
	struct cli cli = {
		.verb = "status",
		.summary = "Asks the admin listener of a running redcard for its state.",
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard status\n  redcard status -c /etc/redcard/redcard.yaml\n"
			    "  redcard status --admin 127.0.0.1:9901 --json\n",
	};
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	struct admin_client client = { .verb = "status" };
	status = admin_client_find(&client, admin, config) == 0 ? report(&client, json) : EXIT_TOOL;
	admin_client_fini(&client);
	return status;
}
