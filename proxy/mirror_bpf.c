#include "proxy/mirror_bpf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/mirror_rights.h"

static bool need(struct mirror_need *n, const char *name, bool met, const char *text)
{
	*n = (struct mirror_need){ .name = name, .met = met };
	snprintf(n->text, sizeof(n->text), "%s", text);
	return met;
}

#ifdef REDCARD_BPF

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <tap.skel.h>

#include "bpf/tap.h"

struct mirror_bpf {
	struct tap_skeleton *tap;
	struct ring_buffer *ring;
	void (*take)(void *owner, uint64_t mark, uint64_t offset, struct span bytes);
	void *owner;
};

static int on_record(void *ctx, void *data, size_t n)
{
	struct mirror_bpf *b = ctx;
	struct tap_record r;
	if (n < sizeof(r))
		return 0;
	memcpy(&r, data, sizeof(r));
	if (r.length <= n - sizeof(r))
		b->take(b->owner, r.mark, r.offset,
			(struct span){ (const char *)data + sizeof(r), r.length });
	return 0;
}

/* What it has to say is in the error that it returns. */
static int say_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static struct mirror_bpf *load(size_t ring_bytes, int *error)
{
	struct mirror_bpf *b = calloc(1, sizeof(*b));
	*error = -ENOMEM;
	if (!b)
		return NULL;
	libbpf_set_print(say_nothing);
	b->tap = tap_skeleton__open();
	if (!b->tap) {
		*error = -errno;
		goto fail;
	}
	*error = bpf_map__set_max_entries(b->tap->maps.ring, (uint32_t)ring_bytes);
	if (!*error)
		*error = tap_skeleton__load(b->tap);
	if (*error)
		goto fail;
	b->ring = ring_buffer__new(bpf_map__fd(b->tap->maps.ring), on_record, b, NULL);
	if (b->ring)
		return b;
	*error = -errno;
fail:
	mirror_bpf_close(b);
	return NULL;
}

bool mirror_bpf_may(struct mirror_need *n)
{
	char root[MIRROR_CGROUP_BYTES];
	return need(n, "kernel", access("/sys/kernel/btf/vmlinux", R_OK) == 0,
		    "the kernel does not describe its types: there is no "
		    "/sys/kernel/btf/vmlinux") &&
	       need(n, "cgroup", mirror_cgroup_root(root) == 0,
		    "no cgroup file system of version 2 is mounted") &&
	       need(n, "rights", mirror_has_rights(),
		    "the replayer lacks CAP_BPF and CAP_NET_ADMIN; give it both, or start it as "
		    "root");
}

struct mirror_bpf *mirror_bpf_open(size_t ring_bytes, struct mirror_need *n)
{
	char text[120];
	int error;
	if (!mirror_bpf_may(n))
		return NULL;
	struct mirror_bpf *b = load(ring_bytes, &error);
	snprintf(text, sizeof(text), "the kernel refuses the program: %s", strerror(-error));
	(void)need(n, "program", b != NULL, b ? "the kernel takes the program" : text);
	return b;
}

void mirror_bpf_close(struct mirror_bpf *b)
{
	if (!b)
		return;
	ring_buffer__free(b->ring);
	tap_skeleton__destroy(b->tap);
	free(b);
}

int mirror_bpf_program(const struct mirror_bpf *b)
{
	return bpf_program__fd(b->tap->progs.tap_egress);
}

int mirror_bpf_slots(const struct mirror_bpf *b)
{
	return bpf_map__fd(b->tap->maps.slots);
}

int mirror_bpf_conns(const struct mirror_bpf *b)
{
	return bpf_map__fd(b->tap->maps.conns);
}

int mirror_bpf_poll(struct mirror_bpf *b,
		    void (*take)(void *owner, uint64_t mark, uint64_t offset, struct span bytes),
		    void *owner)
{
	b->take = take;
	b->owner = owner;
	return ring_buffer__consume(b->ring);
}

size_t mirror_bpf_check(struct mirror_need needs[MIRROR_NEEDS_MAX])
{
	char root[MIRROR_CGROUP_BYTES], text[200];
	size_t n = 0;
	struct mirror_need last;
	(void)need(&needs[n++], "built", true, "this redcard was built with the eBPF tap");
	if (access("/sys/kernel/btf/vmlinux", R_OK) == 0)
		(void)need(&needs[n++], "kernel", true, "the kernel describes its types");
	if (n == 2 && mirror_cgroup_root(root) == 0) {
		snprintf(text, sizeof(text),
			 "cgroups are at %.80s; the proxy must stand in one of its own", root);
		(void)need(&needs[n++], "cgroup", true, text);
	}
	if (n == 3 && mirror_has_rights())
		(void)need(&needs[n++], "rights", true, "CAP_BPF and CAP_NET_ADMIN are there");
	struct mirror_bpf *b = mirror_bpf_open(1 << 16, &last);
	mirror_bpf_close(b);
	needs[n++] = last;
	return n;
}

#else

bool mirror_bpf_may(struct mirror_need *n)
{
	return need(n, "built", false,
		    "this redcard was built without the eBPF taps, for want of clang, bpftool, "
		    "libbpf or the kernel's types");
}

struct mirror_bpf *mirror_bpf_open(size_t ring_bytes, struct mirror_need *n)
{
	(void)ring_bytes;
	(void)mirror_bpf_may(n);
	return NULL;
}

void mirror_bpf_close(struct mirror_bpf *b)
{
	(void)b;
}

int mirror_bpf_program(const struct mirror_bpf *b)
{
	(void)b;
	return -1;
}

int mirror_bpf_slots(const struct mirror_bpf *b)
{
	(void)b;
	return -1;
}

int mirror_bpf_conns(const struct mirror_bpf *b)
{
	(void)b;
	return -1;
}

int mirror_bpf_poll(struct mirror_bpf *b,
		    void (*take)(void *owner, uint64_t mark, uint64_t offset, struct span bytes),
		    void *owner)
{
	(void)b;
	(void)take;
	(void)owner;
	return 0;
}

size_t mirror_bpf_check(struct mirror_need needs[MIRROR_NEEDS_MAX])
{
	(void)mirror_bpf_open(0, &needs[0]);
	return 1;
}

#endif
