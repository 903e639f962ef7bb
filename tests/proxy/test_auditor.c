/* Auditors on a worker of their own, against an origin that behaves as a test says. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/log.h"
#include "proxy/audit_desk.h"
#include "proxy/auditor.h"
#include "proxy/metric_table.h"
#include "proxy/server.h"

/* --- the origin --- */

/* Takes connections one after the other, reads the request's head and its body, writes `says`, and
 * closes when `closes`, else when the peer does. */
static struct {
	int fd;
	uint16_t port;
	const char *says;
	size_t n;
	unsigned drip_ms; /* between two bytes */
	bool closes;
	_Atomic unsigned taken, met;
	char got[1 << 16];
	size_t n_got;
	pthread_t thread;
} origin;

/* What went through the kernel's sockets is in order; this lets the thread sanitizer know. */
static void meet(void)
{
	atomic_fetch_add(&origin.met, 1);
}

static bool whole_request(void)
{
	const char *end = memmem(origin.got, origin.n_got, "\r\n\r\n", 4);
	const char *length = memmem(origin.got, origin.n_got, "content-length: ", 16);
	return end && length &&
	       origin.n_got >= (size_t)(end + 4 - origin.got) + (size_t)atol(length + 16);
}

static void serve_one(int fd)
{
	ssize_t n = 1;
	char byte;
	meet();
	struct span says = { origin.says, origin.n };
	const struct timespec pause = { .tv_nsec = origin.drip_ms * 1000000L };
	bool drips = origin.drip_ms > 0, closes = origin.closes;
	origin.n_got = 0;
	while (!whole_request() && n > 0) {
		n = recv(fd, origin.got + origin.n_got, sizeof(origin.got) - 1 - origin.n_got, 0);
		origin.n_got += n > 0 ? (size_t)n : 0;
		origin.got[origin.n_got] = '\0';
	}
	meet();
	for (size_t at = 0; at < says.n && n > 0;) {
		n = send(fd, says.p + at, drips ? 1 : says.n - at, MSG_NOSIGNAL);
		at += n > 0 ? (size_t)n : 0;
		nanosleep(&pause, NULL);
	}
	if (!closes)
		(void)!recv(fd, &byte, 1, 0);
	close(fd);
}

static void *origin_main(void *unused)
{
	for (;;) {
		int fd = accept(origin.fd, NULL, NULL);
		if (fd < 0)
			return unused;
		atomic_fetch_add(&origin.taken, 1);
		serve_one(fd);
	}
}

