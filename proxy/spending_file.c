#include "proxy/spending_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/sha256.h"
#include "proxy/spending.h"
#include "proxy/units.h"

#define HEAD "redcard spending 1"
#define FILE_MAX_BYTES (1u << 20)

bool spending_file_add(struct spending_file *f, const char *name, uint32_t day, uint64_t nano)
{
	if (f->n == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 8;
		struct spending_row *grown = realloc(f->v, cap * sizeof(*grown));
		if (!grown)
			return false;
		f->v = grown;
		f->cap = cap;
	}
	struct spending_row *row = &f->v[f->n++];
	*row = (struct spending_row){ .day = day, .nano = nano };
	memcpy(row->name, name, min_size(strlen(name), sizeof(row->name) - 1));
	return true;
}

void spending_file_fini(struct spending_file *f)
{
	free(f->v);
	*f = (struct spending_file){ 0 };
}

/* --- reading --- */

/* Takes the text up to `end`, which must be there. */
static bool take(struct span *rest, char end, struct span *out)
{
	const char *at = rest->n ? memchr(rest->p, end, rest->n) : NULL;
	if (!at)
		return false;
	*out = (struct span){ rest->p, (size_t)(at - rest->p) };
	*rest = (struct span){ at + 1, rest->n - out->n - 1 };
	return true;
}

/* Only a date that spending_date() writes is one. */
static bool read_date(struct span text, uint32_t *day)
{
	struct tm tm = { 0 };
	char copy[16] = { 0 }, again[16];
	int used = 0;
	if (text.n != 10)
		return false;
	memcpy(copy, text.p, text.n);
	if (sscanf(copy, "%4d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &used) != 3 ||
	    used != 10)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	time_t t = timegm(&tm);
	if (t < 0)
		return false;
	*day = (uint32_t)(t / (24 * 3600));
	spending_date(*day, again);
	return strcmp(copy, again) == 0;
}

static const char *read_row(struct span line, uint32_t last, struct spending_file *out)
{
	struct span date, name;
	uint32_t day;
	uint64_t nano;
	char copy[64] = { 0 };
	if (!take(&line, ' ', &date) || !take(&line, ' ', &name) || !read_date(date, &day) ||
	    name.n == 0 || name.n >= sizeof(copy) || units_count(line, &nano) != 0)
		return "is not a day, a builder and a sum";
	memcpy(copy, name.p, name.n);
	for (size_t i = 0; i < out->n; i++)
		if (strcmp(out->v[i].name, copy) == 0)
			return "names a builder that stands above already";
	if (day > last)
		return "is of a day to come (or the clock is wrong)";
	return spending_file_add(out, copy, day, nano) ? NULL : "found no memory";
}

static const char *read_rows(struct span text, uint32_t last, struct spending_file *out,
			     unsigned *line)
{
	struct span rest = text, row;
	char sum[SHA256_HEX];
	*line = 1;
	if (!take(&rest, '\n', &row) || !span_eq(row, SPAN(HEAD)))
		return "does not begin with \"" HEAD "\"";
	for (;;) {
		size_t so_far = (size_t)(rest.p - text.p);
		++*line;
		if (!take(&rest, '\n', &row))
			return "is cut off";
		if (row.n > 7 && memcmp(row.p, "sha256 ", 7) == 0) {
			if (sha256_of((struct span){ text.p, so_far }, sum) != 0 ||
			    !span_eq((struct span){ row.p + 7, row.n - 7 }, span_of(sum)))
				return "is not the sum of the lines above";
			return rest.n ? "is followed by something" : NULL;
		}
		const char *what = read_row(row, last, out);
		if (what)
			return what;
	}
}

static int read_all(int fd, struct buf *out)
{
	for (;;) {
		char *to = buf_reserve(out, 4096);
		if (!to)
			return -EFBIG;
		ssize_t n = read(fd, to, 4096);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		out->n += n > 0 ? (size_t)n : 0;
	}
}

int spending_file_read(const char *folder, uint32_t last, struct spending_file *out,
		       struct buf *error)
{
	struct buf path = { 0 }, text = { .max = FILE_MAX_BYTES };
	unsigned line = 1;
	buf_printf(&path, "%s/" SPENDING_FILE, folder);
	int fd = path.failed ? -1 : open(path.p, O_RDONLY | O_CLOEXEC);
	int e = fd < 0 ? -errno : read_all(fd, &text);
	const char *what = NULL;
	if (fd >= 0)
		close(fd);
	if (e == -ENOENT) {
		e = 0;
		goto done;
	}
	what = e ? strerror(-e) : read_rows((struct span){ text.p, text.n }, last, out, &line);
	if (what) {
		buf_printf(error,
			   "%s:%u: what was spent today cannot be read: this line %s; restore the "
			   "file, or remove it, and today's spending begins at nothing\n",
			   path.p, line, what);
		e = e ? e : -EINVAL;
	}
done:
	buf_fini(&path);
	buf_fini(&text);
	return e;
}

/* --- writing --- */

static int write_all(int fd, const struct buf *text)
{
	for (size_t at = 0; at < text->n;) {
		ssize_t n = write(fd, text->p + at, text->n - at);
		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) == 0 ? 0 : -errno;
}

static int write_file(const char *path, const struct buf *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int e = write_all(fd, text);
	if (close(fd) != 0 && !e)
		e = -errno;
	return e;
}

static int sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int e = fsync(fd) == 0 ? 0 : -errno;
	close(fd);
	return e;
}

static int render(const struct spending_file *f, struct buf *text)
{
	char date[16], sum[SHA256_HEX];
	buf_add_text(text, HEAD "\n");
	for (size_t i = 0; i < f->n; i++) {
		if (f->v[i].nano == 0)
			continue;
		spending_date(f->v[i].day, date);
		buf_printf(text, "%s %s %llu\n", date, f->v[i].name,
			   (unsigned long long)f->v[i].nano);
	}
	int e = text->failed ? -ENOMEM : sha256_of((struct span){ text->p, text->n }, sum);
	if (!e)
		buf_printf(text, "sha256 %s\n", sum);
	return text->failed ? -ENOMEM : e;
}

int spending_file_write(const char *folder, const struct spending_file *f)
{
	struct buf path = { 0 }, aside = { 0 }, text = { 0 };
	buf_printf(&path, "%s/" SPENDING_FILE, folder);
	buf_printf(&aside, "%s/" SPENDING_FILE ".new", folder);
	int e = path.failed || aside.failed ? -ENOMEM : render(f, &text);
	if (!e)
		e = write_file(aside.p, &text);
	if (!e && rename(aside.p, path.p) != 0)
		e = -errno;
	if (!e)
		e = sync_folder(folder);
	buf_fini(&path);
	buf_fini(&aside);
	buf_fini(&text);
	return e;
}
