/* `redcard rollback`: asks PatchCtl to plan or run a rollback, and shows how it goes. */
#include "proxy/rollback.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "lib/clock.h"
#include "proxy/cli.h"
#include "proxy/plain.h"
#include "proxy/units.h"
#include "proxy/verbs.h"

#define LOOK_MS 100    /* how often a run looks */
#define GRACE_MS 10000 /* past the deadline, for a PatchCtl that is just starting again */
#define KEY_BYTES 40

struct wish {
	const char *target, *bad, *anchor, *reason, *deadline, *key;
};

static struct span text_of(const struct json_value *root, const char *key)
{
	return json_string(json_get(root, key));
}

static uint64_t number_of(const struct json_value *root, const char *key)
{
	double v = json_number(json_get(root, key));
	return v > 0 ? (uint64_t)v : 0;
}

static void print(struct buf *out)
{
	if (out->n)
		fwrite(out->p, 1, out->n, stdout);
	fflush(stdout);
	buf_fini(out);
}

/* --- what is asked for --- */

static void put_text(struct buf *out, const char *key, const char *value)
{
	if (!value)
		return;
	buf_printf(out, "%s\"%s\":\"", out->n > 1 ? "," : "", key);
	buf_add_json(out, span_of(value));
	buf_add_char(out, '"');
}

static bool write_wish(const char *verb, const struct wish *w, struct buf *out)
{
	uint32_t ms = 0;
	if (!w->target || !w->bad) {
		fprintf(stderr, "redcard %s: %s; write --target NAME --bad REVISION\n", verb,
			w->target ? "which revision is bad?" : "which target?");
		return false;
	}
	if (w->deadline && (units_duration(span_of(w->deadline), &ms) != 0 || !ms)) {
		fprintf(stderr,
			"redcard %s: --deadline %s is no duration; write one such as 120s\n", verb,
			w->deadline);
		return false;
	}
	buf_add_char(out, '{');
	put_text(out, "target", w->target);
	put_text(out, "bad", w->bad);
	put_text(out, "anchor", w->anchor);
	put_text(out, "reason", w->reason);
	if (ms)
		buf_printf(out, ",\"deadline_s\":%.3f", (double)ms / 1000);
	buf_add_char(out, '}');
	return !out->failed;
}

/* --- plan --- */

#define WISH_OPTIONS(w)                                                                      \
	{ .name = "target", .value = "NAME", .text = &(w).target, .help = "of PatchCtl's" }, \
		{ .name = "bad",                                                             \
		  .value = "REVISION",                                                       \
		  .text = &(w).bad,                                                          \
		  .help = "what is taken back; for git the whole name of a commit" },        \
	{                                                                                    \
		.name = "anchor", .value = "REVISION", .text = &(w).anchor,                  \
		.help = "what is restored (the newest anchor before)"                        \
	}

static int plan_main(int argc, char **argv)
{
	struct rollback_client c = { 0 };
	struct wish wish = { .reason = "a plan" };
	const struct cli_option options[] = { ROLLBACK_OPTIONS(c), WISH_OPTIONS(wish) };
	struct cli cli = {
		.verb = "rollback plan",
		.summary =
			"Prints exactly what a rollback would do, and does nothing; 0, or 1 when it would fail.",
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples =
			"  redcard rollback plan --token-file token --target app --bad 0123...\n",
	};
	int status;
	struct buf body = { 0 }, out = { 0 };
	struct json *doc = NULL;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	status = EXIT_TOOL;
	if (write_wish(cli.verb, &wish, &body) && rollback_open(&c, cli.verb) &&
	    rollback_ask(&c, "POST", "/rollback?plan=1", (struct span){ body.p, body.n }, NULL,
			 &doc) == 0) {
		struct span outcome = text_of(json_root(doc), "outcome");
		if (!c.json) {
			buf_add_text(&out, "anchor: ");
			plain_add(&out, text_of(json_root(doc), "anchor"));
			buf_add_char(&out, '\n');
			plain_add_lines(&out, text_of(json_root(doc), "says"), "");
			print(&out);
		}
		status = span_eq(outcome, SPAN("done")) ? EXIT_CLEAN : EXIT_FINDING;
	}
	json_free(doc);
	buf_fini(&body);
	rollback_close(&c);
	return status;
}

/* --- one rollback --- */

static const char *const phases[] = { "accepted", "acting",  "acted",  "verified",
				      "failed",   "expired", "aborted" };

static bool ended(struct span phase)
{
	return span_eq(phase, SPAN("verified")) || span_eq(phase, SPAN("failed")) ||
	       span_eq(phase, SPAN("expired")) || span_eq(phase, SPAN("aborted"));
}

static int verdict(struct span phase)
{
	return span_eq(phase, SPAN("verified")) ? EXIT_CLEAN : EXIT_FINDING;
}

