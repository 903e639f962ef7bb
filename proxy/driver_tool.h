/* What the drivers for clusters share: they ask kubectl or helm, whose credentials are its own. */
#ifndef PROXY_DRIVER_TOOL_H
#define PROXY_DRIVER_TOOL_H

#include "lib/process.h"
#include "proxy/driver.h"

struct tool {
	const struct driver_job *job;
	struct buf *says;
	const char *program;
	const char *context; /* its option for one */
	struct process_result last;
};

/* True: it ended with 0, and all that it said is there. tool_fini() is owed in the end. */
bool tool_run(struct tool *t, const char *const *args);
#define TOOL(t, ...) tool_run(t, (const char *const[]){ __VA_ARGS__, NULL })
void tool_fini(struct tool *t);

struct span tool_said(const struct tool *t); /* on standard output */

/* The first line of standard error; FAILED where it has one of these texts, which are for good,
 * else AGAIN. */
enum driver_outcome tool_give_up(struct tool *t, const char *doing, const char *const *for_good);

/* A number of a history: digits, no zero before them. */
bool tool_is_number(const char *text);
bool tool_waits(const struct tool *t, unsigned ms); /* false: there is no time, or it is stopped */

#endif
