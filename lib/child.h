/*
 * A program that runs beside this one, in a process group of its own. It is killed by the kernel
 * when the thread that started it ends, however that happens. Whoever starts one waits for it here.
 */
#ifndef LIB_CHILD_H
#define LIB_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base.h"

struct child {
	pid_t pid;      /* 0: none; also the number of its group */
	bool by_signal; /* how it ended, by child_ended() */
	int code;
};

/* Output goes where this process' goes; it has no input. A program that does not exist ends with
 * 127. -errno. */
int child_start(const char *const *argv, struct child *out) MUST_USE;

/* Whether the program has ended; it is still to be buried. */
bool child_ended(struct child *c) MUST_USE;

/* One that has ended: what it left behind in its group is killed. True: all of that is gone too,
 * and the child is none any more. */
bool child_reap(struct child *c) MUST_USE;

/* TERM, and after the grace KILL, to all of the group. True: all of it is gone; false: it was not
 * within two seconds of the KILL. */
bool child_kill(struct child *c, uint32_t grace_ms) MUST_USE;

/* The memory of a process that is in RAM. False: there is none such. */
bool child_memory(pid_t pid, uint64_t *bytes) MUST_USE;

#endif
