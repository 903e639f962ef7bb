/* The inside of the keeper, and its hands: what is done to a shadow, as a process of our own or by
 * commands. */
#ifndef PROXY_KEEPER_CORE_H
#define PROXY_KEEPER_CORE_H

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

#include "lib/child.h"
#include "proxy/keeper.h"
#include "proxy/ledger.h"

#define KEEPER_SAID 128

struct keeper {
	struct keeper_options options;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under the lock: */
	struct guardian guardian;
	struct guardian_finding finding;
	enum guardian_state state; /* only the thread writes it */
	uint64_t since_ms;         /* what was sent before is not this shadow's */
	bool ends, anew;
	char shown[KEEPER_SAID];
	pid_t shown_pid;
	/* The thread's: */
	struct child child;
	char said[KEEPER_SAID];
	uint64_t started_ms, start_ms, warm_ms;
	uint32_t backoff_ms;
	bool warm, killed;
	bool seen;         /* it was there once */
	bool dying;        /* it was there, and was told to end */
	_Atomic bool stop; /* commands are given up */
};

enum keeper_life { KEEPER_ALIVE, KEEPER_DEAD, KEEPER_UNKNOWN };
enum keeper_killed { KEEPER_GONE, KEEPER_WAS_GONE, KEEPER_STAYS, KEEPER_NOTHING };

/* Each says in k->said what it came to. */
bool keeper_start(struct keeper *k);
enum keeper_life keeper_look(struct keeper *k);
enum keeper_killed keeper_kill(struct keeper *k);
bool keeper_memory(struct keeper *k, uint64_t *bytes);

#endif