static int listen_anywhere(uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	cr_assert_eq(listen(fd, 16), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

/* --- the worker --- */

static struct server server = { .mutex = PTHREAD_MUTEX_INITIALIZER, .n_workers = 1 };
static struct worker worker;
static struct audit_said said;
static unsigned calls;

static void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	cr_assert_not_null(f);
	fputs(text, f);
	fclose(f);
}

static struct config *load(void)
{
	char folder[] = "/tmp/redcard-auditor-XXXXXX", path[64], policy[64], text[2048];
	struct buf errors = { 0 };
	struct config *config = NULL;
	uint16_t dead;
	close(listen_anywhere(&dead));
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/c.yaml", folder);
	snprintf(policy, sizeof(policy), "%s/p.yaml", folder);
	write_text(policy,
		   "version: 1\nrules:\n"
		   "  - {id: a, title: t, severity: low, action: redact, regex: 'tok_([0-9]{6})'}\n"
		   "  - {id: b, title: t, severity: low, action: cut, regex: 'bad_([0-9]{6})'}\n");
	snprintf(text, sizeof(text),
		 "listen: [{address: \"127.0.0.1:1\"}]\nadmin: {address: \"127.0.0.1:2\"}\n"
		 "policy: p.yaml\nupstreams:\n"
		 "  - {name: live, addresses: [\"127.0.0.1:%u\"]}\n"
		 "  - {name: dead, addresses: [\"127.0.0.1:%u\"]}\n"
		 "  - {name: half, addresses: [\"127.0.0.1:%u\", \"127.0.0.1:%u\"]}\n"
		 "routes: [{name: all, upstream: live}]\nauditors:\n"
		 "  - {name: hook, kind: webhook, upstream: live, path: \"/a?b=c\", timeout: 10s,\n"
		 "     headers: {authorization: Bearer t0}}\n"
		 "  - {name: hasty, kind: webhook, upstream: live, path: /, timeout: 150ms}\n"
		 "  - {name: chat, upstream: live, model: m, timeout: 10s}\n"
		 "  - {name: dead, kind: webhook, upstream: dead, path: /, timeout: 10s}\n"
		 "  - {name: half, kind: webhook, upstream: half, path: /, timeout: 10s}\n"
		 "  - {name: person, kind: human, timeout: 10s}\n"
		 "  - {name: away, kind: human, timeout: 300ms}\n",
		 origin.port, dead, dead, origin.port);
	write_text(path, text);
	int error = config_load(path, &config, &errors);
	cr_assert_eq(error, 0, "%.*s", (int)errors.n, errors.p);
	unlink(path);
	unlink(policy);
	rmdir(folder);
	return config;
}

static void begin(void)
{
	cr_assert_eq(log_open(NULL, LOG_ERROR), 0);
	origin.fd = listen_anywhere(&origin.port);
	struct config *config = load();
	cr_assert_eq(resolver_new(30000, NULL, &server.resolver), 0);
	cr_assert_eq(runtime_new(server.resolver, config, &server.first), 0);
	server.current = runtime_ref(server.first);
	server.desk = audit_desk_new();
	server.metrics = metrics_new(metric_table, METRIC_COUNT, 2);
	cr_assert_eq(worker_init(&worker, &server, 1), 0);
	cr_assert_eq(worker_begin(&worker), 0);
	cr_assert_eq(pthread_create(&origin.thread, NULL, origin_main, NULL), 0);
}

static void end(void)
{
	cr_assert_eq(worker.n_audits, 0);
	worker_end(&worker);
	cr_assert_eq(worker.n_backends, 0, "a connection outlives its audit");
	worker_fini(&worker);
	shutdown(origin.fd, SHUT_RDWR);
	pthread_join(origin.thread, NULL);
	close(origin.fd);
	runtime_unref(server.current);
	runtime_unref(server.first);
	audit_desk_free(server.desk);
	metrics_free(server.metrics);
	resolver_free(server.resolver);
}

TestSuite(auditor, .init = begin, .fini = end);

static const struct audit_file file = { { "a.py", 4 }, { "python", 6 }, { "x", 1 }, { "y", 1 } };
static const struct audit_question question = {
	.exchange = { "X1", 2 }, .diff_percent = 4, .threshold = 3, .files = &file, .n_files = 1
};

static void on_done(struct audit *audit, void *owner)
{
	cr_assert_eq(owner, &said);
	said = *audit_said(audit);
	calls++;
	meet();
}

static struct audit *begin_audit(const char *name, const struct audit_question *q)
{
	const struct config_auditor *a = config_auditor_named(server.first->config, name);
	cr_assert_not_null(a, "%s", name);
	calls = 0;
	meet();
	struct audit *audit = audit_ask(&worker, server.first, a, q, on_done, &said);
	cr_assert_not_null(audit);
	cr_assert_eq(calls, 0, "it was said before the asking was over");
	return audit;
}

static void turn_for(unsigned ms)
{
	uint64_t until = worker.now_ms + ms;
	while (worker.now_ms < until) {
		timer_set(&worker.timers, &worker.drain, until);
		worker_turn(&worker);
	}
	timer_remove(&worker.timers, &worker.drain);
}

static void expect(const char *name, enum audit_answer answer, const char *reason)
{
	begin_audit(name, &question);
	for (int i = 0; i < 10000 && !calls; i++)
		worker_turn(&worker);
	cr_assert_eq(calls, 1);
	cr_assert_eq(said.answer, answer, "%s: %s: %s", name, audit_answer_names[said.answer],
		     said.reason);
	cr_assert_not_null(strstr(said.reason, reason), "%s: %s", name, said.reason);
}

static void origin_says(const char *text)
{
	origin.says = text;
	origin.n = strlen(text);
}

#define OK(length) "HTTP/1.1 200 OK\r\ncontent-length: " length "\r\n\r\n"
#define YES "{\"answer\":\"yes\",\"reason\":\"same\"}"

Test(auditor, a_webhook_says_yes)
{
	origin_says(OK("32") YES);
	expect("hook", AUDIT_YES, "same");
	cr_assert(strncmp(origin.got, "POST /a?b=c HTTP/1.1\r\nhost: 127.0.0.1:", 38) == 0, "%s",
		  origin.got);
	cr_assert_not_null(strstr(origin.got, "\r\nauthorization: Bearer t0\r\n"));
	cr_assert_not_null(strstr(origin.got, "\r\ncontent-type: application/json\r\n"));
	cr_assert_not_null(strstr(origin.got, "\r\n\r\n{\"exchange\":\"X1\","));
	cr_assert_eq(
		metrics_total(server.metrics, METRIC_AUDITS + AUDIT_YES, metric_auditor("hook")),
		1);
	cr_assert_eq(metrics_total(server.metrics, METRIC_AUDITS_PENDING, 0), 0);
}

Test(auditor, a_model_says_no)
{
	origin_says(
		"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"choices\":[{\"message\":"
		"{\"content\":\"{\\\"answer\\\":\\\"no\\\",\\\"reason\\\":\\\"differs\\\"}\"}}]}");
	origin.closes = true;
	expect("chat", AUDIT_NO, "differs");
	cr_assert(strncmp(origin.got, "POST /v1/chat/completions HTTP/1.1\r\n", 36) == 0);
}

Test(auditor, each_question_has_a_nonce_of_its_own)
{
	char first[33], second[33];
	char *at[2];
	origin_says(OK("2") "{}");
	for (int i = 0; i < 2; i++) {
		expect("chat", AUDIT_UNCLEAR, "");
		at[i] = strstr(origin.got, "BEGIN ");
		cr_assert_not_null(at[i]);
		snprintf(i ? second : first, 33, "%s", at[i] + 6);
	}
	cr_assert_str_neq(first, second);
	cr_assert_eq(strspn(first, "0123456789abcdef"), 32);
}

Test(auditor, interim_answers_and_chunks_are_read)
{
	origin_says("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
		    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
		    "5\r\n{\"ans\r\n1b\r\nwer\":\"yes\",\"reason\":\"same\"}\r\n0\r\n\r\n");
	expect("hook", AUDIT_YES, "same");
}

Test(auditor, only_status_200_answers)
{
	origin_says("HTTP/1.1 500 Oops\r\ncontent-length: 32\r\n\r\n" YES);
	expect("hook", AUDIT_UNCLEAR, "status 500");
	origin_says("HTTP/1.1 202 Accepted\r\ncontent-length: 32\r\n\r\n" YES);
	expect("hook", AUDIT_UNCLEAR, "status 202");
	origin_says("HTTP/1.1 204 No Content\r\n\r\n");
	expect("hook", AUDIT_UNCLEAR, "status 204");
}

Test(auditor, redirects_are_not_followed)
{
	origin_says("HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\n"
		    "content-length: 0\r\n\r\n");
	expect("hook", AUDIT_UNCLEAR, "status 307");
	turn_for(50);
	cr_assert_eq(atomic_load(&origin.taken), 1);
}

Test(auditor, what_is_no_sound_answer_is_unclear)
{
	origin_says(OK("0"));
	expect("hook", AUDIT_UNCLEAR, "empty");
	origin_says(OK("3") "Yes");
	expect("hook", AUDIT_UNCLEAR, "not JSON");
	origin_says("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 32\r\n\r\n" YES);
	expect("hook", AUDIT_UNCLEAR, "compressed");
	origin_says("SSH-2.0-OpenSSH\r\n");
	expect("hook", AUDIT_UNCLEAR, "broken HTTP");
	origin_says("HTTP/1.1 200 OK\r\ncontent-length: 32\r\ncontent-length: 33\r\n\r\n" YES);
	expect("hook", AUDIT_UNCLEAR, "broken HTTP");
	origin.closes = true;
	origin_says(OK("33") YES);
	expect("hook", AUDIT_UNCLEAR, "broke off");
}

Test(auditor, an_answer_is_bounded)
{
	static char text[AUDIT_ANSWER_BYTES + 4096];
	int n = snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n\r\n");
	memset(text + n, ' ', sizeof(text) - (size_t)n - 1);
	origin_says(text);
	expect("hook", AUDIT_UNCLEAR, "too large");
}

Test(auditor, no_answer_is_unreachable)
{
	origin_says("");
	origin.closes = true;
	expect("hook", AUDIT_UNREACHABLE, "without an answer");
	expect("dead", AUDIT_UNREACHABLE, "refused");
}

Test(auditor, another_address_is_tried)
{
	origin_says(OK("32") YES);
	for (int i = 0; i < 3; i++)
		expect("half", AUDIT_YES, "same");
}

Test(auditor, time_ends_it)
{
	origin_says("");
	expect("hasty", AUDIT_TIMEOUT, "in time");
	origin_says(OK("32") YES);
	origin.drip_ms = 10; /* 71 bytes */
	uint64_t before = worker.now_ms;
	expect("hasty", AUDIT_TIMEOUT, "in time");
	cr_assert_lt(worker.now_ms - before, 600);
}

Test(auditor, a_large_question_is_not_sent)
{
	static char text[AUDIT_QUESTION_BYTES];
	struct audit_file large = file;
	struct audit_question q = question;
	memset(text, 'x', sizeof(text));
	large.a = (struct span){ text, sizeof(text) };
	q.files = &large;
	static const char *const names[] = { "hook", "chat", "person" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		begin_audit(names[i], &q);
		for (int k = 0; k < 100 && !calls; k++)
			worker_turn(&worker);
		cr_assert_eq(said.answer, AUDIT_UNCLEAR);
		cr_assert_str_eq(said.reason, "too large to audit");
	}
	cr_assert_eq(atomic_load(&origin.taken), 0);
}

Test(auditor, what_the_policy_redacts_is_not_shown)
{
	static const char *const names[] = { "hook", "chat" };
	struct audit_file secret[] = {
		{ { "tok_111111.py", 13 },
		  { "python", 6 },
		  { "x = 'tok_222222'\n", 17 },
		  { NULL, 0 } },
		{ { "b.py", 4 },
		  { "python", 6 },
		  { "f('tok_333333')\n", 16 },
		  { "g('tok_333333')\n", 16 } },
	};
	struct audit_question q = question;
	q.files = secret;
	q.n_files = ARRAY_LEN(secret);
	origin_says(OK("2") "{}");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		begin_audit(names[i], &q);
		for (int k = 0; k < 1000 && !calls; k++)
			worker_turn(&worker);
		cr_assert_eq(calls, 1);
		cr_assert_null(strstr(origin.got, "111111"), "%s", origin.got);
		cr_assert_null(strstr(origin.got, "222222"), "%s", origin.got);
		cr_assert_null(strstr(origin.got, "333333"), "%s", origin.got);
		cr_assert_not_null(strstr(origin.got, "x = 'tok_[redacted]'"), "%s", origin.got);
		cr_assert_not_null(strstr(origin.got, "tok_[redacted].py"), "%s", origin.got);
		cr_assert_not_null(strstr(origin.got, "sharp: callee f -> g at b.py:1:1"), "%s",
				   origin.got);
	}
	secret[0].b = SPAN("y = 'bad_444444'\n");
	begin_audit("hook", &q);
	for (int k = 0; k < 100 && !calls; k++)
		worker_turn(&worker);
	cr_assert_eq(said.answer, AUDIT_UNCLEAR);
	cr_assert_not_null(strstr(said.reason, "a rule cuts"));
	cr_assert_eq(atomic_load(&origin.taken), 2);
}

