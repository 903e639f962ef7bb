#include "lib/ring.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/clock.h"

#define BATCH 256
#define MIN_WAIT_US 100
#define BUSY_PER_MS 40 /* completions; about twenty events that came and went */
#define BUSY_EXTRA 3
#define STOCK_SHIFT 12 /* a buffer's number: its stock, then its place there */

struct completion { /* a cqe ends in a flexible array, so what is needed of it is copied */
	struct op *op;
	int result;
	unsigned flags;
};

struct stock {
	struct io_uring_buf_ring *group;
	char *memory;
	size_t memory_bytes;
	unsigned buffers, buffer_bytes, stride;
	unsigned free;
};

struct ring {
	struct io_uring uring;
	struct stock stocks[RING_STOCKS];
	unsigned sends; /* armed since the last wait */
	unsigned count; /* completions since count_from */
	uint64_t count_from;
	bool busy;
	bool has_min_wait; /* the kernel can wait for several completions within a limit */
	int *free_slots;   /* of the descriptor table, as a stack */
	unsigned n_free_slots;
};

const char *ring_refusal(int error)
{
	switch (-error) {
	case ENOSYS:
		return "this kernel has no io_uring; run Linux 6.1 or newer, or a container runtime whose seccomp "
		       "profile allows io_uring_setup, io_uring_enter and io_uring_register";
	case EPERM:
	case EACCES:
		return "io_uring is forbidden here; set sysctl kernel.io_uring_disabled=0, or allow io_uring_setup, "
		       "io_uring_enter and io_uring_register in the sandbox's seccomp profile";
	case EINVAL:
		return "this kernel's io_uring is too old (single issuer with deferred task work is needed); run "
		       "Linux 6.1 or newer";
	case ENOMEM:
		return "not enough memory for io_uring; raise the memory limit (or `ulimit -l` on kernels before 5.12)";
	default: return strerror(-error);
	}
}

static int provide_buffers(struct ring *r, unsigned number, unsigned buffers, unsigned bytes)
{
	struct stock *s = &r->stocks[number];
	int error = 0;
	CHECK(buffers <= 1u << STOCK_SHIFT);
	s->group = io_uring_setup_buf_ring(&r->uring, buffers, (int)number, 0, &error);
	if (!s->group)
		return error;
	s->buffers = buffers;
	s->buffer_bytes = bytes;
	s->stride = bytes + RING_HEADROOM + RING_TAILROOM;
	s->memory_bytes = (size_t)s->stride * buffers;
	s->memory = mmap(NULL, s->memory_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	if (s->memory == MAP_FAILED) {
		s->memory = NULL;
		return -ENOMEM;
	}
	for (unsigned i = 0; i < buffers; i++)
		ring_buffer_return(r, number << STOCK_SHIFT | i);
	return 0;
}

/* Without a table every descriptor is used as it is: slower, not wrong. */
static void make_table(struct ring *r, unsigned files)
{
	int *slots = malloc(files * sizeof(*slots));
	if (!slots || io_uring_register_files_sparse(&r->uring, files) != 0) {
		free(slots);
		return;
	}
	for (unsigned i = 0; i < files; i++)
		slots[i] = (int)(files - 1 - i);
	r->free_slots = slots;
	r->n_free_slots = files;
}

struct ring_file ring_attach(struct ring *r, int fd)
{
	struct ring_file file = { .fd = fd, .slot = -1 };
	if (r->n_free_slots == 0)
		return file;
	int slot = r->free_slots[r->n_free_slots - 1];
	if (io_uring_register_files_update(&r->uring, (unsigned)slot, &fd, 1) != 1)
		return file;
	r->n_free_slots--;
	file.slot = slot;
	return file;
}

void ring_detach(struct ring *r, struct ring_file file)
{
	int none = -1;
	if (file.slot < 0)
		return;
	CHECK(io_uring_register_files_update(&r->uring, (unsigned)file.slot, &none, 1) == 1);
	r->free_slots[r->n_free_slots++] = file.slot;
}

int ring_open(const struct ring_options *options, struct ring **out)
{
	struct ring *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->uring.ring_fd = -1;
	struct io_uring_params params = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			 IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL,
		.cq_entries = options->entries * 4,
	};
	int error = io_uring_queue_init_params(options->entries, &r->uring, &params);
	if (error) {
		r->uring.ring_fd = -1;
		goto fail;
	}
	r->has_min_wait = (params.features & IORING_FEAT_MIN_TIMEOUT) != 0;
	(void)io_uring_register_ring_fd(
		&r->uring); /* saves a descriptor look-up per call where the kernel has it */
	if (options->files)
		make_table(r, options->files);
	for (unsigned i = 0; i < RING_STOCKS && !error; i++)
		error = provide_buffers(r, i, options->buffers[i], options->buffer_bytes[i]);
	if (error)
		goto fail;
	*out = r;
	return 0;
fail:
	ring_close(r);
	return error;
}

