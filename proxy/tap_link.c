/* The thread that finds the replayer, and the sessions it makes. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/shm_ring.h"
#include "proxy/config_mirror.h"
#include "proxy/metric_table.h"
#include "proxy/mirror_record.h"
#include "proxy/tap.h"
#include "proxy/tap_slots.h"

#define BACKOFF_FIRST_MS 50
#define BACKOFF_MOST_MS 2000
#define ANSWER_MS 5000

struct tap_session {
	_Atomic unsigned refs;
	_Atomic bool over, paused;
	uint64_t number;
	size_t answer_most;
	enum mirror_tap tap;
	char why[MIRROR_WHY_BYTES];
	unsigned n;
	struct tap_slots *slots; /* NULL: no eBPF tap */
	struct shm_ring *rings[MIRROR_WORKERS_MAX];
	uint32_t owed[MIRROR_WORKERS_MAX];
};

struct tap {
	const char *socket;
	unsigned workers;
	struct metrics_shard *metrics;
	pthread_t thread;
	int stop_fd;
	pthread_mutex_t mutex;                 /* for taking a reference */
	_Atomic(struct tap_session *) session; /* NULL: no replayer is there */
	uint64_t sessions;
	_Atomic uint64_t second; /* of the rate: the second, and the requests in it */
	const char *trouble;     /* why there is none; under the mutex */
	bool said;
};

/* --- sessions --- */

struct tap_session *tap_session_take(struct tap *t)
{
	pthread_mutex_lock(&t->mutex);
	struct tap_session *s = atomic_load(&t->session);
	if (s)
		atomic_fetch_add(&s->refs, 1);
	pthread_mutex_unlock(&t->mutex);
	return s;
}

void tap_session_drop(struct tap_session *s)
{
	if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
		return;
	for (unsigned i = 0; i < s->n; i++)
		shm_ring_free(s->rings[i]);
	tap_slots_close(s->slots);
	free(s);
}

struct tap_session *tap_session_ref(struct tap_session *s)
{
	atomic_fetch_add(&s->refs, 1);
	return s;
}

struct tap_slots *tap_session_slots(struct tap_session *s)
{
	return s->slots;
}

bool tap_session_is(struct tap *t, const struct tap_session *s)
{
	return atomic_load_explicit(&t->session, memory_order_acquire) == s;
}

bool tap_session_over(const struct tap_session *s)
{
	return atomic_load_explicit(&s->over, memory_order_relaxed);
}

bool tap_session_paused(const struct tap_session *s)
{
	return atomic_load_explicit(&s->paused, memory_order_relaxed);
}

uint64_t tap_session_number(const struct tap_session *s)
{
	return s->number;
}

size_t tap_session_answer_most(const struct tap_session *s)
{
	return s->answer_most;
}

struct shm_ring *tap_session_ring(struct tap_session *s, unsigned worker)
{
	CHECK(worker < s->n);
	return s->rings[worker];
}

uint32_t *tap_session_owed(struct tap_session *s, unsigned worker)
{
	CHECK(worker < s->n);
	return &s->owed[worker];
}

bool tap_admits(struct tap *t, uint32_t rate, uint64_t now_ms)
{
	uint64_t was = atomic_load_explicit(&t->second, memory_order_relaxed), now;
	if (rate == 0)
		return true;
	do {
		uint64_t second = now_ms / 1000;
		uint64_t used = was >> 24 == second ? was & 0xffffff : 0;
		if (was >> 24 > second) /* another worker's clock is a little ahead */
			second = was >> 24, used = was & 0xffffff;
		if (used >= rate)
			return false;
		now = second << 24 | (used + 1);
	} while (!atomic_compare_exchange_weak_explicit(&t->second, &was, now, memory_order_relaxed,
							memory_order_relaxed));
	return true;
}

/* --- the conversation --- */

/* What is copied has credentials, and a folder that others may write to is soon named. */
static int check_listener(int fd)
{
	struct ucred who = { 0 };
	socklen_t size = sizeof(who);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
		return -errno;
	return who.uid == geteuid() || who.uid == 0 ? 0 : -EPERM;
}

static int dial(const struct tap *t)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	strncpy(to.sun_path, t->socket, sizeof(to.sun_path) - 1);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int error = connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 ? check_listener(fd)
									       : -errno;
	if (!error)
		return fd;
	close(fd);
	return error;
}

