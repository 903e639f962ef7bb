/*
 * origin [-p PORT] [-d MS]: a builder that costs almost nothing, to stand behind a proxy that is
 * measured.
 *
 *   GET, POST /small                       a small JSON answer, kept alive, MS later (0)
 *
 *   POST /v1/...?mode=flat&frames=N        N events flat out, 45 KB at a time, one chunk for each;
 *                                          with &chunk=write one chunk for all 45 KB
 *
 *   POST /v1/...?mode=pace&rate=R&events=M M events, R a second, with a time stamp in each
 *
 * Theory of operation: one process, one epoll. Paced streams hang in a timing wheel of WHEEL_SLOTS
 * slots of SLOT_NS; a stream's slot is its next due time, a stream that is due in a later round
 * stays where it is. The stamp (CLOCK_MONOTONIC in ns, as the `created` field) is taken just before
 * each send, so that lateness of the wheel is not counted as the proxy's latency. Phases are spread
 * at random, as those of real builders are.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/frames.h"
#include "bench/harness.h"

#define SLOT_NS 250000u
#define WHEEL_SLOTS 65536u
#define IN_MAX 2048
#define PENDING_MAX 1024
#define CHUNK_HEAD_MAX 16

enum mode { MODE_IDLE, MODE_FLAT, MODE_PACE, MODE_LATE };

struct conn {
	int fd;
	enum mode mode;
	bool want_out;
	bool scheduled;
	uint32_t events;           /* what epoll was told */
	struct conn *next, **link; /* in the wheel's slot */
	uint64_t due_ns, period_ns;
	uint64_t left;   /* frames still to send */
	const char *out; /* the block that is being sent, with `out_n` bytes left */
	size_t out_n;
	size_t text_at;
	size_t in_n, pending_n;
	size_t skip; /* bytes of a long body that are still to come */
	char in[IN_MAX];
	char pending[PENDING_MAX]; /* what a paced send left over */
};

struct block { /* FRAME_BLOCK frames, encoded */
	char bytes[FRAME_BLOCK * (FRAME_BYTES + CHUNK_HEAD_MAX)];
	size_t n;
};

static const char stream_head[] =
	"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
	"Transfer-Encoding: chunked\r\n\r\n";
static const char stream_tail[] = "e\r\n" FRAME_DONE "\r\n0\r\n\r\n";
static const char small_answer[] =
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 64\r\n\r\n"
	"{\"object\":\"list\",\"data\":[{\"id\":\"builder\",\"object\":\"model\"}]}   \n";
