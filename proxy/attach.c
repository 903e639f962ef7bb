#include "proxy/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "proxy/attach_bpf.h"
#include "proxy/config.h"
#include "proxy/config_mirror.h"
#include "proxy/mirror_rights.h"
#include "proxy/units.h"

#define MOST_BYTES (256u << 20) /* of all connections that are open */
#define TICK_NS 100000000u
#define WHY_BYTES 512

struct attach {
	struct attach_bpf *bpf;
	struct wiretap *wiretap;
	char *cgroup;
	unsigned port;
	uint64_t ticked_ns;
	struct buf why;
};

/* --- what is asked for --- */

static int read_port(const char *text, unsigned *port, struct buf *errors)
{
	uint64_t n = 0;
	if (units_count(span_of(text), &n) != 0 || n < 1 || n > 65535) {
		buf_printf(errors,
			   "--port %.32s is no port; write the one that the service listens on, "
			   "from 1 to 65535\n",
			   text);
		return -EINVAL;
	}
	*port = (unsigned)n;
	return 0;
}

/* The folder of the cgroup, open; -errno. */
static int open_cgroup(const char *name, char **path, struct buf *errors)
{
	char root[MIRROR_CGROUP_BYTES];
	struct statfs fs;
	int error = mirror_cgroup_root(root);
	if (error) {
		buf_printf(errors, "--attach: no cgroup file system of version 2 is mounted; mount "
				   "one with: mount -t cgroup2 none /sys/fs/cgroup/unified\n");
		return error;
	}
	if (name[0] == '/' ? !(*path = strdup(name)) : asprintf(path, "%s/%s", root, name) < 0) {
		*path = NULL;
		return -ENOMEM;
	}
	int fd = open(*path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		error = -errno;
		buf_printf(errors,
			   "--attach %s: there is no cgroup %s (%s); name one that is in %s\n",
			   name, *path, strerror(-error), root);
		return error;
	}
	if (fstatfs(fd, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
		return fd;
	close(fd);
	buf_printf(errors, "--attach %s: %s is no cgroup of version 2; name one that is in %s\n",
		   name, *path, root);
	return -EINVAL;
}

/* --- life --- */

static int load(struct attach *a, int cgroup, size_t ring_bytes, struct buf *errors)
{
	struct mirror_need need;
	a->bpf = attach_bpf_open(cgroup, (uint16_t)a->port, ring_bytes, &need);
	if (a->bpf)
		return 0;
	buf_printf(errors, "--attach: %s; `redcard shadow check` says more\n", need.text);
	return -ENOTSUP;
}

static int begin(struct attach *a, struct config *config, const struct mirror_sink *sink)
{
	uint64_t random[2] = { 0 };
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	random[0] |= !random[1];
	int64_t ahead_us = (int64_t)clock_real_us() - (int64_t)clock_us();
	a->wiretap = wiretap_new(config, sink, random, ahead_us, MOST_BYTES);
	return a->wiretap ? 0 : -ENOMEM;
}

int attach_open(struct config *config, const struct attach_to *to, const struct mirror_sink *sink,
		struct attach **out, struct buf *errors)
{
	struct attach *a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	int error = read_port(to->port, &a->port, errors);
	int cgroup = error ? error : open_cgroup(to->cgroup, &a->cgroup, errors);
	if (cgroup < 0)
		error = cgroup;
	if (!error)
		error = begin(a, config, sink);
	if (!error)
		error = load(a, cgroup, config->mirror->ring_bytes, errors);
	if (cgroup >= 0)
		close(cgroup);
	mirror_drop_rights();
	if (error)
		attach_close(a);
	else
		*out = a;
	return error;
}

void attach_close(struct attach *a)
{
	if (!a)
		return;
	attach_bpf_close(a->bpf);
	wiretap_free(a->wiretap);
	buf_fini(&a->why);
	free(a->cgroup);
	free(a);
}

/* --- work --- */

_Static_assert(WIRETAP_FIN == ATTACH_FIN && WIRETAP_SYN == ATTACH_SYN &&
		       WIRETAP_RST == ATTACH_RST && WIRETAP_ACK == ATTACH_ACK,
	       "flags are taken as they are");

static void take(void *owner, const struct attach_record *r, struct span bytes)
{
	struct attach *a = owner;
	struct wiretap_packet p = { .answers = r->direction == ATTACH_ANSWERS,
				    .key.peer_port = r->peer_port,
				    .flags = r->flags,
				    .sequence = r->sequence,
				    .acknowledged = r->acknowledged,
				    .time_ns = r->time_ns,
				    .bytes = bytes };
	memcpy(p.key.peer, r->peer, sizeof(p.key.peer));
	memcpy(p.key.local, r->local, sizeof(p.key.local));
	wiretap_take(a->wiretap, &p);
}

static int look(struct attach *a)
{
	uint64_t now = clock_ns();
	int n = attach_bpf_poll(a->bpf, take, a);
	if (now - a->ticked_ns >= TICK_NS) {
		wiretap_tick(a->wiretap, now);
		a->ticked_ns = now;
	}
	return n;
}

int attach_poll(struct attach *a, unsigned wait_ms)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	uint64_t until = clock_ns() + wait_ms * UINT64_C(1000000);
	int n = look(a);
	while (n == 0 && clock_ns() < until) {
		nanosleep(&pause, NULL);
		n = look(a);
	}
	return n;
}

void attach_use(struct attach *a, struct config *config)
{
	wiretap_use(a->wiretap, config);
}

void attach_pause(struct attach *a, bool paused)
{
	wiretap_pause(a->wiretap, paused);
}

/* --- what is known --- */

void attach_view(const struct attach *a, struct attach_view *out)
{
	out->counts = wiretap_counts(a->wiretap);
	attach_bpf_counts(a->bpf, out->ring);
}

void attach_put(struct buf *out, const struct attach_view *v)
{
	static const char *const names[ATTACH_DIRECTION_COUNT] = { "requests", "answers" };
	const struct wiretap_counts *n = &v->counts;
	buf_printf(out,
		   "{\"open\":%llu,\"seen\":%llu,\"unseen\":%llu,\"pushed_out\":%llu,"
		   "\"unrouted\":%llu,\"limited\":%llu,\"without_answers\":%llu,"
		   "\"not_followed\":{",
		   (unsigned long long)n->open, (unsigned long long)n->seen,
		   (unsigned long long)n->unseen, (unsigned long long)n->pushed,
		   (unsigned long long)n->flows.unrouted, (unsigned long long)n->flows.limited,
		   (unsigned long long)n->flows.unanswered);
	for (size_t i = FLOW_GOES_ON + 1; i < FLOW_CLOSED; i++)
		buf_printf(out, "%s\"%s\":%llu", i > 1 ? "," : "", flow_end_names[i],
			   (unsigned long long)n->flows.ends[i]);
	buf_add_text(out, "},\"ring\":{");
	for (size_t i = 0; i < ATTACH_DIRECTION_COUNT; i++)
		buf_printf(out,
			   "%s\"%s\":{\"copied_bytes\":%llu,\"lost_bytes\":%llu,"
			   "\"lost_signals\":%llu,\"missing_bytes\":%llu}",
			   i ? "," : "", names[i], (unsigned long long)v->ring[i].copied_bytes,
			   (unsigned long long)v->ring[i].lost_bytes,
			   (unsigned long long)v->ring[i].lost_signals,
			   (unsigned long long)n->missing_bytes[i]);
	buf_add_text(out, "}}");
}

static void put_reason(struct buf *out, uint64_t n, const char *what, bool *first)
{
	if (n)
		buf_printf(out, "%s%llu %s", *first ? "; not followed: " : ", ",
			   (unsigned long long)n, what);
	*first = *first && !n;
}

const char *attach_why(struct attach *a)
{
	static const char *const what[FLOW_END_COUNT] = {
		[FLOW_TLS] = "with TLS",
		[FLOW_HTTP2] = "with HTTP/2",
		[FLOW_MALFORMED] = "with what is no HTTP/1",
		[FLOW_HOLE] = "after bytes that were lost",
		[FLOW_UPGRADED] = "after an upgrade",
		[FLOW_FULL] = "for want of room",
	};
	struct wiretap_counts n = wiretap_counts(a->wiretap);
	bool first = true;
	buf_clear(&a->why);
	buf_printf(&a->why, "the programs watch port %u of %s", a->port, a->cgroup);
	put_reason(&a->why, n.unseen, "older than the tap", &first);
	for (size_t i = 0; i < FLOW_END_COUNT; i++)
		if (what[i])
			put_reason(&a->why, n.flows.ends[i], what[i], &first);
	if (n.flows.unanswered)
		buf_printf(&a->why, "; %llu only in their requests",
			   (unsigned long long)n.flows.unanswered);
	buf_add_char(&a->why, '\0');
	return a->why.failed ? "" : a->why.p;
}
