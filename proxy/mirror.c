#include "proxy/mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpf/tap.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/shm_ring.h"
#include "proxy/config_mirror.h"
#include "proxy/mirror_bpf.h"
#include "proxy/mirror_join.h"
#include "proxy/mirror_record.h"
#include "proxy/mirror_rights.h"
#include "proxy/mirror_socket.h"

#define PEERS_MAX TAP_PROXIES
#define RECORDS_AT_ONCE 1024 /* of one ring, before the others have their turn */

const char *const mirror_tap_names[MIRROR_TAP_COUNT] = {
	[MIRROR_TAP_NONE] = "none", [MIRROR_TAP_USER] = "user", [MIRROR_TAP_EBPF] = "ebpf"
};

struct peer { /* a proxy */
	int fd;
	int link; /* of the eBPF program to its cgroup, or -1 */
	dev_t cgroup_device;
	ino_t cgroup;
	uint64_t number;
	unsigned place; /* whose slots it has; two proxies never have the same */
	unsigned n;
	char why[MIRROR_WHY_BYTES]; /* its tap is what it is */
	struct shm_ring *rings[MIRROR_WORKERS_MAX];
};

struct mirror {
	const char *socket;
	uint32_t ring_bytes, answer_most;
	struct mirror_socket listener;
	struct peer *peers[PEERS_MAX];
	unsigned n;
	uint64_t peers_seen;
	struct mirror_join *join;
	struct mirror_counts gone; /* of proxies that have */
	struct buf record;
	struct mirror_bpf *bpf; /* NULL: the proxies copy, and why */
	struct mirror_helper helper;
	const char *cgroup;
	char why[MIRROR_WHY_BYTES];
	char said[MIRROR_WHY_BYTES + 64]; /* by mirror_tap() */
	bool paused;
};

/* --- the eBPF tap --- */

/* 0 also when it cannot be and need not: then m->why says why. */
static int open_bpf(struct mirror *m, const struct config_mirror *c, const char *path,
		    struct buf *errors)
{
	struct mirror_need need = { .text = "the configuration says so" };
	if (c->tap != MIRROR_USER)
		m->bpf = mirror_bpf_open(m->ring_bytes, &need);
	if (m->bpf && mirror_helper_start(&m->helper, mirror_bpf_program(m->bpf)) != 0) {
		mirror_bpf_close(m->bpf);
		m->bpf = NULL;
		snprintf(need.text, sizeof(need.text), "no process can be started for it");
	}
	snprintf(m->why, sizeof(m->why), "%s", need.text);
	if (m->bpf || c->tap != MIRROR_EBPF)
		return 0;
	buf_printf(errors, "%s:%u: the tap cannot be ebpf: %s; or write tap: auto\n", path, c->line,
		   need.text);
	return -ENOTSUP;
}

static bool has_bpf(const struct mirror *m)
{
	for (unsigned i = 0; i < m->n; i++)
		if (m->peers[i]->link >= 0)
			return true;
	return false;
}

/* Proxies of one cgroup share a link, or each packet would be looked at twice. Where one's cgroup
 * is inside another's it is: what was seen before is not copied again. */
static int link_to(struct mirror *m, struct peer *p, const char *cgroup)
{
	struct stat st;
	if (stat(cgroup, &st) != 0)
		return -errno;
	p->cgroup_device = st.st_dev;
	p->cgroup = st.st_ino;
	for (unsigned i = 0; i < m->n; i++) {
		const struct peer *o = m->peers[i];
		if (o->link < 0 || o->cgroup != p->cgroup || o->cgroup_device != p->cgroup_device)
			continue;
		int link = fcntl(o->link, F_DUPFD_CLOEXEC, 0);
		return link < 0 ? -errno : link;
	}
	return mirror_helper_attach(&m->helper, cgroup);
}

