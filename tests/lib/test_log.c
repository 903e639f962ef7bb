#include <criterion/criterion.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/json.h"
#include "lib/log.h"

static char path[64];
static char text[1 << 20];

static void open_log(enum log_level least)
{
	snprintf(path, sizeof(path), "/tmp/redcard-log-XXXXXX");
	int fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	close(fd);
	cr_assert_eq(log_open(path, least), 0);
}

static size_t read_file(const char *name)
{
	FILE *f = fopen(name, "r");
	cr_assert_not_null(f);
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return n;
}

static size_t finish(void)
{
	log_close();
	size_t n = read_file(path);
	unlink(path);
	return n;
}

/* Parses one line, which must be valid JSON. */
static struct json *line_of(char *line, size_t n)
{
	struct json *j = NULL;
	cr_assert_eq(json_parse((struct span){ line, n }, &j), 0, "not JSON: %.*s", (int)n, line);
	return j;
}

static struct json *only_line(void)
{
	size_t n = finish();
	cr_assert_gt(n, 0);
	cr_assert_eq(strchr(text, '\n'), text + n - 1, "exactly one line");
	return line_of(text, n);
}

static void expect_text(const struct json *j, const char *key, const char *want)
{
	struct span got = json_string(json_get(json_root(j), key));
	cr_assert(span_eq(got, span_of(want)), "%s: %.*s", key, (int)got.n, got.p);
}

Test(log, a_line_has_every_kind_of_field)
{
	open_log(LOG_INFO);
	struct buf *line = log_begin(LOG_WARNING, "try");
	cr_assert_not_null(line);
	log_text(line, "text", SPAN("x"));
	log_number(line, "number", UINT64_MAX);
	log_float(line, "float", 0.25);
	log_float(line, "nan", NAN);
	log_bool(line, "yes", 1);
	log_end(line);
	struct json *j = only_line();
	expect_text(j, "level", "warning");
	expect_text(j, "event", "try");
	expect_text(j, "text", "x");
	cr_assert_not_null(strstr(text, "\"number\":18446744073709551615"));
	cr_assert_eq(json_number(json_get(json_root(j), "float")), 0.25);
	cr_assert_eq(json_type(json_get(json_root(j), "nan")), JSON_IS_NULL);
	cr_assert(json_bool(json_get(json_root(j), "yes")));
	json_free(j);
}

Test(log, the_time_is_rfc3339_in_utc_with_milliseconds)
{
	open_log(LOG_INFO);
	log_message(LOG_INFO, "try", "x");
	struct json *j = only_line();
	struct span time = json_string(json_get(json_root(j), "time"));
	static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ";
	cr_assert_eq(time.n, sizeof(shape) - 1);
	for (size_t i = 0; i < time.n; i++) {
		bool digit = time.p[i] >= '0' && time.p[i] <= '9';
		cr_assert(shape[i] == 'd' ? digit : time.p[i] == shape[i], "%.*s", (int)time.n,
			  time.p);
	}
	json_free(j);
}

Test(log, everything_is_escaped)
{
	static const char nasty[] = "a\nb\"c\\d\x01\xff\x7f";
	open_log(LOG_INFO);
	struct buf *line = log_begin(LOG_INFO, nasty);
	log_text(line, nasty, span_of(nasty));
	log_end(line);
	struct json *j = only_line();
	expect_text(j, "event", "a\nb\"c\\d\x01\xef\xbf\xbd\x7f");
	expect_text(j, "a\nb\"c\\d\x01\xef\xbf\xbd\x7f", "a\nb\"c\\d\x01\xef\xbf\xbd\x7f");
	json_free(j);
}

Test(log, below_the_least_level_nothing_is_written)
{
	open_log(LOG_WARNING);
	struct buf *line = log_begin(LOG_INFO, "quiet");
	cr_assert_null(line);
	log_text(line, "a", SPAN("b"));
	log_number(line, "n", 1);
	log_float(line, "f", 1);
	log_bool(line, "b", 1);
	log_end(line);
	log_message(LOG_DEBUG, "quiet", "x");
	log_message(LOG_ERROR, "loud", "%s %d", "x", 1);
	struct json *j = only_line();
	expect_text(j, "event", "loud");
	expect_text(j, "message", "x 1");
	json_free(j);
}

/* A value, a line full of fields, a message: whatever is too long is clipped, and the line stays
 * JSON of one write. */
