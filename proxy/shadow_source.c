#include "proxy/shadow_source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/json.h"
#include "proxy/config.h"

#define LINE_MAX_BYTES (64u << 20)
#define READ_BYTES (64u << 10)

struct shadow_source {
	struct mirror *mirror; /* NULL, as the next: a file */
	struct attach *attach;
	struct mirror_sink sink;
	struct mirror_counts counts;
	const char *path;
	int fd;
	unsigned line;
	bool over;
	struct buf text;
};

static int open_file(struct shadow_source *s, const char *path, struct buf *errors)
{
	s->path = path;
	s->fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (s->fd >= 0)
		return 0;
	int error = -errno;
	buf_printf(errors, "%s: %s; name a file of recorded requests", path, strerror(-error));
	return error;
}

int shadow_source_open(struct config *config, const struct shadow_from *from,
		       const struct mirror_sink *sink, struct shadow_source **out,
		       struct buf *errors)
{
	if (!from->path && !config->mirror) {
		buf_printf(errors, "%s:1: there is no `shadow` in this configuration; add it\n",
			   config->path);
		return -EINVAL;
	}
	struct shadow_source *s = calloc(1, sizeof(*s));
	int error = 0;
	if (!s)
		return -ENOMEM;
	s->fd = -1;
	s->sink = *sink;
	s->text.max = LINE_MAX_BYTES;
	if (from->path)
		error = open_file(s, from->path, errors);
	else if (from->attach.cgroup)
		error = attach_open(config, &from->attach, sink, &s->attach, errors);
	else
		error = mirror_open(config, sink, &s->mirror, errors);
	if (error) {
		free(s);
		return error;
	}
	*out = s;
	return 0;
}

void shadow_source_close(struct shadow_source *s)
{
	if (!s)
		return;
	mirror_close(s->mirror);
	attach_close(s->attach);
	if (s->fd > STDIN_FILENO)
		close(s->fd);
	buf_fini(&s->text);
	free(s);
}

/* --- one recorded line --- */

static bool take_id(const struct json_value *row, char id[MIRROR_ID])
{
	struct span text = json_string(json_get(row, "id"));
	if (text.n == 0 || text.n >= MIRROR_ID || memchr(text.p, '\0', text.n))
		return false;
	memset(id, 0, MIRROR_ID);
	memcpy(id, text.p, text.n);
	return true;
}

static unsigned one_of(const char *const *names, unsigned n, const struct json_value *v)
{
	struct span text = json_string(v);
	for (unsigned i = 0; i < n; i++)
		if (span_eq(span_of(names[i]), text))
			return i;
	return 0;
}

static uint64_t number(const struct json_value *map, const char *key)
{
	double n = json_number(json_get(map, key));
	return n > 0 && n < 9e15 ? (uint64_t)n : 0;
}

static void hand_answer(struct shadow_source *s, const char *id, const struct json_value *v)
{
	struct mirror_answer a = {
		.status = (unsigned)number(v, "status"),
		.framing = one_of(framing_names, FRAMING_COUNT, json_get(v, "framing")),
		.dialect = one_of(dialect_names, DIALECT_COUNT, json_get(v, "dialect")),
		.body = json_string(json_get(v, "body")),
		.whole = json_bool(json_get(v, "whole")),
		.cut = json_bool(json_get(v, "cut")),
		.too_large = json_bool(json_get(v, "too_large")),
		.first_us = number(v, "first_us"),
		.total_us = number(v, "total_us"),
	};
	memcpy(a.id, id, MIRROR_ID);
	s->counts.answers++;
	s->sink.answer(s->sink.owner, &a);
}

static void hand_request(struct shadow_source *s, const char *id, const struct json_value *row)
{
	struct mirror_request q = { .route = json_string(json_get(row, "route")),
				    .spec = json_string(json_get(row, "spec")),
				    .bytes = json_string(json_get(row, "request")) };
	memcpy(q.id, id, MIRROR_ID);
	s->counts.requests++;
	s->counts.complete++;
	s->counts.sampled += q.bytes.n;
	s->counts.captured += q.bytes.n;
	s->sink.request(s->sink.owner, &q);
}

