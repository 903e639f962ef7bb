/*
 * Two properties of the HTTP/1.1 parser: what it reports does not depend on how the bytes were
 * split or taken, and no control byte gets into anything that is forwarded as part of a head.
 *
 * The first byte chooses the kind and what is answered, the second the split; the rest is fed.
 */
#include "tests/lib/http1_play.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_text(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		CHECK((c >= 0x20 || c == '\t') && c != 0x7f);
	}
}

static void expect_clean_heads(enum http1_kind kind, const char *p, size_t n)
{
	struct http1 *h = http1_new(kind, &play_limits);
	struct span body;
	size_t used;
	enum http1_event event;
	do {
		event = http1_feed(h, p, n, &used, &body);
		CHECK(used <= n);
		p += used;
		n -= used;
		if (event == HTTP1_HEAD) {
			const struct http1_head *head = http1_head(h);
			expect_text(head->method);
			expect_text(head->target);
			expect_text(head->host);
			expect_text(head->reason);
			CHECK(kind == HTTP1_RESPONSE || head->minor == 0 || head->host.n > 0);
			for (size_t i = 0; i < head->n; i++) {
				expect_text(head->headers[i].name);
				expect_text(head->headers[i].value);
				CHECK(head->headers[i].name.n > 0);
			}
		} else if (event == HTTP1_END) {
			http1_next(h);
		}
	} while (event != HTTP1_MORE && event != HTTP1_REFUSED);
	CHECK(event == HTTP1_REFUSED || n == 0);
	http1_free(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t slices[] = { 0, 1, 3, 64 };
	if (size < 2)
		return 0;
	enum http1_kind kind = data[0] & 1 ? HTTP1_RESPONSE : HTTP1_REQUEST;
	const char *bytes = (const char *)data + 2;
	size_t n = size - 2, step = data[1] ? data[1] : 1;
	struct play setup = { .kind = kind,
			      .method = kind == HTTP1_REQUEST ? NULL
					: data[0] & 2         ? "HEAD"
							      : "GET" };
	char *whole = play(setup, bytes, n, n, n);
	setup.slices = slices[data[0] >> 2 & 3];
	setup.drop_head = data[0] >> 4 & 1;
	char *split = play(setup, bytes, n, step, data[0] >> 5 & 1 ? step : n);
	CHECK(strcmp(whole, split) == 0);
	free(whole);
	free(split);
	expect_clean_heads(kind, bytes, n);
	return 0;
}
