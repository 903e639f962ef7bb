/* The webhook driver against a service that answers in every way. */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "proxy/auth.h"
#include "proxy/driver.h"

/* A service of one connection: takes a request with its body, and answers what it is told. */
struct service {
	int fd;
	const char *answer; /* all of it; NULL: never */
	char request[8192];
	size_t n;
	pthread_t thread;
};

static struct service service;
static char url[64], secret[40];
static struct driver_target target;
static struct driver_job job;
static _Atomic bool stop;
static _Atomic int gate;
static struct buf says;
static char revision[DRIVER_REVISION];

static void setup(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	signal(SIGPIPE, SIG_IGN);
	service.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_geq(service.fd, 0);
	cr_assert_eq(bind(service.fd, (struct sockaddr *)&a, sizeof(a)), 0);
	cr_assert_eq(listen(service.fd, 8), 0);
	cr_assert_eq(getsockname(service.fd, (struct sockaddr *)&a, &len), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/back?x=1", ntohs(a.sin_port));
	for (size_t i = 0; i < sizeof(secret) - 1; i++)
		secret[i] = (char)('a' + i % 26);
	target = (struct driver_target){
		.name = "app",
		.driver = &driver_webhook,
		.webhook = { .url = url, .sign = { .name = "patchctl", .secret = secret } }
	};
	job = (struct driver_job){ .id = "01M8C9NG4NX8WDX89WXVAPGAGD",
				   .target = &target,
				   .anchor = "v1",
				   .bad = "v2",
				   .reason = "leaks \"it\"",
				   .deadline_ms = clock_ms() + 20000,
				   .stop = &stop,
				   .gate = &gate };
}

static void teardown(void)
{
	buf_fini(&says);
	close(service.fd);
}

TestSuite(driver_webhook, .init = setup, .fini = teardown);

static const char *said(void)
{
	buf_add_char(&says, '\0');
	says.n--;
	return says.p;
}

static const char *body_of(const struct service *s)
{
	const char *end = strstr(s->request, "\r\n\r\n");
	return end ? end + 4 : NULL;
}

static bool whole(const struct service *s)
{
	const char *length = strstr(s->request, "Content-Length: ");
	const char *body = body_of(s);
	return body && length && strlen(body) >= strtoul(length + 16, NULL, 10);
}

static void *serve(void *owner)
{
	struct service *s = owner;
	int fd = accept(s->fd, NULL, NULL);
	ssize_t got = 1;
	memset(s->request, 0, sizeof(s->request));
	s->n = 0;
	while (got > 0 && !whole(s)) {
		got = read(fd, s->request + s->n, sizeof(s->request) - 1 - s->n);
		s->n += got > 0 ? (size_t)got : 0;
	}
	if (s->answer) {
		got = write(fd, s->answer, strlen(s->answer));
		shutdown(fd, SHUT_WR);
	}
	while (got > 0) /* until the other end has left */
		got = read(fd, s->request + sizeof(s->request) - 1, 0) == 0 ? 0 : -1;
	if (!s->answer)
		while (read(fd, &(char){ 0 }, 1) > 0)
			;
	close(fd);
	return NULL;
}

static void answers(const char *text)
{
	service.answer = text;
	buf_clear(&says);
	cr_assert_eq(pthread_create(&service.thread, NULL, serve, &service), 0);
}

static enum driver_outcome acts(const char *answer)
{
	answers(answer);
	enum driver_outcome outcome = driver_webhook.act(&job, revision, &says);
	pthread_join(service.thread, NULL);
	return outcome;
}

#define OK "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
#define EMPTY "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

static struct span header(const char *name)
{
	const char *at = strstr(service.request, name);
	cr_assert_not_null(at, "%s in %s", name, service.request);
	at += strlen(name);
	return (struct span){ at, strcspn(at, "\r") };
}

static int remember(void *owner, struct span name, struct span nonce)
{
	(void)owner, (void)name, (void)nonce;
	return 0;
}

/* As PatchCtl itself would read it. */
Test(driver_webhook, requests_are_signed)
{
	cr_assert_eq(acts(OK "{\"outcome\":\"done\",\"revision\":\"v3\",\"says\":\"put back\"}"),
		     DRIVER_DONE, "%s", said());
	cr_assert_str_eq(revision, "v3");
	cr_assert_str_eq(said(), "put back\n");
	cr_assert_eq(strncmp(service.request, "POST /back?x=1 HTTP/1.1\r\n", 25), 0);
	const struct auth_token token = { .name = "patchctl", .secret = secret }, *who = NULL;
	const struct auth_request request = { .method = SPAN("POST"),
					      .target = SPAN("/back?x=1"),
					      .body = span_of(body_of(&service)),
					      .time = header("x-redcard-time: "),
					      .nonce = header("x-redcard-nonce: "),
					      .signature = header("x-redcard-signature: ") };
	const struct auth_check check = { .tokens = &token,
					  .n_tokens = 1,
					  .now_s = strtoull(request.time.p, NULL, 10),
					  .remember = remember };
	cr_assert_eq(auth_who(&check, &request, &who), AUTH_GOOD);
	cr_assert_str_eq(body_of(&service),
			 "{\"step\":\"act\",\"id\":\"01M8C9NG4NX8WDX89WXVAPGAGD\","
			 "\"target\":\"app\",\"anchor\":\"v1\",\"bad\":\"v2\","
			 "\"reason\":\"leaks \\\"it\\\"\"}");
}

Test(driver_webhook, answers_are_outcomes)
{
	static const struct {
		const char *answer;
		enum driver_outcome outcome;
		const char *says;
	} rows[] = {
		{ OK "{\"outcome\":\"again\",\"says\":\"locked\"}", DRIVER_AGAIN, "locked" },
		{ OK "{\"outcome\":\"failed\"}", DRIVER_FAILED, "" },
		{ OK "{\"outcome\":\"done\"}", DRIVER_FAILED, "no revision" },
		{ OK "{\"outcome\":\"done\",\"revision\":7}", DRIVER_FAILED, "no revision" },
		{ OK "{\"outcome\":\"done\",\"revision\":\"a b\"}", DRIVER_FAILED, "no revision" },
		{ OK "{\"outcome\":\"fine\",\"revision\":\"v3\"}", DRIVER_FAILED, "no outcome" },
		{ OK "[]", DRIVER_FAILED, "no outcome" },
		{ OK "done", DRIVER_FAILED, "no JSON" },
		{ OK, DRIVER_FAILED, "no JSON" },
		{ "HTTP/1.1 202 Accepted" EMPTY, DRIVER_AGAIN, "status 202" },
		{ "HTTP/1.1 204 No Content" EMPTY, DRIVER_FAILED, "status 204" },
		{ "HTTP/1.1 302 Found\r\nLocation: /x" EMPTY, DRIVER_FAILED, "status 302" },
		{ "HTTP/1.1 401 Unauthorized" EMPTY, DRIVER_FAILED, "status 401" },
		{ "HTTP/1.1 429 Busy" EMPTY, DRIVER_AGAIN, "status 429" },
		{ "HTTP/1.1 500 Oh" EMPTY, DRIVER_AGAIN, "status 500" },
		{ "HTTP/1.1 503 Away" EMPTY, DRIVER_AGAIN, "status 503" },
		{ "what?", DRIVER_AGAIN, "no answer" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cr_assert_eq(acts(rows[i].answer), rows[i].outcome, "%s: %s", rows[i].answer,
			     said());
		cr_assert_not_null(strstr(said(), rows[i].says), "%s: %s", rows[i].answer, said());
		cr_assert_str_eq(revision, "");
		cr_assert_null(strstr(said(), secret));
	}
}

Test(driver_webhook, verify_compares_what_is_there)
{
	static const struct {
		const char *answer;
		enum driver_outcome outcome;
	} rows[] = {
		{ OK "{\"outcome\":\"done\",\"revision\":\"v3\"}", DRIVER_DONE },
		{ OK "{\"outcome\":\"done\",\"revision\":\"v2\"}", DRIVER_FAILED },
		{ OK "{\"outcome\":\"done\"}", DRIVER_FAILED },
		{ OK "{\"outcome\":\"again\",\"revision\":\"v3\"}", DRIVER_AGAIN },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		answers(rows[i].answer);
		cr_assert_eq(driver_webhook.verify(&job, "v3", &says), rows[i].outcome, "%s",
			     said());
		pthread_join(service.thread, NULL);
		cr_assert_not_null(strstr(body_of(&service), "\"step\":\"verify\""));
		cr_assert_not_null(strstr(body_of(&service), ",\"revision\":\"v3\"}"));
	}
}

Test(driver_webhook, nobody_there_is_again)
{
	close(service.fd);
	service.fd = -1;
	cr_assert_eq(driver_webhook.plan(&job, &says), DRIVER_AGAIN);
	cr_assert_not_null(strstr(said(), "plan: no answer"), "%s", said());
}

Test(driver_webhook, a_service_that_is_silent_is_left)
{
	uint64_t began = clock_ms();
	job.deadline_ms = began + 500;
	cr_assert_eq(acts(NULL), DRIVER_AGAIN);
	job.deadline_ms = clock_ms() + 20000;
	atomic_store(&stop, true);
	buf_clear(&says);
	cr_assert_eq(driver_webhook.act(&job, revision, &says), DRIVER_AGAIN);
	cr_assert_lt(clock_ms() - began, 10000);
}

Test(driver_webhook, an_answer_is_bounded)
{
	struct buf answer = { 0 };
	buf_add_text(&answer, OK "{\"outcome\":\"done\",\"revision\":\"v3\",\"says\":\"");
	for (size_t i = 0; i < 70000; i++)
		buf_add_char(&answer, 'a');
	buf_add_text(&answer, "\"}");
	buf_add_char(&answer, '\0');
	cr_assert_eq(acts(answer.p), DRIVER_FAILED);
	buf_fini(&answer);
}

Test(driver_webhook, an_aborted_one_does_not_begin)
{
	atomic_store(&gate, DRIVER_MAY_NOT);
	cr_assert_eq(driver_webhook.act(&job, revision, &says), DRIVER_AGAIN);
	cr_assert_not_null(strstr(said(), "aborted"), "%s", said());
}
