/* The replayer's socket: a file that only its user may use, and packets with descriptors. */
#ifndef PROXY_MIRROR_SOCKET_H
#define PROXY_MIRROR_SOCKET_H

#include <stdbool.h>
#include <sys/stat.h>

#include "lib/base.h"

#define MIRROR_PASSED_MOST 3

struct mirror_message;

struct mirror_socket {
	const char *path; /* borrowed */
	int fd;           /* listens; -1: it is closed */
	struct stat file;
};

/* A file that a replayer left which was killed is replaced. -EADDRINUSE: another one listens, or it
 * is no socket; -errno. mirror_socket_close() is owed in any case. */
int mirror_socket_open(struct mirror_socket *s, const char *path, int backlog) MUST_USE;
void mirror_socket_close(struct mirror_socket *s);

/* False: the peer is gone or does not read. */
bool mirror_socket_say(int fd, const struct mirror_message *message, const int *passed, size_t n);

#endif