/* One line for each phase it has come to, but for those that were shown. */
static void show_phases(const struct json_value *r, unsigned *shown)
{
	static const char *const times[] = { "accepted_ms", "acting_ms", "acted_ms", "ended_ms" };
	uint64_t began = number_of(r, "accepted_ms");
	struct buf out = { 0 };
	for (unsigned i = 0; i < ARRAY_LEN(times); i++) {
		uint64_t at = number_of(r, times[i]);
		if (!at || (*shown & 1u << i))
			continue;
		*shown |= 1u << i;
		buf_printf(&out, "%8.3f s  ", (double)(at - min_u64(at, began)) / 1000);
		if (i == 3)
			plain_add(&out, text_of(r, "phase"));
		else
			buf_add_text(&out, phases[i]);
		if (i == 1 || i == 2) {
			buf_add_char(&out, ' ');
			plain_add(&out, text_of(r, i == 1 ? "anchor" : "revision"));
		}
		buf_add_char(&out, '\n');
	}
	if (ended(text_of(r, "phase")))
		plain_add_lines(&out, text_of(r, "says"), "            ");
	print(&out);
}

static void show(const struct json_value *r)
{
	static const char *const keys[] = {
		"id", "target", "bad", "anchor", "reason", "by", "phase"
	};
	struct buf out = { 0 };
	unsigned shown = 0;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		buf_printf(&out, "%-8s", keys[i]);
		plain_add(&out, text_of(r, keys[i]));
		buf_add_char(&out, '\n');
	}
	print(&out);
	show_phases(r, &shown);
}

/* Once more, to print what came. */
static int finish(struct rollback_client *c, const char *target, struct span phase, bool json)
{
	struct json *doc = NULL;
	int status = verdict(phase);
	c->json = json;
	if (json && rollback_ask(c, "GET", target, (struct span){ 0 }, NULL, &doc) != 0)
		status = EXIT_TOOL;
	json_free(doc);
	return status;
}

/* Looks until it is at its end. A PatchCtl that is away may come back. */
static int watch(struct rollback_client *c, struct json *doc, bool json)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000 };
	uint64_t until = number_of(json_root(doc), "deadline_ms") + GRACE_MS;
	struct span id = text_of(json_root(doc), "id");
	char target[80];
	unsigned shown = 0;
	int status = -1;
	snprintf(target, sizeof(target), "/rollback/%.*s", (int)min_size(id.n, 40), id.p);
	if (!json)
		printf("rollback %.*s\n", (int)min_size(id.n, 40), id.p);
	while (status < 0) {
		struct json *next = NULL;
		struct span phase = text_of(json_root(doc), "phase");
		if (!json)
			show_phases(json_root(doc), &shown);
		if (ended(phase)) {
			status = finish(c, target, phase, json);
			break;
		}
		nanosleep(&pause, NULL);
		c->quiet = clock_real_ms() <= until;
		int error = rollback_ask(c, "GET", target, (struct span){ 0 }, NULL, &next);
		if (error == -EINVAL || (error && !c->quiet))
			status = EXIT_TOOL;
		if (error)
			continue;
		json_free(doc);
		doc = next;
	}
	json_free(doc);
	return status;
}

static bool new_key(char key[KEY_BYTES])
{
	unsigned char random[16];
	size_t n = 0;
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return false;
	n += (size_t)snprintf(key, KEY_BYTES, "cli-");
	for (size_t i = 0; i < sizeof(random); i++)
		n += (size_t)snprintf(key + n, KEY_BYTES - n, "%02x", random[i]);
	return true;
}

static int run_main(int argc, char **argv)
{
	struct rollback_client c = { 0 };
	struct wish wish = { 0 };
	const struct cli_option options[] = {
		ROLLBACK_OPTIONS(c),
		WISH_OPTIONS(wish),
		{ .name = "reason",
		  .value = "TEXT",
		  .text = &wish.reason,
		  .help = "one line, for the history; needed" },
		{ .name = "deadline",
		  .value = "TIME",
		  .text = &wish.deadline,
		  .help = "such as 90s (PatchCtl's limits.timeout)" },
		{ .name = "key",
		  .value = "TEXT",
		  .text = &wish.key,
		  .help = "what makes two requests one (a new one)" },
	};
	struct cli cli = {
		.verb = "rollback run",
		.summary =
			"Runs a rollback, waits for its end and shows its phases; 0 verified, 1 failed, expired or aborted,\n"
			"2 error.",
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard rollback run --token-file token --target app --bad 0123... "
			    "--reason 'leaks a key'\n",
	};
	int status;
	char key[KEY_BYTES];
	struct buf body = { 0 };
	struct json *doc = NULL;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	status = EXIT_TOOL;
	if (!wish.reason) {
		fprintf(stderr, "redcard %s: why? write --reason TEXT\n", cli.verb);
		return EXIT_TOOL;
	}
	if (!wish.key && new_key(key))
		wish.key = key;
	if (strpbrk(wish.key ? wish.key : " ", " \t\r\n")) {
		fprintf(stderr, "redcard %s: --key has blanks; write a word\n", cli.verb);
		return EXIT_TOOL;
	}
	bool json = c.json;
	c.json = false; /* but for what it ends with */
	if (write_wish(cli.verb, &wish, &body) && rollback_open(&c, cli.verb) &&
	    rollback_ask(&c, "POST", "/rollback", (struct span){ body.p, body.n }, wish.key,
			 &doc) == 0)
		status = watch(&c, doc, json);
	buf_fini(&body);
	rollback_close(&c);
	return status;
}

