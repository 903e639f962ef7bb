/*
 * A render: the code of one builder's answer, as files and actions.
 *
 *   body without framing     one file, the body
 *   fence in prose           a file; its language and perhaps its path stand behind the fence, or
 *                            the line above it names files that may be of that language
 *   tool's arguments         a file for each content that has a path beside it; what else the call
 *                            says is an action
 *   tool's free-form input   an action
 *
 * Prose, refusals and reasoning are no code. Where two readers may not see the same code the render
 * fails as unsupported: a line of prose that may open a fence to others (in a list, a quote, deep
 * in), a block of indented lines outside of lists, <pre> and the like, and a line inside of a fence
 * that begins as one. Several paths of a fence are one that has them all; one that is too long, or
 * stands too far behind, is too large.
 *
 * Some wires say a text again when it is complete, and who reads only that must get the same: a
 * repeat that differs is a contradiction, for which the render fails. Hashes of both are kept.
 *
 * Choices are kept apart by their numbers. A fence, or arguments, that are open at the end of the
 * answer are truncated. A file whose path was there before is one more file:
 * who reads the answer as it comes may have acted on the first.
 *
 * An action is written so that the order of keys and white space outside of strings make no
 * difference, behind the name of its tool. The names are kept apart too, and with each file, so
 * that a call that is all file says something besides: it may write it or add to it.
 *
 * Bounds: max_bytes of text, RENDER_FILES files, RENDER_ACTIONS bytes of what calls say besides
 * files. Past them the render fails as too large, and keeps nothing.
 */
#ifndef POLICY_RENDER_H
#define POLICY_RENDER_H

#include "lib/wire.h"
#include "policy/compare.h"
#include "policy/online.h"

enum {
	RENDER_FILES = 64,
	RENDER_ACTIONS = 64 << 10,
	RENDER_PATH = 200, /* bytes; a longer one is none */
};

enum render_place { RENDER_BODY, RENDER_FENCE, RENDER_CALL };

struct render_file {
	uint8_t place;   /* enum render_place */
	uint8_t indent;  /* of its fence: as much is taken off its lines */
	uint8_t skipped; /* of it, in the line being read */
	bool stated;     /* what its language is, or that it is none of ours */
	bool open;       /* more may come */
	bool dropped;    /* no file after all */
	uint16_t choice;
	uint32_t strand, tool;         /* RENDER_CALL: 1 + its channel; a hash of what was called */
	uint32_t said_path, said_text; /* RENDER_CALL: hashes of the keys before them */
	const struct syntax_language *language; /* when ended: NULL is none of ours */
	struct buf path, text;
	struct online online; /* what is known of its tree */
};

struct strand;
struct repeat;

struct render {
	uint32_t max_bytes, bytes, action_bytes;
	uint64_t seen; /* bytes of text, of whatever kind but envelope */
	bool failed, ended;
	enum compare_reason why; /* failed */
	struct render_file *files;
	uint32_t n, cap;
	struct strand *strands[WIRE_CHANNELS_MAX];
	struct repeat *repeat;     /* NULL: none so far */
	struct buf actions, names; /* when ended; names: of the tools that are called */
};

void render_fini(struct render *r);
size_t render_memory(const struct render *r);
void render_feed(struct render *r, const struct wire *wire, const struct piece *v, size_t n);
void render_end(struct render *r); /* the answer is complete */
void render_fail(struct render *r,
		 enum compare_reason why); /* keeps nothing; the first one counts */

/* For what reads strands. NULL: the render failed. Files may move. */
struct render_file *render_open(struct render *r, enum render_place place, uint16_t choice);
void render_add(struct render *r, struct render_file *f, const char *p, size_t n);
void render_name(struct render *r, struct render_file *f, struct span path);

#endif