Test(auditor, a_cancelled_audit_says_nothing)
{
	static const char *const names[] = { "hook", "dead", "chat", "person", "half" };
	origin_says("");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		audit_cancel(begin_audit(names[i], &question)); /* before anything happened */
		turn_for(20);
		cr_assert_eq(calls, 0);
		struct audit *audit = begin_audit(names[i], &question);
		if (strcmp(names[i], "dead") != 0) {
			turn_for(50); /* it waits for its answer */
			cr_assert_eq(calls, 0);
			cr_assert_eq(worker.n_audits, 1);
			audit_cancel(audit);
		} else {
			worker_turn(&worker); /* it is decided, perhaps, and not said */
			if (!calls)
				audit_cancel(audit);
			calls = 0;
		}
		turn_for(20);
		cr_assert_eq(calls, 0);
		cr_assert_eq(worker.n_audits, 0);
		cr_assert_eq(worker.n_backends, 0);
	}
}

Test(auditor, it_holds_its_runtime)
{
	struct runtime *next = NULL;
	origin_says(OK("32") YES);
	begin_audit("hook", &question);
	struct config *config = config_ref(server.first->config);
	cr_assert_eq(runtime_new(server.resolver, config, &next), 0);
	runtime_unref(server.first);
	runtime_unref(server.current);
	server.first = next;
	server.current = runtime_ref(next);
	worker_wake(&worker); /* the worker takes the new one over */
	for (int i = 0; i < 1000 && !calls; i++)
		worker_turn(&worker);
	cr_assert_eq(said.answer, AUDIT_YES);
}

