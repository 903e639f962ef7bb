/* Inside the crew: its jobs and threads, for the files that it consists of. */
#ifndef PROXY_PATCHCTL_JOB_H
#define PROXY_PATCHCTL_JOB_H

#include <pthread.h>
#include <stdatomic.h>

#include "proxy/patchctl_crew.h"

struct job {
	struct job *next;
	char id[ROLLBACK_ID]; /* of the rollback, which belongs to who works on it */
	struct rollback r;
	struct config *config;              /* that the target is of */
	const struct driver_target *target; /* NULL: there is none of that name */
	_Atomic int gate;                   /* an enum driver_gate */
	uint64_t due_ms, deadline_ms;       /* CLOCK_MONOTONIC, like everything here */
	unsigned fails;                     /* in a row */
	bool running;
	void (*planned)(const struct crew_plan *plan, void *owner); /* NULL: a rollback */
	void *owner;
};

struct hand {
	struct crew *c;
	struct metrics_shard *metrics;
	pthread_t thread;
};

struct crew {
	struct patchctl_store *store;
	char *folder;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct job *jobs; /* in order of their arrival */
	size_t n_plans, n_rollbacks;
	struct hand *hands;
	size_t n_hands;
	struct metrics_shard *metrics; /* under the mutex */
	_Atomic bool stop;
};

uint64_t job_pause_ms(unsigned fails); /* before the next try */

void job_plan(struct crew *c, struct job *j);
/* One step of a rollback. False: once more, after a pause. */
bool job_step(struct hand *h, struct job *j);

#endif
