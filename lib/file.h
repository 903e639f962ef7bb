/* Whole files in memory. */
#ifndef LIB_FILE_H
#define LIB_FILE_H

#include "lib/base.h"
#include "lib/buf.h"

/* Appends what there is to read. -EFBIG: more than `max` bytes; -EISDIR; or as read(2) says. */
int file_drain(int fd, size_t max, struct buf *out) MUST_USE;
int file_read(const char *path, size_t max, struct buf *out) MUST_USE; /* or as open(2) says */

/* Puts text in the place of the file at once: it is there whole, or the old file is. Where there
 * was a file its permissions stay. -errno. */
int file_replace(const char *path, struct span text) MUST_USE;

/* The same in two steps, so that several files are replaced or none: what can fail is tried by
 * file_stage(), which leaves the text beside its file. A link is followed. What is there and is no
 * file stays: -EISDIR, -ENOTSUP. */
struct file_stage {
	char *path, *beside;
};

int file_stage(const char *path, struct span text, struct file_stage *out) MUST_USE;
int file_commit(struct file_stage *s) MUST_USE; /* and forgets it */
void file_discard(struct file_stage *s);        /* fine after a commit, or of a zeroed one */

#endif
