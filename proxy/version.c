#include "proxy/version.h"

#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "lib/buf.h"
#include "lib/ring.h"
#include "policy/syntax.h"
#include "proxy/cli.h"
#include "proxy/verbs.h"

#ifndef REDCARD_VERSION
#define REDCARD_VERSION "unknown"
#endif

const char redcard_version[] = REDCARD_VERSION;

/* Libraries are named by the files that the loader mapped: what really runs, not what was there at
 * build time. */
struct library {
	char name[64];
	char file[128]; /* the end of its chain of links, which carries the version */
};

struct libraries {
	struct library v[32];
	size_t n;
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static int add_library(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct libraries *libs = arg;
	(void)size;
	const char *name = base_name(info->dlpi_name);
	if (strncmp(name, "lib", 3) != 0 || libs->n == ARRAY_LEN(libs->v))
		return 0; /* the program itself, the loader, the kernel's own page */
	struct library *l = &libs->v[libs->n++];
	char *file = realpath(info->dlpi_name, NULL);
	snprintf(l->name, sizeof(l->name), "%s", name);
	snprintf(l->file, sizeof(l->file), "%s", base_name(file ? file : info->dlpi_name));
	free(file);
	return 0;
}

/* Whether this process may have a ring: by trying. Empty: it may. */
static const char *try_ring(void)
{
	struct ring *r = NULL;
	struct ring_options small = { .entries = 8,
				      .buffers = { 2, 2 },
				      .buffer_bytes = { 64, 64 } };
	int e = ring_open(&small, &r);
	if (e < 0)
		return ring_refusal(e);
	ring_close(r);
	return "";
}

static void print_text(const struct utsname *u, const char *refusal, const struct libraries *libs)
{
	printf("redcard %s\n", redcard_version);
	printf("compiler  %s\n", __VERSION__);
	printf("kernel    %s %s %s\n", u->sysname, u->release, u->machine);
	printf("io_uring  %s\n", *refusal ? refusal : "works");
	for (size_t i = 0; i < libs->n; i++)
		printf("%-9s %s\n", i ? "" : "libraries", libs->v[i].file);
	printf("languages");
	for (size_t i = 0; i < syntax_count(); i++)
		printf(" %s", syntax_language(i)->name);
	printf("\n");
}

static void add_field(struct buf *out, const char *key, const char *value)
{
	buf_printf(out, "\"%s\":\"", key);
	buf_add_json(out, span_of(value));
	buf_add_char(out, '"');
}

static void print_json(const struct utsname *u, const char *refusal, const struct libraries *libs)
{
	struct buf out = { 0 };
	buf_add_char(&out, '{');
	add_field(&out, "version", redcard_version);
	buf_add_char(&out, ',');
	add_field(&out, "compiler", __VERSION__);
	buf_add_char(&out, ',');
	add_field(&out, "kernel", u->release);
	buf_add_char(&out, ',');
	add_field(&out, "machine", u->machine);
	buf_printf(&out, ",\"io_uring\":%s,", *refusal ? "false" : "true");
	add_field(&out, "io_uring_refusal", refusal);
	buf_add_text(&out, ",\"libraries\":{");
	for (size_t i = 0; i < libs->n; i++) {
		if (i)
			buf_add_char(&out, ',');
		buf_add_char(&out, '"');
		buf_add_json(&out, span_of(libs->v[i].name));
		buf_add_text(&out, "\":\"");
		buf_add_json(&out, span_of(libs->v[i].file));
		buf_add_char(&out, '"');
	}
	buf_add_text(&out, "},\"languages\":[");
	for (size_t i = 0; i < syntax_count(); i++)
		buf_printf(&out, "%s\"%s\"", i ? "," : "", syntax_language(i)->name);
	buf_add_text(&out, "]}\n");
	CHECK(!out.failed);
	fwrite(out.p, 1, out.n, stdout);
	buf_fini(&out);
}

int version_main(int argc, char **argv)
{
	bool json = false;
	const struct cli_option options[] = {
		{ .name = "json", .flag = &json, .help = "print JSON" }
	};
	struct cli cli = {
		.verb = "version",
		.summary =
			"Prints the version, the libraries in use and whether this machine lets redcard use io_uring.",
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard version\n  redcard version --json\n",
	};
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	struct libraries libs = { .n = 0 };
	struct utsname u;
	dl_iterate_phdr(add_library, &libs);
	if (uname(&u) != 0) {
		perror("redcard version: uname");
		return EXIT_TOOL;
	}
	const char *refusal = try_ring();
	if (json)
		print_json(&u, refusal, &libs);
	else
		print_text(&u, refusal, &libs);
	return EXIT_CLEAN;
}
