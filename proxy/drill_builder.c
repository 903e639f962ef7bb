#include "proxy/drill_builder.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "proxy/address.h"

#define HEAD_BYTES 32768
#define QUIET_MS 2000 /* of a peer that says nothing */

struct drill_builder {
	pthread_t thread;
	pthread_mutex_t busy;       /* held while an answer is played; taken first */
	pthread_mutex_t mutex;      /* of the script and what was played */
	struct drill_script script; /* id NULL: none */
	struct drill_played played;
	int listener, stop;
};

/* --- one connection --- */

static bool wait_for(const struct drill_builder *b, int fd, short events, int ms)
{
	struct pollfd v[2] = { { .fd = fd, .events = events },
			       { .fd = b->stop, .events = POLLIN } };
	return poll(v, 2, ms) > 0 && !v[1].revents && v[0].revents;
}

static bool write_all(const struct drill_builder *b, int fd, struct span what)
{
	while (what.n) {
		ssize_t n = send(fd, what.p, what.n, MSG_NOSIGNAL);
		if (n > 0)
			what = (struct span){ what.p + n, what.n - (size_t)n };
		else if (errno != EAGAIN || !wait_for(b, fd, POLLOUT, QUIET_MS))
			return false;
	}
	return true;
}

/* Reads up to the end of the head, and then what the body's length says. */
static bool read_request(const struct drill_builder *b, int fd, struct buf *in)
{
	static const char length[] = "\r\ncontent-length:";
	size_t whole = 0;
	in->max = HEAD_BYTES;
	for (;;) {
		char *room = buf_reserve(in, 4097);
		if (!room || !wait_for(b, fd, POLLIN, QUIET_MS))
			return false;
		ssize_t n = recv(fd, room, 4096, 0);
		if (n <= 0 && !(n < 0 && errno == EAGAIN))
			return false;
		in->n += n > 0 ? (size_t)n : 0;
		in->p[in->n] = '\0';
		const char *end = strstr(in->p, "\r\n\r\n");
		if (end && !whole) {
			const char *at = strcasestr(in->p, length);
			whole = (size_t)(end - in->p) + 4;
			if (at && at < end)
				whole += strtoul(at + sizeof(length) - 1, NULL, 10);
		}
		if (whole && in->n >= whole)
			return true;
	}
}

static bool carries(const struct buf *in, const char *id)
{
	static const char name[] = "\r\nx-redcard-spec:";
	const char *at = strcasestr(in->p, name);
	if (!at || !id)
		return false;
	at += sizeof(name) - 1;
	at += strspn(at, " ");
	size_t n = strlen(id);
	return strncmp(at, id, n) == 0 && at[n] == '\r';
}

static bool send_chunk(const struct drill_builder *b, int fd, const struct buf *event)
{
	struct buf out = { 0 };
	buf_printf(&out, "%zx\r\n", event->n);
	buf_add(&out, event->p, event->n);
	buf_add_text(&out, "\r\n");
	bool sent = !out.failed && write_all(b, fd, (struct span){ out.p, out.n });
	buf_fini(&out);
	return sent;
}