/* 1: fd has something to say; 0: time is over, or the proxy stops; then stop_fd is readable. */
static int await(const struct tap *t, int fd, int ms)
{
	struct pollfd p[] = { { .fd = t->stop_fd, .events = POLLIN },
			      { .fd = fd, .events = POLLIN } };
	int n;
	do
		n = poll(p, fd < 0 ? 1 : 2, ms);
	while (n < 0 && errno == EINTR);
	return n > 0 && !p[0].revents && fd >= 0;
}

static bool stopping(const struct tap *t)
{
	struct pollfd p = { .fd = t->stop_fd, .events = POLLIN };
	return poll(&p, 1, 0) > 0;
}

#define PASSED_MOST 8

struct passed { /* descriptors that came with a message */
	int fd[PASSED_MOST];
	size_t n;
};

static void close_passed(struct passed *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->fd[i] >= 0)
			close(p->fd[i]);
	p->n = 0;
}

/* One message, and what came with it. False: the peer has gone, or is none of ours. */
static bool hear(int fd, struct mirror_message *m, struct passed *p)
{
	char control[CMSG_SPACE(PASSED_MOST * sizeof(int))] = { 0 };
	struct iovec iov = { m, sizeof(*m) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	p->n = 0;
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		p->n = min_size((c->cmsg_len - CMSG_LEN(0)) / sizeof(int), PASSED_MOST);
		memcpy(p->fd, CMSG_DATA(c), p->n * sizeof(int));
	}
	return n == sizeof(*m) && m->magic == MIRROR_MAGIC && m->version == MIRROR_VERSION;
}

static bool take_slots(struct tap_session *s, const struct tap *t, const struct mirror_message *m,
		       struct passed *p)
{
	if (p->n != 3)
		return false;
	const struct tap_slots_place place = { m->peer, m->slots_first, m->slots_n };
	s->slots = tap_slots_open(p->fd[1], p->fd[2], t->workers, &place);
	p->fd[1] = p->fd[2] = -1;
	return s->slots != NULL;
}

static bool take_ring(struct tap_session *s, const struct tap *t, const struct mirror_message *m,
		      struct passed *p)
{
	if (m->word != MIRROR_RING || m->n != s->n || p->n == 0 || m->tap >= MIRROR_TAP_COUNT ||
	    shm_ring_join(p->fd[0], &s->rings[s->n]) != 0)
		return false;
	s->n++;
	s->tap = m->tap;
	s->answer_most = m->answer_most;
	memcpy(s->why, m->why, sizeof(s->why));
	s->why[sizeof(s->why) - 1] = '\0';
	return m->tap != MIRROR_TAP_EBPF || m->n > 0 || take_slots(s, t, m, p);
}

static struct tap_session *introduce(struct tap *t, int fd)
{
	const struct mirror_message hello = { .magic = MIRROR_MAGIC,
					      .version = MIRROR_VERSION,
					      .word = MIRROR_HELLO,
					      .n = t->workers };
	struct tap_session *s = calloc(1, sizeof(*s));
	bool good = s && send(fd, &hello, sizeof(hello), MSG_NOSIGNAL | MSG_DONTWAIT) ==
				 (ssize_t)sizeof(hello);
	while (good && s->n < t->workers) {
		struct mirror_message m;
		struct passed p = { .n = 0 };
		good = await(t, fd, ANSWER_MS) && hear(fd, &m, &p) && take_ring(s, t, &m, &p);
		close_passed(&p);
	}
	if (!s)
		return NULL;
	atomic_init(&s->refs, 1);
	s->number = ++t->sessions;
	if (good)
		return s;
	tap_session_drop(s);
	return NULL;
}

static void show_tap(struct tap *t, enum mirror_tap tap)
{
	for (unsigned i = 0; i < MIRROR_TAP_COUNT; i++)
		metric_set(t->metrics, METRIC_MIRROR_TAP, i, i == tap);
}

static void publish(struct tap *t, struct tap_session *s, const char *trouble)
{
	pthread_mutex_lock(&t->mutex);
	struct tap_session *old = atomic_exchange(&t->session, s);
	t->trouble = trouble;
	pthread_mutex_unlock(&t->mutex);
	if (old) {
		atomic_store(&old->over, true);
		tap_session_drop(old);
	}
	show_tap(t, s ? s->tap : MIRROR_TAP_NONE);
}

