#include "proxy/mirror_rights.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const unsigned rights[] = { CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_PERFMON, CAP_BPF };

/* --- rights --- */

static bool read_rights(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	return syscall(SYS_capget, &header, data) == 0;
}

static bool has(const struct __user_cap_data_struct data[2], unsigned right)
{
	return data[right / 32].effective >> right % 32 & 1;
}

bool mirror_has_rights(void)
{
	struct __user_cap_data_struct data[2];
	if (!read_rights(data))
		return false;
	return has(data, CAP_SYS_ADMIN) || (has(data, CAP_NET_ADMIN) && has(data, CAP_BPF));
}

void mirror_drop_rights(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	if (!read_rights(data))
		return;
	for (size_t i = 0; i < ARRAY_LEN(rights); i++) {
		struct __user_cap_data_struct *d = &data[rights[i] / 32];
		uint32_t bit = 1u << rights[i] % 32;
		d->effective &= ~bit;
		d->permitted &= ~bit;
		d->inheritable &= ~bit;
		(void)prctl(PR_CAPBSET_DROP, rights[i], 0, 0, 0); /* a child could get them again */
	}
	CHECK(syscall(SYS_capset, &header, data) == 0); /* less is always granted */
}

/* --- the helper --- */

static int attach(int program, const char *cgroup)
{
	union bpf_attr attr;
	int folder = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = (uint32_t)program;
	attr.link_create.target_fd = (uint32_t)folder;
	attr.link_create.attach_type = BPF_CGROUP_INET_EGRESS;
	long link = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	int error = errno;
	close(folder);
	return link < 0 ? -error : (int)link;
}

static bool answer(int fd, int link)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	int error = link < 0 ? link : 0;
	struct iovec iov = { &error, sizeof(error) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	if (link >= 0) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &link, sizeof(link));
	}
	return sendmsg(fd, &msg, MSG_NOSIGNAL) == (ssize_t)sizeof(error);
}

/* All other descriptors are closed: files and sockets of the replayer must go when it goes. */
static void keep_only(int *fd, int *program)
{
	int a = fcntl(*fd, F_DUPFD_CLOEXEC, 64), b = fcntl(*program, F_DUPFD_CLOEXEC, 64);
	if (a < 0 || b < 0 || dup2(a, 3) < 0 || dup2(b, 4) < 0 || close_range(5, ~0u, 0) != 0)
		_exit(1);
	*fd = 3;
	*program = 4;
}

/* Until the replayer is gone, however it went. */
static _Noreturn void help(int fd, int program)
{
	char cgroup[MIRROR_CGROUP_BYTES];
	bool good = true;
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	while (good) {
		ssize_t n = recv(fd, cgroup, sizeof(cgroup), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || cgroup[n - 1] != '\0')
			_exit(0);
		int link = attach(program, cgroup);
		good = answer(fd, link);
		if (link >= 0)
			close(link);
	}
	_exit(0);
}

int mirror_helper_start(struct mirror_helper *h, int program)
{
	int ends[2];
	h->fd = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return -errno;
	pid_t pid = fork();
	if (pid < 0) {
		int error = -errno;
		close(ends[0]);
		close(ends[1]);
		return error;
	}
	if (pid == 0) {
		keep_only(&ends[1], &program);
		help(ends[1], program);
	}
	close(ends[1]);
	*h = (struct mirror_helper){ .pid = pid, .fd = ends[0] };
	return 0;
}

int mirror_helper_attach(struct mirror_helper *h, const char *cgroup)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	int error = -EIO, link = -1;
	struct iovec iov = { &error, sizeof(error) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	size_t n = strlen(cgroup) + 1;
	if (h->fd < 0 || n > MIRROR_CGROUP_BYTES ||
	    send(h->fd, cgroup, n, MSG_NOSIGNAL) != (ssize_t)n)
		return -EPIPE;
	ssize_t got;
	do
		got = recvmsg(h->fd, &msg, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	struct cmsghdr *c = got == (ssize_t)sizeof(error) ? CMSG_FIRSTHDR(&msg) : NULL;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(&link, CMSG_DATA(c), sizeof(link));
	return link >= 0 ? link : error < 0 ? error : -EIO;
}

void mirror_helper_stop(struct mirror_helper *h)
{
	if (h->fd < 0)
		return;
	close(h->fd);
	h->fd = -1;
	while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* --- cgroups --- */

int mirror_cgroup_root(char path[MIRROR_CGROUP_BYTES])
{
	char line[MIRROR_CGROUP_BYTES + 256], kind[64];
	FILE *f = fopen("/proc/self/mounts", "re");
	bool found = false;
	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%*s %4095s %63s", path, kind) == 2 &&
			strcmp(kind, "cgroup2") == 0;
	if (f)
		fclose(f);
	return found ? 0 : -ENOENT;
}

int mirror_cgroup_of(pid_t pid, char path[MIRROR_CGROUP_BYTES])
{
	char name[64], line[MIRROR_CGROUP_BYTES], root[MIRROR_CGROUP_BYTES];
	int error = mirror_cgroup_root(root);
	bool found = false;
	snprintf(name, sizeof(name), "/proc/%d/cgroup", (int)pid);
	FILE *f = error ? NULL : fopen(name, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = strncmp(line, "0::", 3) == 0;
	if (f)
		fclose(f);
	if (!found)
		return -ENOENT;
	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line + 3, "/") == 0)
		return -EXDEV;
	int n = snprintf(path, MIRROR_CGROUP_BYTES, "%s%s", root, line + 3);
	return n > 0 && n < MIRROR_CGROUP_BYTES ? 0 : -ENOENT;
}