static const char not_found[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

static int ep;
static unsigned delay_ms;
static struct conn *wheel[WHEEL_SLOTS];
static uint64_t wheel_slot; /* the next slot to look at, counted from the clock's zero */
static size_t paced;
static struct block per_event, per_write;

static void build_blocks(void)
{
	size_t at = 0;
	char frames[FRAME_BLOCK][FRAME_BYTES];
	for (int i = 0; i < FRAME_BLOCK; i++) {
		frame_write(frames[i], &at);
		char *p = per_event.bytes + per_event.n;
		int head = sprintf(p, "%x\r\n", FRAME_BYTES);
		memcpy(p + head, frames[i], FRAME_BYTES);
		memcpy(p + head + FRAME_BYTES, "\r\n", 2);
		per_event.n += (size_t)head + FRAME_BYTES + 2;
	}
	int head = sprintf(per_write.bytes, "%zx\r\n", sizeof(frames));
	memcpy(per_write.bytes + head, frames, sizeof(frames));
	memcpy(per_write.bytes + head + sizeof(frames), "\r\n", 2);
	per_write.n = (size_t)head + sizeof(frames) + 2;
}

static void watch(struct conn *c)
{
	uint32_t want = EPOLLIN | (c->want_out ? (uint32_t)EPOLLOUT : 0);
	if (want == c->events)
		return;
	struct epoll_event ev = { .events = want, .data.ptr = c };
	epoll_ctl(ep, c->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &ev);
	c->events = want;
}

static void unschedule(struct conn *c)
{
	if (!c->scheduled)
		return;
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	c->scheduled = false;
	paced--;
}

static void schedule(struct conn *c)
{
	struct conn **slot = &wheel[c->due_ns / SLOT_NS % WHEEL_SLOTS];
	c->next = *slot;
	c->link = slot;
	if (c->next)
		c->next->link = &c->next;
	*slot = c;
	c->scheduled = true;
	paced++;
}

static void drop(struct conn *c)
{
	unschedule(c);
	close(c->fd);
	free(c);
}

/* Sends what fits; keeps a short rest in `pending`. False: the peer is gone. */
static bool send_small(struct conn *c, const char *p, size_t n)
{
	ssize_t sent = c->pending_n ? 0 : send(c->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN)
		return false;
	if (sent < 0)
		sent = 0;
	size_t rest = n - (size_t)sent;
	if (rest > sizeof(c->pending) - c->pending_n)
		return false;
	memcpy(c->pending + c->pending_n, p + sent, rest);
	c->pending_n += rest;
	c->want_out = c->pending_n > 0;
	watch(c);
	return true;
}

static bool flush_pending(struct conn *c)
{
	ssize_t sent = send(c->fd, c->pending, c->pending_n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0)
		return errno == EAGAIN;
	c->pending_n -= (size_t)sent;
	memmove(c->pending, c->pending + sent, c->pending_n);
	return true;
}

static bool send_event(struct conn *c)
{
	static char event[CHUNK_HEAD_MAX + FRAME_BYTES + sizeof(stream_tail)];
	int head = sprintf(event, "%x\r\n", FRAME_BYTES);
	size_t frame = c->text_at++ % FRAME_BLOCK * ((size_t)head + FRAME_BYTES + 2);
	memcpy(event, per_event.bytes + frame, (size_t)head + FRAME_BYTES + 2);
	size_t n = (size_t)head + FRAME_BYTES + 2;
	if (c->left == 1) {
		memcpy(event + n, stream_tail, sizeof(stream_tail) - 1);
		n += sizeof(stream_tail) - 1;
	}
	c->left--;
	frame_stamp(event + head, now_ns());
	return send_small(c, event, n);
}

static bool pace_start(struct conn *c, double rate)
{
	c->mode = MODE_PACE;
	c->period_ns = (uint64_t)(1e9 / rate);
	c->due_ns =
		now_ns() + (uint64_t)((double)c->period_ns * (double)random() / (double)RAND_MAX);
	c->text_at = (size_t)random();
	schedule(c);
	return send_small(c, stream_head, sizeof(stream_head) - 1);
}

static bool send_answer(struct conn *c)
{
	if (delay_ms == 0 || c->mode == MODE_LATE) {
		c->mode = MODE_IDLE;
		return send_small(c, small_answer, sizeof(small_answer) - 1);
	}
	c->mode = MODE_LATE;
	c->due_ns = now_ns() + delay_ms * UINT64_C(1000000);
	schedule(c);
	return true;
}

static bool take_requests(struct conn *c);

/* What a stream or a late answer does when it is due. False: the peer is gone. */
static bool be_due(struct conn *c)
{
	if (c->mode == MODE_LATE)
		return send_answer(c) && take_requests(c);
	if (!send_event(c))
		return false;
	if (c->left == 0) {
		c->mode = MODE_IDLE;
		return true;
	}
	c->due_ns += c->period_ns;
	if (c->due_ns / SLOT_NS <= wheel_slot)
		c->due_ns = (wheel_slot + 1) * SLOT_NS;
	schedule(c);
	return true;
}

/* Does everything that is due in the slots up to now. A stream that falls behind skips no event: it
 * catches up. */
static void turn_wheel(uint64_t now)
{
	uint64_t until = now / SLOT_NS;
	for (; wheel_slot <= until; wheel_slot++) {
		struct conn *c = wheel[wheel_slot % WHEEL_SLOTS], *next;
		for (; c; c = next) {
			next = c->next;
			if (c->due_ns / SLOT_NS > wheel_slot)
				continue;
			unschedule(c);
			if (!be_due(c))
				drop(c);
		}
	}
}

/* How long epoll may sleep: until the first occupied slot, or a while. */
static struct timespec sleep_time(void)
{
	uint64_t limit = wheel_slot + (paced ? 400 : 4000);
	uint64_t slot = wheel_slot;
	while (slot < limit && !(paced && wheel[slot % WHEEL_SLOTS]))
		slot++;
	uint64_t at = slot * SLOT_NS, now = now_ns();
	uint64_t ns = at > now ? at - now : 0;
	return (struct timespec){ .tv_sec = (time_t)(ns / 1000000000u),
				  .tv_nsec = (long)(ns % 1000000000u) };
}

/* One block for each call, so that many streams take turns. */
static bool flat_send(struct conn *c)
{
	ssize_t sent = send(c->fd, c->out, c->out_n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0)
		return errno == EAGAIN;
	c->out += sent;
	c->out_n -= (size_t)sent;
	if (c->out_n)
		return true;
	if (c->left == 0) {
		c->mode = MODE_IDLE;
		c->want_out = false;
		watch(c);
		return true;
	}
	const struct block *b = c->period_ns ? &per_write : &per_event;
	c->left -= c->left < FRAME_BLOCK ? c->left : FRAME_BLOCK;
	c->out = b->bytes;
	c->out_n = b->n;
	if (c->left == 0) { /* the last block: the tail follows it */
		c->out = stream_tail;
		c->out_n = sizeof(stream_tail) - 1;
	}
	return true;
}

static bool flat_start(struct conn *c, uint64_t frames, bool whole)
{
	c->mode = MODE_FLAT;
	c->left = (frames + FRAME_BLOCK - 1) / FRAME_BLOCK * FRAME_BLOCK + FRAME_BLOCK;
	c->period_ns = whole; /* flat streams have no period: the field says how they are chunked */
	c->out = stream_head;
	c->out_n = sizeof(stream_head) - 1;
	c->want_out = true;
	watch(c);
	return true;
}

static double query(const char *target, const char *name, double otherwise)
{
	const char *p = strstr(target, name);
	return p ? atof(p + strlen(name)) : otherwise;
}

static bool answer(struct conn *c, const char *target)
{
	if (strncmp(target, "/small", 6) == 0)
		return send_answer(c);
	if (strstr(target, "mode=flat"))
		return flat_start(c, (uint64_t)query(target, "frames=", 10000),
				  strstr(target, "chunk=write"));
	if (strstr(target, "mode=pace")) {
		c->left = (uint64_t)query(target, "events=", 1e9);
		return c->left > 0 && pace_start(c, query(target, "rate=", 20));
	}
	return send_small(c, not_found, sizeof(not_found) - 1);
}

/* Takes whole requests off the input, one at a time, while the connection is idle. */
static bool take_requests(struct conn *c)
{
	while (c->mode == MODE_IDLE && c->in_n) {
		c->in[c->in_n] = 0;
		char *end = strstr(c->in, "\r\n\r\n");
		if (!end)
			return c->in_n < IN_MAX - 1;
		*end = 0;
		char *length = strcasestr(c->in, "\r\ncontent-length:");
		size_t n =
			(size_t)(end + 4 - c->in) + (length ? strtoul(length + 17, NULL, 10) : 0);
		*end = '\r';
		if (n > c->in_n && n < IN_MAX)
			return true;
		char *target = strchr(c->in, ' ');
		char *target_end = target ? strpbrk(target + 1, " \r") : NULL;
		if (!target_end)
			return false;
		*target_end = 0;
		if (n > c->in_n) { /* a long body, which nobody looks at */
			c->skip = n - c->in_n;
			c->in_n = 0;
			return strncmp(target + 1, "/small", 6) == 0;
		}
		bool fine = answer(c, target + 1);
		memmove(c->in, c->in + n, c->in_n - n);
		c->in_n -= n;
		if (!fine)
			return false;
	}
	return true;
}

/* False: the peer is gone. */
static bool skip_body(struct conn *c)
{
	static char sink[1 << 18];
	ssize_t n =
		recv(c->fd, sink, c->skip < sizeof(sink) ? c->skip : sizeof(sink), MSG_DONTWAIT);
	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	c->skip -= (size_t)n;
	return c->skip > 0 || send_answer(c);
}

static void on_event(struct conn *c, uint32_t events)
{
	bool fine = true;
	if (c->skip > 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		fine = skip_body(c);
	} else if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		ssize_t n = recv(c->fd, c->in + c->in_n, IN_MAX - 1 - c->in_n, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			fine = false;
		else if (n > 0)
			c->in_n += (size_t)n;
	}
	if (fine && (events & EPOLLOUT) && c->mode == MODE_FLAT)
		fine = flat_send(c);
	else if (fine && (events & EPOLLOUT)) {
		fine = flush_pending(c);
		c->want_out = c->pending_n > 0;
		watch(c);
	}
	if (!fine || !take_requests(c))
		drop(c);
}

static void accept_all(int listener)
{
	for (int i = 0; i < 64; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		struct conn *c = calloc(1, sizeof(*c));
		if (!c)
			die("origin: memory");
		c->fd = fd;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
		watch(c);
	}
}

static int listen_on(int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 4096))
		die("origin: listen");
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = NULL };
	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	return fd;
}

int main(int argc, char **argv)
{
	int port = 9000, o;
	while ((o = getopt(argc, argv, "p:d:")) != -1) {
		if (o == 'p') {
			port = atoi(optarg);
		} else if (o == 'd') {
			delay_ms = (unsigned)atoi(optarg);
		} else {
			fprintf(stderr, "usage: origin [-p PORT] [-d MS]\n");
			return 2;
		}
	}
	harness_init();
	ep = epoll_create1(EPOLL_CLOEXEC);
	int listener = listen_on(port);
	build_blocks();
	wheel_slot = now_ns() / SLOT_NS;
	while (!harness_stopping) {
		struct epoll_event events[256];
		struct timespec wait = sleep_time();
		int n = epoll_pwait2(ep, events, 256, &wait, NULL);
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				on_event(events[i].data.ptr, events[i].events);
			else
				accept_all(listener);
		}
		turn_wheel(now_ns());
	}
	return 0;
}
