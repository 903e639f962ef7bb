#include "lib/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

#define CONNECT_MS 5000
#define LOOK_MS 100
#define HEAD_MOST ((size_t)256 << 10) /* of heads and trailers; libcurl keeps both */

struct fetcher {
	CURLM *multi; /* keeps the connections */
	CURL *curl;
	char error[CURL_ERROR_SIZE];
};

struct transfer {
	const struct fetch_request *request;
	struct fetch_answer *out;
	struct buf *body;
	size_t most, head;
	bool too_large, sent, again;
	uint64_t began_us;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool ready;

static void initialise(void)
{
	ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

struct fetcher *fetcher_new(void)
{
	pthread_once(&once, initialise);
	struct fetcher *f = ready ? calloc(1, sizeof(*f)) : NULL;
	if (!f)
		return NULL;
	f->curl = curl_easy_init();
	f->multi = curl_multi_init();
	if (f->curl && f->multi)
		return f;
	fetcher_free(f);
	return NULL;
}

void fetcher_free(struct fetcher *f)
{
	if (!f)
		return;
	curl_easy_cleanup(f->curl);
	curl_multi_cleanup(f->multi);
	free(f);
}

bool fetch_url_good(const char *url)
{
	char *host = NULL, *user = NULL, *scheme = NULL;
	CURLU *u = curl_url();
	bool good = u && curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK &&
		    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK && host[0] &&
		    (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
		    curl_url_get(u, CURLUPART_USER, &user, 0) != CURLUE_OK;
	curl_free(host);
	curl_free(user);
	curl_free(scheme);
	curl_url_cleanup(u);
	return good;
}

static size_t on_body(char *p, size_t size, size_t n, void *owner)
{
	struct transfer *t = owner;
	if (n * size > t->most - t->body->n) {
		t->too_large = true;
		return 0;
	}
	buf_add(t->body, p, n * size);
	return t->body->failed ? 0 : n * size;
}

static size_t on_head(char *p, size_t size, size_t n, void *owner)
{
	struct transfer *t = owner;
	(void)p;
	if (!t->out->first_us)
		t->out->first_us = clock_us() - t->began_us;
	t->head += n * size;
	return t->head > HEAD_MOST ? 0 : n * size;
}

/* Before each sending. libcurl sends once more by itself when a kept connection ends without a
 * byte, though its peer may have read the request. */
static int on_sending(void *owner, char *to, char *from, int to_port, int from_port)
{
	struct transfer *t = owner;
	(void)to, (void)from, (void)to_port, (void)from_port;
	t->again = t->sent && t->request->once;
	t->sent = true;
	return t->again ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static int error_of(CURLcode code, const struct transfer *t)
{
	if (t->body->failed)
		return -ENOMEM;
	if (t->too_large)
		return -EFBIG;
	if (t->again)
		return -ECONNRESET;
	switch ((int)code) {
	case CURLE_OK: return 0;
	case CURLE_URL_MALFORMAT: return -EINVAL;
	case CURLE_COULDNT_CONNECT: return -ECONNREFUSED;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY: return -EHOSTUNREACH;
	case CURLE_OPERATION_TIMEDOUT: return -ETIMEDOUT;
	case CURLE_ABORTED_BY_CALLBACK: return -ECANCELED; /* perform() gave it up */
	case CURLE_FAILED_INIT: return -ENOMEM;
	/* libcurl says so of a line of a head that is too long for it, too. */
	case CURLE_OUT_OF_MEMORY: return t->sent ? -EPROTO : -ENOMEM;
	default: return -EPROTO;
	}
}

/* NULL: out of memory. */
static struct curl_slist *headers_of(const struct fetch_request *r)
{
	/* libcurl would wait for a 100 before a body of more than a megabyte. */
	struct curl_slist *all = curl_slist_append(NULL, "Expect:"), *more = all;
	for (size_t i = 0; r->headers && r->headers[i] && more; i++)
		more = curl_slist_append(all, r->headers[i]);
	if (!more) {
		curl_slist_free_all(all);
		return NULL;
	}
	return all;
}

static void set_request(CURL *c, const struct fetch_request *r, struct curl_slist *headers)
{
	curl_easy_setopt(c, CURLOPT_URL, r->url);
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, r->method);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "redcard");
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)min_u64(r->timeout_ms, r->connect_ms ? r->connect_ms : CONNECT_MS));
	curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	if (r->body.p) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, r->body.p);
	}
	if (strcmp(r->method, "HEAD") == 0)
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	if (r->ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, r->ca_file);
}

