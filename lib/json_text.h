/*
 * A resumable JSON tokenizer that follows a table of places. It owns nothing but its own struct and
 * allocates nothing.
 *
 * Theory of operation
 *
 *   {"id":"x","choices":[{"delta":{"content":"a\nb"}}]}
 *                                            | |  |
 *                        JSON_STRING --------' |  '-- JSON_RUN "b", then JSON_STRING_END
 *                           JSON_ESCAPE "\n" --'
 *
 * The caller pulls tokens out of a buffer. Strings that are values are always reported; containers,
 * numbers and literals only where a place names them; keys never (their escapes are, while `keys`
 * is set). Keys are compared after their escapes were decoded, as the reader of the document does.
 * A key that names a place and stands twice in one object is an error: readers disagree on which
 * one counts.
 *
 * The grammar is RFC 8259's, strict; what lies inside a string is not checked to be UTF-8. A token
 * that is divided by the end of the buffer goes on in the next one, except escape sequences: those
 * are left unconsumed until complete.
 */
#ifndef LIB_JSON_TEXT_H
#define LIB_JSON_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/json_escape.h"

#define JSON_DEPTH_MAX 128
#define JSON_LEVELS 12 /* places deeper than this are not followed */
#define JSON_KEY_MAX 40

/* A place in a document: a member by its key, or (key NULL) every element of an array. The fields
 * from role on belong to the user of the table. */
struct json_place {
	const char *key;
	const struct json_place *kids;
	uint8_t key_len;
	uint8_t kids_n; /* at most 16 */
	uint8_t role, arg, scope, said;
	uint32_t extra;
};

#define JSON_KEY(text) .key = (text), .key_len = sizeof(text) - 1
#define JSON_KIDS(table) .kids = (table), .kids_n = ARRAY_LEN(table)

enum json_token {
	JSON_MORE, /* the buffer is used up (or ends inside an escape, which stays unconsumed) */
	JSON_END,  /* the root value is complete; only white space may follow, and is eaten by
		      further calls */
	JSON_BAD,  /* not JSON */
	JSON_TOO_DEEP,
	JSON_STRING,     /* a string value begins: *pos is after its quote */
	JSON_RUN,        /* bytes [from, *pos) of the buffer, as they are */
	JSON_ESCAPE,     /* bytes [from, *pos) stand for lit[0..lit_len) */
	JSON_STRING_END, /* *pos is after the closing quote */
	JSON_OPEN,       /* an object or array at a place */
	JSON_CLOSE,      /* its end, or the end of any container while `keys` is set */
	JSON_NUMBER,     /* number and whole are set */
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL
};

struct json_text {
	const struct json_place *place; /* of the value that the token speaks of, or NULL */
	uint64_t number;                /* the value when whole; saturates */
	size_t from;
	char lit[4];
	uint8_t lit_len;
	bool whole;   /* the number is a non-negative integer without fraction or exponent */
	bool keys;    /* set by the caller: report escapes in keys and every JSON_CLOSE */
	bool numbers; /* set by the caller: report numbers at no place too; from is their first byte
		       */
	bool done;
	uint8_t depth;
	uint8_t state; /* the rest is private */
	uint8_t step;
	uint8_t key_len;
	uint64_t arrays[2];
	const struct json_place *at[JSON_LEVELS];
	uint16_t index[JSON_LEVELS];
	uint16_t seen[JSON_LEVELS];
	char key[JSON_KEY_MAX];
};

void json_text_init(struct json_text *t, const struct json_place *root);

/* The next token of the n bytes at p, from *pos on. `from` is relative to p. */
enum json_token json_text_next(struct json_text *t, const char *p, size_t n, size_t *pos);

/* True inside a string: a line end that a framing removed stood in the middle of it. */
bool json_text_in_string(const struct json_text *t);

/* The position in its array of the container that is open at the current depth; 0 in an object. */
uint16_t json_text_position(const struct json_text *t);

#endif
