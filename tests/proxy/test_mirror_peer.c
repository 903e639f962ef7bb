/* The replayer's end of the mirror against a proxy that this test plays, well or badly. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/shm_ring.h"
#include "proxy/config_mirror.h"
#include "proxy/mirror_record.h"

#define SMALL 1500 /* parts; more than are taken of a ring at once */

static unsigned requests;
static char folder[64], path[96];
static struct config_mirror mirror_config = { .ring_bytes = 1u << 20,
					      .answer_most = 1u << 20,
					      .tap = MIRROR_USER };
static struct config config;
static struct mirror *mirror;

static void on_request(void *owner, const struct mirror_request *r)
{
	(void)owner;
	(void)r;
	requests++;
}

static void on_answer(void *owner, const struct mirror_answer *a)
{
	(void)owner;
	(void)a;
}

static void on_loss(void *owner, const struct mirror_loss *l)
{
	(void)owner;
	(void)l;
}

static void setup(void)
{
	const struct mirror_sink sink = { on_request, on_answer, on_loss, NULL };
	struct buf errors = { 0 };
	snprintf(folder, sizeof(folder), "/tmp/redcard-unit-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/m.sock", folder);
	mirror_config.socket = path;
	config.mirror = &mirror_config;
	requests = 0;
	cr_assert_eq(mirror_open(&config, &sink, &mirror, &errors), 0);
	buf_fini(&errors);
}

static void teardown(void)
{
	mirror_close(mirror);
	unlink(path);
	rmdir(folder);
}

TestSuite(mirror_peer, .init = setup, .fini = teardown);

static void take_turns(void)
{
	for (int i = 0; i < 5; i++)
		cr_assert_geq(mirror_poll(mirror, 2), 0);
}

static int dial(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	take_turns();
	return fd;
}

static int say_hello(int fd)
{
	const struct mirror_message hello = {
		.magic = MIRROR_MAGIC, .version = MIRROR_VERSION, .word = MIRROR_HELLO, .n = 1
	};
	struct mirror_message answer;
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &answer, sizeof(answer) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	int ring = -1;
	cr_assert_eq(send(fd, &hello, sizeof(hello), 0), (ssize_t)sizeof(hello));
	take_turns();
	cr_assert_eq(recvmsg(fd, &msg, MSG_DONTWAIT), (ssize_t)sizeof(answer));
	cr_assert_eq(answer.word, MIRROR_RING);
	memcpy(&ring, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(ring));
	return ring;
}

static struct shm_ring *ring_of(int fd)
{
	struct shm_ring *ring;
	int passed = say_hello(fd);
	cr_assert_eq(shm_ring_join(passed, &ring), 0);
	close(passed);
	return ring;
}

static void put(struct shm_ring *ring, unsigned n, uint32_t flags, uint64_t offset)
{
	struct mirror_record r = {
		.kind = MIRROR_PART, .flags = flags, .offset = offset, .total = offset + 4
	};
	char id[MIRROR_ID + 8];
	snprintf(id, sizeof(id), "%026u", n);
	memcpy(r.id, id, MIRROR_ID);
	const struct span parts[] = { { (const char *)&r, sizeof(r) }, SPAN("four") };
	cr_assert(shm_ring_put(ring, parts, 2));
}

Test(mirror_peer, what_a_proxy_wrote_before_it_went_is_handed_out)
{
	int fd = dial();
	struct shm_ring *ring = ring_of(fd);
	for (unsigned i = 0; i < SMALL; i++)
		put(ring, 1, i ? 0 : MIRROR_BEGIN, 4 * (uint64_t)i);
	put(ring, 2, MIRROR_BEGIN | MIRROR_END, 0);
	close(fd); /* before it was read */
	shm_ring_free(ring);
	take_turns();
	cr_assert_eq(requests, 1u);
	cr_assert_eq(mirror_counts(mirror).complete, 1u);
}

Test(mirror_peer, what_is_no_hello_is_refused)
{
	struct mirror_message m = { .magic = MIRROR_MAGIC, .version = MIRROR_VERSION };
	for (unsigned i = 0; i < 5; i++) {
		int fd = dial();
		m.word = i == 0 ? MIRROR_PAUSE : MIRROR_HELLO;
		m.n = i == 1 ? 0 : i == 2 ? MIRROR_WORKERS_MAX + 1 : 1;
		m.version = i == 3 ? MIRROR_VERSION + 1 : MIRROR_VERSION;
		size_t n = i == 4 ? sizeof(m) - 1 : sizeof(m);
		cr_assert_eq(send(fd, &m, n, 0), (ssize_t)n);
		take_turns();
		cr_assert_eq(mirror_counts(mirror).refused, i + 1);
		cr_assert_eq(mirror_counts(mirror).proxies, 0u);
		close(fd);
	}
	int fd = dial(); /* twice */
	close(say_hello(fd));
	m = (struct mirror_message){
		.magic = MIRROR_MAGIC, .version = MIRROR_VERSION, .word = MIRROR_HELLO, .n = 1
	};
	cr_assert_eq(send(fd, &m, sizeof(m), 0), (ssize_t)sizeof(m));
	take_turns();
	cr_assert_eq(mirror_counts(mirror).refused, 6u);
	close(fd);
}
