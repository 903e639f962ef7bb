/*
 * load: asks one server for many small answers or many event streams, and prints one line of JSON.
 *
 *   load -p PORT [-u PATH] [-c CONNECTIONS] [-w WARM_S] [-t MEASURE_S] [-P PID,...] [-O PID]
 *        [-b BYTES] [-r RATE] [-slk]
 *
 *   -P  processes whose CPU time is charged, read at the same instants as the counters
 *
 *   -O  the origin, to tell how busy the harness's own core is
 *
 *   -b  every request is a POST with so many bytes
 *
 *   -r  so many requests a second of all connections together, as far as they are answered
 *
 *   -s  the answer is an event stream of frames (POST); else every answer is one request (GET)
 *
 *   -l  frames carry time stamps: measure how old each is on arrival
 *
 *   -k  keep the streams open after the measurement until standard input ends
 *
 * Theory of operation: one process, one epoll. A connection sends its request, parses the answer's
 * head and its chunks or length, and asks again when the answer is complete. At most RAMP
 * connections wait for their first byte at a time, so that no listen queue overflows. Everything is
 * counted always; at the start of the measurement the counters are zeroed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/frames.h"
#include "bench/harness.h"
#include "bench/histogram.h"

#define RAMP 128
#define HEAD_MAX 1024
#define READ_MAX (256 * 1024)
#define PIDS_MAX 16
#define DONE_BYTES (sizeof(FRAME_DONE) - 1)

enum state { AT_HEAD, AT_LENGTH, AT_CHUNK_SIZE, AT_CHUNK, AT_CHUNK_END, AT_TRAILER };

struct conn {
	int fd;
	bool ready;    /* the first answer has begun */
	bool want_out; /* connecting, or the request is not sent to its end */
	enum state state;
	size_t head_n;
	uint64_t left; /* of the length or chunk; while a chunk's size is read, its value so far */
	uint64_t body; /* bytes of the body so far */
	uint64_t sent_ns;
	struct conn *waiting; /* with a rate: who asks next, after this one */
	size_t asked;         /* bytes of the request that are sent */
	size_t line;          /* bytes of the line of a chunk's size or of a trailer */
	char stamp[FRAME_STAMP_BYTES + 1];
	char head[HEAD_MAX];
};

static struct {
	int port;
	const char *path;
	unsigned connections;
	double warm_s, time_s;
	clockid_t clocks[PIDS_MAX];
	size_t clocks_n;
	clockid_t origin;
	size_t posted;
	double rate;
	bool has_origin, streams, stamps, keep;
} opt = { .port = 9000, .path = "/small", .connections = 64, .warm_s = 0.5, .time_s = 2 };

static int ep;
static struct conn *conns, *first_waiting, **last_waiting = &first_waiting;
static uint64_t next_ask_ns;
static unsigned opened, ready;
static uint64_t answers, body_bytes, errors, reads, reconnects;
static struct histogram latency;
static char request[1 << 20];
static size_t request_n;

static double clock_s(clockid_t id)
{
	struct timespec t;
	return clock_gettime(id, &t) ? 0 : (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double charged_s(void)
{
	double sum = 0;
	for (size_t i = 0; i < opt.clocks_n; i++)
		sum += clock_s(opt.clocks[i]);
	return sum;
}

static void watch(struct conn *c, int how)
{
	struct epoll_event ev = { .events = c->want_out ? EPOLLOUT : EPOLLIN, .data.ptr = c };
	epoll_ctl(ep, how, c->fd, &ev);
}

static void dial(struct conn *c)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)opt.port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	*c = (struct conn){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
			    .want_out = true };
	if (c->fd < 0)
		die("load: socket");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	if (connect(c->fd, (struct sockaddr *)&at, sizeof(at)) && errno != EINPROGRESS)
		die("load: connect");
	watch(c, EPOLL_CTL_ADD);
}

/* One that waits to ask does not any more. */
static void stop_waiting(const struct conn *c)
{
	struct conn **at = &first_waiting;
	while (*at && *at != c)
		at = &(*at)->waiting;
	if (!*at)
		return;
	*at = c->waiting;
	if (!*at)
		last_waiting = at;
}