static bool send_event(const struct drill_builder *b, int fd, const char *piece)
{
	struct buf event = { 0 };
	buf_add_text(&event,
		     "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,"
		     "\"delta\":{");
	if (piece) {
		buf_add_text(&event, "\"content\":\"");
		buf_add_json(&event, span_of(piece));
		buf_add_text(&event, "\"},\"finish_reason\":null}]}\n\n");
	} else {
		buf_add_text(&event, "},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
	}
	bool sent = send_chunk(b, fd, &event);
	buf_fini(&event);
	return sent;
}

static void play(struct drill_builder *b, int fd, const struct drill_script *script)
{
	struct buf head = { 0 };
	buf_printf(&head,
		   "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
		   "x-redcard-revision: %s\r\nTransfer-Encoding: chunked\r\n\r\n",
		   script->revision);
	bool sent = !head.failed && write_all(b, fd, (struct span){ head.p, head.n });
	buf_fini(&head);
	for (size_t i = 0; sent && i < DRILL_PIECES && script->pieces[i]; i++) {
		if (i == script->violates) {
			pthread_mutex_lock(&b->mutex);
			b->played.violated_us = clock_real_us();
			pthread_mutex_unlock(&b->mutex);
		}
		sent = send_event(b, fd, script->pieces[i]);
	}
	if (sent && send_event(b, fd, NULL))
		(void)write_all(b, fd, SPAN("0\r\n\r\n"));
}

static void serve(struct drill_builder *b, int fd)
{
	struct buf in = { 0 };
	if (read_request(b, fd, &in)) {
		pthread_mutex_lock(&b->busy);
		pthread_mutex_lock(&b->mutex);
		struct drill_script script = b->script;
		bool mine = carries(&in, script.id);
		b->played.asked += mine;
		pthread_mutex_unlock(&b->mutex);
		if (mine)
			play(b, fd, &script);
		else
			(void)write_all(b, fd,
					SPAN("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n"
					     "Connection: close\r\n\r\n"));
		pthread_mutex_unlock(&b->busy);
	}
	buf_fini(&in);
	shutdown(fd, SHUT_WR);
	close(fd);
}

static void *run(void *owner)
{
	struct drill_builder *b = owner;
	uint64_t stopped;
	while (read(b->stop, &stopped, sizeof(stopped)) < 0) {
		int fd = wait_for(b, b->listener, POLLIN, -1)
				 ? accept4(b->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)
				 : -1;
		if (fd >= 0)
			serve(b, fd);
	}
	return NULL;
}

/* --- all of it --- */

static int listen_at(const char *address)
{
	struct sockaddr_storage addr;
	socklen_t n;
	int on = 1, error = address_parse(address, &addr, &n);
	if (error)
		return error;
	int fd = socket(addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    bind(fd, (struct sockaddr *)&addr, n) == 0 && listen(fd, 16) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

int drill_builder_open(const char *address, struct drill_builder **out, struct buf *why)
{
	struct drill_builder *b = calloc(1, sizeof(*b));
	int error = -ENOMEM;
	if (!b)
		goto fail;
	error = b->listener = listen_at(address);
	if (error < 0)
		goto fail;
	b->stop = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	error = b->stop < 0 ? -errno : 0;
	pthread_mutex_init(&b->mutex, NULL);
	pthread_mutex_init(&b->busy, NULL);
	if (!error)
		error = -pthread_create(&b->thread, NULL, run, b);
	if (!error) {
		*out = b;
		return 0;
	}
	close(b->listener);
	if (b->stop >= 0)
		close(b->stop);
fail:
	buf_printf(why, "the builder cannot be played at %s: %s", address, strerror(-error));
	free(b);
	return error;
}

void drill_builder_close(struct drill_builder *b)
{
	const uint64_t one = 1;
	if (!b)
		return;
	CHECK(write(b->stop, &one, sizeof(one)) == sizeof(one));
	pthread_join(b->thread, NULL);
	pthread_mutex_destroy(&b->mutex);
	pthread_mutex_destroy(&b->busy);
	close(b->listener);
	close(b->stop);
	free(b);
}

void drill_builder_plays(struct drill_builder *b, const struct drill_script *script)
{
	pthread_mutex_lock(&b->mutex);
	b->script = *script;
	b->played = (struct drill_played){ 0 };
	pthread_mutex_unlock(&b->mutex);
}

struct drill_played drill_builder_ends(struct drill_builder *b)
{
	pthread_mutex_lock(&b->busy);
	pthread_mutex_lock(&b->mutex);
	struct drill_played played = b->played;
	b->script = (struct drill_script){ 0 };
	pthread_mutex_unlock(&b->mutex);
	pthread_mutex_unlock(&b->busy);
	return played;
}
