/*
 * Runs a program to its end: what goes in, what comes out, how long it may take. Blocks; any
 * thread, several at a time. SIGPIPE must be ignored. Children that the program leaves behind are
 * killed when it ends.
 */
#ifndef LIB_PROCESS_H
#define LIB_PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/buf.h"

struct process {
	const char *const *argv; /* ends with NULL; argv[0] is looked for in PATH */
	const char *const *env;  /* "NAME=value", ends with NULL; set over this process' own */
	struct span in;          /* standard input */
	size_t out_max;       /* bytes of each output that are kept; the rest is read and dropped */
	uint64_t deadline_ms; /* CLOCK_MONOTONIC; then it and its children are killed */
	const _Atomic bool *stop; /* the same at once when it becomes true; may be NULL */
};

enum process_end { PROCESS_EXITED, PROCESS_KILLED, PROCESS_TIMEOUT, PROCESS_STOPPED };

struct process_result {
	enum process_end end;
	int code; /* PROCESS_EXITED: its status; PROCESS_KILLED: the signal */
	bool cut; /* there was more output than is kept */
	struct buf out, err;
};

/* -errno when it cannot be started; then, too, process_result_fini() is owed. */
int process_run(const struct process *p, struct process_result *r) MUST_USE;
void process_result_fini(struct process_result *r);

#endif
