#include "proxy/baseline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/file.h"
#include "lib/json.h"
#include "lib/json_escape.h"
#include "proxy/recording.h"
#include "proxy/report.h"

#define VERSION 2

struct entry {
	char *file, *rule; /* NULL in a loaded one */
	char print[SHA256_HEX];
};

struct baseline {
	char key[SHA256_BYTES];
	struct entry *v;
	size_t n, cap;
};

void baseline_add_name(struct buf *out, const char *file)
{
	size_t start = out->n;
	for (const char *p = file; *p;) {
		size_t n = strcspn(p, "/");
		bool nothing = (n == 0 && p != file) || (n == 1 && p[0] == '.' && p[1] == '/');
		if (!nothing)
			buf_add(out, p, n + (p[n] == '/'));
		p += n + (p[n] == '/');
	}
	if (out->n == start)
		buf_add_text(out, file);
}

int baseline_print(const struct baseline *b, const char *file, const char *rule, struct span text,
		   char out[SHA256_HEX])
{
	struct buf all = { 0 };
	baseline_add_name(&all, file);
	buf_add_char(&all, '\0'); /* which neither a name nor an id contains */
	buf_add_text(&all, rule);
	buf_add_char(&all, '\0');
	buf_add(&all, text.p, text.n);
	int rc = all.failed ? -ENOMEM
			    : sha256_hmac((struct span){ b->key, sizeof(b->key) },
					  (struct span){ all.p, all.n }, out);
	buf_fini(&all);
	return rc;
}

static struct entry *entry_new(struct baseline *b)
{
	if (b->n == b->cap) {
		size_t cap = b->cap ? 2 * b->cap : 64;
		struct entry *v = realloc(b->v, cap * sizeof(*v));
		if (!v)
			return NULL;
		b->v = v;
		b->cap = cap;
	}
	b->v[b->n] = (struct entry){ 0 };
	return &b->v[b->n++];
}

bool baseline_add(struct baseline *b, const char *file, const char *rule, const char *print)
{
	struct entry *e = entry_new(b);
	struct buf name = { 0 };
	if (!e)
		return false;
	baseline_add_name(&name, file);
	buf_add_char(&name, '\0');
	e->file = name.failed ? NULL : strdup(name.p);
	e->rule = strdup(rule);
	buf_fini(&name);
	snprintf(e->print, sizeof(e->print), "%s", print);
	return e->file && e->rule;
}

size_t baseline_count(const struct baseline *b)
{
	return b->n;
}

/* --- reading --- */

static int by_print(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	return strcmp(x->print, y->print);
}

/* 32 bytes in hex. */
static bool take_hex(struct span hex, char out[SHA256_BYTES])
{
	if (hex.n != SHA256_HEX - 1)
		return false;
	for (size_t i = 0; i < SHA256_BYTES; i++) {
		int high = json_hex(hex.p[2 * i]), low = json_hex(hex.p[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i] = (char)(high << 4 | low);
	}
	return true;
}

static int take(struct baseline *b, const struct json_value *root)
{
	const struct json_value *list = json_get(root, "findings"), *key = json_get(root, "key");
	char unused[SHA256_BYTES];
	if (json_number(json_get(root, "redcard_baseline")) != VERSION || !key || !list ||
	    json_type(list) != JSON_IS_LIST || !take_hex(json_string(key), b->key))
		return -EINVAL;
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json_value *print = json_get(json_at(list, i), "fingerprint");
		if (!print || !take_hex(json_string(print), unused))
			return -EINVAL;
		struct entry *e = entry_new(b);
		if (!e)
			return -ENOMEM;
		memcpy(e->print, json_string(print).p, SHA256_HEX - 1);
	}
	if (b->n)
		qsort(b->v, b->n, sizeof(*b->v), by_print);
	return 0;
}

static const char *explain(int error, const struct json *json)
{
	if (error != -EINVAL)
		return strerror(-error);
	return json && json_type(json_root(json)) == JSON_IS_LIST
		       ? "a report of redcard scan --json, which does not tell one secret from "
			 "another in its place"
		       : "not a baseline";
}

int baseline_load(const char *path, struct baseline **out)
{
	struct buf text = { 0 };
	struct json *json = NULL;
	struct baseline *b = calloc(1, sizeof(*b));
	int error = b ? recording_read(path, &text) : -ENOMEM;
	if (!error)
		error = json_parse((struct span){ text.p ? text.p : "", text.n }, &json);
	if (!error)
		error = take(b, json_root(json));
	buf_fini(&text);
	if (error)
		fprintf(stderr,
			"redcard scan: %s: %s; write a baseline with redcard scan --write-baseline FILE\n",
			path, explain(error, json));
	json_free(json);
	if (error)
		baseline_free(b);
	else
		*out = b;
	return error;
}

struct baseline *baseline_new(const struct baseline *keyed)
{
	struct baseline *b = calloc(1, sizeof(*b));
	if (b && keyed)
		memcpy(b->key, keyed->key, sizeof(b->key));
	else if (b && getrandom(b->key, sizeof(b->key), 0) != (ssize_t)sizeof(b->key)) {
		baseline_free(b);
		return NULL;
	}
	return b;
}

void baseline_free(struct baseline *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->n; i++) {
		free(b->v[i].file);
		free(b->v[i].rule);
	}
	free(b->v);
	free(b);
}

bool baseline_has(const struct baseline *b, const char *print)
{
	struct entry wanted;
	snprintf(wanted.print, sizeof(wanted.print), "%s", print);
	return b->n && bsearch(&wanted, b->v, b->n, sizeof(*b->v), by_print) != NULL;
}

/* --- writing --- */

/* An order that does not depend on the key, for people who compare two files. */
static int by_place(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int c = strcmp(x->file, y->file);
	c = c ? c : strcmp(x->rule, y->rule);
	return c ? c : strcmp(x->print, y->print);
}

int baseline_write(struct baseline *b, const char *path)
{
	struct buf out = { 0 };
	if (b->n)
		qsort(b->v, b->n, sizeof(*b->v), by_place);
	buf_printf(&out, "{\"redcard_baseline\":%d,\n \"key\":\"", VERSION);
	for (size_t i = 0; i < sizeof(b->key); i++)
		buf_printf(&out, "%02x", (unsigned char)b->key[i]);
	buf_add_text(&out, "\",\n \"findings\":[");
	for (size_t i = 0; i < b->n; i++) {
		buf_add_text(&out, i ? ",\n  {" : "\n  {");
		report_member(&out, "file", b->v[i].file);
		buf_add_char(&out, ',');
		report_member(&out, "rule", b->v[i].rule);
		buf_add_char(&out, ',');
		report_member(&out, "fingerprint", b->v[i].print);
		buf_add_char(&out, '}');
	}
	buf_add_text(&out, "]}\n");
	int error = out.failed ? -ENOMEM : file_replace(path, (struct span){ out.p, out.n });
	buf_fini(&out);
	if (error)
		fprintf(stderr,
			"redcard scan: %s: %s; the baseline is not written: name a file in a folder "
			"that this user may write to\n",
			path, strerror(-error));
	return error;
}