/* A connection that the server ended between two answers is no error, only a cost. */
static void redial(struct conn *c, bool ended)
{
	if (ended && c->state == AT_HEAD && c->head_n == 0)
		reconnects++;
	else if (errors++ < 3)
		fprintf(stderr,
			"load: a connection to port %d failed in state %d after %llu bytes\n",
			opt.port, (int)c->state, (unsigned long long)c->body);
	if (errors > 1000)
		harness_stopping = 1;
	stop_waiting(c);
	ready -= c->ready;
	close(c->fd);
	dial(c);
	c->ready = false;
}

/* Sends what is left of the request, and goes on when there is room again. */
static bool push(struct conn *c)
{
	if (c->asked == 0)
		c->sent_ns = now_ns();
	ssize_t n = send(c->fd, request + c->asked, request_n - c->asked, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN)
		return false;
	c->asked += n > 0 ? (size_t)n : 0;
	if (c->asked < request_n) {
		c->want_out = true;
		watch(c, EPOLL_CTL_MOD);
	}
	return true;
}

static bool ask(struct conn *c)
{
	c->state = AT_HEAD;
	c->head_n = 0;
	c->body = 0;
	c->asked = 0;
	return push(c);
}

/* Those that waited longest ask when it is time; what could not be asked in time is left out. */
static void ask_in_time(uint64_t now)
{
	uint64_t period = (uint64_t)(1e9 / opt.rate);
	if (next_ask_ns + 20 * period < now)
		next_ask_ns = now;
	for (struct conn *c; next_ask_ns <= now && (c = first_waiting); next_ask_ns += period) {
		first_waiting = c->waiting;
		if (!first_waiting)
			last_waiting = &first_waiting;
		if (!ask(c))
			redial(c, true);
	}
}

static bool ask_next(struct conn *c)
{
	if (opt.rate <= 0)
		return ask(c);
	c->waiting = NULL;
	c->state = AT_HEAD;
	c->head_n = 0;
	*last_waiting = c;
	last_waiting = &c->waiting;
	return true;
}

/* The answer is complete; false: it is not what the origin sends. */
static bool finish(struct conn *c)
{
	if (opt.streams && (c->body < DONE_BYTES || (c->body - DONE_BYTES) % FRAME_BYTES))
		return false;
	answers++;
	if (!opt.streams)
		histogram_add(&latency, now_ns() - c->sent_ns);
	return ask_next(c);
}

/* Finds the stamps in n bytes of body at the stream's offset c->body, and dates them. */
static void date_frames(struct conn *c, const char *p, size_t n, uint64_t now)
{
	uint64_t off = c->body, end = off + n;
	for (uint64_t frame = off / FRAME_BYTES * FRAME_BYTES; frame < end; frame += FRAME_BYTES) {
		uint64_t from = frame + FRAME_STAMP_AT, to = from + FRAME_STAMP_BYTES;
		uint64_t lo = from > off ? from : off, hi = to < end ? to : end;
		if (lo >= hi)
			continue;
		memcpy(c->stamp + (lo - from), p + (lo - off), (size_t)(hi - lo));
		if (hi < to)
			continue;
		uint64_t sent = strtoull(c->stamp, NULL, 10) - FRAME_STAMP_BASE;
		if (sent <= now)
			histogram_add(&latency, now - sent);
		else
			errors++;
	}
}

static void take_body(struct conn *c, const char *p, size_t n, uint64_t now)
{
	if (opt.stamps)
		date_frames(c, p, n, now);
	c->body += n;
	body_bytes += n;
}

/* Collects the head; returns how many of the n bytes belong to it, or -1. */
static ssize_t take_head(struct conn *c, const char *p, size_t n)
{
	size_t room = HEAD_MAX - 1 - c->head_n, add = n < room ? n : room, before = c->head_n;
	memcpy(c->head + before, p, add);
	c->head_n += add;
	c->head[c->head_n] = 0;
	char *end = strstr(c->head, "\r\n\r\n");
	if (!end)
		return add < n ? -1 : (ssize_t)n;
	size_t used = (size_t)(end + 4 - c->head) - before;
	end[2] = 0;
	const char *length = strcasestr(c->head, "\r\ncontent-length:");
	if (strncmp(c->head, "HTTP/1.1 200", 12) != 0)
		return -1;
	if (!length && !strcasestr(c->head, "\r\ntransfer-encoding: chunked"))
		return -1;
	c->state = length ? AT_LENGTH : AT_CHUNK_SIZE;
	c->left = length ? strtoull(length + 17, NULL, 10) : 0;
	c->line = 0;
	if (!c->ready) {
		c->ready = true;
		ready++;
	}
	return (ssize_t)used;
}

