/*
 * The insides of JSON strings: escape sequences, and the bytes between them.
 */
#ifndef LIB_JSON_ESCAPE_H
#define LIB_JSON_ESCAPE_H

#include <stddef.h>
#include <stdint.h>

/* One escape sequence (two, for a surrogate pair) at p, which begins with a backslash. Returns its
 * length and sets lit and lit_len (UTF-8; a lone surrogate is U+FFFD); 0 when n bytes do not decide
 * it, -1 when it is malformed. */
int json_unescape(const char *p, size_t n, char lit[4], uint8_t *lit_len);

/* UTF-8 for a code point; returns its length. */
uint8_t json_utf8(uint32_t cp, char out[4]);

/* The value of a hexadecimal digit, or -1. */
int json_hex(char c);

/* The character that a backslash and this byte stand for; 0 for `u` and what is no escape. */
extern const char json_simple[256];

/* Bit i is set when byte i of the 32 at p is a quote, a backslash or a control character. */
uint32_t json_stops(const char *p);

/* How many of the n bytes at p are neither a quote, a backslash nor a control character. */
size_t json_plain(const char *p, size_t n);

#endif
