#include "proxy/attach_bpf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef REDCARD_BPF

#include <attach.skel.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define RECORDS_AT_ONCE 4096 /* then others have their turn */

struct attach_bpf {
	struct attach_skeleton *programs;
	struct bpf_link *links[ATTACH_DIRECTION_COUNT];
	struct ring_buffer *ring;
	void (*take)(void *owner, const struct attach_record *r, struct span bytes);
	void *owner;
	int taken;
};

static int on_record(void *ctx, void *data, size_t n)
{
	struct attach_bpf *b = ctx;
	struct attach_record r;
	if (n < sizeof(r))
		return 0;
	memcpy(&r, data, sizeof(r));
	if (r.length <= n - sizeof(r))
		b->take(b->owner, &r, (struct span){ (const char *)data + sizeof(r), r.length });
	return ++b->taken < RECORDS_AT_ONCE ? 0 : -EAGAIN;
}

static int load(struct attach_bpf *b, uint16_t port, size_t ring_bytes)
{
	libbpf_set_print(NULL); /* what it has to say is in the error that it returns */
	b->programs = attach_skeleton__open();
	if (!b->programs)
		return -errno;
	b->programs->rodata->port = port;
	int error = bpf_map__set_max_entries(b->programs->maps.ring, (uint32_t)ring_bytes);
	if (!error)
		error = attach_skeleton__load(b->programs);
	if (error)
		return error;
	b->ring = ring_buffer__new(bpf_map__fd(b->programs->maps.ring), on_record, b, NULL);
	return b->ring ? 0 : -errno;
}

static int attach(struct attach_bpf *b, int cgroup)
{
	struct bpf_program *const programs[] = { b->programs->progs.attach_ingress,
						 b->programs->progs.attach_egress };
	for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
		b->links[i] = bpf_program__attach_cgroup(programs[i], cgroup);
		if (!b->links[i])
			return -errno;
	}
	return 0;
}

struct attach_bpf *attach_bpf_open(int cgroup, uint16_t port, size_t ring_bytes,
				   struct mirror_need *need)
{
	if (!mirror_bpf_may(need))
		return NULL;
	struct attach_bpf *b = calloc(1, sizeof(*b));
	const char *what = "loaded";
	int error = b ? load(b, port, ring_bytes) : -ENOMEM;
	if (!error && cgroup >= 0) {
		what = "attached";
		error = attach(b, cgroup);
	}
	need->name = "programs";
	need->met = !error;
	if (!error) {
		snprintf(need->text, sizeof(need->text), "the kernel takes the programs");
		return b;
	}
	snprintf(need->text, sizeof(need->text), "the programs cannot be %s: %s", what,
		 strerror(-error));
	attach_bpf_close(b);
	return NULL;
}

void attach_bpf_close(struct attach_bpf *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < ARRAY_LEN(b->links); i++)
		bpf_link__destroy(b->links[i]);
	ring_buffer__free(b->ring);
	attach_skeleton__destroy(b->programs);
	free(b);
}

int attach_bpf_poll(struct attach_bpf *b,
		    void (*take)(void *owner, const struct attach_record *r, struct span bytes),
		    void *owner)
{
	b->take = take;
	b->owner = owner;
	b->taken = 0;
	int error = ring_buffer__consume(b->ring);
	return error < 0 && error != -EAGAIN ? error : b->taken;
}

void attach_bpf_counts(const struct attach_bpf *b,
		       struct attach_counts counts[ATTACH_DIRECTION_COUNT])
{
	const volatile struct attach_counts *now = b->programs->bss->counts;
	for (size_t i = 0; i < ATTACH_DIRECTION_COUNT; i++)
		counts[i] = now[i];
}

#else

struct attach_bpf *attach_bpf_open(int cgroup, uint16_t port, size_t ring_bytes,
				   struct mirror_need *need)
{
	(void)cgroup;
	(void)port;
	(void)ring_bytes;
	CHECK(!mirror_bpf_may(need)); /* it was not built either */
	return NULL;
}

void attach_bpf_close(struct attach_bpf *b)
{
	(void)b;
}

int attach_bpf_poll(struct attach_bpf *b,
		    void (*take)(void *owner, const struct attach_record *r, struct span bytes),
		    void *owner)
{
	(void)b;
	(void)take;
	(void)owner;
	return 0;
}

void attach_bpf_counts(const struct attach_bpf *b,
		       struct attach_counts counts[ATTACH_DIRECTION_COUNT])
{
	(void)b;
	memset(counts, 0, ATTACH_DIRECTION_COUNT * sizeof(*counts));
}

#endif
