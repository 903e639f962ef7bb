#include "lib/fetch.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/tls_authority.h"

/* A server of one answer: it reads one request whole, then writes the answer, or waits until the
 * client goes. */
struct server {
	int listener;
	unsigned port;
	const char *answer; /* NULL: none ever comes */
	pthread_t thread;
	char request[8192];
	size_t n;
	_Atomic unsigned connections;
};

static bool whole(const struct server *s)
{
	const char *end = strstr(s->request, "\r\n\r\n");
	const char *length = strcasestr(s->request, "content-length: ");
	size_t body = length && length < end ? strtoul(length + 16, NULL, 10) : 0;
	return end && s->n >= (size_t)(end + 4 - s->request) + body;
}

static void *serve_one(void *arg)
{
	struct server *s = arg;
	struct pollfd p = { .fd = s->listener, .events = POLLIN };
	if (poll(&p, 1, 10000) != 1)
		return NULL;
	int fd = accept(s->listener, NULL, NULL);
	s->connections++;
	for (ssize_t n; !whole(s); s->n += (size_t)n)
		if ((n = recv(fd, s->request + s->n, sizeof(s->request) - 1 - s->n, 0)) <= 0)
			break;
	if (s->answer)
		send(fd, s->answer, strlen(s->answer), MSG_NOSIGNAL);
	for (char c; !s->answer && recv(fd, &c, 1, 0) > 0;)
		;
	close(fd);
	return NULL;
}

static void listen_on(struct server *s)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(s->listener, (struct sockaddr *)&a, n), 0);
	cr_assert_eq(listen(s->listener, 4), 0);
	cr_assert_eq(getsockname(s->listener, (struct sockaddr *)&a, &n), 0);
	s->port = ntohs(a.sin_port);
}

static void start(struct server *s, const char *answer)
{
	*s = (struct server){ .answer = answer };
	listen_on(s);
	cr_assert_eq(pthread_create(&s->thread, NULL, serve_one, s), 0);
}

static void end(struct server *s)
{
	pthread_join(s->thread, NULL);
	close(s->listener);
}

struct asked {
	int error;
	unsigned status;
	uint32_t retry_after_s;
	char body[256], why[FETCH_WHY];
};

static struct asked ask(struct fetch_request r, unsigned port, const char *scheme)
{
	struct fetcher *f = fetcher_new();
	struct fetch_answer answer = { 0 };
	struct asked out = { 0 };
	char url[128];
	snprintf(url, sizeof(url), "%s://127.0.0.1:%u/a/b?c=d", scheme, port);
	r.url = r.url ? r.url : url;
	r.method = r.method ? r.method : "GET";
	r.timeout_ms = r.timeout_ms ? r.timeout_ms : 5000;
	r.answer_most = r.answer_most ? r.answer_most : 200;
	out.error = fetch(f, &r, &answer, out.why);
	out.status = answer.status;
	out.retry_after_s = answer.retry_after_s;
	memcpy(out.body, answer.body.p ? answer.body.p : "", answer.body.n);
	cr_assert_null(strstr(out.why, "/a/b"), "%s", out.why);
	buf_fini(&answer.body);
	fetcher_free(f);
	return out;
}

Test(fetch, any_status_is_an_answer)
{
	static const unsigned statuses[] = { 200, 204, 301, 400, 404, 500 };
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		struct server s;
		char text[128];
		snprintf(text, sizeof(text),
			 "HTTP/1.1 %u X\r\nlocation: /c\r\ncontent-length: 0\r\n\r\n", statuses[i]);
		start(&s, text);
		struct asked a = ask((struct fetch_request){ 0 }, s.port, "http");
		end(&s);
		cr_assert_eq(a.error, 0, "%s", a.why);
		cr_assert_eq(a.status, statuses[i]);
		cr_assert_eq(a.retry_after_s, 0);
		cr_assert_eq(s.connections, 1); /* a redirect is not followed */
	}
}

Test(fetch, a_request_arrives_as_it_is)
{
	static const char *const headers[] = { "content-type: application/json", "x-a: b c", NULL };
	struct server s;
	start(&s, "HTTP/1.1 429 X\r\nRetry-After: 7\r\ncontent-length: 4\r\n\r\nbusy");
	struct asked a = ask((struct fetch_request){ .method = "PATCH",
						     .headers = headers,
						     .body = SPAN("{\"a\":\n\"\0b\"}") },
			     s.port, "http");
	end(&s);
	cr_assert_eq(a.error, 0, "%s", a.why);
	cr_assert_eq(a.status, 429);
	cr_assert_eq(a.retry_after_s, 7);
	cr_assert_str_eq(a.body, "busy");
	cr_assert_eq(strncmp(s.request, "PATCH /a/b?c=d HTTP/1.1\r\n", 25), 0, "%s", s.request);
	cr_assert_not_null(strstr(s.request, "\r\ncontent-type: application/json\r\n"));
	cr_assert_not_null(strstr(s.request, "\r\nx-a: b c\r\n"));
	cr_assert_null(strcasestr(s.request, "\r\nexpect:"));
	const char *body = strstr(s.request, "\r\n\r\n") + 4;
	cr_assert_eq(s.n - (size_t)(body - s.request), 11);
	cr_assert_eq(memcmp(body, "{\"a\":\n\"\0b\"}", 11), 0);
}