/* One character of the framing between chunks. False: not HTTP. */
static bool take_framing(struct conn *c, char ch)
{
	int digit = ch >= '0' && ch <= '9'                 ? ch - '0'
		    : (ch | 32) >= 'a' && (ch | 32) <= 'f' ? (ch | 32) - 'a' + 10
							   : -1;
	if (ch == '\r')
		return true;
	if (c->state == AT_CHUNK_SIZE && ch != '\n') {
		c->left = c->left * 16 + (uint64_t)digit;
		c->line++;
		return digit >= 0 && c->line <= 15;
	}
	if (c->state == AT_CHUNK_SIZE) {
		c->state = c->left ? AT_CHUNK : AT_TRAILER;
	} else if (c->state == AT_CHUNK_END) {
		c->state = AT_CHUNK_SIZE;
		c->left = 0;
		if (ch != '\n')
			return false;
	} else if (ch != '\n') {
		c->line++;
		return true;
	} else if (c->line == 0) {
		return finish(c);
	}
	c->line = 0;
	return true;
}

static bool take(struct conn *c, const char *p, size_t n, uint64_t now)
{
	while (n) {
		size_t used = 1;
		if (c->state == AT_HEAD) {
			ssize_t head = take_head(c, p, n);
			if (head < 0)
				return false;
			used = (size_t)head;
			if (c->state == AT_LENGTH && c->left == 0 && !finish(c))
				return false;
		} else if (c->state == AT_LENGTH || c->state == AT_CHUNK) {
			used = n < c->left ? n : (size_t)c->left;
			take_body(c, p, used, now);
			c->left -= used;
			if (c->left == 0 && c->state == AT_LENGTH && !finish(c))
				return false;
			if (c->left == 0 && c->state == AT_CHUNK)
				c->state = AT_CHUNK_END;
		} else if (!take_framing(c, *p)) {
			return false;
		}
		p += used;
		n -= used;
	}
	return true;
}

static void on_event(struct conn *c, uint32_t events)
{
	static char in[READ_MAX];
	if (c->want_out) {
		c->want_out = false;
		watch(c, EPOLL_CTL_MOD);
		if ((events & (EPOLLERR | EPOLLHUP)) || !push(c))
			redial(c, false);
		return;
	}
	ssize_t n = recv(c->fd, in, sizeof(in), MSG_DONTWAIT);
	reads++;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 || !take(c, in, (size_t)n, opt.stamps ? now_ns() : 0))
		redial(c, n == 0 || (n < 0 && errno == ECONNRESET));
}

static void turn(uint64_t until)
{
	uint64_t now = now_ns();
	while (now < until && !harness_stopping) {
		struct epoll_event events[256];
		while (opened < opt.connections && opened - ready < RAMP)
			dial(&conns[opened++]);
		uint64_t left = until - now < 20000000u ? until - now : 20000000u;
		if (opt.rate > 0)
			ask_in_time(now);
		if (opt.rate > 0 && first_waiting)
			left = next_ask_ns > now && next_ask_ns - now < left ? next_ask_ns - now
									     : left;
		struct timespec wait = { .tv_nsec = (long)left };
		int n = epoll_pwait2(ep, events, 256, &wait, NULL);
		for (int i = 0; i < n; i++)
			on_event(events[i].data.ptr, events[i].events);
		now = now_ns();
	}
}

static void turn_for(double s)
{
	turn(now_ns() + (uint64_t)(s * 1e9));
}

static void parse_pids(char *list)
{
	for (char *pid = strtok(list, ","); pid; pid = strtok(NULL, ","))
		if (opt.clocks_n < PIDS_MAX &&
		    clock_getcpuclockid((pid_t)atoi(pid), &opt.clocks[opt.clocks_n]) == 0)
			opt.clocks_n++;
}

