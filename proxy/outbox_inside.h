/* The outbox' inside, for its own files. */
#ifndef PROXY_OUTBOX_INSIDE_H
#define PROXY_OUTBOX_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "lib/fetch.h"
#include "lib/sha256.h"
#include "proxy/metric_table.h"
#include "proxy/outbox.h"

#define OUTBOX_OPEN_MOST 256
#define OUTBOX_OPEN_OF_TARGET 128 /* so that one target's flood leaves room for the others */
#define OUTBOX_COURIERS 4
#define OUTBOX_ATTEMPTS 20 /* of one target, bad revision and rule */
#define OUTBOX_RECENT 4096
#define OUTBOX_BYPASSES 32
#define OUTBOX_SAYS 512
#define OUTBOX_REVISION 128 /* bytes, with their NUL: here and below */
#define OUTBOX_RULE_BYTES 256
#define ROLLBACK_ID_BYTES 27

enum wish_state {
	WISH_WRITING, /* its row is on its way to the disk */
	WISH_KNOWN,   /* there was one like it: what became of that? */
	WISH_DUE,     /* PatchCtl is to be asked */
	WISH_ACCEPTED,
	WISH_ENDING, /* its last row is on its way */
	WISH_GONE
};

struct wish_phases { /* milliseconds; negative: not known */
	double detect, record, decide, act, verify, total;
	bool missed; /* the objective */
};

struct wish {
	struct wish *next;
	struct outbox *o;
	enum wish_state state;
	bool busy;     /* a courier has it */
	unsigned rows; /* on their way to the disk: it must stay */
	bool recorded; /* its first row is on disk */
	bool unsure;   /* PatchCtl may have accepted it and we have not heard */
	bool resumed;  /* from an earlier process */
	bool given_up; /* past its deadline PatchCtl knows nothing of it */
	bool plain;    /* without a deadline: PatchCtl allows none as long */
	unsigned attempt, tries;
	enum outbox_source source;
	char id[LEDGER_ID_LENGTH + 1]; /* of its first row; "": it has none */
	char key[SHA256_HEX];
	char target[ROLLBACK_TARGET_MAX + 1], bad[OUTBOX_REVISION], rule[OUTBOX_RULE_BYTES];
	char subject[LEDGER_SUBJECT_MAX + 1];
	char rollback[ROLLBACK_ID_BYTES]; /* PatchCtl's name of it */
	char restored[OUTBOX_REVISION];   /* by this revision; "": it is not verified */
	char says[OUTBOX_SAYS];           /* why the latest try was none, or what PatchCtl says */
	uint64_t seen_ms, deadline_ms;    /* CLOCK_REALTIME, as are these */
	uint64_t asked_us, recorded_us, accepted_us;
	uint64_t due_us, grace_us; /* CLOCK_MONOTONIC; resumed: so long its end is looked for */
};

struct bypass {
	char target[ROLLBACK_TARGET_MAX + 1]; /* "": all */
	char reason[201], by[65];
	uint64_t until_ms; /* CLOCK_REALTIME */
};

struct recent {               /* a rollback that PatchCtl has accepted */
	uint64_t target, bad; /* hashes */
	uint64_t time_ms;
};

struct outbox {
	struct ledger *ledger;
	pthread_mutex_t reading;
	struct ledger_store *reader; /* under `reading` */

	pthread_mutex_t lock; /* for all below */
	pthread_cond_t news;
	struct config *config;
	struct metrics_shard *metrics;
	struct wish *wishes;
	size_t n_wishes;
	struct recent recent[OUTBOX_RECENT];
	size_t n_recent; /* ever; the latest are kept */
	struct bypass bypasses[OUTBOX_BYPASSES];
	bool stopping;
	uint64_t stop_us;
	uint64_t ends[WISH_RESULT_COUNT]; /* in this process */

	pthread_t couriers[OUTBOX_COURIERS];
	unsigned n_couriers;
};

/* --- outbox.c; under the lock --- */

const struct bypass *outbox_bypass_of(const struct outbox *o, const char *target);
void outbox_count(struct outbox *o, enum wish_result result);
void outbox_forget(struct outbox *o, struct wish *w); /* frees it, or when its rows are done */
void outbox_be_due(struct outbox *o, struct wish *w); /* PatchCtl is asked */
/* Its first row is asked for, with the key of its attempt. */
void outbox_write_wish(struct outbox *o, struct wish *w);

/* --- outbox_limits.c; under the lock --- */

/* Why a rollback would be one too many, in *why; false: it is none. */
bool outbox_too_many(const struct outbox *o, const struct wish *w, char why[OUTBOX_SAYS]);
void outbox_note(struct outbox *o, const char *target, const char *bad, uint64_t time_ms);
/* It has ended before it had restored anything: whoever names revisions that cannot be taken back
 * must not use the quota up. */
void outbox_unnote(struct outbox *o, const char *target, const char *bad);

/* --- outbox_rows.c --- */

int outbox_key(const struct wish *w, char key[SHA256_HEX]) MUST_USE;
void outbox_add_wish(struct buf *out, const struct wish *w);
/* A later row: accepted, or an end. phases NULL: none. */
void outbox_put_row(struct outbox *o, struct wish *w, const char *phase,
		    const struct wish_phases *phases);
/* Before the couriers start: what is open in the ledger becomes wishes. */
int outbox_resume(struct outbox *o) MUST_USE;
/* After a start: cards that asked for a rollback, whose wish may have been lost with the process.
 * What is known is not asked for again. */
int outbox_ask_again(struct outbox *o) MUST_USE;
/* What became of the wish whose first row has that id: its phase, "" while it is open, and what it
 * was about. 1, 0: no such row, -errno. */
int outbox_look_up(struct outbox *o, const char *id, char phase[32],
		   char subject[LEDGER_SUBJECT_MAX + 1]) MUST_USE;

/* --- outbox_patchctl.c: one request; blocks --- */

enum told {
	TOLD_ROLLBACK, /* what is known of it */
	TOLD_LATER,    /* no answer, or none that counts: again */
	TOLD_NO,       /* never */
	TOLD_NONE      /* there is no such rollback */
};

struct told_rollback {
	enum told told;
	bool fresh;  /* this request has begun it */
	bool unsure; /* the request may have been heard */
	bool about_deadline;
	uint32_t after_ms;
	char id[ROLLBACK_ID_BYTES], phase[16], revision[OUTBOX_REVISION], says[OUTBOX_SAYS];
	uint64_t accepted_ms, acted_ms, ended_ms;
};

void outbox_tell(struct fetcher *f, const struct config_rollback *c, const struct wish *w,
		 struct told_rollback *out);
void outbox_poll(struct fetcher *f, const struct config_rollback *c, const struct wish *w,
		 struct told_rollback *out);
/* Whether PatchCtl has a rollback of it, though nobody has heard. */
void outbox_find(struct fetcher *f, const struct config_rollback *c, const struct wish *w,
		 struct told_rollback *out);

/* --- outbox_courier.c --- */

void *outbox_courier(void *outbox);
/* Under the lock: it has come to its end. */
void outbox_end(struct outbox *o, struct wish *w, enum wish_result how,
		const struct told_rollback *told);

#endif
