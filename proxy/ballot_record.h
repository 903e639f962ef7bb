/* A ballot's inside, for its own files, and what is written down of it. */
#ifndef PROXY_BALLOT_RECORD_H
#define PROXY_BALLOT_RECORD_H

#include <stdatomic.h>

#include "proxy/ballot.h"
#include "proxy/card.h"
#include "proxy/config_rollback.h"
#include "proxy/exchange.h"

struct seat {
	struct voter *voter; /* NULL: nobody came yet, or it left */
	bool taken, ended;
	enum quorum_ending how;
	enum compare_reason reason; /* why it is refused where others are admitted */
	char exchange[EXCHANGE_ID_LENGTH + 1];
	char target[ROLLBACK_TARGET_MAX + 1]; /* "": what it changes cannot be taken back */
	struct card_change change;            /* as far as it is known */
};

struct ballot {
	pthread_mutex_t lock;
	_Atomic unsigned refs; /* the home's, and one for each voter */
	char id[EXCHANGE_ID_LENGTH + 1];
	char spec[BALLOT_SPEC_BYTES + 1]; /* "": fan-out */
	struct runtime *rt;
	const struct config_quorum *config;
	struct quorum *quorum; /* NULL: settled */
	struct seat seats[QUORUM_BUILDERS_MAX];
	bool settled;
	bool retired; /* the home knows it no longer */
	enum ballot_word word;
	unsigned admitted; /* the seats that BALLOT_ADMIT is for, a bit each */
	enum compare_reason reason;
	uint64_t began_ms;
	struct worker *home;
	unsigned asks; /* builders that would agree if the auditor agreed; 0: nobody is asked */
	size_t asked;  /* pairs before this one need no more asking */
	struct audit *audit; /* the running one; at home */
	struct timer timeout;
	struct ballot *next_home, *prev_home; /* the home's list */
	struct ballot *next;                  /* by spec */
};

/* ballot_audit.c: under its lock, at home: asks the auditor about the next pair that keeps `asks`
 * from agreeing; when there is none, or the answer was no, gives the word. */
void ballot_ask(struct ballot *b);
void ballot_stop_asking(struct ballot *b);

/* Under its lock. */
void ballot_give_word(struct ballot *b, enum ballot_word word, struct worker *self);
/* Under its lock, at home: its time is over, and so is the asking. */
bool ballot_is_over(const struct ballot *b);
/* At home, where nothing is to come any more. */
void ballot_retire(struct ballot *b);
void ballot_unref(struct ballot *b);

/* Under its lock, once: it was refused, and the builders' changes are taken back where the quorum
 * says so. */
void ballot_card(const struct ballot *b, struct worker *self);

/* Under its lock, once: metrics, and a row for the verdict and for each vote. */
void ballot_record(const struct ballot *b, const struct quorum_verdict *v, struct worker *self);

#endif
