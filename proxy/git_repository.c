#include "proxy/git_repository.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proxy/git_folder.h"

enum { OUTPUT_MAX = 16 << 20, ARGS_MAX = 20 };

#define NO_TIME "git had no time to answer"

void repository_say(struct repository *r, const char *text, const char *what)
{
	buf_add_text(r->says, text);
	if (what)
		buf_add_text(r->says, what);
	buf_add_char(r->says, '\n');
}

/* The first line that git wrote on standard error, which says what was wrong. */
void repository_say_error(struct repository *r, const char *doing)
{
	const struct buf *e = &r->last.err;
	if (r->last.end != PROCESS_EXITED) {
		buf_printf(r->says, "%s: " NO_TIME "\n", doing);
		return;
	}
	const char *end = e->n ? memchr(e->p, '\n', e->n) : NULL;
	buf_printf(r->says, "%s: %.*s\n", doing,
		   (int)min_size(end ? (size_t)(end - e->p) : e->n, 300), e->n ? e->p : "");
}

bool repository_run(struct repository *r, struct span in, const char *const *args)
{
	const char *argv[ARGS_MAX + 4] = { "git", "-c", "gc.auto=0" };
	const char *env[] = { r->dir, r->index, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", NULL, NULL,
			      NULL,   NULL,     NULL };
	size_t n = 3;
	char author[2][160], committer[2][160];
	for (; *args; args++) {
		CHECK(n < ARRAY_LEN(argv) - 1);
		argv[n++] = *args;
	}
	const struct driver_git *g = &r->job->target->git;
	snprintf(author[0], sizeof(author[0]), "GIT_AUTHOR_NAME=%s", g->name);
	snprintf(author[1], sizeof(author[1]), "GIT_AUTHOR_EMAIL=%s", g->email);
	snprintf(committer[0], sizeof(committer[0]), "GIT_COMMITTER_NAME=%s", g->name);
	snprintf(committer[1], sizeof(committer[1]), "GIT_COMMITTER_EMAIL=%s", g->email);
	env[4] = author[0];
	env[5] = author[1];
	env[6] = committer[0];
	env[7] = committer[1];
	const struct process p = { .argv = argv,
				   .env = env,
				   .in = in,
				   .out_max = OUTPUT_MAX,
				   .deadline_ms = r->job->deadline_ms,
				   .stop = r->job->stop };
	process_result_fini(&r->last);
	int error = process_run(&p, &r->last);
	if (error)
		buf_printf(r->says, "git cannot be run: %s\n", strerror(-error));
	return !error && r->last.end == PROCESS_EXITED && r->last.code == 0 && !r->last.cut;
}

bool repository_sha(struct repository *r, char sha[GIT_SHA])
{
	size_t n =
		strcspn(r->last.out.n ? (buf_add(&r->last.out, "", 1), r->last.out.p) : "", "\n");
	if (n < 40 || n >= GIT_SHA)
		return false;
	memcpy(sha, r->last.out.p, n);
	sha[n] = '\0';
	return true;
}

bool repository_commit(struct repository *r, const char *name, char sha[GIT_SHA])
{
	char spec[160];
	snprintf(spec, sizeof(spec), "%.128s^{commit}", name);
	return GIT(r, "rev-parse", "--verify", "--quiet", "--end-of-options", spec) &&
	       repository_sha(r, sha);
}

bool repository_is_ancestor(struct repository *r, const char *a, const char *b)
{
	return GIT(r, "merge-base", "--is-ancestor", a, b);
}

bool repository_answered(struct repository *r)
{
	if (r->last.end == PROCESS_EXITED)
		return true;
	repository_say(r, NO_TIME, NULL);
	return false;
}

enum driver_outcome repository_give_up(const struct repository *r)
{
	return r->last.end == PROCESS_EXITED ? DRIVER_FAILED : DRIVER_AGAIN;
}

void repository_open(struct repository *r, const struct driver_job *job, struct buf *says)
{
	*r = (struct repository){ .job = job, .says = says };
	snprintf(r->folder, sizeof(r->folder), "%s/%s.git", job->folder, job->target->name);
	snprintf(r->dir, sizeof(r->dir), "GIT_DIR=%s", r->folder);
	/* A process that was killed may have left a git behind that still writes the old one. */
	snprintf(r->index, sizeof(r->index), "GIT_INDEX_FILE=%s/index-%s-%ld", r->folder, job->id,
		 (long)getpid());
}

void repository_close(struct repository *r)
{
	remove(r->index + strlen("GIT_INDEX_FILE="));
	process_result_fini(&r->last);
}

enum driver_outcome repository_fetch(struct repository *r)
{
	char refs[300];
	const struct driver_git *g = &r->job->target->git;
	if (!git_folder_whole(r->folder) && !GIT(r, "init", "--quiet", "--bare", r->folder)) {
		repository_say_error(r, "the local copy cannot be made");
		return repository_give_up(r);
	}
	snprintf(refs, sizeof(refs), "+refs/heads/%s:" GIT_TIP, g->branch);
	if (GIT(r, "fetch", "--quiet", "--no-tags", "--no-auto-maintenance", "--end-of-options",
		g->remote, refs))
		return DRIVER_DONE;
	repository_say_error(r, "the remote cannot be read");
	return DRIVER_AGAIN;
}
