/* What a drill reads back from a remote: only a canary that is gone, and nothing else, is restored.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/clock.h"
#include "lib/process.h"
#include "proxy/drill_canary.h"

#define ID "01M8C9NG4NX8WDX89WXVAPGAGD"

static char root[] = "/tmp/redcard-canary-XXXXXX";
static char remote[64], anchor[CANARY_SHA], bad[CANARY_SHA];
static struct canary_place *place;
static struct buf why;

static void sh(const char *script)
{
	char whole[2048];
	snprintf(whole, sizeof(whole), "cd %s/work && { %s\n}", root, script);
	const char *argv[] = { "sh", "-ec", whole, NULL };
	const char *env[] = { "GIT_AUTHOR_NAME=a",           "GIT_AUTHOR_EMAIL=a@example.org",
			      "GIT_COMMITTER_NAME=a",        "GIT_COMMITTER_EMAIL=a@example.org",
			      "GIT_CONFIG_GLOBAL=/dev/null", NULL };
	const struct process p = {
		.argv = argv, .env = env, .out_max = 4096, .deadline_ms = clock_ms() + 60000
	};
	struct process_result r;
	cr_assert_eq(process_run(&p, &r), 0);
	cr_assert(r.end == PROCESS_EXITED && r.code == 0, "%s\n%.*s", script, (int)r.err.n,
		  r.err.p ? r.err.p : "");
	process_result_fini(&r);
}

static void setup(void)
{
	char script[256];
	signal(SIGPIPE, SIG_IGN);
	cr_assert_not_null(mkdtemp(root));
	snprintf(remote, sizeof(remote), "%s/remote.git", root);
	snprintf(script, sizeof(script), "%s/work", root);
	cr_assert_eq(mkdir(script, 0700), 0);
	snprintf(
		script, sizeof(script),
		"git init -q -b main . && git init -q --bare -b main %s && git remote add origin %s",
		remote, remote);
	sh(script);
	sh("echo one >a.txt && git add . && git commit -qm first && git push -q origin main");
	cr_assert(canary_open(remote, "main", 60000, &place, &why), "%.*s", (int)why.n, why.p);
	cr_assert(canary_push(place, ID, anchor, bad, &why), "%.*s", (int)why.n, why.p);
	sh("git pull -q origin main && test -s redcard-drill/" ID ".txt");
}

static void teardown(void)
{
	char script[64];
	canary_close(place);
	buf_fini(&why);
	snprintf(script, sizeof(script), "rm -rf %s", root);
	sh("true");
	cr_assert_eq(system(script), 0);
}

static enum canary_state look(void)
{
	buf_clear(&why);
	return canary_look(place, ID, anchor, bad, &why);
}

TestSuite(drill_canary, .init = setup, .fini = teardown);

Test(drill_canary, stands_until_it_is_taken_back)
{
	cr_assert_eq(look(), CANARY_STANDS);
	sh("echo two >a.txt && git commit -qam theirs && git push -q origin main");
	cr_assert_eq(look(), CANARY_STANDS, "somebody else has pushed");
	sh("git revert --no-edit HEAD~1 && git push -q origin main");
	cr_assert_eq(look(), CANARY_RESTORED);
}

Test(drill_canary, is_restored_by_a_commit_that_takes_back_that_alone)
{
	sh("git revert --no-edit HEAD && git push -q origin main");
	cr_assert_eq(look(), CANARY_RESTORED);
}

Test(drill_canary, is_wrong_where_more_was_taken_back)
{
	sh("git revert --no-commit HEAD && echo x >a.txt && git commit -qam both && git push -q origin main");
	cr_assert_eq(look(), CANARY_WRONG);
	cr_assert(why.n > 0);
}

Test(drill_canary, is_wrong_where_the_history_was_rewritten)
{
	sh("git reset -q --hard HEAD~1 && git push -qf origin main");
	cr_assert_eq(look(), CANARY_WRONG);
}

Test(drill_canary, is_wrong_where_the_file_is_another)
{
	sh("echo more >>redcard-drill/" ID
	   ".txt && git commit -qam more && git push -q origin main");
	cr_assert_eq(look(), CANARY_WRONG);
}

Test(drill_canary, is_unknown_without_the_remote)
{
	sh("mv ../remote.git ../away.git");
	cr_assert_eq(look(), CANARY_UNKNOWN);
	cr_assert(why.n > 0);
}

Test(drill_canary, is_tidied_away_once_and_by_a_commit)
{
	sh("echo two >a.txt && git commit -qam theirs && git push -q origin main");
	cr_assert(canary_tidy(place, ID, &why));
	cr_assert(canary_tidy(place, ID, &why), "nothing is left to do");
	sh("git fetch -q && git diff --quiet origin/main HEAD -- a.txt && "
	   "test -z \"$(git ls-tree -r --name-only origin/main redcard-drill)\" && "
	   "test $(git rev-list --count origin/main) = 4");
}
