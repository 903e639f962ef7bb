#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
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

int file_replace(const char *path, struct span text)
{
	struct buf name = { 0 };
	int fd = -1;
	buf_printf(&name, "%s.XXXXXX", path);
	buf_add_char(&name, '\0');
	int error = name.failed ? -ENOMEM : 0;
	if (!error && (fd = mkstemp(name.p)) < 0)
		error = -errno;
	if (!error && fchmod(fd, mode_for(path)) != 0)
		error = -errno;
	if (!error)
		error = write_all(fd, text);
	if (fd >= 0 && close(fd) != 0 && !error)
		error = -errno;
	if (!error && rename(name.p, path) != 0)
		error = -errno;
	if (error && fd >= 0)
		(void)unlink(name.p);
	buf_fini(&name);
	return error;
}
