/*
 * The names are a list that only grows, guarded by one lock; the thread takes the lock to find what
 * is due and to publish, never while it asks. Freeing must not wait for a name server, so the
 * thread and the owner each hold a reference.
 */
#include "lib/resolver.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/clock.h"

#define RETRY_MS 1000

const char *const resolver_state_names[RESOLVER_STATE_COUNT] = {
	[RESOLVER_NEVER] = "never",
	[RESOLVER_GOOD] = "good",
	[RESOLVER_FAILED] = "failed",
};
static_assert(ARRAY_LEN(resolver_state_names) == RESOLVER_STATE_COUNT, "one name per state");

struct resolver_name {
	struct resolver *owner;
	struct resolver_name *next;
	char *host;
	uint16_t port;
	bool literal;
	enum resolver_state state;
	const char *error;
	uint64_t due_ms; /* monotonic */
	size_t n;
	struct resolver_address addresses[RESOLVER_ADDRESSES_MAX];
};

struct resolver {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a name was added or answered, or it is over */
	struct resolver_name *names;
	const struct resolver_source *source;
	uint32_t resolve_ms;
	unsigned references;
	bool stopping;
};

static int ask(const char *host, uint16_t port, int flags, struct resolver_address *out, size_t max,
	       size_t *n)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
				  .ai_socktype = SOCK_STREAM,
				  .ai_flags = flags | AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	char service[8];
	snprintf(service, sizeof(service), "%u", (unsigned)port);
	int err = getaddrinfo(host, service, &hints, &list);
	if (err)
		return err;
	*n = 0;
	for (struct addrinfo *a = list; a && *n < max; a = a->ai_next) {
		if (a->ai_addrlen > sizeof(struct sockaddr_in6))
			continue;
		memset(&out[*n], 0, sizeof(out[*n]));
		memcpy(&out[*n].v6, a->ai_addr, a->ai_addrlen);
		out[(*n)++].n = a->ai_addrlen;
	}
	freeaddrinfo(list);
	return *n > 0 ? 0 : EAI_NONAME;
}

static int ask_system(const char *host, uint16_t port, struct resolver_address *out, size_t max,
		      size_t *n)
{
	return ask(host, port, AI_ADDRCONFIG, out, max, n);
}

static const struct resolver_source system_source = { ask_system };

/* ---- lifetime ---- */

static void name_free(struct resolver_name *name)
{
	if (!name)
		return;
	free(name->host);
	free(name);
}

