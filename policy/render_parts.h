/*
 * Between the files of the render: what is known of one channel of an answer.
 */
#ifndef POLICY_RENDER_PARTS_H
#define POLICY_RENDER_PARTS_H

#include "lib/fence.h"
#include "lib/sha256.h"
#include "policy/call.h"

/* A text on its way, hashed so that quotes which delimit are told from those of strings. */
struct echo {
	struct sha256 *hash; /* NULL: no text yet */
	bool whole;          /* digest is that of all of it */
	bool bare, joined;   /* as in struct call */
	unsigned char digest[SHA256_BYTES];
};

/* What the lines of prose before this one say about code. */
struct prose_lines {
	bool text;               /* the last one is not blank */
	bool listed;             /* it, or what it belongs to, is an item of a list */
	uint16_t n;              /* past the size of `files`: too many */
	char files[RENDER_PATH]; /* that the last one which is not blank names, a blank behind each
				  */
};

struct strand {
	struct channel_id id;
	uint16_t channel;
	uint16_t of; /* the choice whose names name its call */
	uint32_t call_number;
	bool ended;
	bool again;    /* the wire may say it once more */
	uint32_t file; /* 1 + the number of the one being read; 0: none */
	/* Prose */
	struct fence fence;
	bool line_whole; /* with its line end */
	bool odd_runs;   /* of three fence characters or more, in this line of prose */
	uint8_t run;     /* of them, up to here */
	char run_of;
	uint16_t line_n;
	char line[256];
	struct prose_lines before;
	struct echo echo; /* of a text that may come again */
	/* Calls. A free-form input is all of it the rest. */
	struct call call;
};

struct repeat { /* that is being read */
	bool on;
	uint16_t channel;
	uint32_t call; /* of a tool's name */
	struct echo echo;
};

void echo_fini(struct echo *e);
void render_said(struct render *r, struct strand *s, const struct piece *p);
void render_repeat(struct render *r, const struct piece *p);   /* one begins */
void render_repeated(struct render *r, const struct piece *p); /* envelope, which may be of one */
void render_names(const struct strand *names, const uint32_t *call, struct buf *out);

/* Takes a line of prose, without its end. False: it may be code that stands in no fence. */
bool prose_line(struct prose_lines *b, struct span line) MUST_USE;
/* Leaves the files that a fence of this language may be. */
void prose_keep(struct prose_lines *b, bool stated, const struct syntax_language *language);

void render_prose(struct render *r, struct strand *s, const char *p, size_t n);
void render_prose_end(struct render *r, struct strand *s);

#endif
