/*
 * Between the files of the render: what is known of one channel of an answer.
 */
#ifndef POLICY_RENDER_PARTS_H
#define POLICY_RENDER_PARTS_H

#include "lib/fence.h"
#include "policy/call.h"

struct strand {
	struct channel_id id;
	bool ended;
	uint32_t file; /* 1 + the number of the one being read; 0: none */
	/* Prose */
	struct fence fence;
	bool line_whole; /* with its line end */
	uint16_t line_n;
	char line[256];
	/* Calls. A free-form input is all of it the rest. */
	struct call call;
};

void render_prose(struct render *r, struct strand *s, const char *p, size_t n);
void render_prose_end(struct render *r, struct strand *s);

#endif
