#include "lib/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"

#define LOOK_MS 50 /* how often `stop` is looked at */

extern char **environ;

enum { IN, OUT, ERR, STREAMS };

struct running {
	pid_t pid;
	int fd[STREAMS]; /* our ends; -1: closed */
	size_t sent;
};

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* --- start --- */

static bool overridden(const char *entry, const char *const *env)
{
	size_t name = strcspn(entry, "=") + 1;
	for (; env && *env; env++)
		if (strncmp(entry, *env, name) == 0)
			return true;
	return false;
}

/* Our own environment with the changes. The texts are not copied. */
static const char **environment(const char *const *env)
{
	size_t n = 0, m = 0, at = 0;
	while (environ[n])
		n++;
	while (env && env[m])
		m++;
	const char **v = calloc(n + m + 1, sizeof(*v));
	for (size_t i = 0; v && i < n; i++)
		if (!overridden(environ[i], env))
			v[at++] = environ[i];
	for (size_t i = 0; v && i < m; i++)
		v[at++] = env[i];
	return v;
}

static int spawn(const struct process *p, int theirs[STREAMS], pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, defaults;
	const char **env = environment(p->env);
	if (!env)
		return -ENOMEM;
	posix_spawn_file_actions_init(&actions);
	for (int i = 0; i < STREAMS; i++)
		posix_spawn_file_actions_adddup2(&actions, theirs[i], i);
	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF);
	char **argv, **envp; /* execve() takes them without const, and changes nothing */
	memcpy(&argv, &p->argv, sizeof(argv));
	memcpy(&envp, &env, sizeof(envp));
	int error = posix_spawnp(pid, argv[0], &actions, &attributes, argv, envp);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	free(env);
	return -error;
}

static int start(const struct process *p, struct running *run)
{
	int pipes[STREAMS][2] = { { -1, -1 }, { -1, -1 }, { -1, -1 } }, theirs[STREAMS];
	int error = 0;
	for (int i = 0; i < STREAMS && !error; i++)
		if (pipe2(pipes[i], O_CLOEXEC) != 0)
			error = -errno;
	for (int i = 0; i < STREAMS; i++) {
		run->fd[i] = pipes[i][i == IN];
		theirs[i] = pipes[i][i != IN];
		if (run->fd[i] >= 0)
			(void)fcntl(run->fd[i], F_SETFL, O_NONBLOCK);
	}
	if (!error)
		error = spawn(p, theirs, &run->pid);
	for (int i = 0; i < STREAMS; i++) {
		shut(&theirs[i]);
		if (error)
			shut(&run->fd[i]);
	}
	return error;
}

/* --- run --- */

static void send_input(const struct process *p, struct running *run)
{
	ssize_t n = write(run->fd[IN], p->in.p + run->sent, p->in.n - run->sent);
	if (n > 0)
		run->sent += (size_t)n;
	if ((n < 0 && errno != EAGAIN && errno != EINTR) || run->sent == p->in.n)
		shut(&run->fd[IN]);
}

static void take_output(const struct process *p, int *fd, struct buf *to, bool *cut)
{
	char part[16384];
	ssize_t n = read(*fd, part, sizeof(part));
	if (n > 0) {
		size_t room = p->out_max - min_size(to->n, p->out_max);
		buf_add(to, part, min_size((size_t)n, room));
		*cut = *cut || (size_t)n > room;
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		shut(fd);
	}
}

/* True: it has said all. */
static bool exchange(const struct process *p, struct running *run, struct process_result *r)
{
	struct pollfd fds[STREAMS];
	uint64_t now = clock_ms();
	uint64_t wait = p->deadline_ms > now ? min_u64(p->deadline_ms - now, LOOK_MS) : 0;
	for (int i = 0; i < STREAMS; i++)
		fds[i] = (struct pollfd){ .fd = run->fd[i], .events = i == IN ? POLLOUT : POLLIN };
	if (run->fd[OUT] < 0 && run->fd[ERR] < 0)
		return true;
	(void)poll(fds, STREAMS, (int)wait);
	if (fds[IN].revents)
		send_input(p, run);
	if (fds[OUT].revents)
		take_output(p, &run->fd[OUT], &r->out, &r->cut);
	if (fds[ERR].revents)
		take_output(p, &run->fd[ERR], &r->err, &r->cut);
	return false;
}

static bool over(const struct process *p, struct process_result *r)
{
	if (p->stop && atomic_load(p->stop))
		r->end = PROCESS_STOPPED;
	else if (clock_ms() >= p->deadline_ms)
		r->end = PROCESS_TIMEOUT;
	else
		return false;
	return true;
}

/* What it left behind in its group ends with it; as long as it is not waited for, its id is its
 * own. */
static bool ended(struct running *run, struct process_result *r)
{
	siginfo_t info = { 0 };
	int status;
	if (waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
	    info.si_pid == 0)
		return false;
	kill(-run->pid, SIGKILL);
	pid_t got = waitpid(run->pid, &status, 0);
	CHECK(got == run->pid);
	r->end = WIFEXITED(status) ? PROCESS_EXITED : PROCESS_KILLED;
	r->code = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
	return true;
}

/* It may close its outputs and live on. */
static void await_end(const struct process *p, struct running *run, struct process_result *r)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	while (!ended(run, r)) {
		if (over(p, r)) {
			enum process_end why = r->end;
			kill(-run->pid, SIGKILL);
			while (!ended(run, r))
				nanosleep(&pause, NULL);
			r->end = why;
			return;
		}
		nanosleep(&pause, NULL);
	}
}

int process_run(const struct process *p, struct process_result *r)
{
	struct running run = { 0 };
	*r = (struct process_result){ 0 };
	int error = start(p, &run);
	if (error)
		return error;
	if (p->in.n == 0)
		shut(&run.fd[IN]);
	while (!exchange(p, &run, r) && !over(p, r))
		;
	await_end(p, &run, r);
	for (int i = 0; i < STREAMS; i++)
		shut(&run.fd[i]);
	return r->out.failed || r->err.failed ? -ENOMEM : 0;
}

void process_result_fini(struct process_result *r)
{
	buf_fini(&r->out);
	buf_fini(&r->err);
}
