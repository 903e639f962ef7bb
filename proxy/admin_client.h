/* The other end of the admin listener, for verbs that ask a running redcard. Waits for its answer.
 * What goes wrong is said on standard error. */
#ifndef PROXY_ADMIN_CLIENT_H
#define PROXY_ADMIN_CLIENT_H

#include <stdbool.h>

#include "lib/base.h"
#include "lib/buf.h"

#define ADMIN_CLIENT_DEFAULT "127.0.0.1:9901"

struct admin_client {
	const char *verb; /* for messages */
	const char *address;
	struct buf room;   /* of the address */
	bool quiet;        /* what goes wrong is not said */
	const char *whose; /* for messages: what should answer there; NULL: redcard */
};

struct admin_request {
	const char *method, *target;
	struct span body;    /* JSON; empty: none */
	struct span headers; /* more of them, each with its line end */
	unsigned timeout_s;  /* 0: the usual one */
};

/* The address given, else that of the configuration file (of which nothing else is read, so that no
 * secret has to be there), else the usual one. -EINVAL; admin_client_fini() is owed in any case. */
int admin_client_find(struct admin_client *c, const char *address, const char *config) MUST_USE;
void admin_client_fini(struct admin_client *c);

/* Any status is an answer. Before anything could be sent: -ECONNREFUSED and the like. */
int admin_client_ask(const struct admin_client *c, const struct admin_request *request,
		     unsigned *status, struct buf *body) MUST_USE;

/* Says that what answered is no redcard. */
void admin_client_stranger(const struct admin_client *c, const char *why);

#endif