/* --- people --- */

/* Turns until so many audits wait at the desk. */
static void await_desk(size_t n, struct buf *list)
{
	size_t found = 0;
	for (int i = 0; i < 10000 && found != n; i++) {
		worker_turn(&worker);
		buf_clear(list);
		audit_desk_list(server.desk, worker.now_ms, list);
		found = 0;
		for (const char *p = list->p, *end = list->p + list->n;
		     (p = memmem(p, (size_t)(end - p), "\"id\":", 5)) != NULL; p++)
			found++;
	}
	cr_assert_eq(found, n);
}

/* The id of the only audit at the desk. */
static struct span waiting_id(struct buf *list)
{
	await_desk(1, list);
	const char *at = memmem(list->p, list->n, "\"id\":\"", 6);
	cr_assert_not_null(at, "%.*s", (int)list->n, list->p);
	return (struct span){ at + 6, AUDIT_ID_BYTES };
}

Test(auditor, a_person_answers_at_the_desk)
{
	struct buf list = { 0 }, shown = { 0 };
	struct audit_said answer;
	begin_audit("person", &question);
	struct span id = waiting_id(&list);
	cr_assert(audit_desk_show(server.desk, id, worker.now_ms, &shown));
	cr_assert_not_null(memmem(shown.p, shown.n, "\"question\":{\"exchange\":\"X1\"", 27));
	audit_say(&answer, AUDIT_YES, SPAN("fine"));
	cr_assert_not(audit_desk_answer(server.desk, SPAN("NOBODY"), worker.now_ms, &answer));
	cr_assert(audit_desk_answer(server.desk, id, worker.now_ms, &answer));
	cr_assert_not(audit_desk_answer(server.desk, id, worker.now_ms, &answer), "twice");
	buf_clear(&shown);
	cr_assert_not(audit_desk_show(server.desk, id, worker.now_ms, &shown));
	for (int i = 0; i < 100 && !calls; i++)
		worker_turn(&worker);
	cr_assert_eq(said.answer, AUDIT_YES);
	cr_assert_str_eq(said.reason, "fine");
	buf_clear(&list);
	audit_desk_list(server.desk, worker.now_ms, &list);
	buf_add_char(&list, '\0');
	cr_assert_str_eq(list.p, "{\"audits\":[]}\n");
	buf_fini(&list);
	buf_fini(&shown);
}