/* Until the replayer hangs up, says what is none of our words, or the proxy stops. */
static void converse(struct tap *t, int fd, struct tap_session *s)
{
	struct mirror_message m;
	struct passed p;
	while (await(t, fd, -1)) {
		bool good = hear(fd, &m, &p) && m.word == MIRROR_PAUSE;
		close_passed(&p);
		if (!good)
			return;
		atomic_store(&s->paused, m.n != 0);
		log_message(LOG_INFO, "mirror", "the replayer %s mirroring",
			    m.n ? "pauses" : "resumes");
	}
}

static void say_trouble(struct tap *t, const char *why)
{
	if (!t->said)
		log_message(LOG_INFO, "mirror",
			    "no replayer at %s (%s); nothing is mirrored until there is one",
			    t->socket, why);
	t->said = true;
	publish(t, NULL, why);
}

/* True: there was a session. */
static bool meet(struct tap *t)
{
	int fd = dial(t);
	if (fd < 0) {
		say_trouble(t, fd == -ENOENT || fd == -ECONNREFUSED ? "nobody listens"
			       : fd == -EPERM                       ? "another user listens there"
			       : fd == -EACCES ? "this user may not use its socket"
					       : "its socket cannot be used");
		return false;
	}
	struct tap_session *s = introduce(t, fd);
	if (!s) {
		close(fd);
		say_trouble(t, "what listens there hung up: it is of another version or user, or "
			       "has as many proxies as it takes");
		return false;
	}
	log_message(LOG_INFO, "mirror", "a replayer is there: %s tap, %s", mirror_tap_names[s->tap],
		    s->why);
	publish(t, s, NULL);
	converse(t, fd, s);
	close(fd);
	t->said = false;
	if (!stopping(t))
		say_trouble(t, "it has gone");
	return true;
}

static void *run(void *arg)
{
	struct tap *t = arg;
	int backoff = BACKOFF_FIRST_MS;
	while (!stopping(t)) {
		backoff = meet(t) ? BACKOFF_FIRST_MS : backoff * 2;
		backoff = backoff > BACKOFF_MOST_MS ? BACKOFF_MOST_MS : backoff;
		(void)await(t, -1, backoff);
	}
	return NULL;
}

/* --- life --- */

int tap_open(const struct config_mirror *config, unsigned workers, struct metrics_shard *metrics,
	     struct tap **out)
{
	struct tap *t = calloc(1, sizeof(*t));
	if (!t || workers > MIRROR_WORKERS_MAX) {
		free(t);
		return -ENOMEM;
	}
	t->socket = config->socket;
	t->workers = workers;
	t->metrics = metrics;
	t->trouble = "not tried yet";
	pthread_mutex_init(&t->mutex, NULL);
	t->stop_fd = eventfd(0, EFD_CLOEXEC);
	int error = t->stop_fd < 0 ? -errno : -pthread_create(&t->thread, NULL, run, t);
	if (error) {
		if (t->stop_fd >= 0)
			close(t->stop_fd);
		pthread_mutex_destroy(&t->mutex);
		free(t);
		return error;
	}
	*out = t;
	return 0;
}

void tap_close(struct tap *t)
{
	uint64_t one = 1;
	if (!t)
		return;
	CHECK(write(t->stop_fd, &one, sizeof(one)) == sizeof(one));
	pthread_join(t->thread, NULL);
	publish(t, NULL, NULL);
	close(t->stop_fd);
	pthread_mutex_destroy(&t->mutex);
	free(t);
}

void tap_status(struct tap *t, struct buf *out)
{
	pthread_mutex_lock(&t->mutex);
	const struct tap_session *s = atomic_load(&t->session);
	buf_printf(out, "{\"tap\":\"%s\",\"why\":\"",
		   mirror_tap_names[s ? s->tap : MIRROR_TAP_NONE]);
	buf_add_json(out, span_of(s ? s->why : t->trouble));
	buf_printf(out, "\",\"paused\":%s,\"socket\":\"",
		   s && tap_session_paused(s) ? "true" : "false");
	buf_add_json(out, span_of(t->socket));
	buf_add_text(out, "\"}");
	pthread_mutex_unlock(&t->mutex);
}
