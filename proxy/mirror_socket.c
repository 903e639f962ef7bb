#include "proxy/mirror_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/mirror_record.h"

static int bind_socket(struct mirror_socket *s)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	strncpy(at.sun_path, s->path, sizeof(at.sun_path) - 1);
	mode_t mask = umask(0177);
	int error = bind(s->fd, (const struct sockaddr *)&at, sizeof(at)) == 0 ? 0 : -errno;
	umask(mask);
	if (error != -EADDRINUSE)
		return error;
	/* Left by one that was killed, or in use. */
	struct stat st;
	int probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	bool dead = probe >= 0 && lstat(s->path, &st) == 0 && S_ISSOCK(st.st_mode) &&
		    connect(probe, (const struct sockaddr *)&at, sizeof(at)) != 0 &&
		    errno == ECONNREFUSED;
	if (probe >= 0)
		close(probe);
	if (!dead || unlink(s->path) != 0)
		return -EADDRINUSE;
	mask = umask(0177);
	error = bind(s->fd, (const struct sockaddr *)&at, sizeof(at)) == 0 ? 0 : -errno;
	umask(mask);
	return error;
}

int mirror_socket_open(struct mirror_socket *s, const char *path, int backlog)
{
	*s = (struct mirror_socket){ .path = path };
	s->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return -errno;
	int error = bind_socket(s);
	if (!error && (listen(s->fd, backlog) != 0 || stat(s->path, &s->file) != 0))
		error = -errno;
	return error;
}

void mirror_socket_close(struct mirror_socket *s)
{
	struct stat now;
	if (s->fd < 0)
		return;
	if (s->file.st_ino && stat(s->path, &now) == 0 && now.st_ino == s->file.st_ino &&
	    now.st_dev == s->file.st_dev)
		(void)unlink(s->path); /* it may be another one's by now */
	close(s->fd);
}

bool mirror_socket_say(int fd, const struct mirror_message *message, const int *passed, size_t n)
{
	char control[CMSG_SPACE(MIRROR_PASSED_MOST * sizeof(int))] = { 0 };
	struct mirror_message copy = *message;
	struct iovec iov = { &copy, sizeof(copy) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	if (n > 0) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), passed, n * sizeof(int));
	}
	return sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(copy);
}
