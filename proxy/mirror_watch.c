/* `redcard shadow watch`: what is mirrored, without a shadow. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/sha256.h"
#include "proxy/cli.h"
#include "proxy/config_mirror.h"
#include "proxy/mirror.h"
#include "proxy/mirror_check.h"
#include "proxy/verbs.h"

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static void end_line(struct buf *out)
{
	buf_add_text(out, "}\n");
	fwrite(out->p, 1, out->n, stdout);
	buf_fini(out);
}

static void put(struct buf *out, const char *key, uint64_t n)
{
	buf_printf(out, ",\"%s\":%llu", key, (unsigned long long)n);
}

static void put_hash(struct buf *out, struct span bytes)
{
	char hash[SHA256_HEX];
	put(out, "bytes", bytes.n);
	if (sha256_of(bytes, hash) == 0)
		buf_printf(out, ",\"sha256\":\"%s\"", hash);
}

/* Bytes of requests carry credentials: only their length and their hash are shown. */
static void on_request(void *owner, const struct mirror_request *r)
{
	struct buf out = { 0 };
	(void)owner;
	buf_printf(&out, "{\"event\":\"request\",\"exchange\":\"%s\",\"route\":\"", r->id);
	buf_add_json(&out, r->route);
	buf_add_text(&out, "\",\"spec\":\"");
	buf_add_json(&out, r->spec);
	buf_add_char(&out, '"');
	put_hash(&out, r->bytes);
	put(&out, "time_us", r->time_us);
	end_line(&out);
}

static void on_answer(void *owner, const struct mirror_answer *a)
{
	struct buf out = { 0 };
	(void)owner;
	buf_printf(&out, "{\"event\":\"answer\",\"exchange\":\"%s\",\"status\":%u", a->id,
		   a->status);
	buf_printf(&out, ",\"framing\":\"%s\",\"dialect\":\"%s\"", framing_names[a->framing],
		   dialect_names[a->dialect]);
	put_hash(&out, a->body);
	buf_printf(&out, ",\"whole\":%s,\"cut\":%s,\"too_large\":%s", a->whole ? "true" : "false",
		   a->cut ? "true" : "false", a->too_large ? "true" : "false");
	put(&out, "first_us", a->first_us);
	put(&out, "total_us", a->total_us);
	end_line(&out);
}

static void on_loss(void *owner, const struct mirror_loss *l)
{
	struct buf out = { 0 };
	(void)owner;
	buf_printf(&out, "{\"event\":\"lost\",\"exchange\":\"%s\"", l->id);
	put(&out, "bytes", l->bytes);
	end_line(&out);
}

static void print_counts(const struct mirror *m)
{
	struct mirror_counts n = mirror_counts(m);
	struct buf out = { 0 };
	buf_add_text(&out, "{\"event\":\"counts\"");
	put(&out, "sampled_bytes", n.sampled);
	put(&out, "captured_bytes", n.captured);
	put(&out, "lost_bytes", n.lost);
	put(&out, "requests", n.requests);
	put(&out, "complete", n.complete);
	put(&out, "incomplete", n.incomplete);
	put(&out, "truncated", n.truncated);
	put(&out, "answers", n.answers);
	put(&out, "answers_lost", n.answers_lost);
	put(&out, "proxies", n.proxies);
	put(&out, "refused", n.refused);
	end_line(&out);
}

static void print_tap(struct mirror *m, enum mirror_tap *last)
{
	const char *why;
	struct buf out = { 0 };
	enum mirror_tap tap = mirror_tap(m, &why);
	if (tap == *last)
		return;
	*last = tap;
	buf_printf(&out, "{\"event\":\"tap\",\"tap\":\"%s\",\"why\":\"", mirror_tap_names[tap]);
	buf_add_json(&out, span_of(why));
	buf_add_char(&out, '"');
	end_line(&out);
}

static int watch(const struct config *config)
{
	const struct mirror_sink sink = { on_request, on_answer, on_loss, NULL };
	struct mirror *m = NULL;
	struct buf errors = { 0 };
	enum mirror_tap last = MIRROR_TAP_COUNT;
	const struct sigaction action = { .sa_handler = on_signal };
	int error = mirror_open(config, &sink, &m, &errors);
	fprintf(stderr, "%.*s", (int)errors.n, errors.p ? errors.p : "");
	if (error && !errors.n)
		fprintf(stderr, "redcard shadow watch: %s\n", strerror(-error));
	buf_fini(&errors);
	if (error)
		return EXIT_TOOL;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	while (!stopped && error >= 0) {
		print_tap(m, &last);
		error = mirror_poll(m, 100);
		if (error == 0)
			fflush(stdout);
	}
	do
		error = mirror_poll(m, 0);
	while (error > 0);
	print_counts(m);
	mirror_close(m);
	return EXIT_CLEAN;
}

int shadow_watch_main(int argc, char **argv)
{
	const char *path = "redcard.yaml";
	const struct cli_option options[] = {
		{ .name = "config",
		  .letter = 'c',
		  .value = "FILE",
		  .text = &path,
		  .help = "the configuration (redcard.yaml)" },
	};
	struct cli cli = {
		.verb = "shadow watch",
		.summary =
			"Takes what is mirrored, in place of `shadow run`, and prints a line of "
			"JSON for each thing, with hashes instead of contents; counts at the end.",
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard shadow watch -c /etc/redcard/redcard.yaml\n",
	};
	struct config *config = NULL;
	struct buf errors = { 0 };
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	if (config_load(path, &config, &errors) != 0)
		fprintf(stderr, "%.*s", (int)errors.n, errors.p ? errors.p : "");
	buf_fini(&errors);
	status = config ? watch(config) : EXIT_TOOL;
	config_unref(config);
	return status;
}
