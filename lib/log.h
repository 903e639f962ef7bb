/*
 * JSON log lines, one object a line, on standard error or in a file. Lines are written whole with
 * one write(2) and never block the caller for long: a full pipe drops the line and counts it. Never
 * pass matched text or credentials.
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <stdint.h>

#include "lib/base.h"
#include "lib/buf.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR, LOG_LEVEL_COUNT };
extern const char *const log_level_names[LOG_LEVEL_COUNT];

int log_open(const char *path,
	     enum log_level least) MUST_USE; /* NULL path: standard error; -errno */
int log_reopen(void) MUST_USE;               /* after rotation; the old file stays on failure */
void log_close(void);
uint64_t log_dropped(void);

/* Starts a line {"time":...,"level":...,"event":event; returns NULL below the least level. The
 * buffer is this thread's; add fields with the functions below, then log_end(). */
struct buf *log_begin(enum log_level level, const char *event);
void log_text(struct buf *line, const char *key, struct span value);
void log_number(struct buf *line, const char *key, uint64_t value);
void log_float(struct buf *line, const char *key, double value);
void log_bool(struct buf *line, const char *key, int value);
/* value: a JSON value, put as it is. */
void log_json(struct buf *line, const char *key, struct span value);
void log_end(struct buf *line);

/* A whole line with one "message" field. */
void log_message(enum log_level level, const char *event, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
