/* `redcard shadow check`: which tap this machine can run. */
#include <stdio.h>

#include "proxy/attach_bpf.h"
#include "proxy/cli.h"
#include "proxy/mirror_check.h"
#include "proxy/verbs.h"

static void put_need(struct buf *out, const struct mirror_need *n)
{
	buf_printf(out, "{\"name\":\"%s\",\"met\":%s,\"text\":\"", n->name,
		   n->met ? "true" : "false");
	buf_add_json(out, span_of(n->text));
	buf_add_text(out, "\"}");
}

static void print_json(const struct mirror_need *needs, size_t n, const struct mirror_need *attach)
{
	struct buf out = { 0 };
	buf_printf(&out, "{\"tap\":\"%s\",\"needs\":[", needs[n - 1].met ? "ebpf" : "user");
	for (size_t i = 0; i < n; i++) {
		buf_add_text(&out, i ? "," : "");
		put_need(&out, &needs[i]);
	}
	buf_add_text(&out, "],\"attach\":");
	put_need(&out, attach);
	buf_add_text(&out, "}\n");
	fwrite(out.p, 1, out.n, stdout);
	buf_fini(&out);
}

static void print_need(const struct mirror_need *n, const char *name)
{
	printf("%-3s  %-8s  %s\n", n->met ? "yes" : "no", name, n->text);
}

static void print_lines(const struct mirror_need *needs, size_t n, const struct mirror_need *attach)
{
	for (size_t i = 0; i < n; i++)
		print_need(&needs[i], needs[i].name);
	print_need(attach, "--attach");
	printf("%s\n",
	       needs[n - 1].met
		       ? "tap: ebpf; connections to builders with TLS are copied by the proxy"
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
			"Says which tap can copy requests on this machine, and why, and whether a\n"
			"service without a proxy can be attached to; 0 eBPF works, 1 only the proxy's\n"
			"own copying.",
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard shadow check\n  sudo redcard shadow check --json\n",
	};
	struct mirror_need needs[MIRROR_NEEDS_MAX], attach;
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	size_t n = mirror_bpf_check(needs);
	attach_bpf_close(attach_bpf_open(-1, 1, 1 << 16, &attach));
	(json ? print_json : print_lines)(needs, n, &attach);
	return needs[n - 1].met ? EXIT_CLEAN : EXIT_FINDING;
}
