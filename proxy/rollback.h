/* `redcard rollback`: what its verbs share when they ask PatchCtl. */
#ifndef PROXY_ROLLBACK_H
#define PROXY_ROLLBACK_H

#include <stdbool.h>

#include "lib/fetch.h"
#include "lib/json.h"

#define ROLLBACK_URL "http://127.0.0.1:8090"

struct rollback_client {
	const char *url, *token_file, *ca;
	bool json;
	const char *verb; /* for messages */
	bool quiet;       /* what goes wrong is not said */
	struct fetcher *fetcher;
	struct buf who; /* the header that says who asks, with its NUL */
};

#define ROLLBACK_OPTIONS(c)                                                                        \
	{ .name = "url",                                                                           \
	  .value = "URL",                                                                          \
	  .text = &(c).url,                                                                        \
	  .help = "where PatchCtl is (" ROLLBACK_URL ")" },                                        \
		{ .name = "ca",                                                                    \
		  .value = "FILE",                                                                 \
		  .text = &(c).ca,                                                                 \
		  .help = "who vouches for an https address (the system's authorities)" },         \
		{ .name = "token-file",                                                            \
		  .value = "FILE",                                                                 \
		  .text = &(c).token_file,                                                         \
		  .help = "a file with the token's secret; needed" },                              \
	{                                                                                          \
		.name = "json", .flag = &(c).json, .help = "print PatchCtl's answers as they came" \
	}

/* Says what is wrong. rollback_close() is owed in any case. */
bool rollback_open(struct rollback_client *c, const char *verb);
void rollback_close(struct rollback_client *c);

/* One request. key: the Idempotency-Key, or NULL. *doc is the answer when its status is 200, 201 or
 * 202; else what it says is printed and -EINVAL is the result. -errno: there was no answer. */
int rollback_ask(struct rollback_client *c, const char *method, const char *target,
		 struct span body, const char *key, struct json **doc);

bool rollback_is_id(const char *text);

/* rollback_stop.c */
int rollback_abort_main(int argc, char **argv);
int rollback_bypass_main(int argc, char **argv);

#endif
