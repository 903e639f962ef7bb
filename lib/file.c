#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES 65536

int file_drain(int fd, size_t max, struct buf *out)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	for (size_t start = out->n; out->n - start <= max;) {
		char *room = buf_reserve(out, READ_BYTES);
		if (!room)
			return -ENOMEM;
		ssize_t n = read(fd, room, READ_BYTES);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		out->n += (size_t)n;
	}
	return -EFBIG;
}

int file_read(const char *path, size_t max, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int error = file_drain(fd, max, out);
	close(fd);
	return error;
}

static int write_all(int fd, struct span text)
{
	while (text.n) {
		ssize_t n = write(fd, text.p, text.n);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			text = (struct span){ text.p + n, text.n - (size_t)n };
	}
	return fsync(fd) == 0 ? 0 : -errno;
}

/* What a new file would get, or what the old one has. */
static mode_t mode_for(const char *path)
{
	struct stat st;
	if (stat(path, &st) == 0)
		return st.st_mode & 0777;
	mode_t mask = umask(0);
	umask(mask);
	return 0666 & ~mask;
}

/* Where the file is, with its links followed, unless something else is there. */
static int find_place(const char *path, char **out)
{
	struct stat st;
	bool there = stat(path, &st) == 0;
	if (there && !S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -ENOTSUP;
	if (there && access(path, W_OK) != 0)
		return -errno;
	*out = there ? realpath(path, NULL) : strdup(path);
	return *out ? 0 : -errno;
}

int file_stage(const char *path, struct span text, struct file_stage *out)
{
	struct buf name = { 0 };
	int fd = -1;
	*out = (struct file_stage){ 0 };
	int error = find_place(path, &out->path);
	if (error)
		return error;
	buf_printf(&name, "%s.XXXXXX", out->path);
	buf_add_char(&name, '\0');
	error = name.failed ? -ENOMEM : 0;
	if (!error && (fd = mkstemp(name.p)) < 0)
		error = -errno;
	if (fd >= 0)
		out->beside = name.p;
	if (!error && fchmod(fd, mode_for(out->path)) != 0)
		error = -errno;
	if (!error)
		error = write_all(fd, text);
	if (fd >= 0 && close(fd) != 0 && !error)
		error = -errno;
	if (!out->beside)
		buf_fini(&name);
	if (error)
		file_discard(out);
	return error;
}

int file_commit(struct file_stage *s)
{
	int error = rename(s->beside, s->path) == 0 ? 0 : -errno;
	if (!error) {
		free(s->beside);
		s->beside = NULL;
	}
	file_discard(s);
	return error;
}

void file_discard(struct file_stage *s)
{
	if (s->beside)
		(void)unlink(s->beside);
	free(s->beside);
	free(s->path);
	*s = (struct file_stage){ 0 };
}

int file_replace(const char *path, struct span text)
{
	struct file_stage s;
	int error = file_stage(path, text, &s);
	return error ? error : file_commit(&s);
}