Test(fetch, an_answer_has_a_bound)
{
	struct server s;
	start(&s, "HTTP/1.1 200 X\r\ncontent-length: 8\r\n\r\n12345678");
	struct asked a = ask((struct fetch_request){ .answer_most = 8 }, s.port, "http");
	end(&s);
	cr_assert_eq(a.error, 0, "%s", a.why);
	cr_assert_str_eq(a.body, "12345678");
	start(&s, "HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\n123456789");
	a = ask((struct fetch_request){ .answer_most = 8 }, s.port, "http");
	end(&s);
	cr_assert_eq(a.error, -EFBIG);
	cr_assert_eq(a.status, 200);
	cr_assert_str_eq(a.why, "the answer is too large");
}

Test(fetch, what_is_no_answer)
{
	struct server s;
	start(&s, "HTTP/1.1 200 X\r\ncontent-length: 8\r\n\r\n123");
	struct asked a = ask((struct fetch_request){ 0 }, s.port, "http");
	end(&s);
	cr_assert_eq(a.error, -EPROTO, "%d %s", a.error, a.why);
	start(&s, "no HTTP at all, and no end of a line");
	a = ask((struct fetch_request){ 0 }, s.port, "http");
	end(&s);
	cr_assert_eq(a.error, -EPROTO, "%d %s", a.error, a.why);
	listen_on(&s);
	close(s.listener);
	a = ask((struct fetch_request){ 0 }, s.port, "http");
	cr_assert_eq(a.error, -ECONNREFUSED, "%d %s", a.error, a.why);
}

Test(fetch, time_is_bounded)
{
	struct server s;
	struct timespec from, to;
	start(&s, NULL);
	clock_gettime(CLOCK_MONOTONIC, &from);
	struct asked a = ask((struct fetch_request){ .timeout_ms = 200 }, s.port, "http");
	clock_gettime(CLOCK_MONOTONIC, &to);
	end(&s);
	cr_assert_eq(a.error, -ETIMEDOUT, "%d %s", a.error, a.why);
	cr_assert_lt(to.tv_sec - from.tv_sec, 5);
}

static void *stop_soon(void *arg)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	nanosleep(&pause, NULL);
	atomic_store((_Atomic bool *)arg, true);
	return NULL;
}

Test(fetch, it_can_be_stopped)
{
	struct server s;
	_Atomic bool stop = false;
	pthread_t stopper;
	struct timespec from, to;
	start(&s, NULL);
	cr_assert_eq(pthread_create(&stopper, NULL, stop_soon, &stop), 0);
	clock_gettime(CLOCK_MONOTONIC, &from);
	struct asked a =
		ask((struct fetch_request){ .timeout_ms = 60000, .stop = &stop }, s.port, "http");
	clock_gettime(CLOCK_MONOTONIC, &to);
	pthread_join(stopper, NULL);
	end(&s);
	cr_assert_eq(a.error, -ECANCELED, "%d %s", a.error, a.why);
	cr_assert_lt(to.tv_sec - from.tv_sec, 10);
}

Test(fetch, which_urls_are_good)
{
	static const char *const good[] = { "http://a/", "https://a.b:8443/c?d=e",
					    "http://[::1]:1/", "https://127.0.0.1" };
	static const char *const bad[] = { "",
					   "a",
					   "/a",
					   "ftp://a/",
					   "file:///etc/passwd",
					   "http://",
					   "http://user@a/",
					   "http://user:word@a/",
					   "https://:word@a/",
					   "http://a:99999/",
					   "http://a b/",
					   "javascript:1" };
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		cr_assert(fetch_url_good(good[i]), "%s", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		cr_assert_not(fetch_url_good(bad[i]), "%s", bad[i]);
		struct asked a = ask((struct fetch_request){ .url = bad[i] }, 1, "http");
		cr_assert_eq(a.error, -EINVAL, "%s", bad[i]);
	}
}

/* --- TLS --- */

