/*
 * What is wrong with a ledger: rows that were changed, taken out, put in, moved or cut off, and
 * checkpoints that are not the key's or do not fit.
 */
#ifndef PROXY_LEDGER_VERIFY_H
#define PROXY_LEDGER_VERIFY_H

#include "proxy/ledger_files.h"
#include "proxy/ledger_store.h"

#define LEDGER_FINDINGS_SHOWN 20

struct ledger_finding {
	uint64_t sequence; /* of the row that it is about; 0: of none */
	char what[200];
};

struct ledger_check {
	const struct ledger_keys *keys;
	struct ledger_checkpoints checkpoints; /* of both sources, by sequence */
	size_t at;                             /* the first of them that no row has passed */
	uint64_t first, last;                  /* rows; 0: none yet */
	uint64_t rows;
	uint64_t sealed; /* the last row with a good checkpoint */
	char hash[SHA256_HEX];
	bool from_anywhere; /* the first row need not be number 1 */
	uint64_t first_bad; /* the least sequence of all findings; 0: none is about a row */
	size_t n_findings;  /* all of them; the first ones are kept */
	struct ledger_finding findings[LEDGER_FINDINGS_SHOWN];
};

void ledger_check_fini(struct ledger_check *c);
void ledger_check_found(struct ledger_check *c, uint64_t sequence, const char *what, ...)
	PRINTF_LIKE(3, 4);

/* Checkpoints first, then this once, then rows in their order, then the end. */
void ledger_check_begin(struct ledger_check *c);
int ledger_check_row(struct ledger_check *c, const struct ledger_row *row) MUST_USE; /* -ENOMEM */
void ledger_check_end(struct ledger_check *c);

/* Each checkpoint of the database must stand outside too, where it was written first. */
void ledger_check_outside(struct ledger_check *c, const struct ledger_checkpoints *inside,
			  const struct ledger_checkpoints *outside);

#endif
