/* What builders put into a question and auditors into an answer: a question stays one sound JSON
 * document with its fences, only a plain yes is one, and nothing moves a terminal's cursor. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/json.h"
#include "lib/sha256.h"
#include "proxy/audit_form.h"
#include "proxy/plain.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static size_t times(struct span text, const char *what)
{
	size_t found = 0, length = strlen(what);
	for (const char *at = text.p, *end = text.p + text.n;
	     (at = memmem(at, (size_t)(end - at), what, length)) != NULL; at += length)
		found++;
	return found;
}

/* No input can contain its own digest. */
static void make_nonce(struct span text, char nonce[AUDIT_NONCE_BYTES + 1])
{
	char digest[SHA256_HEX];
	CHECK(sha256_of(text, digest) == 0);
	memcpy(nonce, digest, AUDIT_NONCE_BYTES);
	nonce[AUDIT_NONCE_BYTES] = '\0';
}

static void ask(struct span text)
{
	const struct config_auditor judge = { .name = "j", .model = "m" };
	const struct audit_file file = { .path = text, .language = text, .a = text, .b = text };
	const struct audit_question q = { .exchange = text,
					  .spec = text,
					  .builder_a = text,
					  .builder_b = text,
					  .diff_percent = NAN,
					  .reason = text,
					  .sharp_edits = text,
					  .files = &file,
					  .n_files = 1 };
	char nonce[AUDIT_NONCE_BYTES + 1];
	make_nonce(text, nonce);
	for (int chat = 0; chat < 2; chat++) {
		struct buf out = { .max = AUDIT_QUESTION_BYTES };
		struct json *j = NULL;
		if (chat)
			audit_form_chat(&judge, &q, nonce, &out);
		else
			audit_form_json(&q, &out);
		if (!out.failed) {
			CHECK(json_parse((struct span){ out.p, out.n }, &j) == 0);
			struct span all = { out.p, out.n };
			CHECK(times(all, nonce) == (!chat ? 0 : text.n ? 8 : 6));
		}
		json_free(j);
		buf_fini(&out);
	}
}

static void answer(struct span text)
{
	for (int chat = 0; chat < 2; chat++) {
		struct audit_said said;
		if (chat)
			audit_read_chat(text, &said);
		else
			audit_read_json(text, &said);
		CHECK(said.answer == AUDIT_YES || said.answer == AUDIT_NO ||
		      said.answer == AUDIT_UNCLEAR);
		CHECK(said.answer != AUDIT_YES || text.n >= strlen("{\"answer\":\"yes\"}"));
		for (const char *c = said.reason; *c; c++)
			CHECK((unsigned char)*c >= 0x20 && *c != 0x7f);
	}
}

static void print(struct span text)
{
	struct buf out = { .max = 1 << 20 };
	plain_add_lines(&out, text, "| ");
	for (size_t i = 0; i < out.n; i++) {
		unsigned char c = (unsigned char)out.p[i];
		CHECK(c >= 0x20 || c == '\n');
		CHECK(c != 0x7f);
		CHECK(i == 0 || out.p[i - 1] != '\n' || c == '|');
	}
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct span text = { n ? (const char *)p : "", n };
	ask(text);
	answer(text);
	print(text);
	return 0;
}
