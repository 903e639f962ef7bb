/*
 * What the programs of the benchmarks share: the clock, the way out, descriptors and signals.
 */
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static volatile sig_atomic_t harness_stopping;

static inline uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

_Noreturn static inline void die(const char *what)
{
	perror(what);
	exit(2);
}

static inline void harness_on_signal(int sig)
{
	(void)sig;
	harness_stopping = 1;
}

/* All the descriptors that are allowed, and an orderly end on TERM and INT. */
static inline void harness_init(void)
{
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	signal(SIGTERM, harness_on_signal);
	signal(SIGINT, harness_on_signal);
}

#endif
