#include "proxy/ledger_row.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "lib/canonical.h"
#include "proxy/plain.h"

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void feed_text(struct sha256 *h, struct span text)
{
	char length[24];
	int n = snprintf(length, sizeof(length), "%zu:", text.n);
	sha256_feed(h, length, (size_t)n);
	sha256_feed(h, text.p, text.n);
	sha256_feed(h, ",", 1);
}

static void feed_number(struct sha256 *h, uint64_t number)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	feed_text(h, (struct span){ text, (size_t)n });
}

int ledger_row_hash(const struct ledger_row *row, char out[SHA256_HEX])
{
	static const struct span head = SPAN_INIT("redcard ledger row 1\n");
	struct sha256 *h = sha256_new();
	if (!h)
		return -ENOMEM;
	sha256_feed(h, head.p, head.n);
	feed_number(h, row->sequence);
	feed_text(h, row->id);
	feed_number(h, row->time_ms);
	feed_text(h, row->kind);
	feed_text(h, row->subject);
	feed_text(h, row->key);
	feed_text(h, row->body);
	feed_text(h, row->previous);
	int error = sha256_finish_hex(h, out);
	sha256_free(h);
	return error;
}

/* --- what may stand in one --- */

static bool is_kind(struct span s)
{
	if (s.n == 0 || s.n > LEDGER_KIND_MAX || s.p[0] < 'a' || s.p[0] > 'z')
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') &&
		    s.p[i] != '_' && s.p[i] != '-')
			return false;
	return true;
}

/* UTF-8 is checked by the one who writes it as JSON and reads it again. */
static bool is_line(struct span s, size_t max)
{
	struct buf quoted = { 0 };
	struct json *doc = NULL;
	bool good = s.n > 0 && s.n <= max;
	for (size_t i = 0; i < s.n && good; i++)
		good = (unsigned char)s.p[i] >= 0x20 && s.p[i] != 0x7f;
	if (!good)
		return false;
	buf_add_char(&quoted, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_add_char(&quoted, '\\');
		buf_add_char(&quoted, s.p[i]);
	}
	buf_add_char(&quoted, '"');
	good = !quoted.failed && json_parse((struct span){ quoted.p, quoted.n }, &doc) == 0;
	json_free(doc);
	buf_fini(&quoted);
	return good;
}

const char *ledger_row_wrong(struct span kind, struct span subject, struct span key)
{
	if (!is_kind(kind))
		return "a kind has up to 32 small letters, digits, - and _, and begins with a letter";
	if (!is_line(subject, LEDGER_SUBJECT_MAX))
		return "a subject has 1 to 256 bytes of UTF-8 without control characters";
	if (key.p && !is_line(key, LEDGER_KEY_MAX))
		return "a key has 1 to 200 bytes of UTF-8 without control characters";
	return NULL;
}

/* --- as text --- */

static void add_member(struct buf *out, const char *name, struct span text)
{
	buf_printf(out, "%s\"%s\":\"", out->n && out->p[out->n - 1] != '{' ? "," : "", name);
	buf_add_json(out, text);
	buf_add_char(out, '"');
}

void ledger_row_add_json(struct buf *out, const struct ledger_row *row)
{
	buf_add_text(out, "{\"body\":");
	buf_add(out, row->body.p, row->body.n);
	add_member(out, "hash", row->hash);
	add_member(out, "id", row->id);
	if (row->key.p)
		add_member(out, "key", row->key);
	add_member(out, "kind", row->kind);
	add_member(out, "previous", row->previous);
	buf_printf(out, ",\"sequence\":%llu", (unsigned long long)row->sequence);
	add_member(out, "subject", row->subject);
	buf_printf(out, ",\"time_ms\":%llu}", (unsigned long long)row->time_ms);
}

