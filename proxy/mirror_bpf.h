/*
 * The eBPF tap's end in user space, and libbpf's one door. The program in bpf/tap.bpf.c sees what
 * leaves a cgroup and copies the marked ranges of the proxy's connections into a ring; bpf/tap.h
 * says how. Where it was not built every call says so.
 */
#ifndef PROXY_MIRROR_BPF_H
#define PROXY_MIRROR_BPF_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/buf.h"

struct mirror_bpf;

/* One thing that the tap needs of this machine: whether it is there, and a line for people. */
struct mirror_need {
	const char *name;
	bool met;
	char text[200];
};

#define MIRROR_NEEDS_MAX 8

/* What the eBPF tap needs, in the order in which it is needed; after one that is not met there are
 * no more. How many. Loads the program and lets it go again. */
size_t mirror_bpf_check(struct mirror_need needs[MIRROR_NEEDS_MAX]);

/* Whether programs may be loaded, as far as one can tell before; need says what is missing. */
bool mirror_bpf_may(struct mirror_need *need);
/* Loads it. NULL: need says why not. */
struct mirror_bpf *mirror_bpf_open(size_t ring_bytes, struct mirror_need *need);
void mirror_bpf_close(struct mirror_bpf *b); /* NULL is fine */

int mirror_bpf_program(const struct mirror_bpf *b); /* descriptors; they stay b's */
int mirror_bpf_slots(const struct mirror_bpf *b);
int mirror_bpf_conns(const struct mirror_bpf *b);

/* Takes what the ring has: bytes of a marked request each time, valid until take() returns. */
int mirror_bpf_poll(struct mirror_bpf *b,
		    void (*take)(void *owner, uint64_t mark, uint64_t offset, struct span bytes),
		    void *owner) MUST_USE;

#endif
