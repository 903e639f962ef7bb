/* Between the files of `redcard diff`: two files, what was found of them, and how it is shown. */
#ifndef PROXY_DIFF_H
#define PROXY_DIFF_H

#include "policy/changes.h"
#include "policy/compare.h"
#include "proxy/line_index.h"

enum {
	DIFF_CHANGES_SHOWN = 20,    /* entries in text, */
	DIFF_CHANGES_LISTED = 10000 /* and in JSON */
};

struct diff {
	const char *paths[COMPARE_SIDES];
	struct buf files[COMPARE_SIDES];
	struct span texts[COMPARE_SIDES];
	const struct syntax_language *language;
	uint32_t threshold;
	struct comparison c;
	bool has_lines, has_changes; /* there was memory for them; has_changes: and a score */
	struct changes changes;
	struct line_index lines[2];
};

/* Finds the lines, and the changed nodes if there is a score. diff_changes_fini() is fine after
 * any. */
void diff_changes_find(struct diff *d);
void diff_changes_fini(struct diff *d);

/* A line for each entry; one if they are not the fewest; and "changes": {...} or null. */
void diff_changes_text(const struct diff *d, struct buf *out);
void diff_changes_note(const struct diff *d, struct buf *out);
void diff_changes_json(const struct diff *d, struct buf *out);

/* Writes the section of a meta.yaml and the metrics, both or none; NULL: not asked for. False: one
 * line on standard error says why. */
bool diff_write(const struct diff *d, const char *meta, const char *metrics) MUST_USE;

#endif