void ring_close(struct ring *r)
{
	if (!r)
		return;
	for (int i = 0; i < RING_STOCKS; i++)
		if (r->stocks[i].group)
			io_uring_free_buf_ring(&r->uring, r->stocks[i].group, r->stocks[i].buffers,
					       i);
	if (r->uring.ring_fd >= 0)
		io_uring_queue_exit(&r->uring);
	for (int i = 0; i < RING_STOCKS; i++)
		if (r->stocks[i].memory)
			munmap(r->stocks[i].memory, r->stocks[i].memory_bytes);
	free(r->free_slots);
	free(r);
}

static unsigned translate_flags(const struct io_uring_cqe *cqe)
{
	unsigned flags = 0;
	if (cqe->flags & IORING_CQE_F_MORE)
		flags |= RING_MORE;
	if (cqe->flags & IORING_CQE_F_BUFFER)
		flags |= RING_BUFFER | (cqe->flags >> IORING_CQE_BUFFER_SHIFT) << 16;
	return flags;
}

/* Copies up to BATCH completions and gives their slots back before anything is called. */
static unsigned take_batch(struct ring *r, struct completion *batch)
{
	struct io_uring_cqe *cqe;
	unsigned head, n = 0;
	io_uring_for_each_cqe(&r->uring, head, cqe)
	{
		batch[n++] = (struct completion){
			.op = io_uring_cqe_get_data(cqe),
			.result = cqe->res,
			.flags = translate_flags(cqe),
		};
		if (n == BATCH)
			break;
	}
	io_uring_cq_advance(&r->uring, n);
	return n;
}

static struct stock *stock_of(struct ring *r, unsigned buffer)
{
	CHECK(buffer >> STOCK_SHIFT < RING_STOCKS);
	return &r->stocks[buffer >> STOCK_SHIFT];
}

static void dispatch(struct ring *r, const struct completion *c)
{
	if (!c->op)
		return; /* a cancellation's own completion */
	if (c->flags & RING_BUFFER)
		stock_of(r, ring_flags_buffer(c->flags))->free--;
	CHECK(c->op->pending > 0);
	if (!(c->flags & RING_MORE))
		c->op->pending--;
	c->op->done(c->op, c->result, c->flags);
}

/* For how many completions to wait, within MIN_WAIT_US. A send usually completes while it is
 * submitted, and that alone is no reason to wake up. On a busy ring a few more come within that
 * time anyway, and one wake-up serves them all. */
static unsigned wait_for(struct ring *r, uint64_t now)
{
	unsigned sends = r->sends;
	r->sends = 0;
	if (now - r->count_from >= 1000000) {
		r->busy = now - r->count_from < 2000000 && r->count >= BUSY_PER_MS;
		r->count_from = now;
		r->count = 0;
	}
	return 1 + sends + (r->busy ? BUSY_EXTRA : 0);
}

static int submit_and_wait(struct ring *r, uint64_t deadline_ns)
{
	uint64_t now = deadline_ns ? clock_ns() : 0;
	if (deadline_ns <= now)
		return io_uring_submit_and_get_events(&r->uring);
	uint64_t left = deadline_ns - now;
	struct __kernel_timespec wait = {
		.tv_sec = (long long)(left / 1000000000u),
		.tv_nsec = (long long)(left % 1000000000u),
	};
	struct io_uring_cqe *cqe;
	unsigned least = wait_for(r, now);
	if (least > 1 && r->has_min_wait)
		return io_uring_submit_and_wait_min_timeout(&r->uring, &cqe, least, &wait,
							    MIN_WAIT_US, NULL);
	return io_uring_submit_and_wait_timeout(&r->uring, &cqe, 1, &wait, NULL);
}

int ring_wait(struct ring *r, uint64_t deadline_ns)
{
	int error = submit_and_wait(r, deadline_ns);
	bool passing = error == -ETIME || error == -EINTR || error == -EBUSY || error == -EAGAIN;
	return error < 0 && !passing ? error : 0;
}