Test(auditor, a_person_who_is_away_says_no)
{
	struct buf list = { 0 };
	struct audit_said answer;
	begin_audit("away", &question);
	char id[AUDIT_ID_BYTES];
	memcpy(id, waiting_id(&list).p, sizeof(id));
	audit_say(&answer, AUDIT_YES, SPAN("late"));
	cr_assert_not(audit_desk_answer(server.desk, (struct span){ id, sizeof(id) },
					worker.now_ms + 300, &answer),
		      "its time is over");
	for (int i = 0; i < 100 && !calls; i++)
		worker_turn(&worker);
	cr_assert_eq(said.answer, AUDIT_TIMEOUT);
	buf_fini(&list);
}

Test(auditor, a_desk_is_bounded)
{
	static struct audit *audits[AUDIT_DESK_MAX];
	struct buf list = { 0 };
	for (size_t i = 0; i < AUDIT_DESK_MAX; i++)
		audits[i] = begin_audit("person", &question);
	await_desk(AUDIT_DESK_MAX, &list);
	expect("person", AUDIT_UNREACHABLE, "too many");
	audit_cancel(audits[7]);
	audits[7] = begin_audit("person", &question);
	await_desk(AUDIT_DESK_MAX, &list);
	cr_assert_eq(calls, 0, "there is a place again");
	buf_fini(&list);
	for (size_t i = 0; i < AUDIT_DESK_MAX; i++)
		audit_cancel(audits[i]);
}

Test(auditor, a_desk_is_bounded_in_bytes)
{
	static char text[1 << 20];
	static char id[AUDIT_ID_BYTES + 1] = "00000000000000000000000000";
	size_t n = 0;
	int error = 0;
	memset(text, 'x', sizeof(text));
	for (; n < AUDIT_DESK_MAX && !error; n++) {
		snprintf(id, sizeof(id), "%026zu", n);
		error = audit_desk_put(server.desk, id, "person", &question,
				       (struct span){ text, sizeof(text) }, 1, 1000);
	}
	cr_assert_eq(error, -ENOSPC);
	cr_assert_eq(n, AUDIT_DESK_BYTES / sizeof(text) + 1);
}