/* Drops one reference; called with the lock held, gives it back. */
static void release(struct resolver *r)
{
	bool last = --r->references == 0;
	pthread_mutex_unlock(&r->lock);
	if (!last)
		return;
	for (struct resolver_name *name = r->names, *next; name; name = next) {
		next = name->next;
		name_free(name);
	}
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* ---- the thread ---- */

static struct resolver_name *most_due(struct resolver *r)
{
	struct resolver_name *best = NULL;
	for (struct resolver_name *name = r->names; name; name = name->next) {
		if (!name->literal && (!best || name->due_ms < best->due_ms))
			best = name;
	}
	return best;
}

/* Sleeps until the time, or without a limit when it is 0, or until something changes. The lock
 * is held. */
static int sleep_until(struct resolver *r, uint64_t at_ms)
{
	struct timespec t = { .tv_sec = (time_t)(at_ms / 1000),
			      .tv_nsec = (long)(at_ms % 1000) * 1000000 };
	return at_ms ? pthread_cond_timedwait(&r->changed, &r->lock, &t)
		     : pthread_cond_wait(&r->changed, &r->lock);
}

static void publish(struct resolver_name *name, int err, const struct resolver_address *found,
		    size_t n)
{
	uint64_t wait_ms = name->owner->resolve_ms;
	if (err) { /* the list stays: an address that worked is better than none */
		name->state = RESOLVER_FAILED;
		name->error = gai_strerror(err);
		wait_ms = min_u64(wait_ms, RETRY_MS);
	} else {
		memcpy(name->addresses, found, n * sizeof(*found));
		name->n = n;
		name->state = RESOLVER_GOOD;
		name->error = "";
	}
	name->due_ms = clock_ms() + max_u64(wait_ms, 1);
}

static void *run(void *data)
{
	struct resolver *r = data;
	pthread_mutex_lock(&r->lock);
	while (!r->stopping) {
		struct resolver_name *name = most_due(r);
		if (!name || name->due_ms > clock_ms()) {
			(void)sleep_until(r, name ? name->due_ms : 0);
			continue;
		}
		struct resolver_address found[RESOLVER_ADDRESSES_MAX];
		size_t n = 0;
		/* Host and port never change, and names are not freed before the thread. */
		pthread_mutex_unlock(&r->lock);
		int err = r->source->lookup(name->host, name->port, found, RESOLVER_ADDRESSES_MAX,
					    &n);
		pthread_mutex_lock(&r->lock);
		publish(name, err, found, n);
		pthread_cond_broadcast(&r->changed);
	}
	release(r);
	return NULL;
}

static int start(struct resolver *r)
{
	pthread_t thread;
	pthread_attr_t detached;
	sigset_t all, old;
	sigfillset(&all);
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are for the main thread */
	int err = pthread_create(&thread, &detached, run, r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&detached);
	return -err;
}

int resolver_new(uint32_t resolve_ms, const struct resolver_source *source, struct resolver **out)
{
	pthread_condattr_t attr;
	struct resolver *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->changed, &attr);
	pthread_condattr_destroy(&attr);
	r->source = source ? source : &system_source;
	r->resolve_ms = resolve_ms;
	r->references = 2;
	int err = start(r);
	if (err) {
		r->references = 1;
		resolver_free(r);
		return err;
	}
	*out = r;
	return 0;
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->stopping = true;
	pthread_cond_broadcast(&r->changed);
	release(r);
}

/* ---- names ---- */

static struct resolver_name *name_new(struct resolver *r, const char *host, uint16_t port)
{
	struct resolver_name *name = calloc(1, sizeof(*name));
	size_t n = strlen(host);
	bool bracketed = n > 2 && host[0] == '[' && host[n - 1] == ']';
	if (!name)
		return NULL;
	name->owner = r;
	name->port = port;
	name->error = "";
	name->host = bracketed ? strndup(host + 1, n - 2) : strdup(host);
	if (!name->host) {
		name_free(name);
		return NULL;
	}
	if (ask(name->host, port, AI_NUMERICHOST, name->addresses, RESOLVER_ADDRESSES_MAX,
		&name->n) == 0) {
		name->literal = true;
		name->state = RESOLVER_GOOD;
	}
	return name;
}

struct resolver_name *resolver_add(struct resolver *r, const char *host, uint16_t port)
{
	struct resolver_name *name = name_new(r, host, port);
	if (!name)
		return NULL;
	pthread_mutex_lock(&r->lock);
	for (struct resolver_name *old = r->names; old; old = old->next) {
		if (old->port == port && strcmp(old->host, name->host) == 0) {
			pthread_mutex_unlock(&r->lock);
			name_free(name);
			return old;
		}
	}
	name->next = r->names;
	r->names = name;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	return name;
}

int resolver_wait(struct resolver_name *name, uint32_t timeout_ms)
{
	struct resolver *r = name->owner;
	uint64_t until = clock_ms() + timeout_ms;
	int err = 0;
	pthread_mutex_lock(&r->lock);
	while (name->state == RESOLVER_NEVER && err == 0)
		err = sleep_until(r, until);
	err = name->state == RESOLVER_NEVER ? -ETIMEDOUT : 0;
	pthread_mutex_unlock(&r->lock);
	return err;
}

size_t resolver_addresses(struct resolver_name *name, struct resolver_address *out, size_t max)
{
	pthread_mutex_lock(&name->owner->lock);
	size_t n = min_size(name->n, max);
	memcpy(out, name->addresses, n * sizeof(*out));
	pthread_mutex_unlock(&name->owner->lock);
	return n;
}

enum resolver_state resolver_status(struct resolver_name *name, const char **error)
{
	pthread_mutex_lock(&name->owner->lock);
	enum resolver_state state = name->state;
	*error = name->error;
	pthread_mutex_unlock(&name->owner->lock);
	return state;
}
