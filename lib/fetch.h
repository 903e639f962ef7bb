/*
 * HTTP requests of a thread that may wait for the answer: http and https, by libcurl. Nothing is
 * read from the environment, and no redirect is followed, since a signed request is for one place.
 * One fetcher is used by one thread at a time; it keeps its connections.
 */
#ifndef LIB_FETCH_H
#define LIB_FETCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"

#define FETCH_WHY 256

struct fetcher;

struct fetcher *fetcher_new(void); /* NULL: out of memory */
void fetcher_free(struct fetcher *f);

struct fetch_request {
	const char *method; /* GET, POST, PATCH... */
	const char *url;
	const char *const *headers; /* "name: value", without line ends; NULL ends them */
	struct span body;           /* p NULL: none */
	const char *ca_file;        /* of authorities; NULL: the system's */
	uint32_t timeout_ms;        /* of the whole; needed */
	uint32_t connect_ms;        /* 0: five seconds */
	uint32_t first_byte_ms;     /* until the answer's head begins; 0: as the whole */
	size_t answer_most;         /* bytes of the answer's body; needed */
	const char *header;         /* one of the answer's that is wanted; may be NULL */
	bool once;                /* not again either when a kept connection turns out to be dead */
	const _Atomic bool *stop; /* looked at ten times a second; may be NULL */
};

#define FETCH_HEADER 128

struct fetch_answer {
	unsigned status;        /* of HTTP */
	uint32_t retry_after_s; /* what the answer asks for; 0: nothing */
	/* "": absent, or longer */
	char header[FETCH_HEADER], type[FETCH_HEADER], coding[FETCH_HEADER];
	uint64_t first_us, total_us; /* since the call: the first byte of the answer, and the end */
	struct buf body;             /* the caller's to release, after a failure too */
};

/* Any status is an answer. why: one line about a failure, without the URL, which may hold a secret.
 * -EINVAL: no such URL; -ECONNREFUSED, -EHOSTUNREACH: nobody has got the request; -ETIMEDOUT;
 * -EPROTO: TLS or HTTP went wrong; -ECONNRESET: with `once`, a kept connection was dead, and nobody
 * knows whether its peer had read the request; -EFBIG: the answer is too large; -ECANCELED: stop;
 * -ENOMEM. */
int fetch(struct fetcher *f, const struct fetch_request *r, struct fetch_answer *out,
	  char why[FETCH_WHY]) MUST_USE;

/* Whether a text is an http or https URL with a host, and neither user nor password. */
bool fetch_url_good(const char *url);

#endif
