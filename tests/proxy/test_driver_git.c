/*
 * The git driver on real repositories: a bare remote, someone who pushes to it, and what the driver
 * makes of it.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/process.h"
#include "proxy/driver.h"

static char root[] = "/tmp/redcard-git-XXXXXX";
static char remote[64], folder[64];
static struct driver_target target;
static struct buf says;
static char revision[DRIVER_REVISION];

/* Runs a script in the work tree of the one who pushes; returns its output's first line. */
static char *sh(const char *script)
{
	static char line[4096];
	char whole[8192];
	snprintf(whole, sizeof(whole), "cd %s/work && { %s\n}", root, script);
	const char *argv[] = { "sh", "-ec", whole, NULL };
	const char *env[] = { "GIT_AUTHOR_NAME=a",           "GIT_AUTHOR_EMAIL=a@example.org",
			      "GIT_COMMITTER_NAME=a",        "GIT_COMMITTER_EMAIL=a@example.org",
			      "GIT_CONFIG_GLOBAL=/dev/null", NULL };
	const struct process p = { .argv = argv,
				   .env = env,
				   .out_max = sizeof(line) - 1,
				   .deadline_ms = clock_ms() + 60000 };
	struct process_result r;
	cr_assert_eq(process_run(&p, &r), 0);
	cr_assert(r.end == PROCESS_EXITED && r.code == 0, "%s\n%.*s", script, (int)r.err.n,
		  r.err.p ? r.err.p : "");
	snprintf(line, sizeof(line), "%.*s", (int)r.out.n, r.out.p ? r.out.p : "");
	line[strcspn(line, "\n")] = '\0';
	process_result_fini(&r);
	return line;
}

static void name(char out[65], const char *spec)
{
	char script[128];
	snprintf(script, sizeof(script), "git rev-parse %s", spec);
	snprintf(out, 65, "%s", sh(script));
}

static char anchor[65], bad[65];

static void setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	cr_assert_not_null(mkdtemp(root));
	snprintf(remote, sizeof(remote), "%s/remote.git", root);
	snprintf(folder, sizeof(folder), "%s/state", root);
	char script[256];
	snprintf(script, sizeof(script), "%s/work", root);
	cr_assert_eq(mkdir(script, 0700), 0);
	cr_assert_eq(mkdir(folder, 0700), 0);
	snprintf(
		script, sizeof(script),
		"git init -q -b main . && git init -q --bare -b main %s && git remote add origin %s",
		remote, remote);
	sh(script);
	sh("mkdir -p src && seq 20 >src/a.txt && echo one >b.txt && echo keep >c.txt && ln -s b.txt l && "
	   "git add . && git commit -qm first && git push -q origin main");
	name(anchor, "HEAD");
	target = (struct driver_target){ .name = "app",
					 .driver = &driver_git,
					 .git = { .remote = remote,
						  .branch = "main",
						  .name = "redcard",
						  .email = "redcard@example.org" } };
}

static void teardown(void)
{
	char script[128];
	snprintf(script, sizeof(script), "rm -rf %s", root);
	cr_assert_eq(chdir("/"), 0);
	sh("true");
	const char *argv[] = { "rm", "-rf", root, NULL };
	const struct process p = { .argv = argv, .deadline_ms = clock_ms() + 60000 };
	struct process_result r;
	cr_assert_eq(process_run(&p, &r), 0);
	process_result_fini(&r);
	buf_fini(&says);
}

TestSuite(driver_git, .init = setup, .fini = teardown);

static struct driver_job job_of(const char *id)
{
	return (struct driver_job){ .id = id,
				    .target = &target,
				    .anchor = anchor,
				    .bad = bad,
				    .reason = "test-token",
				    .folder = folder,
				    .deadline_ms = clock_ms() + 60000 };
}

#define ID "01M8C9NG4NX8WDX89WXVAPGAGD"

static void break_it(void)
{
	sh("echo bad >src/a.txt; git rm -q b.txt; mkdir b.txt; echo x >b.txt/new; ln -sf c.txt l; "
	   "chmod +x c.txt; git add -A; git commit -qm bad; git push -q origin main");
	name(bad, "HEAD");
}

