/*
 * A mirrored request on its way to the shadow: taken apart, stripped of what is not the shadow's to
 * know, and given what the configuration says.
 *
 *   method, target     as they were, without query parameters that are credentials
 *   headers            those of the request but for credentials, hop-by-hop headers and what is set
 *                      or removed; `x-redcard-shadow: 1` is always there
 *   body               as it was, without chunks; of a JSON object the value of the top-level
 *                      "model" is replaced, and no other byte. JSON that holds a credential is not
 *                      sent
 *
 * A pure function of the bytes: no I/O.
 */
#ifndef PROXY_SHADOW_REWRITE_H
#define PROXY_SHADOW_REWRITE_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/http1.h"
#include "proxy/config_shadow.h"

enum shadow_fit {
	SHADOW_FITS,
	SHADOW_MALFORMED,  /* not one whole HTTP request */
	SHADOW_UPGRADE,    /* it asks for another protocol, or for no resource */
	SHADOW_COMPRESSED, /* the model cannot be replaced: the body is compressed, */
	SHADOW_NOT_JSON,   /* is no JSON object, or names the model twice, */
	SHADOW_NOT_TEXT,   /* or has a model that is no text */
	SHADOW_SECRET,     /* the body has a credential */
	SHADOW_NO_MEMORY,
	SHADOW_FIT_COUNT
};

extern const char *const shadow_fit_names[SHADOW_FIT_COUNT];

struct shadow_request {
	struct buf text; /* what the texts below stand in, each ended by a NUL */
	const char *method, *url;
	const char *target;   /* of the request as it was, for the wire of its answer */
	const char **headers; /* "name: value", ended by NULL */
	struct buf body;
	bool has_body;
};

/* The request's memory is given back by shadow_request_fini(), whatever this returns. */
enum shadow_fit shadow_rewrite(struct span bytes, const struct http1_limits *limits,
			       const struct config_shadow_to *to,
			       struct shadow_request *out) MUST_USE;
void shadow_request_fini(struct shadow_request *r);

/* --- shadow_secrets.c --- */

/* Whether a header or a query parameter of that name is a credential. */
bool shadow_is_credential(struct span name);
/* The same, and it is none of those that are to stay. */
bool shadow_stays_away(const struct config_rewrite *w, struct span name);
/* Whether it is JSON with a text, at any depth, whose name says that it is a credential. */
bool shadow_body_tells(struct span body, const struct config_rewrite *w);

/* --- shadow_model.c --- */

/* Appends the document with its top-level "model" replaced. One without a model stays as it is. */
enum shadow_fit shadow_set_model(struct span document, const char *model, struct buf *out) MUST_USE;

#endif
