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

#endif