static const char *said(void)
{
	buf_add(&says, "", 1);
	return says.p;
}

static void restore(void)
{
	struct driver_job job = job_of(ID);
	cr_assert_eq(driver_git.act(&job, revision, &says), DRIVER_DONE, "%s", said());
	cr_assert_eq(driver_git.verify(&job, revision, &says), DRIVER_DONE, "%s", said());
	sh("git fetch -q origin");
}

static void refused(const char *why)
{
	char before[65], after[65];
	struct driver_job job = job_of(ID);
	sh("git fetch -q origin");
	name(before, "origin/main");
	cr_assert_eq(driver_git.act(&job, revision, &says), DRIVER_FAILED, "%s", said());
	cr_assert_str_empty(revision);
	cr_assert_not_null(strstr(said(), why), "%s", said());
	sh("git fetch -q origin");
	name(after, "origin/main");
	cr_assert_str_eq(before, after);
}

Test(driver_git, takes_the_last_commit_back)
{
	break_it();
	restore();
	cr_assert_str_empty(sh("git diff --raw HEAD~1 origin/main"));
	cr_assert_str_eq(sh("git log -1 --format=%an origin/main"), "redcard");
	cr_assert_str_eq(sh("git log -1 --format=%B origin/main | tail -n2 | head -n1"),
			 "Redcard-Rollback: " ID);
}

Test(driver_git, takes_back_a_commit_that_is_not_the_last)
{
	break_it();
	sh("echo more >d.txt; echo changed >src/e.txt; git add .; git commit -qm later; git push -q origin main");
	restore();
	cr_assert_str_eq(sh("git show origin/main:d.txt"), "more");
	cr_assert_str_eq(sh("git show origin/main:b.txt"), "one");
	cr_assert_str_empty(sh("git diff --raw HEAD~2 origin/main -- src/a.txt b.txt l c.txt"));
}

Test(driver_git, takes_back_a_merge)
{
	sh("git checkout -q -b side; echo side >side.txt; git add .; git commit -qm side; "
	   "git checkout -q main; echo own >own.txt; git add .; git commit -qm own; "
	   "git merge -q --no-ff -m merge side; git push -q origin main");
	name(bad, "HEAD");
	name(anchor, "HEAD^1");
	restore();
	cr_assert_str_empty(sh("git ls-tree --name-only origin/main side.txt"));
	cr_assert_str_eq(sh("git show origin/main:own.txt"), "own");
}

Test(driver_git, leaves_what_was_changed_later_alone)
{
	break_it();
	sh("echo other >src/a.txt; git add .; git commit -qm other; git push -q origin main");
	refused("src/a.txt was changed later");
}

Test(driver_git, a_protected_branch_is_a_failure)
{
	char script[256];
	break_it();
	snprintf(
		script, sizeof(script),
		"printf '#!/bin/sh\\necho no >&2; exit 1\\n' >%s/hooks/pre-receive; chmod +x %s/hooks/pre-receive",
		remote, remote);
	sh(script);
	refused("the remote refuses the push");
}

/* Each push is answered by another one that came first, three times. */
Test(driver_git, loses_races_and_wins_in_the_end)
{
	char script[1024];
	break_it();
	snprintf(
		script, sizeof(script),
		"git clone -q %s ../other; cat >%s/hooks/pre-receive <<'X'\n"
		"#!/bin/sh\n"
		"test \"$RACER\" && exit 0\n"
		"n=$(cat %s/n 2>/dev/null || echo 0); test $n -ge 3 && exit 0\n"
		"echo $((n + 1)) >%s/n\n"
		"unset GIT_QUARANTINE_PATH GIT_DIR GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES\n"
		"cd %s/other && git pull -q && echo $n >race-$n && git add . && git commit -qm race-$n && "
		"RACER=1 git push -q\n"
		"exit 0\n"
		"X\n"
		"chmod +x %s/hooks/pre-receive; cd ../other; git config user.name r; git config user.email r@example.org",
		remote, remote, root, root, root, remote);
	sh(script);
	restore();
	cr_assert_str_eq(sh("git show origin/main:race-2"), "2");
	cr_assert_str_eq(sh("git show origin/main:b.txt"), "one");
}

