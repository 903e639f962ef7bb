/* `redcard ledger`: which of its verbs, and where the ledger is. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proxy/ledger_verbs.h"
#include "proxy/units.h"
#include "proxy/verbs.h"

static const char *name_of(const char *given, const char *ledger, const char *suffix,
			   struct buf *room)
{
	if (given)
		return given;
	buf_printf(room, "%s%s", ledger, suffix);
	return room->failed ? ledger : room->p;
}

bool ledger_place_find(struct ledger_place *p, const char *verb)
{
	struct buf errors = { 0 };
	if (p->ledger && p->config) {
		fprintf(stderr, "redcard %s: --config and --ledger both name the ledger; use one\n",
			verb);
		return false;
	}
	if (!p->ledger) {
		const char *file = p->config ? p->config : "redcard.yaml";
		int error = config_load_ledger(file, &p->loaded, &errors);
		if (error) {
			fwrite(errors.p, 1, errors.n, stderr);
			buf_fini(&errors);
			return false;
		}
		p->options = p->loaded->ledger->options;
	} else {
		p->options = (struct ledger_options){
			.path = p->ledger,
			.key = name_of(NULL, p->ledger, ".key", &p->names[0]),
			.checkpoints = name_of(NULL, p->ledger, ".checkpoints", &p->names[1]),
			.checkpoint_rows = LEDGER_CHECKPOINT_ROWS,
			.checkpoint_ms = LEDGER_CHECKPOINT_MS,
		};
	}
	if (p->key)
		p->options.key = p->key;
	if (p->checkpoints)
		p->options.checkpoints = p->checkpoints;
	return true;
}

void ledger_place_fini(struct ledger_place *p)
{
	config_unref(p->loaded);
	buf_fini(&p->names[0]);
	buf_fini(&p->names[1]);
}

struct ledger_store *ledger_place_read(const struct ledger_place *p, const char *verb)
{
	struct ledger_store *s;
	struct buf why = { 0 };
	int error = ledger_store_open(p->options.path, false, &s, &why);
	if (error)
		fprintf(stderr, "redcard %s: %.*s\n", verb, (int)why.n, why.p);
	buf_fini(&why);
	return error ? NULL : s;
}

bool ledger_since(const char *verb, const char *text, uint64_t *ms)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d" };
	uint32_t ago;
	if (units_duration(span_of(text), &ago) == 0) {
		*ms = (uint64_t)time(NULL) * 1000 - ago;
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct tm tm = { 0 };
		const char *end = strptime(text, forms[i], &tm);
		time_t at = end && !*end ? timegm(&tm) : -1;
		if (at >= 0) {
			*ms = (uint64_t)at * 1000;
			return true;
		}
	}
	fprintf(stderr,
		"redcard %s: %s is no time; write 2026-11-26, 2026-11-26T09:30:00Z or 24h\n", verb,
		text);
	return false;
}

void ledger_progress(uint64_t rows, bool done)
{
	static bool shown;
	if (!isatty(STDERR_FILENO) || (!done && rows % 4096))
		return;
	if (!done)
		fprintf(stderr, "\r%llu rows", (unsigned long long)rows);
	else if (shown)
		fputs("\r\033[K", stderr);
	shown = !done;
}

static const char usage[] =
	"usage: redcard ledger [list] [OPTION]...\n"
	"       redcard ledger show [OPTION]... ID|SEQUENCE\n"
	"       redcard ledger add [OPTION]... --kind KIND --subject TEXT JSON|-\n"
	"       redcard ledger anchor [OPTION]... NAME\n"
	"       redcard ledger verify [OPTION]...\n"
	"       redcard ledger export [OPTION]...\n"
	"       redcard ledger init [OPTION]...\n\n"
	"Reads, writes and verifies the ledger: the rows of what redcard decided, each\n"
	"tied to the one before it. redcard ledger list --help, and so on, says more.\n"
	"Exit status: 0 clean, 1 finding, 2 error.\n\n"
	"Examples:\n"
	"  redcard ledger list -c /etc/redcard/redcard.yaml --kind card --since 24h\n"
	"  redcard ledger verify -c /etc/redcard/redcard.yaml\n"
	"  redcard ledger anchor qa-revert --target web --revision 4f2a9c1\n";

int ledger_main(int argc, char **argv)
{
	static const struct cli_part parts[] = {
		{ "list", ledger_list_main },     { "show", ledger_show_main },
		{ "add", ledger_add_main },       { "anchor", ledger_anchor_main },
		{ "verify", ledger_verify_main }, { "export", ledger_export_main },
		{ "init", ledger_init_main },
	};
	const struct cli_parts all = { .verb = "ledger",
				       .usage = usage,
				       .parts = parts,
				       .n = ARRAY_LEN(parts),
				       .first_is_default = true };
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error like a full disk */
	return cli_run_part(&all, argc, argv);
}
