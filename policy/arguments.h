/*
 * Strings in the arguments of a tool: which text of such a channel stands in a string, and which
 * file a string is about.
 *
 *   text       {"path":"src/a.py","content":"import os\n"}
 *                ^^^^   ^^^^^^^^   ^^^^^^^   ^^^^^^^^^^^      strings; the last is a Python file's
 *
 * The wire has decoded the escapes in place, so a quote may delimit or be text. How many raw bytes
 * it stands for tells: one where the arguments are an object, an escape of the outer layer (\" or
 * \u0022) where they are a string of JSON; what is text has an escape of the inner layer more.
 */
#ifndef POLICY_ARGUMENTS_H
#define POLICY_ARGUMENTS_H

#include "policy/syntax.h"
#include "policy/track.h"

#define ARGUMENTS_WORD 200 /* a longer path is none */

struct arguments {       /* zero: at their beginning */
	bool string;     /* inside one */
	bool closing;    /* the next byte is the quote that ended it */
	bool object;     /* the arguments are an object: a quote that delimits stands for itself */
	bool names_file; /* the last key was that of a path, and its value follows */
	bool stated;     /* a path said what the strings after it are */
	const struct syntax_language *language; /* NULL: none of ours */
	uint16_t n;                             /* of the word; past its size: too long */
	char word[ARGUMENTS_WORD];              /* of the string being read, or the last one */
};

/* Takes a part of the track's text from `from` on that is all inside a string or all outside;
 * *string says which. Quotes that delimit are outside. Returns its length, at least 1 when there is
 * text, or 0 for a string that is empty. */
uint64_t arguments_feed(struct arguments *a, const struct track *t, uint64_t from, bool *string);

/* What stands behind such a key is a file's path. */
bool arguments_is_path_key(struct span key);

#endif
