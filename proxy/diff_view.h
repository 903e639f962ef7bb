/*
 * The two files of `redcard diff` side by side, for people: changed text is coloured (without
 * colours, underlined by a row of ^), stretches without a change are folded, long lines wrapped.
 * What files say is printed by proxy/printable.h.
 */
#ifndef PROXY_DIFF_VIEW_H
#define PROXY_DIFF_VIEW_H

#include <stdio.h>

#include "proxy/diff.h"

struct diff_view {
	bool side, colour;
	unsigned width; /* columns of the terminal */
	bool lines;     /* it shows the characters of lines */
};

/* NULL is what was not said; by standard output and the environment. False: one line on standard
 * error says which word is not known. */
bool diff_view_init(struct diff_view *v, const char *view, const char *colour) MUST_USE;

/* Starts and ends the colour of a verdict. */
const char *diff_view_verdict(const struct diff_view *v, enum score_verdict verdict);
const char *diff_view_plain(const struct diff_view *v);

/* False: no memory, and less was printed. */
bool diff_view_print(const struct diff_view *v, const struct diff *d, FILE *to) MUST_USE;

#endif