static void *serve_tls(void *arg)
{
	struct server *s = arg;
	struct pollfd p = { .fd = s->listener, .events = POLLIN };
	if (poll(&p, 1, 10000) != 1)
		return NULL;
	int fd = accept(s->listener, NULL, NULL);
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	SSL *ssl = NULL;
	int n;
	if (SSL_CTX_use_certificate_file(context, s->request, SSL_FILETYPE_PEM) == 1 &&
	    SSL_CTX_use_PrivateKey_file(context, s->request + 256, SSL_FILETYPE_PEM) == 1 &&
	    (ssl = SSL_new(context)) && SSL_set_fd(ssl, fd) == 1 && SSL_accept(ssl) == 1 &&
	    SSL_read_ex(ssl, s->request + 512, 4096, &s->n) == 1) {
		n = SSL_write(ssl, s->answer, (int)strlen(s->answer));
		(void)n;
		SSL_shutdown(ssl);
	}
	SSL_free(ssl);
	SSL_CTX_free(context);
	close(fd);
	return NULL;
}

static struct asked ask_tls(const struct authority *of, const char *name, const char *ca)
{
	struct server s = { .answer = "HTTP/1.1 200 X\r\ncontent-length: 2\r\n\r\nok" };
	char file[64];
	snprintf(file, sizeof(file), "%s.pem", name);
	snprintf(s.request, 256, "%s", file_in(of, file));
	snprintf(file, sizeof(file), "%s.key", name);
	snprintf(s.request + 256, 256, "%s", file_in(of, file));
	listen_on(&s);
	cr_assert_eq(pthread_create(&s.thread, NULL, serve_tls, &s), 0);
	struct asked a = ask((struct fetch_request){ .ca_file = ca }, s.port, "https");
	end(&s);
	return a;
}

/* Answers what comes first on a connection; the second request ends it. */
static void *serve_and_vanish(void *arg)
{
	struct server *s = arg;
	struct pollfd p = { .fd = s->listener, .events = POLLIN };
	while (poll(&p, 1, 1000) == 1) {
		int fd = accept(s->listener, NULL, NULL);
		s->connections++;
		for (unsigned i = 0; i < 2; i++) {
			memset(s->request, 0, sizeof(s->request));
			for (s->n = 0; !whole(s) && recv(fd, s->request + s->n, 1, 0) == 1; s->n++)
				;
			if (i == 0)
				send(fd, s->answer, strlen(s->answer), MSG_NOSIGNAL);
		}
		close(fd);
	}
	return NULL;
}

static int ask_again(bool once, unsigned *connections)
{
	struct server s = { .answer = "HTTP/1.1 200 X\r\ncontent-length: 0\r\n\r\n" };
	struct fetch_answer answer = { 0 };
	char url[64], why[FETCH_WHY];
	listen_on(&s);
	cr_assert_eq(pthread_create(&s.thread, NULL, serve_and_vanish, &s), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", s.port);
	const struct fetch_request r = { .method = "POST",
					 .url = url,
					 .body = SPAN_INIT("{}"),
					 .timeout_ms = 5000,
					 .answer_most = 100,
					 .once = once };
	struct fetcher *f = fetcher_new();
	cr_assert_eq(fetch(f, &r, &answer, why), 0, "%s", why);
	int error = fetch(f, &r, &answer, why);
	buf_fini(&answer.body);
	fetcher_free(f);
	end(&s);
	*connections = s.connections;
	return error;
}

Test(fetch, once_is_not_again_on_another_connection)
{
	unsigned connections;
	cr_assert_eq(ask_again(false, &connections), 0);
	cr_assert_eq(connections, 2);
	cr_assert_eq(ask_again(true, &connections), -ECONNRESET);
}

Test(fetch, a_server_shows_who_it_is)
{
	struct authority ours, other;
	signal(SIGPIPE, SIG_IGN); /* of the server, when it is turned away */
	authority_init(&ours);
	authority_init(&other);
	struct asked a = ask_tls(&ours, "server", file_in(&ours, "ca.pem"));
	cr_assert_eq(a.error, 0, "%d %s", a.error, a.why);
	cr_assert_eq(a.status, 200);
	cr_assert_str_eq(a.body, "ok");
	a = ask_tls(&ours, "server", file_in(&other, "ca.pem"));
	cr_assert_eq(a.error, -EPROTO, "%d %s", a.error, a.why);
	a = ask_tls(&ours, "server", NULL);
	cr_assert_eq(a.error, -EPROTO, "%d %s", a.error, a.why);
	a = ask_tls(&ours, "expired", file_in(&ours, "ca.pem")); /* and of another name */
	cr_assert_eq(a.error, -EPROTO, "%d %s", a.error, a.why);
	a = ask_tls(&ours, "server", "/nonexistent/ca.pem");
	cr_assert_eq(a.error, -EPROTO, "%d %s", a.error, a.why);
	authority_fini(&ours);
	authority_fini(&other);
}
