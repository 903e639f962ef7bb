/*
 * The file in which spending is kept, `spending` in state_dir:
 *
 *   redcard spending 1
 *   2026-11-26 openai 123456789          a UTC day, a builder, nano-USD
 *   sha256 9f86d081884c7d659a2f...       of all lines before it
 *
 * Nothing is taken from a file that is not exactly like this.
 */
#ifndef PROXY_SPENDING_FILE_H
#define PROXY_SPENDING_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/buf.h"

#define SPENDING_FILE "spending"

struct spending_row {
	char name[64];
	uint32_t day; /* since 1970 */
	uint64_t nano;
};

struct spending_file {
	struct spending_row *v;
	size_t n, cap;
};

bool spending_file_add(struct spending_file *f, const char *name, uint32_t day,
		       uint64_t nano) MUST_USE; /* false: no memory */
void spending_file_fini(struct spending_file *f);

/* Without a file: no rows. On failure -errno and one line; a day after `last` is one. */
int spending_file_read(const char *folder, uint32_t last, struct spending_file *out,
		       struct buf *error) MUST_USE;
/* Aside, synced, renamed, and the folder synced. Rows of nothing are left out. -errno. */
int spending_file_write(const char *folder, const struct spending_file *f) MUST_USE;

#endif
