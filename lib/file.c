#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
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
