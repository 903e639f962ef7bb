/*
 * The eBPF programs of `redcard shadow run --attach`, from user space: bpf/attach.bpf.c sees the
 * packets of one port of a cgroup's sockets and copies them into a ring; bpf/attach.h says how.
 * Where they were not built every call says so.
 */
#ifndef PROXY_ATTACH_BPF_H
#define PROXY_ATTACH_BPF_H

#include "bpf/attach.h"
#include "proxy/mirror_bpf.h"

struct attach_bpf;

/* Loads the programs and attaches them to a cgroup (its folder, open; -1: it only loads them), with
 * links that go with the process. NULL: need says why not. */
struct attach_bpf *attach_bpf_open(int cgroup, uint16_t port, size_t ring_bytes,
				   struct mirror_need *need);
void attach_bpf_close(struct attach_bpf *b); /* NULL is fine */

/* Takes what the ring has, in its order, but not for ever. How many records, or -errno. */
int attach_bpf_poll(struct attach_bpf *b,
		    void (*take)(void *owner, const struct attach_record *r, struct span bytes),
		    void *owner) MUST_USE;
void attach_bpf_counts(const struct attach_bpf *b,
		       struct attach_counts counts[ATTACH_DIRECTION_COUNT]);

#endif