Test(driver_git, a_job_that_was_interrupted_finds_what_it_has_done)
{
	char first[DRIVER_REVISION];
	break_it();
	restore();
	memcpy(first, revision, sizeof(first));
	sh("git pull -q origin main; echo more >z; git add .; git commit -qm z; git push -q origin main");
	restore();
	cr_assert_str_eq(first, revision);
	cr_assert_str_eq(sh("git rev-list --count --grep=Redcard-Rollback origin/main"), "1");
}

Test(driver_git, two_jobs_for_one_commit_restore_it_once)
{
	struct driver_job other = job_of("01M8C9NG4NX8WDX89WXVAPGAGE");
	break_it();
	restore();
	cr_assert_eq(driver_git.act(&other, revision, &says), DRIVER_DONE, "%s", said());
	cr_assert_eq(driver_git.verify(&other, revision, &says), DRIVER_DONE, "%s", said());
	sh("git fetch -q origin");
	cr_assert_str_eq(sh("git rev-list --count --grep=Redcard-Rollback origin/main"), "1");
}

Test(driver_git, what_was_changed_again_is_not_verified)
{
	struct driver_job job = job_of(ID);
	break_it();
	restore();
	sh("git pull -q --rebase origin main; echo again >b.txt; git commit -qam again; git push -q origin main");
	cr_assert_eq(driver_git.verify(&job, revision, &says), DRIVER_FAILED);
	cr_assert_not_null(strstr(said(), "b.txt"));
	buf_clear(&says);
	cr_assert_eq(driver_git.verify(&job, bad, &says), DRIVER_FAILED);
}

Test(driver_git, plan_says_what_it_would_do_and_does_nothing)
{
	struct driver_job job = job_of(ID);
	char before[65], after[65];
	break_it();
	name(before, "HEAD");
	cr_assert_eq(driver_git.plan(&job, &says), DRIVER_DONE);
	cr_assert_not_null(strstr(said(), "remove  b.txt/new"), "%s", said());
	cr_assert_not_null(strstr(said(), "restore src/a.txt"));
	sh("git fetch -q origin");
	name(after, "origin/main");
	cr_assert_str_eq(before, after);
}

Test(driver_git, names_that_mean_nothing_are_refused)
{
	struct driver_job job = job_of(ID);
	break_it();
	job.bad = "--output=/tmp/x";
	cr_assert_eq(driver_git.act(&job, revision, &says), DRIVER_FAILED);
	job.bad = "0123456789012345678901234567890123456789";
	cr_assert_eq(driver_git.act(&job, revision, &says), DRIVER_FAILED);
	job.bad = bad;
	job.anchor = bad;
	cr_assert_eq(driver_git.act(&job, revision, &says), DRIVER_FAILED);
	job.anchor = anchor;
	job.bad = anchor; /* the first commit of all */
	cr_assert_eq(driver_git.act(&job, revision, &says), DRIVER_FAILED);
}

Test(driver_git, what_had_no_time_blames_nothing_else)
{
	struct driver_job job = job_of(ID);
	break_it();
	job.deadline_ms = clock_ms();
	cr_assert_eq(driver_git.knows(&job, &says), DRIVER_AGAIN);
	cr_assert(strstr(said(), "git had no time to answer"), "%s", said());
}

Test(driver_git, a_remote_that_is_away_may_come_back)
{
	struct driver_job job = job_of(ID);
	break_it();
	target.git.remote = "/nowhere/at/all";
	job.deadline_ms = clock_ms() + 2000;
	cr_assert_eq(driver_git.act(&job, revision, &says), DRIVER_AGAIN);
	target.git.remote = remote;
	job.deadline_ms = clock_ms() + 60000;
	cr_assert_eq(driver_git.act(&job, revision, &says), DRIVER_DONE, "%s", said());
}
