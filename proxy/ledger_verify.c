#include "proxy/ledger_verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ledger_check_fini(struct ledger_check *c)
{
	ledger_checkpoints_fini(&c->checkpoints);
}

void ledger_check_found(struct ledger_check *c, uint64_t sequence, const char *what, ...)
{
	va_list args;
	if (sequence && (!c->first_bad || sequence < c->first_bad))
		c->first_bad = sequence;
	if (c->n_findings++ >= LEDGER_FINDINGS_SHOWN)
		return;
	struct ledger_finding *f = &c->findings[c->n_findings - 1];
	f->sequence = sequence;
	va_start(args, what);
	vsnprintf(f->what, sizeof(f->what), what, args);
	va_end(args);
}

/* --- checkpoints --- */

static int by_sequence(const void *a, const void *b)
{
	const struct ledger_checkpoint *x = a, *y = b;
	if (x->sequence != y->sequence)
		return x->sequence < y->sequence ? -1 : 1;
	if (x->time_ms != y->time_ms)
		return x->time_ms < y->time_ms ? -1 : 1;
	int order = strcmp(x->signature, y->signature);
	if (!order)
		order = strcmp(x->key_id, y->key_id);
	return order ? order : strcmp(x->hash, y->hash);
}

static bool is_good(struct ledger_check *c, const struct ledger_checkpoint *p)
{
	const struct signature_key *key = ledger_keys_find(c->keys, p->key_id);
	if (!key)
		ledger_check_found(c, p->sequence, "its checkpoint is signed by a foreign key, %s",
				   p->key_id);
	else if (!ledger_checkpoint_good(p, key))
		ledger_check_found(c, p->sequence,
				   "its checkpoint was changed: the signature is not the key's");
	else
		return true;
	return false;
}

void ledger_check_begin(struct ledger_check *c)
{
	struct ledger_checkpoint *v = c->checkpoints.v;
	size_t n = c->checkpoints.n, kept = 0;
	memcpy(c->hash, LEDGER_NO_HASH, sizeof(c->hash));
	if (n)
		qsort(v, n, sizeof(*v), by_sequence);
	for (size_t i = 0; i < n; i++) {
		if (i && by_sequence(&v[i - 1], &v[i]) == 0)
			v[i - 1].sequence = 0; /* both sources have it */
	}
	for (size_t i = 0; i < n; i++)
		if (v[i].sequence && is_good(c, &v[i]))
			v[kept++] = v[i];
	c->checkpoints.n = kept;
}

static bool has(const struct ledger_checkpoints *all, const struct ledger_checkpoint *p)
{
	return all->n && bsearch(p, all->v, all->n, sizeof(*p), by_sequence);
}

void ledger_check_outside(struct ledger_check *c, const struct ledger_checkpoints *inside,
			  const struct ledger_checkpoints *outside)
{
	struct ledger_checkpoints sorted = { 0 };
	for (size_t i = 0; i < outside->n; i++)
		if (ledger_checkpoints_add(&sorted, &outside->v[i]) != 0)
			break;
	if (sorted.n)
		qsort(sorted.v, sorted.n, sizeof(*sorted.v), by_sequence);
	for (size_t i = 0; i < inside->n; i++)
		if (!has(&sorted, &inside->v[i]))
			ledger_check_found(c, inside->v[i].sequence,
					   "its checkpoint is missing in the file outside");
	ledger_checkpoints_fini(&sorted);
}

/* --- rows --- */

static void check_place(struct ledger_check *c, const struct ledger_row *row)
{
	uint64_t next = c->last + 1;
	if (!c->last && c->from_anywhere)
		return;
	if (row->sequence == next + 1)
		ledger_check_found(c, next, "the row is missing");
	else if (row->sequence > next)
		ledger_check_found(c, next, "the rows from here to %llu are missing",
				   (unsigned long long)row->sequence - 1);
	else if (row->sequence < next)
		ledger_check_found(c, row->sequence, "the row stands behind row %llu",
				   (unsigned long long)c->last);
	else if (!span_eq(row->previous, span_of(c->hash)))
		ledger_check_found(c, row->sequence,
				   "the row does not carry on from the one before it");
}

static void pass_checkpoints(struct ledger_check *c, const struct ledger_row *row)
{
	const struct ledger_checkpoints *all = &c->checkpoints;
	for (; c->at < all->n && all->v[c->at].sequence <= row->sequence; c->at++) {
		const struct ledger_checkpoint *p = &all->v[c->at];
		if (p->sequence < row->sequence)
			continue; /* that row is missing, which was found already, or not asked for
				   */
		if (span_eq(row->hash, span_of(p->hash)))
			c->sealed = row->sequence;
		else
			ledger_check_found(c, row->sequence,
					   "the row is not the one that its checkpoint sealed");
	}
}

int ledger_check_row(struct ledger_check *c, const struct ledger_row *row)
{
	char hash[SHA256_HEX];
	int error = ledger_row_hash(row, hash);
	if (error)
		return error;
	check_place(c, row);
	if (!span_eq(row->hash, span_of(hash)))
		ledger_check_found(c, row->sequence,
				   "the row was changed: its hash is not that of what it says");
	pass_checkpoints(c, row);
	if (!c->first)
		c->first = row->sequence;
	if (row->sequence > c->last)
		c->last = row->sequence;
	c->rows++;
	snprintf(c->hash, sizeof(c->hash), "%.*s", (int)min_size(row->hash.n, SHA256_HEX - 1),
		 row->hash.p ? row->hash.p : "");
	return 0;
}

void ledger_check_end(struct ledger_check *c)
{
	const struct ledger_checkpoints *all = &c->checkpoints;
	if (c->at == all->n)
		return;
	ledger_check_found(c, c->last + 1,
			   "the tail was cut off: checkpoints sealed rows up to %llu",
			   (unsigned long long)all->v[all->n - 1].sequence);
}