bool rollback_is_id(const char *text)
{
	return strspn(text, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == 26 && !text[26];
}

static int status_of(int argc, char **argv)
{
	struct rollback_client c = { 0 };
	const struct cli_option options[] = { ROLLBACK_OPTIONS(c) };
	struct cli cli = {
		.verb = "rollback status",
		.summary =
			"Shows a rollback; 0 verified or not yet at its end, 1 failed, expired or aborted, 2 error.",
		.operands = "ID",
		.operands_min = 1,
		.operands_max = 1,
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard rollback status --token-file token "
			    "01M8C9NG4NX8WDX89WXVAPGAGD\n",
	};
	int status;
	char target[80];
	struct json *doc = NULL;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	status = EXIT_TOOL;
	snprintf(target, sizeof(target), "/rollback/%.40s", cli.v[0]);
	if (!rollback_is_id(cli.v[0]))
		fprintf(stderr,
			"redcard %s: %.40s is no id of a rollback; see redcard rollback list\n",
			cli.verb, cli.v[0]);
	else if (rollback_open(&c, cli.verb) &&
		 rollback_ask(&c, "GET", target, (struct span){ 0 }, NULL, &doc) == 0) {
		struct span phase = text_of(json_root(doc), "phase");
		if (!c.json)
			show(json_root(doc));
		status = ended(phase) ? verdict(phase) : EXIT_CLEAN;
	}
	json_free(doc);
	rollback_close(&c);
	return status;
}

/* --- all of them --- */

static void show_list(const struct json_value *all)
{
	struct buf out = { 0 };
	for (size_t i = 0; i < json_count(all); i++) {
		const struct json_value *r = json_at(all, i);
		uint64_t took = number_of(r, "ended_ms");
		took -= min_u64(took, number_of(r, "accepted_ms"));
		plain_add(&out, text_of(r, "id"));
		buf_add_char(&out, ' ');
		plain_add(&out, text_of(r, "phase"));
		buf_printf(&out, " %.3f s ", (double)took / 1000);
		plain_add(&out, text_of(r, "target"));
		buf_add_char(&out, ' ');
		plain_add(&out, text_of(r, "bad"));
		buf_add_char(&out, ' ');
		plain_add(&out, text_of(r, "reason"));
		buf_add_char(&out, '\n');
	}
	if (!json_count(all))
		buf_add_text(&out, "no rollback\n");
	print(&out);
}

static int list_main(int argc, char **argv)
{
	struct rollback_client c = { 0 };
	const struct cli_option options[] = { ROLLBACK_OPTIONS(c) };
	struct cli cli = {
		.verb = "rollback list",
		.summary = "Lists the latest rollbacks, the newest first.",
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard rollback list --token-file token\n",
	};
	int status;
	struct json *doc = NULL;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	status = EXIT_TOOL;
	if (rollback_open(&c, cli.verb) &&
	    rollback_ask(&c, "GET", "/rollbacks", (struct span){ 0 }, NULL, &doc) == 0) {
		if (!c.json)
			show_list(json_get(json_root(doc), "rollbacks"));
		status = EXIT_CLEAN;
	}
	json_free(doc);
	rollback_close(&c);
	return status;
}

static const char usage[] =
	"usage: redcard rollback plan|run|status|list|abort|bypass [OPTION]...\n\n"
	"Asks PatchCtl to take a bad revision back and to restore an anchor.\n\n"
	"  plan       print what would be done\n"
	"  run        do it, wait, and show the phases\n"
	"  status ID  show one\n"
	"  list       list the latest\n"
	"  abort ID   end one that has not acted yet\n"
	"  bypass     for a while a running redcard asks for none\n\n"
	"redcard rollback PART --help says more. Exit status: 0 verified, 1 failed,\n"
	"expired or aborted, 2 error.\n"
	"\nExamples:\n"
	"  redcard rollback plan --token-file token --target app --bad 0123...\n"
	"  redcard rollback run --token-file token --target app --bad 0123... --reason 'leaks a key'\n";

int rollback_main(int argc, char **argv)
{
	static const struct cli_part parts[] = {
		{ "plan", plan_main },
		{ "run", run_main },
		{ "status", status_of },
		{ "list", list_main },
		{ "abort", rollback_abort_main },
		{ "bypass", rollback_bypass_main },
	};
	const struct cli_parts all = {
		.verb = "rollback", .usage = usage, .parts = parts, .n = ARRAY_LEN(parts)
	};
	return cli_run_part(&all, argc, argv);
}
