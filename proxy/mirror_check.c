/* `redcard shadow check`: which tap this machine can run. */
#include <stdio.h>

#include "proxy/cli.h"
#include "proxy/mirror_bpf.h"
#include "proxy/mirror_check.h"
#include "proxy/verbs.h"

static void print_json(const struct mirror_need *needs, size_t n, bool works)
{
	struct buf out = { 0 };
	buf_printf(&out, "{\"tap\":\"%s\",\"needs\":[", works ? "ebpf" : "user");
	for (size_t i = 0; i < n; i++) {
		buf_printf(&out, "%s{\"name\":\"%s\",\"met\":%s,\"text\":\"", i ? "," : "",
			   needs[i].name, needs[i].met ? "true" : "false");
		buf_add_json(&out, span_of(needs[i].text));
		buf_add_text(&out, "\"}");
	}
	buf_add_text(&out, "]}\n");
	fwrite(out.p, 1, out.n, stdout);
	buf_fini(&out);
}

static void print_lines(const struct mirror_need *needs, size_t n, bool works)
{
	for (size_t i = 0; i < n; i++)
		printf("%-3s  %-8s  %s\n", needs[i].met ? "yes" : "no", needs[i].name,
		       needs[i].text);
	printf("%s\n", works ? "tap: ebpf; connections to builders with TLS are copied by the proxy"
			     : "tap: user; the proxy copies what is mirrored");
}

int shadow_check_main(int argc, char **argv)
{
	bool json = false;
	const struct cli_option options[] = {
		{ .name = "json", .flag = &json, .help = "print JSON" },
	};
	struct cli cli = {
		.verb = "shadow check",
		.summary =
			"Says which tap can copy requests on this machine, and why; 0 eBPF works, "
			"1 only the proxy's own copying.",
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard shadow check\n  sudo redcard shadow check --json\n",
	};
	struct mirror_need needs[MIRROR_NEEDS_MAX];
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	size_t n = mirror_bpf_check(needs);
	bool works = n > 0 && needs[n - 1].met;
	(json ? print_json : print_lines)(needs, n, works);
	return works ? EXIT_CLEAN : EXIT_FINDING;
}