unsigned ring_dispatch(struct ring *r)
{
	struct completion batch[BATCH];
	unsigned n = take_batch(r, batch);
	r->count += n;
	for (unsigned i = 0; i < n; i++)
		dispatch(r, &batch[i]);
	return n;
}

static struct io_uring_sqe *arm(struct ring *r, struct op *op)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&r->uring);
	while (!sqe) {
		int error = io_uring_submit(&r->uring);
		CHECK(error >= 0 || error == -EBUSY || error == -EAGAIN || error == -EINTR);
		sqe = io_uring_get_sqe(&r->uring);
	}
	if (op)
		op->pending++;
	return sqe;
}

static int name_of(struct ring_file file)
{
	return file.slot >= 0 ? file.slot : file.fd;
}

static void set_file(struct io_uring_sqe *sqe, struct ring_file file)
{
	if (file.slot >= 0)
		sqe->flags |= IOSQE_FIXED_FILE;
}

void ring_accept(struct ring *r, struct op *op, int fd)
{
	struct io_uring_sqe *sqe = arm(r, op);
	io_uring_prep_multishot_accept(sqe, fd, NULL, NULL, SOCK_CLOEXEC);
	io_uring_sqe_set_data(sqe, op);
}

void ring_recv(struct ring *r, struct op *op, struct ring_file file, enum ring_stock stock)
{
	struct io_uring_sqe *sqe = arm(r, op);
	io_uring_prep_recv_multishot(sqe, name_of(file), NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = (unsigned short)stock;
	set_file(sqe, file);
	io_uring_sqe_set_data(sqe, op);
}

void ring_send(struct ring *r, struct op *op, struct ring_file file, const void *p, size_t n)
{
	struct io_uring_sqe *sqe = arm(r, op);
	io_uring_prep_send(sqe, name_of(file), p, n, MSG_NOSIGNAL);
	set_file(sqe, file);
	io_uring_sqe_set_data(sqe, op);
	r->sends++;
}

void ring_sendv(struct ring *r, struct op *op, struct ring_file file, struct msghdr *msg)
{
	struct io_uring_sqe *sqe = arm(r, op);
	io_uring_prep_sendmsg(sqe, name_of(file), msg, MSG_NOSIGNAL);
	set_file(sqe, file);
	io_uring_sqe_set_data(sqe, op);
	r->sends++;
}

void ring_connect(struct ring *r, struct op *op, struct ring_file file, const struct sockaddr *addr,
		  socklen_t len)
{
	struct io_uring_sqe *sqe = arm(r, op);
	io_uring_prep_connect(sqe, name_of(file), addr, len);
	set_file(sqe, file);
	io_uring_sqe_set_data(sqe, op);
}

void ring_read(struct ring *r, struct op *op, int fd, void *p, size_t n)
{
	struct io_uring_sqe *sqe = arm(r, op);
	io_uring_prep_read(sqe, fd, p, (unsigned)n, 0);
	io_uring_sqe_set_data(sqe, op);
}

void ring_cancel(struct ring *r, struct op *op)
{
	if (op->pending == 0)
		return;
	struct io_uring_sqe *sqe = arm(r, NULL);
	io_uring_prep_cancel(sqe, op, IORING_ASYNC_CANCEL_ALL);
	io_uring_sqe_set_data(sqe, NULL);
}

static unsigned place_of(unsigned buffer)
{
	return buffer & ((1u << STOCK_SHIFT) - 1);
}

char *ring_buffer(struct ring *r, unsigned buffer)
{
	const struct stock *s = stock_of(r, buffer);
	CHECK(place_of(buffer) < s->buffers);
	return s->memory + (size_t)place_of(buffer) * s->stride + RING_HEADROOM;
}

size_t ring_buffer_bytes(const struct ring *r, unsigned buffer)
{
	return r->stocks[buffer >> STOCK_SHIFT].buffer_bytes;
}

void ring_buffer_return(struct ring *r, unsigned buffer)
{
	struct stock *s = stock_of(r, buffer);
	io_uring_buf_ring_add(s->group, ring_buffer(r, buffer), s->buffer_bytes,
			      (unsigned short)buffer, io_uring_buf_ring_mask(s->buffers), 0);
	io_uring_buf_ring_advance(s->group, 1);
	s->free++;
	CHECK(s->free <= s->buffers);
}

bool ring_buffer_spare(const struct ring *r, unsigned buffer)
{
	const struct stock *s = &r->stocks[buffer >> STOCK_SHIFT];
	return s->free > s->buffers / 2;
}