/* Attaches the program for a proxy that has come, where that can be. */
static void attach(struct mirror *m, struct peer *p)
{
	struct ucred who = { 0 };
	socklen_t size = sizeof(who);
	char found[MIRROR_CGROUP_BYTES];
	const char *cgroup = m->cgroup;
	int error = 0;
	snprintf(p->why, sizeof(p->why), "%s", m->why);
	if (!m->bpf)
		return;
	if (!cgroup) {
		error = getsockopt(p->fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0
				? mirror_cgroup_of(who.pid, found)
				: -errno;
		cgroup = found;
	}
	if (!error)
		error = p->link = link_to(m, p, cgroup);
	if (p->link >= 0)
		snprintf(p->why, sizeof(p->why), "the program watches %.150s", cgroup);
	else
		snprintf(p->why, sizeof(p->why), "%s",
			 error == -EXDEV ? "the proxy is in no cgroup of its own"
					 : "the program cannot be attached to the proxy's cgroup");
}

/* --- life --- */

int mirror_open(const struct config *config, const struct mirror_sink *sink, struct mirror **out,
		struct buf *errors)
{
	const struct config_mirror *c = config->mirror;
	struct mirror *m = calloc(1, sizeof(*m));
	struct mirror_join *join = mirror_join_new(sink);
	if (!m || !join) {
		free(m);
		mirror_join_free(join);
		return -ENOMEM;
	}
	*m = (struct mirror){ .socket = c->socket,
			      .ring_bytes = c->ring_bytes,
			      .answer_most = c->answer_most,
			      .listener.fd = -1,
			      .helper.fd = -1,
			      .cgroup = c->cgroup,
			      .join = join };
	int error = open_bpf(m, c, config->path, errors);
	mirror_drop_rights();
	if (error) {
		mirror_close(m);
		return error;
	}
	error = mirror_socket_open(&m->listener, m->socket, PEERS_MAX);
	if (error) {
		buf_printf(errors, "%s:%u: cannot listen on %s: %s; %s\n", config->path, c->line,
			   c->socket, strerror(-error),
			   error == -EADDRINUSE ? "stop the replayer that does, or choose another"
						: "choose a socket that this user can make");
		mirror_close(m);
		return error;
	}
	*out = m;
	return 0;
}

static void free_peer(struct peer *p)
{
	for (unsigned i = 0; i < p->n; i++)
		shm_ring_free(p->rings[i]);
	if (p->link >= 0)
		close(p->link);
	close(p->fd);
	free(p);
}

void mirror_close(struct mirror *m)
{
	if (!m)
		return;
	for (unsigned i = 0; i < m->n; i++)
		free_peer(m->peers[i]);
	mirror_socket_close(&m->listener);
	mirror_helper_stop(&m->helper);
	mirror_bpf_close(m->bpf);
	mirror_join_free(m->join);
	buf_fini(&m->record);
	free(m);
}

/* --- proxies come --- */

static bool say_pause(const struct mirror *m, const struct peer *p)
{
	const struct mirror_message pause = { .magic = MIRROR_MAGIC,
					      .version = MIRROR_VERSION,
					      .word = MIRROR_PAUSE,
					      .n = m->paused };
	return mirror_socket_say(p->fd, &pause, NULL, 0);
}

static bool give_ring(struct mirror *m, struct peer *p)
{
	struct mirror_message message = {
		.magic = MIRROR_MAGIC,
		.version = MIRROR_VERSION,
		.word = MIRROR_RING,
		.n = p->n,
		.tap = p->link >= 0 ? MIRROR_TAP_EBPF : MIRROR_TAP_USER,
		.answer_most = m->answer_most,
		.peer = p->number,
		.slots_first = p->place * TAP_SLOTS_EACH,
		.slots_n = TAP_SLOTS_EACH,
	};
	int fd = -1;
	memcpy(message.why, p->why, sizeof(p->why));
	if (shm_ring_create(m->ring_bytes, &p->rings[p->n], &fd) != 0)
		return false;
	p->n++;
	int passed[3] = { fd };
	bool slots = p->link >= 0 && p->n == 1;
	if (slots) {
		passed[1] = mirror_bpf_slots(m->bpf);
		passed[2] = mirror_bpf_conns(m->bpf);
	}
	bool said = mirror_socket_say(p->fd, &message, passed, slots ? 3 : 1);
	close(fd);
	return said;
}

/* Whether what the proxy says is what it may say now. */
static bool listen_to(struct mirror *m, struct peer *p)
{
	struct mirror_message hello;
	ssize_t n = recv(p->fd, &hello, sizeof(hello), MSG_DONTWAIT);
	bool sound = n == sizeof(hello) && hello.magic == MIRROR_MAGIC &&
		     hello.version == MIRROR_VERSION && hello.word == MIRROR_HELLO && hello.n > 0 &&
		     hello.n <= MIRROR_WORKERS_MAX && p->n == 0;
	if (n > 0 && !sound)
		m->gone.refused++;
	if (sound)
		attach(m, p);
	while (sound && p->n < hello.n)
		sound = give_ring(m, p);
	return sound && (!m->paused || say_pause(m, p));
}

/* The place that was free for longest, or nearly. */
static unsigned free_place(const struct mirror *m)
{
	unsigned place = (unsigned)(m->peers_seen % PEERS_MAX);
	for (unsigned i = 0; i < m->n;) {
		bool taken = m->peers[i]->place == place;
		place = taken ? (place + 1) % PEERS_MAX : place;
		i = taken ? 0 : i + 1;
	}
	return place;
}

static void welcome(struct mirror *m)
{
	struct ucred who = { 0 };
	socklen_t size = sizeof(who);
	int fd = accept4(m->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	struct peer *p = calloc(1, sizeof(*p));
	bool ours = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
		    (who.uid == geteuid() || who.uid == 0);
	if (!p || !ours || m->n == PEERS_MAX) {
		m->gone.refused++;
		close(fd);
		free(p);
		return;
	}
	p->fd = fd;
	p->link = -1;
	p->place = free_place(m);
	p->number = ++m->peers_seen;
	m->peers[m->n++] = p;
}

/* --- what they write, and how they go --- */

/* How many records it took, which may be more than it has handed out. */
static int drain_ring(struct mirror *m, struct peer *p, struct shm_ring *ring, int *handed)
{
	int records = 0;
	while (records < RECORDS_AT_ONCE) {
		int taken = shm_ring_take(ring, &m->record);
		if (taken == 0)
			break;
		if (taken > 0)
			taken = mirror_join_take(m->join, p->number,
						 (struct span){ m->record.p, m->record.n });
		if (taken < 0)
			return taken;
		records++;
		*handed += taken;
	}
	return records;
}

/* The same of all its rings. -EPROTO: it wrote nonsense. */
static int drain(struct mirror *m, struct peer *p, int *handed)
{
	int records = 0;
	for (unsigned i = 0; i < p->n; i++) {
		int n = drain_ring(m, p, p->rings[i], handed);
		if (n < 0)
			return n;
		records += n;
	}
	return records;
}

/* --- what the eBPF program writes --- */

struct bpf_poll {
	struct mirror *m;
	int handed;
};

static struct peer *peer_of(struct mirror *m, uint64_t mark)
{
	for (unsigned i = 0; i < m->n; i++)
		if (m->peers[i]->link >= 0 && (m->peers[i]->number & 0xffff) == mark >> 48)
			return m->peers[i];
	return NULL;
}

/* The proxy says that a request begins before it marks it, but that ring may not have been read
 * yet. */
static void take_bytes(void *owner, uint64_t mark, uint64_t offset, struct span bytes)
{
	struct bpf_poll *poll = owner;
	struct peer *p = peer_of(poll->m, mark);
	int taken = p ? mirror_join_bytes(poll->m->join, p->number, mark, offset, bytes) : 0;
	for (int more = 1; taken == -ENOENT && more > 0;) {
		more = drain(poll->m, p, &poll->handed);
		taken = mirror_join_bytes(poll->m->join, p->number, mark, offset, bytes);
	}
	poll->handed += taken > 0 ? taken : 0;
}

static int look_at_bpf(struct mirror *m)
{
	struct bpf_poll poll = { .m = m };
	if (!m->bpf || !has_bpf(m))
		return 0;
	if (mirror_bpf_poll(m->bpf, take_bytes, &poll) < 0)
		log_message(LOG_ERROR, "mirror", "the eBPF tap's ring cannot be read");
	return poll.handed;
}

static void add_counters(struct mirror_counts *to, const struct peer *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		const struct shm_ring *r = p->rings[i];
		to->sampled += shm_ring_counter(r, MIRROR_SAMPLED);
		to->captured += shm_ring_counter(r, MIRROR_CAPTURED);
		to->lost += shm_ring_counter(r, MIRROR_LOST_BYTES);
		to->requests += shm_ring_counter(r, MIRROR_REQUESTS);
		to->incomplete += shm_ring_counter(r, MIRROR_INCOMPLETE);
		to->truncated += shm_ring_counter(r, MIRROR_TRUNCATED);
		to->answers += shm_ring_counter(r, MIRROR_ANSWERS);
		to->answers_lost += shm_ring_counter(r, MIRROR_ANSWERS_LOST);
	}
}

/* What it had written before it went is still handed out. */
static int farewell(struct mirror *m, unsigned at)
{
	struct peer *p = m->peers[at];
	int handed = 0;
	while (drain(m, p, &handed) > 0)
		;
	handed += p->link >= 0 ? look_at_bpf(m) : 0;
	mirror_join_forget(m->join, p->number);
	add_counters(&m->gone, p);
	free_peer(p);
	m->peers[at] = m->peers[--m->n];
	return handed;
}

static int look_at_sockets(struct mirror *m, int wait_ms)
{
	struct pollfd fds[PEERS_MAX + 1] = { { .fd = m->listener.fd, .events = POLLIN } };
	int handed = 0;
	unsigned n = m->n;
	for (unsigned i = 0; i < n; i++)
		fds[i + 1] = (struct pollfd){ .fd = m->peers[i]->fd, .events = POLLIN };
	if (poll(fds, n + 1, wait_ms) <= 0)
		return 0;
	for (unsigned i = n; i-- > 0;) /* a farewell moves the last one */
		if (fds[i + 1].revents && !listen_to(m, m->peers[i]))
			handed += farewell(m, i);
	if (fds[0].revents)
		welcome(m);
	return handed;
}

static int look_at_rings(struct mirror *m)
{
	int handed = 0;
	for (unsigned i = m->n; i-- > 0;) {
		if (drain(m, m->peers[i], &handed) >= 0)
			continue;
		log_message(LOG_ERROR, "mirror", "a proxy wrote what is no record; it is put off");
		m->gone.refused++;
		handed += farewell(m, i);
	}
	return handed;
}

int mirror_poll(struct mirror *m, unsigned wait_ms)
{
	uint64_t until = clock_ms() + wait_ms;
	int handed = look_at_sockets(m, 0) + look_at_rings(m) + look_at_bpf(m);
	while (handed == 0 && clock_ms() < until)
		handed = look_at_sockets(m, 1) + look_at_rings(m) + look_at_bpf(m);
	return handed;
}

/* --- what is known --- */

struct mirror_counts mirror_counts(const struct mirror *m)
{
	struct mirror_counts all = m->gone;
	struct mirror_join_counts joined = mirror_join_counts(m->join);
	for (unsigned i = 0; i < m->n; i++)
		add_counters(&all, m->peers[i]);
	all.captured -= min_u64(joined.lost_bytes, all.captured);
	all.lost += joined.lost_bytes;
	all.incomplete += joined.given_up;
	all.complete = joined.complete;
	all.proxies = m->n;
	return all;
}

/* The proxy that copies by itself is the one to be explained. */
enum mirror_tap mirror_tap(struct mirror *m, const char **why)
{
	const struct peer *first = NULL, *by_itself = NULL;
	unsigned n = 0, copies = 0;
	for (unsigned i = m->n; i-- > 0;) {
		const struct peer *p = m->peers[i];
		if (!p->n)
			continue;
		n++;
		first = p;
		copies += p->link < 0;
		by_itself = p->link < 0 ? p : by_itself;
	}
	*why = by_itself ? by_itself->why : first ? first->why : "no proxy is connected";
	if (copies > 0 && copies < n) {
		snprintf(m->said, sizeof(m->said), "%u of %u proxies copy by themselves: %.*s",
			 copies, n, MIRROR_WHY_BYTES - 1, *why);
		*why = m->said;
	}
	return !n ? MIRROR_TAP_NONE : copies ? MIRROR_TAP_USER : MIRROR_TAP_EBPF;
}

void mirror_pause(struct mirror *m, bool paused)
{
	bool changed = m->paused != paused;
	m->paused = paused;
	for (unsigned i = 0; i < m->n && changed; i++)
		if (m->peers[i]->n)
			(void)say_pause(m, m->peers[i]);
}
