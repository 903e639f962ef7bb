/*
 * Reports of findings: one file for each format. What matched is never in one, only where it
 * stands.
 *
 * A format is begun, told each file in the order of the scan, and ended; it appends to `out`, which
 * the verb prints after each call.
 */
#ifndef PROXY_REPORT_H
#define PROXY_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/wire.h"
#include "policy/judge.h"
#include "policy/ruleset.h"

struct finding {
	uint16_t rule;     /* index in the ruleset */
	char channel[96];  /* see card_channel() */
	uint64_t text_off; /* in the channel's text */
	uint32_t text_len;
	uint64_t raw_off;      /* in the file */
	uint64_t line, column; /* from 1; the column counts code points */
	uint32_t number;       /* of this rule's findings in this file, from 1 */
};

struct report_file {
	const char *name;
	const char *fault; /* why it was not judged to its end, or "" */
	enum framing framing;
	enum dialect dialect;
	uint64_t received, judged;
	const struct finding *v;
	size_t n;
	uint64_t more; /* found and not kept */
};

struct report {
	const struct report_format *format;
	const struct ruleset *set;
	struct buf out;
	size_t files, files_found, findings, faults; /* so far, with the file at hand */
	struct buf body;                             /* a format's own, until the end */
};

struct report_format {
	const char *name;
	void (*begin)(struct report *r);
	void (*file)(struct report *r, const struct report_file *f);
	void (*end)(struct report *r);
};

extern const struct report_format report_text, report_json, report_jsonl, report_sarif,
	report_junit;

const struct report_format *report_find(const char *name); /* NULL: none is called so */

/* What tells the findings of one report apart: file, rule and number, and nothing of the text. What
 * a baseline goes by is another thing; see baseline.h. */
void report_fingerprint(const struct report *r, const struct report_file *f,
			const struct finding *one, struct buf *out);

/* "key":"value" with escapes; JSON formats share it. */
void report_member(struct buf *out, const char *key, const char *value);
/* The same and a comma; nothing for an empty value. */
void report_optional(struct buf *out, const char *key, const char *value);

#endif
