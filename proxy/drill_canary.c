#include "proxy/drill_canary.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/process.h"

enum { OUTPUT_MAX = 1 << 20, ARGS_MAX = 16, PUSHES = 5, PATH_BYTES = 160 };

#define TIP "refs/drill/tip"

struct canary_place {
	const char *remote, *branch;
	uint32_t timeout_ms;
	char folder[64];
	char dir[96], index[96]; /* "GIT_DIR=...", "GIT_INDEX_FILE=..." */
	struct process_result last;
};

/* --- git --- */

static bool git_in(struct canary_place *p, struct span in, const char *const *args)
{
	const char *argv[ARGS_MAX + 1] = { "git" };
	const char *const env[] = { p->dir,
				    p->index,
				    "LC_ALL=C",
				    "GIT_TERMINAL_PROMPT=0",
				    "GIT_AUTHOR_NAME=redcard drill",
				    "GIT_AUTHOR_EMAIL=redcard@localhost",
				    "GIT_COMMITTER_NAME=redcard drill",
				    "GIT_COMMITTER_EMAIL=redcard@localhost",
				    NULL };
	size_t n = 1;
	for (; *args; args++) {
		CHECK(n < ARGS_MAX);
		argv[n++] = *args;
	}
	const struct process run = { .argv = argv,
				     .env = env,
				     .in = in,
				     .out_max = OUTPUT_MAX,
				     .deadline_ms = clock_ms() + p->timeout_ms };
	process_result_fini(&p->last);
	int error = process_run(&run, &p->last);
	if (error)
		buf_printf(&p->last.err, "git cannot be run: %s", strerror(-error));
	else if (p->last.end == PROCESS_TIMEOUT)
		buf_printf(&p->last.err, "git took more than %u s", p->timeout_ms / 1000);
	return !error && p->last.end == PROCESS_EXITED && p->last.code == 0;
}

#define GIT(p, ...) git_in(p, (struct span){ 0 }, (const char *const[]){ __VA_ARGS__, NULL })

/* The first line of what the last call has said. */
static bool say(struct canary_place *p, const char *doing, struct buf *why)
{
	const struct buf *e = &p->last.err;
	const char *end = e->n ? memchr(e->p, '\n', e->n) : NULL;
	buf_printf(why, "%s: %.*s", doing, (int)min_size(end ? (size_t)(end - e->p) : e->n, 300),
		   e->n ? e->p : "");
	return false;
}

static bool take_sha(struct canary_place *p, char sha[CANARY_SHA])
{
	const struct buf *out = &p->last.out;
	size_t n = 0;
	while (n < out->n && n < CANARY_SHA && out->p[n] != '\n')
		n++;
	if (n < 40 || n >= CANARY_SHA)
		return false;
	memcpy(sha, out->p, n);
	sha[n] = '\0';
	return true;
}

/* What the branch is now. */
static bool fetch_tip(struct canary_place *p, char tip[CANARY_SHA], struct buf *why)
{
	char what[256];
	snprintf(what, sizeof(what), "+refs/heads/%.200s:" TIP, p->branch);
	if (!GIT(p, "fetch", "-q", "--no-tags", "--", p->remote, what))
		return say(p, "the target's remote cannot be read", why);
	return (GIT(p, "rev-parse", "--verify", TIP "^{commit}") && take_sha(p, tip)) ||
	       say(p, "the target's branch cannot be read", why);
}

static void path_of(const char *id, char out[PATH_BYTES])
{
	snprintf(out, PATH_BYTES, "redcard-drill/%.100s.txt", id);
}

static bool text_of(const char *id, char *out, size_t n)
{
	return snprintf(out, n, "The canary of drill %s. It may be deleted.\n", id) > 0;
}

/* --- its local copy --- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

void canary_close(struct canary_place *p)
{
	if (!p)
		return;
	nftw(p->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	process_result_fini(&p->last);
	free(p);
}

bool canary_open(const char *remote, const char *branch, uint32_t timeout_ms,
		 struct canary_place **out, struct buf *why)
{
	struct canary_place *p = calloc(1, sizeof(*p));
	if (!p) {
		buf_add_text(why, "out of memory");
		return false;
	}
	p->remote = remote;
	p->branch = branch;
	p->timeout_ms = timeout_ms;
	const char *tmp = getenv("TMPDIR");
	snprintf(p->folder, sizeof(p->folder), "%.30s/redcard-drill-XXXXXX",
		 tmp && strlen(tmp) < 30 ? tmp : "/tmp");
	if (!mkdtemp(p->folder)) {
		buf_printf(why, "%s: %s", p->folder, strerror(errno));
		free(p);
		return false;
	}
	snprintf(p->dir, sizeof(p->dir), "GIT_DIR=%s/git", p->folder);
	snprintf(p->index, sizeof(p->index), "GIT_INDEX_FILE=%s/index", p->folder);
	char tip[CANARY_SHA];
	if (!GIT(p, "init", "-q", "--bare"))
		say(p, "there is no git to drill with", why);
	else if (fetch_tip(p, tip, why)) {
		*out = p;
		return true;
	}
	canary_close(p);
	return false;
}

/* --- commits --- */

