/*
 * A track: a stretch of one channel's text, with the raw offset of every byte of it. Offsets are
 * absolute in the channel's text (`at`) and in the raw body (`raw`).
 *
 * Bytes may share raw bytes with their neighbours, as decoded ones do (layer.h): where they begin
 * and where they end in the raw body never goes back.
 *
 * The owner of the struct owns the bytes. Zero-initialised is an empty track at offset 0.
 */
#ifndef POLICY_TRACK_H
#define POLICY_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/base.h"

struct track_run {
	uint64_t raw;  /* of its first byte */
	uint32_t at;   /* of its first byte: the low bits of its text offset */
	uint32_t atom; /* 0: raw and text go in step; else this one escape's raw bytes, plus 1 */
};

struct track {
	char *text;
	struct track_run *runs;
	uint64_t base; /* absolute offset of text[0] */
	uint32_t n, cap;
	uint32_t n_runs, cap_runs;
	uint64_t next; /* raw bytes from here on join the last run, plus 1; 0: none do */
};

void track_fini(struct track *t);
void track_clear(struct track *t, uint64_t base); /* keeps the memory */
/* The same, and gives memory back that n bytes are far from needing. */
void track_clear_for(struct track *t, uint64_t base, uint32_t n);
bool track_room(struct track *t, uint32_t n); /* n bytes more and a run; false: no memory */
bool track_assign(struct track *t, const struct track *from,
		  uint64_t at);                /* the part of `from` that begins at `at` */
void track_trim(struct track *t, uint64_t at); /* drops what comes before `at`, which it holds */
bool track_append(struct track *t, const struct track *more); /* from its beginning on */
size_t track_memory(const struct track *t);

static inline uint64_t track_end(const struct track *t)
{
	return t->base + t->n;
}

/* Appending at speed: a cursor's fields live in registers. Between track_cursor() and track_stop()
 * nothing else touches the track. */
struct track_cursor {
	char *to;
	struct track_run *run, *runs_end;
	uint64_t next;
	uint32_t at, left;
};

static inline struct track_cursor track_cursor(const struct track *t)
{
	return (struct track_cursor){ .to = t->text + t->n,
				      .run = t->runs + t->n_runs,
				      .runs_end = t->runs + t->cap_runs,
				      .next = t->next,
				      .at = (uint32_t)track_end(t),
				      .left = t->cap - t->n };
}

static inline void track_stop(struct track *t, const struct track_cursor *c)
{
	t->n = c->at - (uint32_t)t->base;
	t->n_runs = (uint32_t)(c->run - t->runs);
	t->next = c->next;
}

/* memcpy that is quick with the few bytes that most pieces have. */
static inline void track_copy(char *to, const char *from, uint32_t n)
{
	if (n == 1) {
		*to = *from;
	} else if (n > 32) {
		memcpy(to, from, n);
	} else if (n >= 16) {
		memcpy(to, from, 16);
		memcpy(to + n - 16, from + n - 16, 16);
	} else if (n >= 8) {
		memcpy(to, from, 8);
		memcpy(to + n - 8, from + n - 8, 8);
	} else if (n >= 4) {
		memcpy(to, from, 4);
		memcpy(to + n - 4, from + n - 4, 4);
	} else {
		memcpy(to, from, 2);
		to[n - 1] = from[n - 1];
	}
}

/* n > 0 bytes, for which and for a run there must be room. */
static inline void track_put(struct track_cursor *c, const char *text, uint32_t n, uint64_t raw,
			     uint32_t raw_len)
{
	bool in_step = n == raw_len;
	c->run->raw = raw;
	c->run->at = c->at;
	c->run->atom = in_step ? 0 : raw_len + 1;
	c->run += !(in_step && raw + 1 == c->next);
	c->next = in_step ? raw + raw_len + 1 : 0;
	track_copy(c->to, text, n);
	c->to += n;
	c->at += n;
	c->left -= n;
}

/* Raw bytes without text of their own that belong to the next byte of text: the beginning of an
 * escape sequence that a frame's end divides. There must be room for a run. */
static inline void track_put_raw(struct track_cursor *c, uint64_t raw, uint32_t raw_len)
{
	c->run->raw = raw;
	c->run->at = c->at;
	c->run->atom = raw_len + 1;
	c->run++;
	c->next = 0;
}

/* The raw bytes of a stretch of text, part by part: `n` bytes of text from `at` on. An escape that
 * the stretch only has a part of counts whole. */
struct track_part {
	uint64_t raw, raw_end;
	uint64_t at;
	uint64_t n;
};

uint32_t track_find(const struct track *t, uint64_t at); /* the first run that the byte stands in */
/* What run i has of the text [from, to); false: the stretch is over. */
bool track_part(const struct track *t, uint32_t i, uint64_t from, uint64_t to,
		struct track_part *out);

uint64_t track_lines(const struct track *t, uint64_t at); /* its line feeds before `at` */
uint64_t track_raw(const struct track *t,
		   uint64_t at); /* of the byte at `at`, which is clamped to the track */
uint64_t track_raw_end(const struct track *t, uint64_t at); /* after that byte */
/* Both at once, of a first and a last byte; quick when they are asked for in order. at[]: where the
 * last answers were found, zero at first. */
struct track_range {
	uint64_t raw, end;
};
struct track_range track_range(const struct track *t, uint64_t first, uint64_t last,
			       uint32_t at[2]);
uint64_t track_until(const struct track *t,
		     uint64_t raw); /* the text whose raw bytes end at or before raw ends here */

#endif
