/*
 * Clients: accepted conns. One request at a time; what was pipelined behind it waits in the conn's
 * backlog.
 */
#ifndef PROXY_CLIENT_H
#define PROXY_CLIENT_H

#include <netinet/in.h>

#include "lib/http1.h"
#include "proxy/conn.h"

struct exchange;
struct listener;
struct worker;

#define CLIENT_AHEAD_BYTES 65536 /* what may wait to be parsed before reading stops */

struct client {
	struct conn conn;
	struct http1 *http;
	struct exchange *exchange; /* the running one, or NULL */
	struct listener *listener;
	struct timer read_timer; /* idle, then the head's */
	struct timer write_timer;
	uint32_t requests;
	bool ready; /* on the worker's list of clients to look at */
	struct client *next, *prev, *next_ready;
	char peer[INET6_ADDRSTRLEN];
};

void client_accept(struct listener *l, int fd);

/* A client that nobody is, for a request of our own in another's name. NULL: no memory. */
struct client *client_silent(const struct client *in_whose_name);

/* The running exchange ended with everything queued. keep: the connection may serve another
 * request. */
void client_exchange_ended(struct client *c, bool keep);
void client_pump(struct client *c); /* parse what is there; called by the worker after each batch */
void client_queued(struct client *c); /* output was queued: the write timer runs */
void client_drain(struct client *c);  /* close if idle */
void client_read(struct client *c);   /* read on, unless enough waits already */

#endif
