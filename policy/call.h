/*
 * A tool call's arguments as they arrive: which strings are files, and what else they say.
 *
 *   {"path":"src/a.py","content":"import os\n","mode":"w"}
 *            a path               a file             the action: {"mode":"w"}
 *
 * The content may come before its path. Which quotes delimit is told as arguments.h does it. What
 * is no file is kept as JSON with its escapes, in which a file is a mark and its number, and a path
 * has a mark before it.
 */
#ifndef POLICY_CALL_H
#define POLICY_CALL_H

#include "policy/render.h"

enum { MARK_PATH = 1, MARK_FILE = 2 };
enum { CALL_DEPTH = 32 }; /* deeper than that there are no files */

enum call_role { CALL_OTHER, CALL_KEY, CALL_PATH, CALL_CONTENT };

struct call_level {
	bool object, key;              /* key: the next string is one */
	uint8_t next;                  /* enum call_role of the next value */
	uint16_t path;                 /* bytes of the path; 0: none yet */
	uint32_t file;                 /* 1 + its number; 0: none yet */
	uint32_t said_path, said_next; /* by which keys */
	char name[RENDER_PATH];
};

struct call { /* zero: at the beginning */
	uint16_t choice, channel;
	bool bare;   /* the arguments are an object: a quote that delimits stands for itself */
	bool string; /* inside one */
	bool broken; /* closed what was not open, or is too deep to be read */
	bool joined; /* the next byte's escape began in an earlier frame */
	uint8_t role;
	uint16_t word_n; /* of the key or path being read; past its size: too long */
	char word[RENDER_PATH];
	uint32_t depth;
	struct call_level *levels; /* CALL_DEPTH; NULL until the first byte */
	struct buf rest;
};

void call_fini(struct call *c);
void call_take(struct call *c, struct render *r, const struct piece *p);
/* Takes what is no JSON, as it is. */
void call_add(struct call *c, struct render *r, const char *p, size_t n);
/* Appends the action, if there is one, to the render's. The arguments must be complete by now. */
void call_end(struct call *c, struct render *r);

#endif
