#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A line never exceeds PIPE_BUF: a pipe then takes it whole, and poll() saying "writable" means
 * that it fits. */
#define LINE_MAX_BYTES ((size_t)PIPE_BUF)
#define TAIL_BYTES ((size_t)32) /* kept free for what log_end() adds */
#define VALUE_MAX_BYTES ((size_t)1024)

const char *const log_level_names[LOG_LEVEL_COUNT] = {
	[LOG_DEBUG] = "debug",
	[LOG_INFO] = "info",
	[LOG_WARNING] = "warning",
	[LOG_ERROR] = "error",
};

static struct {
	pthread_mutex_t
		lock; /* orders writers, so that poll() still holds when write() is called */
	char *path;   /* NULL: standard error */
	int fd;       /* the number stays the same over log_reopen() */
	bool torn;    /* the last write was cut short: the next line must begin on a new one */
	atomic_int least;
	atomic_uint_fast64_t dropped;
} sink = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = STDERR_FILENO, .least = LOG_INFO };

static _Thread_local struct {
	char room[PIPE_BUF];
	struct buf line;
	bool open;
	bool clipped; /* a value or a field was too long */
} mine;

static int open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
	return fd < 0 ? -errno : fd;
}

int log_open(const char *path, enum log_level least)
{
	char *copy = NULL;
	int fd = STDERR_FILENO;
	if (path) {
		copy = strdup(path);
		if (!copy)
			return -ENOMEM;
		fd = open_file(path);
		if (fd < 0) {
			free(copy);
			return fd;
		}
	}
	log_close();
	pthread_mutex_lock(&sink.lock);
	sink.path = copy;
	sink.fd = fd;
	sink.torn = false;
	pthread_mutex_unlock(&sink.lock);
	atomic_store(&sink.least, (int)least);
	return 0;
}

int log_reopen(void)
{
	int r = 0;
	pthread_mutex_lock(&sink.lock);
	if (sink.path) {
		int fd = open_file(sink.path);
		if (fd < 0)
			r = fd;
		else {
			if (dup3(fd, sink.fd, O_CLOEXEC) < 0)
				r = -errno;
			else
				sink.torn = false;
			close(fd);
		}
	}
	pthread_mutex_unlock(&sink.lock);
	return r;
}

void log_close(void)
{
	pthread_mutex_lock(&sink.lock);
	if (sink.path)
		close(sink.fd);
	free(sink.path);
	sink.path = NULL;
	sink.fd = STDERR_FILENO;
	pthread_mutex_unlock(&sink.lock);
}

uint64_t log_dropped(void)
{
	return atomic_load(&sink.dropped);
}

/* RFC 3339 in UTC with milliseconds. */
static void add_time(struct buf *line)
{
	struct timespec now;
	struct tm tm;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	buf_printf(line, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", tm.tm_year + 1900, tm.tm_mon + 1,
		   tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000);
}

struct buf *log_begin(enum log_level level, const char *event)
{
	if ((int)level < atomic_load_explicit(&sink.least, memory_order_relaxed))
		return NULL;
	CHECK(!mine.open); /* a thread writes one line at a time */
	mine.open = true;
	mine.clipped = false;
	size_t room = LINE_MAX_BYTES - TAIL_BYTES;
	mine.line = (struct buf){ .p = mine.room, .cap = room, .max = room };
	buf_add_text(&mine.line, "{\"time\":\"");
	add_time(&mine.line);
	buf_printf(&mine.line, "\",\"level\":\"%s\"", log_level_names[level]);
	log_text(&mine.line, "event", span_of(event));
	return &mine.line;
}

/* Starts a field and returns where it began, so that finish_field() can take it back when it does
 * not fit. */
static size_t start_field(struct buf *line, const char *key)
{
	size_t start = line->n;
	buf_add_text(line, ",\"");
	buf_add_json(line, span_of(key));
	buf_add_text(line, "\":");
	return start;
}

static void finish_field(struct buf *line, size_t start)
{
	if (!line->failed)
		return;
	line->n = start;
	line->failed = false;
	mine.clipped = true;
}

void log_json(struct buf *line, const char *key, struct span value)
{
	if (!line)
		return;
	size_t start = start_field(line, key);
	buf_add(line, value.p, value.n);
	finish_field(line, start);
}

void log_text(struct buf *line, const char *key, struct span value)
{
	if (!line)
		return;
	if (value.n > VALUE_MAX_BYTES) {
		value.n = VALUE_MAX_BYTES;
		mine.clipped = true;
	}
	size_t start = start_field(line, key);
	buf_add_char(line, '"');
	buf_add_json(line, value);
	buf_add_char(line, '"');
	finish_field(line, start);
}

void log_number(struct buf *line, const char *key, uint64_t value)
{
	if (!line)
		return;
	size_t start = start_field(line, key);
	buf_printf(line, "%llu", (unsigned long long)value);
	finish_field(line, start);
}

void log_float(struct buf *line, const char *key, double value)
{
	if (!line)
		return;
	size_t start = start_field(line, key);
	if (isfinite(value))
		buf_printf(line, "%.9g", value);
	else
		buf_add_text(line, "null"); /* JSON has no other word for it */
	finish_field(line, start);
}

void log_bool(struct buf *line, const char *key, int value)
{
	if (!line)
		return;
	size_t start = start_field(line, key);
	buf_add_text(line, value ? "true" : "false");
	finish_field(line, start);
}

/* True when a write of one line would not wait. Regular files always say yes. */
static bool writable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) && !(p.revents & (POLLERR | POLLNVAL));
}

static bool put(const char *p, size_t n)
{
	if (sink.torn && write(sink.fd, "\n", 1) == 1)
		sink.torn = false;
	ssize_t done;
	do
		done = write(sink.fd, p, n);
	while (done < 0 && errno == EINTR);
	if (done > 0 && (size_t)done < n)
		sink.torn = true;
	return done == (ssize_t)n;
}

void log_end(struct buf *line)
{
	if (!line)
		return;
	CHECK(line == &mine.line && mine.open);
	line->cap = line->max = LINE_MAX_BYTES;
	buf_add_text(line, mine.clipped ? ",\"clipped\":true}\n" : "}\n");
	CHECK(!line->failed);
	pthread_mutex_lock(&sink.lock);
	bool ok = writable(sink.fd) && put(line->p, line->n);
	pthread_mutex_unlock(&sink.lock);
	if (!ok)
		atomic_fetch_add(&sink.dropped, 1);
	mine.open = false;
}

void log_message(enum log_level level, const char *event, const char *fmt, ...)
{
	struct buf *line = log_begin(level, event);
	if (!line)
		return;
	char text[VALUE_MAX_BYTES];
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	CHECK(n >= 0);
	log_text(line, "message", (struct span){ text, min_size((size_t)n, sizeof(text) - 1) });
	log_end(line);
}
