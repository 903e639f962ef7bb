/*
 * Keywords that an expression cannot match without need not be looked for.
 */
#ifndef POLICY_KEYWORD_H
#define POLICY_KEYWORD_H

#include <stdbool.h>
#include <stddef.h>

/* Whether every match of the expression contains one of the keywords, ASCII case aside. When in
 * doubt: false. */
bool keyword_implied(const char *regex, const char *const *keywords, size_t n);

#endif