static void hand_loss(struct shadow_source *s, const char *id, uint64_t bytes)
{
	struct mirror_loss loss = { .bytes = bytes };
	memcpy(loss.id, id, MIRROR_ID);
	s->counts.requests++;
	s->counts.incomplete++;
	s->counts.sampled += bytes;
	s->counts.lost += bytes;
	s->sink.lost(s->sink.owner, &loss);
}

static int take_line(struct shadow_source *s, struct span line)
{
	struct json *j = NULL;
	char id[MIRROR_ID];
	s->line++;
	int error = json_parse(line, &j);
	const struct json_value *row = error ? NULL : json_root(j);
	if (!error && !take_id(row, id))
		error = -EINVAL;
	if (!error && json_get(row, "lost"))
		hand_loss(s, id, number(row, "lost"));
	if (!error && json_get(row, "request"))
		hand_request(s, id, row);
	if (!error && json_get(row, "answer"))
		hand_answer(s, id, json_get(row, "answer"));
	if (error == -EINVAL)
		fprintf(stderr, "%s:%u: no recorded request; see redcard shadow run --help\n",
			strcmp(s->path, "-") == 0 ? "standard input" : s->path, s->line);
	json_free(j);
	return error;
}

static int take_lines(struct shadow_source *s)
{
	int error = 0;
	size_t done = 0;
	const char *end;
	while (!error && (end = memchr(s->text.p + done, '\n', s->text.n - done))) {
		struct span line = { s->text.p + done, (size_t)(end - s->text.p) - done };
		done += line.n + 1;
		if (line.n)
			error = take_line(s, line);
	}
	if (done)
		buf_drop_front(&s->text, done);
	return error;
}

/* How many lines there were. */
static int poll_file(struct shadow_source *s, unsigned wait_ms)
{
	struct pollfd fd = { .fd = s->over ? -1 : s->fd, .events = POLLIN };
	unsigned before = s->line;
	(void)poll(&fd, 1, (int)wait_ms);
	if (s->over || !fd.revents)
		return 0;
	char *room = buf_reserve(&s->text, READ_BYTES);
	if (!room)
		return s->text.n + READ_BYTES > LINE_MAX_BYTES ? -EFBIG : -ENOMEM;
	ssize_t n = read(s->fd, room, READ_BYTES);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	s->text.n += (size_t)n;
	if (n == 0 && s->text.n)
		buf_add_char(&s->text, '\n'); /* of the last line */
	s->over = n == 0;
	int error = s->text.n ? take_lines(s) : 0;
	return error ? error : (int)(s->line - before);
}

int shadow_source_poll(struct shadow_source *s, unsigned wait_ms)
{
	if (s->mirror)
		return mirror_poll(s->mirror, wait_ms);
	return s->attach ? attach_poll(s->attach, wait_ms) : poll_file(s, wait_ms);
}

bool shadow_source_over(const struct shadow_source *s)
{
	return s->over;
}

bool shadow_source_attached(const struct shadow_source *s, struct attach_view *out)
{
	if (s->attach)
		attach_view(s->attach, out);
	return s->attach;
}

struct mirror_counts shadow_source_counts(const struct shadow_source *s)
{
	struct attach_view view;
	if (shadow_source_attached(s, &view))
		return view.counts.flows.mirror;
	return s->mirror ? mirror_counts(s->mirror) : s->counts;
}

const char *shadow_source_tap(const struct shadow_source *s, const char **why)
{
	*why = s->attach ? attach_why(s->attach) : "recorded requests are replayed";
	if (s->attach)
		return "attach";
	return s->mirror ? mirror_tap_names[mirror_tap(s->mirror, why)] : "file";
}

void shadow_source_pause(struct shadow_source *s, bool paused)
{
	if (s->mirror)
		mirror_pause(s->mirror, paused);
	if (s->attach)
		attach_pause(s->attach, paused);
}

void shadow_source_use(struct shadow_source *s, struct config *config)
{
	if (s->attach)
		attach_use(s->attach, config);
}
