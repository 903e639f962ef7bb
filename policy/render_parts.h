/*
 * Between the files of the render: what is known of one channel of an answer.
 */
#ifndef POLICY_RENDER_PARTS_H
#define POLICY_RENDER_PARTS_H

#include "lib/fence.h"
#include "policy/call.h"

struct strand {
	struct channel_id id;
	uint16_t channel;
	uint16_t of; /* the choice whose names name its call */
	uint32_t call_number;
	bool ended;
	uint32_t file; /* 1 + the number of the one being read; 0: none */
	/* Prose */
	struct fence fence;
	bool line_whole; /* with its line end */
	bool odd_runs;   /* of three fence characters or more, in this line of prose */
	uint8_t run;     /* of them, up to here */
	char run_of;
	uint16_t line_n;
	char line[256];
	/* Calls. A free-form input is all of it the rest. */
	struct call call;
};

void render_prose(struct render *r, struct strand *s, const char *p, size_t n);
void render_prose_end(struct render *r, struct strand *s);

#endif