Test(log, long_lines_are_clipped_and_stay_json)
{
	for (size_t n = 1; n < 6000; n = n * 3 / 2 + 1) {
		char *value = malloc(n + 1);
		cr_assert_not_null(value);
		memset(value, '\x01', n); /* each becomes six bytes */
		value[n] = '\0';
		open_log(LOG_INFO);
		struct buf *line = log_begin(LOG_INFO, "long");
		for (int i = 0; i < 5; i++)
			log_text(line, "v", (struct span){ value, n });
		log_number(line, "after", 7);
		log_end(line);
		struct json *j = only_line();
		cr_assert_leq(strlen(text), PIPE_BUF);
		cr_assert_eq(json_number(json_get(json_root(j), "after")), 7);
		if (n > 1024)
			cr_assert(json_bool(json_get(json_root(j), "clipped")));
		json_free(j);
		free(value);
	}
}

Test(log, reopening_follows_a_rotation)
{
	char old[80];
	open_log(LOG_INFO);
	log_message(LOG_INFO, "before", "x");
	snprintf(old, sizeof(old), "%s.1", path);
	cr_assert_eq(rename(path, old), 0);
	log_message(LOG_INFO, "between", "x");
	cr_assert_eq(log_reopen(), 0);
	log_message(LOG_INFO, "after", "x");
	finish();
	cr_assert_not_null(strstr(text, "after"));
	cr_assert_null(strstr(text, "between"));
	read_file(old);
	cr_assert_not_null(strstr(text, "between"));
	unlink(old);
}

Test(log, a_failed_reopen_keeps_the_old_file)
{
	char folder[] = "/tmp/redcard-log-dir-XXXXXX";
	char name[96], moved[64];
	cr_assert_not_null(mkdtemp(folder));
	snprintf(name, sizeof(name), "%s/log", folder);
	snprintf(moved, sizeof(moved), "%s-moved", folder);
	cr_assert_eq(log_open(name, LOG_INFO), 0);
	cr_assert_eq(rename(folder, moved), 0);
	cr_assert_lt(log_reopen(), 0);
	log_message(LOG_INFO, "still", "x");
	log_close();
	snprintf(name, sizeof(name), "%s/log", moved);
	read_file(name);
	cr_assert_not_null(strstr(text, "still"));
	unlink(name);
	rmdir(moved);
}

Test(log, a_file_that_cannot_be_opened_changes_nothing)
{
	open_log(LOG_INFO);
	cr_assert_lt(log_open("/nonexistent/folder/log", LOG_ERROR), 0);
	log_message(LOG_INFO, "here", "x");
	struct json *j = only_line();
	expect_text(j, "event", "here");
	json_free(j);
}

/* Nobody reads the pipe: lines are dropped and counted, whole ones only are in it, and no call
 * waits. */
Test(log, a_full_pipe_drops_and_counts, .timeout = 20)
{
	int fds[2];
	char name[64];
	cr_assert_eq(pipe(fds), 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fds[1]);
	cr_assert_eq(log_open(name, LOG_INFO), 0);
	uint64_t before = log_dropped();
	unsigned sent = 0;
	for (; log_dropped() == before && sent < 100000; sent++)
		log_message(LOG_INFO, "fill", "%0500u", sent);
	cr_assert_eq(log_dropped(), before + 1);
	log_close();
	close(fds[1]);
	size_t n = 0;
	for (ssize_t got; (got = read(fds[0], text + n, sizeof(text) - 1 - n)) > 0;)
		n += (size_t)got;
	close(fds[0]);
	unsigned lines = 0;
	for (char *p = text, *end; p < text + n; p = end + 1, lines++) {
		end = memchr(p, '\n', (size_t)(text + n - p));
		cr_assert_not_null(end, "half a line");
		json_free(line_of(p, (size_t)(end - p)));
	}
	cr_assert_eq(lines, sent - 1);
}

static void *write_many(void *arg)
{
	for (int i = 0; i < 500; i++) {
		struct buf *line = log_begin(LOG_INFO, "thread");
		log_text(line, "who", span_of(arg));
		log_number(line, "i", (uint64_t)i);
		log_end(line);
	}
	return NULL;
}

Test(log, threads_do_not_mix_their_lines)
{
	pthread_t threads[4];
	char names[4][16];
	open_log(LOG_INFO);
	for (int i = 0; i < 4; i++) {
		snprintf(names[i], sizeof(names[i]), "t%d", i);
		cr_assert_eq(pthread_create(&threads[i], NULL, write_many, names[i]), 0);
	}
	for (int i = 0; i < 50; i++)
		cr_assert_eq(log_reopen(), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	size_t n = finish();
	unsigned lines = 0;
	for (char *p = text, *end; p < text + n; p = end + 1, lines++) {
		end = memchr(p, '\n', (size_t)(text + n - p));
		cr_assert_not_null(end);
		json_free(line_of(p, (size_t)(end - p)));
	}
	cr_assert_eq(lines, 2000);
}
