/*
 * Inside trigger.c: what is looked for, and what is done where it is found.
 */
#ifndef POLICY_TRIGGER_STATE_H
#define POLICY_TRIGGER_STATE_H

#include "policy/head_table.h"
#include "policy/tail.h"
#include "policy/trigger.h"
#include "policy/trigger_split.h"

#define TRIGGER_NONE UINT32_MAX

/* What is done where a head ends. */
struct trigger {
	const struct trigger_front_part *front; /* what must stand before; NULL: nothing */
	const struct tail *tail;                /* NULL: the lead-in ends there */
	uint32_t users, n_users;                /* the first of `users`, and how many follow it */
	uint32_t next;                          /* while it is built: another one of this head */
	uint32_t goes_on[8]; /* the bytes behind the head with which something may come of it, */
	uint32_t begins[8];  /* and those with which the body of some user begins */
};

/* Of a row, what the matcher does not look for. */
struct trigger_front_part {
	uint32_t row;    /* bytes of the row, up to the head's end */
	uint32_t before; /* of these, the first so many are in: */
	enum trigger_front front;
	uint32_t in[][8];
};

struct user {
	const struct head *body;
	uint32_t pattern;
	uint32_t next; /* while it is built: another one of this trigger */
};

struct sought { /* the bytes of a head, for a table of them; heap */
	uint32_t (*in)[8];
	uint32_t n;
};

struct known_tail {
	char *text;
	struct tail *tail; /* NULL: it is no table */
};

struct triggers {
	struct multimatch_pattern *heads;
	uint32_t *first; /* trigger of each head; they follow one another, up to the next head's */
	struct sought *sought; /* n 0: only the matcher knows that head */
	struct head_table *table;
	struct trigger *v;
	struct user *users;
	struct known_tail *tails;
	struct trigger_front_part **fronts;
	uint32_t n_heads, n, n_users, n_tails, n_fronts;
	uint32_t cap;      /* of each of the above */
	uint32_t patterns; /* at most so many are added */
	bool whole;        /* some are the matcher's alone, and may end a byte late, at an edge */
};

#endif