static void set_callbacks(struct fetcher *f, struct transfer *t)
{
	curl_easy_setopt(f->curl, CURLOPT_ERRORBUFFER, f->error);
	curl_easy_setopt(f->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(f->curl, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(f->curl, CURLOPT_HEADERFUNCTION, on_head);
	curl_easy_setopt(f->curl, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(f->curl, CURLOPT_PREREQFUNCTION, on_sending);
	curl_easy_setopt(f->curl, CURLOPT_PREREQDATA, t);
}

/* CURLE_OK: go on. */
static CURLcode given_up(const struct transfer *t)
{
	const struct fetch_request *r = t->request;
	if (r->stop && atomic_load(r->stop))
		return CURLE_ABORTED_BY_CALLBACK;
	if (r->first_byte_ms && !t->out->first_us &&
	    clock_us() - t->began_us > (uint64_t)r->first_byte_ms * 1000)
		return CURLE_OPERATION_TIMEDOUT;
	return CURLE_OK;
}

/* The result, once libcurl says that the transfer has ended. */
static bool ended(CURLM *multi, CURLcode *result)
{
	int left;
	const CURLMsg *m;
	while ((m = curl_multi_info_read(multi, &left)))
		if (m->msg == CURLMSG_DONE) {
			*result = m->data.result;
			return true;
		}
	return false;
}

static CURLcode perform(struct fetcher *f, const struct transfer *t)
{
	CURLcode result = CURLE_OK;
	if (curl_multi_add_handle(f->multi, f->curl) != CURLM_OK)
		return CURLE_FAILED_INIT;
	for (;;) {
		int running;
		if (curl_multi_perform(f->multi, &running) != CURLM_OK)
			result = CURLE_FAILED_INIT;
		if (result != CURLE_OK || ended(f->multi, &result))
			break;
		result = given_up(t);
		if (result != CURLE_OK)
			break;
		(void)curl_multi_poll(f->multi, NULL, 0, LOOK_MS, NULL);
	}
	curl_multi_remove_handle(f->multi, f->curl);
	return result;
}

static void take_header(CURL *c, const char *name, char out[FETCH_HEADER])
{
	struct curl_header *h;
	if (name && curl_easy_header(c, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK &&
	    strlen(h->value) < FETCH_HEADER)
		memcpy(out, h->value, strlen(h->value) + 1);
}

static void take_result(struct fetcher *f, struct fetch_answer *out)
{
	long status = 0;
	curl_off_t after = 0;
	curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(f->curl, CURLINFO_RETRY_AFTER, &after);
	out->status = (unsigned)status;
	out->retry_after_s = after > 0 ? (uint32_t)min_u64((uint64_t)after, 86400) : 0;
	take_header(f->curl, "content-type", out->type);
	take_header(f->curl, "content-encoding", out->coding);
}

int fetch(struct fetcher *f, const struct fetch_request *r, struct fetch_answer *out,
	  char why[FETCH_WHY])
{
	struct transfer t = { .request = r,
			      .out = out,
			      .body = &out->body,
			      .most = r->answer_most,
			      .began_us = clock_us() };
	CHECK(r->timeout_ms > 0 && r->answer_most > 0);
	*out = (struct fetch_answer){ .body = out->body };
	out->body.n = 0;
	if (!fetch_url_good(r->url)) {
		snprintf(why, FETCH_WHY, "this is no http or https URL without a user");
		return -EINVAL;
	}
	struct curl_slist *headers = headers_of(r);
	if (!headers) {
		snprintf(why, FETCH_WHY, "out of memory");
		return -ENOMEM;
	}
	curl_easy_reset(f->curl);
	f->error[0] = '\0';
	set_request(f->curl, r, headers);
	set_callbacks(f, &t);
	CURLcode code = perform(f, &t);
	int error = error_of(code, &t);
	out->total_us = clock_us() - t.began_us;
	take_result(f, out);
	take_header(f->curl, r->header, out->header);
	if (error)
		snprintf(why, FETCH_WHY, "%s",
			 t.too_large   ? "the answer is too large"
			 : t.again     ? "the connection ended without an answer"
			 : f->error[0] ? f->error
				       : curl_easy_strerror(code));
	curl_slist_free_all(headers);
	return error;
}
