/*
 * RE2's syntax, in which gitleaks files are written, as the common subset of PCRE2 and Vectorscan.
 *
 * Where those read the same text differently it is translated: \s is without the vertical tab, \v
 * is one, $ is the very end unless (?m), \x{e9} is a character of two bytes, (?U) turns quantifiers
 * round, names of groups, \Q...\E, octal escapes, [[:word:]] and \pN are written out. What RE2 does
 * not have (look-around, backreferences, possessive quantifiers) is refused, as is what bytes
 * cannot say: characters beyond ASCII in a class.
 *
 * What stays different: a dot and a class stand for one byte, not for one character.
 */
#ifndef POLICY_RE2_H
#define POLICY_RE2_H

#include "lib/base.h"
#include "lib/buf.h"

/* Appends the translation to *out. -EINVAL: appends what is wrong (no line end) to *why; -ENOMEM.
 */
int re2_translate(const char *source, struct buf *out, struct buf *why) MUST_USE;

#endif