static void parse_options(int argc, char **argv)
{
	int o;
	while ((o = getopt(argc, argv, "p:u:c:w:t:P:O:b:r:slk")) != -1) {
		if (o == 'p')
			opt.port = atoi(optarg);
		else if (o == 'u')
			opt.path = optarg;
		else if (o == 'c')
			opt.connections = (unsigned)atoi(optarg);
		else if (o == 'w')
			opt.warm_s = atof(optarg);
		else if (o == 't')
			opt.time_s = atof(optarg);
		else if (o == 'P')
			parse_pids(optarg);
		else if (o == 'O')
			opt.has_origin = clock_getcpuclockid((pid_t)atoi(optarg), &opt.origin) == 0;
		else if (o == 'b')
			opt.posted = (size_t)atol(optarg);
		else if (o == 'r')
			opt.rate = atof(optarg);
		else if (o == 's')
			opt.streams = true;
		else if (o == 'l')
			opt.stamps = true;
		else if (o == 'k')
			opt.keep = true;
		else
			exit(2);
	}
}

static void build_request(void)
{
	static const char post[] =
		"POST %s HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
		"Content-Type: application/json\r\nContent-Length: 36\r\n\r\n"
		"{\"model\":\"builder\",\"stream\":true}   ";
	static const char get[] = "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n";
	if (opt.posted) {
		request_n = (size_t)snprintf(
			request, 512,
			"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n",
			opt.path, opt.posted);
		if (request_n >= 512 || opt.posted > sizeof(request) - request_n)
			die("load: the request is too long");
		memset(request + request_n, 'x', opt.posted);
		request_n += opt.posted;
		return;
	}
	const char *rest = opt.streams ? post : get;
	int head = (int)strcspn(rest, "%");
	request_n = (size_t)snprintf(request, sizeof(request), "%.*s%s%s", head, rest, opt.path,
				     rest + head + 2);
	if (request_n >= sizeof(request))
		die("load: the path is too long");
}

static void measure(void)
{
	answers = body_bytes = reads = reconnects = 0;
	memset(&latency, 0, sizeof(latency));
	double cpu = charged_s(), own = clock_s(CLOCK_PROCESS_CPUTIME_ID);
	double origin = opt.has_origin ? clock_s(opt.origin) : 0;
	uint64_t start = now_ns();
	turn_for(opt.time_s);
	double s = (double)(now_ns() - start) / 1e9;
	double units = opt.streams ? (double)body_bytes / FRAME_BYTES : (double)answers;
	cpu = charged_s() - cpu;
	own = clock_s(CLOCK_PROCESS_CPUTIME_ID) - own;
	origin = opt.has_origin ? clock_s(opt.origin) - origin : 0;
	printf("{\"ready\": %u, \"seconds\": %.4f, \"units\": %.1f, \"per_second\": %.1f, ", ready,
	       s, units, units / s);
	printf("\"cpu_us\": %.5f, \"cpu_share\": %.4f, ", units > 0 ? cpu * 1e6 / units : 0,
	       cpu / s);
	printf("\"load_share\": %.4f, \"origin_share\": %.4f, ", own / s, origin / s);
	printf("\"answers\": %ju, \"errors\": %ju, \"reconnects\": %ju, ", (uintmax_t)answers,
	       (uintmax_t)errors, (uintmax_t)reconnects);
	printf("\"bytes_per_read\": %.0f, ", reads ? (double)body_bytes / (double)reads : 0);
	printf("\"samples\": %ju, \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f}\n",
	       (uintmax_t)latency.n, histogram_us(&latency, 0.5), histogram_us(&latency, 0.99),
	       histogram_us(&latency, 0.999));
	fflush(stdout);
}

/* Goes on until standard input ends. */
static void keep_open(void)
{
	struct pollfd in = { .fd = 0, .events = POLLIN };
	char byte;
	while (!harness_stopping && !(poll(&in, 1, 0) > 0 && read(0, &byte, 1) <= 0))
		turn_for(0.05);
}

int main(int argc, char **argv)
{
	harness_init();
	parse_options(argc, argv);
	build_request();
	ep = epoll_create1(EPOLL_CLOEXEC);
	conns = calloc(opt.connections, sizeof(*conns));
	if (!conns)
		die("load: memory");
	uint64_t limit = now_ns() + 30000000000u;
	while (!harness_stopping && ready < opt.connections && now_ns() < limit)
		turn_for(0.01);
	if (ready < opt.connections)
		fprintf(stderr, "load: only %u of %u connections were answered\n", ready,
			opt.connections);
	turn_for(opt.warm_s);
	measure();
	if (opt.keep)
		keep_open();
	return ready < opt.connections || harness_stopping ? 1 : 0;
}
