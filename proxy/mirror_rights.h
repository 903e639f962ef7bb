/*
 * The rights that the eBPF tap needs, and who keeps them. The replayer forks a helper that does
 * nothing but attach the program to cgroups, then gives its own rights up. What the helper attaches
 * belongs to the replayer, and is gone with it; so is the helper.
 */
#ifndef PROXY_MIRROR_RIGHTS_H
#define PROXY_MIRROR_RIGHTS_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base.h"

#define MIRROR_CGROUP_BYTES 4096

struct mirror_helper {
	pid_t pid;
	int fd; /* -1: there is none */
};

/* program: the descriptor of what it attaches. Before any thread is started. -errno. */
int mirror_helper_start(struct mirror_helper *h, int program) MUST_USE;
/* The descriptor of the link, or -errno. */
int mirror_helper_attach(struct mirror_helper *h, const char *cgroup) MUST_USE;
void mirror_helper_stop(struct mirror_helper *h);

bool mirror_has_rights(void);
/* Gives up what the eBPF tap needs and whatever contains it, for this thread and those it starts.
 */
void mirror_drop_rights(void);

/* The folder under which cgroups of version 2 are. -ENOENT. */
int mirror_cgroup_root(char path[MIRROR_CGROUP_BYTES]) MUST_USE;
/* The folder of a process's cgroup. -ENOENT; -EXDEV: it has none of its own. */
int mirror_cgroup_of(pid_t pid, char path[MIRROR_CGROUP_BYTES]) MUST_USE;

#endif
