/* `redcard shadow`: which of its parts. */
#include "proxy/cli.h"
#include "proxy/mirror_check.h"
#include "proxy/shadow.h"
#include "proxy/verbs.h"

static const char usage[] =
	"usage: redcard shadow PART [OPTION]...\n\n"
	"A copy of a share of the requests, for a shadow that nobody depends on.\n\n"
	"  run     send what is mirrored to the shadow, judge and compare, and guard it\n"
	"  check   say which tap this machine can run, and why\n"
	"  watch   print what is mirrored, without a shadow\n"
	"\nredcard shadow PART --help says more.\n"
	"\nExamples:\n"
	"  redcard shadow check\n"
	"  redcard shadow run -c /etc/redcard/redcard.yaml\n"
	"  redcard shadow watch -c /etc/redcard/redcard.yaml\n";

int shadow_main(int argc, char **argv)
{
	static const struct cli_part parts[] = {
		{ "run", shadow_run_main },
		{ "check", shadow_check_main },
		{ "watch", shadow_watch_main },
	};
	const struct cli_parts all = {
		.verb = "shadow", .usage = usage, .parts = parts, .n = ARRAY_LEN(parts)
	};
	return cli_run_part(&all, argc, argv);
}