/* A commit on tip with that line of `update-index --index-info`, pushed. Again: somebody else was
 * quicker. */
static bool commit_and_push(struct canary_place *p, const char *tip, const char *line,
			    const char *message, char commit[CANARY_SHA])
{
	char tree[CANARY_SHA], what[CANARY_SHA + 256];
	if (!GIT(p, "read-tree", tip) ||
	    !git_in(p, span_of(line),
		    (const char *const[]){ "update-index", "--index-info", NULL }) ||
	    !GIT(p, "write-tree") || !take_sha(p, tree) ||
	    !GIT(p, "commit-tree", tree, "-p", tip, "-m", message) || !take_sha(p, commit))
		return false;
	snprintf(what, sizeof(what), "%s:refs/heads/%.200s", commit, p->branch);
	return GIT(p, "push", "-q", "--", p->remote, what);
}

bool canary_push(struct canary_place *p, const char *id, char anchor[CANARY_SHA],
		 char bad[CANARY_SHA], struct buf *why)
{
	char path[PATH_BYTES], text[PATH_BYTES], blob[CANARY_SHA], line[400], message[160];
	path_of(id, path);
	if (!text_of(id, text, sizeof(text)) ||
	    !git_in(p, span_of(text),
		    (const char *const[]){ "hash-object", "-w", "--stdin", NULL }) ||
	    !take_sha(p, blob))
		return say(p, "the canary cannot be made", why);
	snprintf(line, sizeof(line), "100644 %s\t%s\n", blob, path);
	snprintf(message, sizeof(message), "Canary of drill %.100s", id);
	for (int i = 0; i < PUSHES; i++) {
		if (!fetch_tip(p, anchor, why))
			return false;
		if (commit_and_push(p, anchor, line, message, bad))
			return true;
	}
	return say(p, "the canary cannot be pushed", why);
}

bool canary_tidy(struct canary_place *p, const char *id, struct buf *why)
{
	char path[PATH_BYTES], tip[CANARY_SHA], line[400], message[160], commit[CANARY_SHA];
	path_of(id, path);
	snprintf(line, sizeof(line), "0 %040d\t%s\n", 0, path);
	snprintf(message, sizeof(message), "The canary of drill %.100s is taken away", id);
	for (int i = 0; i < PUSHES; i++) {
		if (!fetch_tip(p, tip, why))
			return false;
		if (!GIT(p, "ls-tree", tip, "--", path))
			return say(p, "the target's branch cannot be read", why);
		if (!p->last.out.n || commit_and_push(p, tip, line, message, commit))
			return true;
	}
	return say(p, "the canary cannot be taken away", why);
}

/* --- what became of it --- */

static bool prints_nothing(const struct canary_place *p)
{
	return p->last.out.n == 0;
}

static enum canary_state unknown(struct canary_place *p, struct buf *why)
{
	say(p, "the target's branch cannot be read", why);
	return CANARY_UNKNOWN;
}

enum canary_state canary_look(struct canary_place *p, const char *id, const char *anchor,
			      const char *bad, struct buf *why)
{
	char tip[CANARY_SHA], range[2 * CANARY_SHA + 2], path[PATH_BYTES];
	path_of(id, path);
	if (!fetch_tip(p, tip, why))
		return CANARY_UNKNOWN;
	if (!GIT(p, "merge-base", "--is-ancestor", bad, tip)) {
		if (p->last.end != PROCESS_EXITED || p->last.code != 1)
			return unknown(p, why);
		buf_printf(why, "the canary %.12s is no longer in the branch's history", bad);
		return CANARY_WRONG;
	}
	if (!GIT(p, "diff", "--name-only", bad, tip, "--", path))
		return unknown(p, why);
	if (prints_nothing(p))
		return CANARY_STANDS;
	if (!GIT(p, "ls-tree", tip, "--", path))
		return unknown(p, why);
	if (!prints_nothing(p)) {
		buf_printf(why, "%s is there, and is another", path);
		return CANARY_WRONG;
	}
	snprintf(range, sizeof(range), "%s..%s", bad, tip);
	if (!GIT(p, "rev-list", "--count", range))
		return unknown(p, why);
	if (strncmp(p->last.out.n ? p->last.out.p : "", "1\n", 2) != 0)
		return CANARY_RESTORED; /* others have pushed as well */
	if (!GIT(p, "diff", "--name-only", anchor, tip))
		return unknown(p, why);
	if (prints_nothing(p))
		return CANARY_RESTORED;
	buf_add_text(why, "the restoring commit has changed more than the canary");
	return CANARY_WRONG;
}