void ledger_add_time(struct buf *out, uint64_t time_ms)
{
	char text[32] = "?";
	time_t seconds = (time_t)(time_ms / 1000);
	struct tm tm;
	if (gmtime_r(&seconds, &tm))
		(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_printf(out, "%s.%03uZ", text, (unsigned)(time_ms % 1000));
}

/* The first of these members that a body has. */
static void add_first(struct buf *out, const struct json_value *body, const char *const *names)
{
	for (; *names; names++) {
		struct span said = json_string(json_get(body, *names));
		if (!said.n)
			continue;
		buf_add_text(out, "  ");
		plain_add(out, said);
		return;
	}
}

/* What became of it, and by what. */
static void add_gist(struct buf *out, struct span body)
{
	static const char *const ends[] = { "result", "verdict", "phase", "event", "action",
					    "ending", "answer",  "state", "title", NULL };
	static const char *const why[] = { "rule", "field", "reason", "builder", NULL };
	struct json *doc = NULL;
	if (json_parse(body, &doc) != 0)
		return;
	add_first(out, json_root(doc), ends);
	add_first(out, json_root(doc), why);
	json_free(doc);
}

void ledger_row_add_line(struct buf *out, const struct ledger_row *row)
{
	buf_printf(out, "%8llu  ", (unsigned long long)row->sequence);
	plain_add(out, row->id);
	buf_add_text(out, "  ");
	ledger_add_time(out, row->time_ms);
	buf_add_text(out, "  ");
	plain_add(out, row->kind);
	for (size_t n = row->kind.n; n < 8; n++)
		buf_add_char(out, ' ');
	buf_add_text(out, "  ");
	plain_add(out, row->subject);
	add_gist(out, row->body);
	buf_add_char(out, '\n');
}

bool ledger_whole(const struct json_value *v, uint64_t *out)
{
	double number = v && json_type(v) == JSON_IS_NUMBER ? json_number(v) : -1;
	if (!(number >= 0 && number <= 9007199254740991.0))
		return false;
	*out = (uint64_t)number;
	return (double)*out == number;
}

static bool take_text(const struct json_value *map, const char *name, struct span *out)
{
	const struct json_value *v = json_get(map, name);
	*out = json_string(v);
	return v && json_type(v) == JSON_IS_TEXT;
}

const char *ledger_row_read(const struct json_value *v, struct buf *body, struct ledger_row *out)
{
	const struct json_value *object = json_get(v, "body");
	*out = (struct ledger_row){ 0 };
	if (!object || json_type(object) != JSON_IS_MAP || !take_text(v, "hash", &out->hash) ||
	    !take_text(v, "id", &out->id) || !take_text(v, "kind", &out->kind) ||
	    !take_text(v, "previous", &out->previous) || !take_text(v, "subject", &out->subject) ||
	    !ledger_whole(json_get(v, "sequence"), &out->sequence) ||
	    !ledger_whole(json_get(v, "time_ms"), &out->time_ms))
		return "is no row";
	if (!json_get(v, "key"))
		out->key = (struct span){ 0 };
	else if (!take_text(v, "key", &out->key))
		return "is no row";
	if (json_count(v) != 8 + (out->key.p != NULL))
		return "has more than a row has";
	buf_clear(body);
	if (canonical_add(body, object) != 0)
		return "has a body that cannot be made canonical";
	out->body = (struct span){ body->p, body->n };
	return NULL;
}

/* --- ids --- */

static int value_of(char c)
{
	const char *at = c ? strchr(digits, c) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* The next one in order, for rows of one millisecond and for a clock that went back. */
static int add_one(char id[LEDGER_ID_LENGTH + 1])
{
	for (int i = LEDGER_ID_LENGTH - 1; i >= 0; i--) {
		int value = value_of(id[i]);
		if (value < 0)
			return -EUCLEAN;
		id[i] = digits[(value + 1) & 31];
		if (value < 31)
			return 0;
	}
	return -ERANGE;
}

int ledger_next_id(const char *last, uint64_t time_ms, char out[LEDGER_ID_LENGTH + 1])
{
	unsigned char random[LEDGER_ID_LENGTH - 10];
	for (int i = 9; i >= 0; i--, time_ms >>= 5)
		out[i] = digits[time_ms & 31];
	out[LEDGER_ID_LENGTH] = '\0';
	if (last && memcmp(out, last, 10) <= 0) {
		memcpy(out, last, LEDGER_ID_LENGTH);
		return add_one(out);
	}
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	for (size_t i = 0; i < sizeof(random); i++)
		out[10 + i] = digits[random[i] & 31];
	out[10] = digits[random[0] & 15]; /* so that there is room to count on */
	return 0;
}
