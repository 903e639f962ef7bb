/* The command driver with programs that end, say and last in every way. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "proxy/driver.h"

static char root[] = "/tmp/redcard-command-XXXXXX";
static const char *script[4]; /* argv of every program: sh -c TEXT */
static struct driver_target target;
static struct driver_job job;
static _Atomic bool stop;
static _Atomic int gate;
static struct buf says;
static char revision[DRIVER_REVISION];

static void setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	cr_assert_not_null(mkdtemp(root));
	script[0] = "sh";
	script[1] = "-c";
	target = (struct driver_target){
		.name = "app",
		.driver = &driver_command,
		.command = { .plan = script, .act = script, .verify = script, .precedes = script }
	};
	job = (struct driver_job){ .id = "01M8C9NG4NX8WDX89WXVAPGAGD",
				   .target = &target,
				   .anchor = "v1",
				   .bad = "v2",
				   .reason = "it's \"bad\"; $(touch x)",
				   .folder = root,
				   .deadline_ms = clock_ms() + 30000,
				   .stop = &stop,
				   .gate = &gate };
}

static void teardown(void)
{
	buf_fini(&says);
	cr_assert_eq(rmdir(root), 0, "a driver has left something behind");
}

TestSuite(driver_command, .init = setup, .fini = teardown);

static const char *said(void)
{
	buf_add_char(&says, '\0');
	says.n--;
	return says.p;
}

static enum driver_outcome acts(const char *text)
{
	script[2] = text;
	buf_clear(&says);
	return driver_command.act(&job, revision, &says);
}

static enum driver_outcome verifies(const char *text, const char *made)
{
	script[2] = text;
	buf_clear(&says);
	return driver_command.verify(&job, made, &says);
}

Test(driver_command, act_has_the_revision_of_its_last_line)
{
	cr_assert_eq(acts("echo working; echo v3; echo"), DRIVER_DONE, "%s", said());
	cr_assert_str_eq(revision, "v3");
	cr_assert_eq(acts("printf v4"), DRIVER_DONE);
	cr_assert_str_eq(revision, "v4");
	static const char *const none[] = {
		"true",
		"echo v 5",
		"echo -v5",
		"printf 'v5\\000\\n'",
		"head -c 200 /dev/zero | tr '\\0' a",
	};
	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		cr_assert_eq(acts(none[i]), DRIVER_FAILED, "%s", none[i]);
		cr_assert_str_eq(revision, "");
		cr_assert_not_null(strstr(said(), "names no revision"), "%s", said());
	}
}

Test(driver_command, exit_status_is_the_outcome)
{
	cr_assert_eq(acts("echo busy >&2; exit 75"), DRIVER_AGAIN);
	cr_assert_not_null(strstr(said(), "busy\n"), "%s", said());
	cr_assert_eq(acts("echo v3; exit 1"), DRIVER_FAILED);
	cr_assert_str_eq(revision, "");
	cr_assert_not_null(strstr(said(), "exit status 1"), "%s", said());
	cr_assert_eq(acts("echo v3; kill -9 $$"), DRIVER_AGAIN);
	cr_assert_not_null(strstr(said(), "signal 9"), "%s", said());
	script[0] = "/nonexistent/program";
	cr_assert_eq(acts("x"), DRIVER_FAILED);
	cr_assert_not_null(strstr(said(), "cannot be run"), "%s", said());
}

Test(driver_command, environment_says_what_is_wanted)
{
	cr_assert_eq(acts("test \"$REDCARD_TARGET $REDCARD_ANCHOR $REDCARD_BAD $REDCARD_STEP\" = "
			  "'app v1 v2 act' && test \"$REDCARD_REASON\" = 'it'\"'\"'s \"bad\"; "
			  "$(touch x)' && echo $REDCARD_ID"),
		     DRIVER_DONE, "%s", said());
	cr_assert_str_eq(revision, job.id);
	cr_assert_eq(verifies("echo \"$REDCARD_REVISION\"", "v3"), DRIVER_DONE, "%s", said());
}

/* Read back and compared; what is there must be what was made. */
Test(driver_command, only_what_was_made_is_verified)
{
	cr_assert_eq(verifies("echo v3", "v3"), DRIVER_DONE);
	cr_assert_not_null(strstr(said(), "verified: v3"), "%s", said());
	cr_assert_eq(verifies("echo v2", "v3"), DRIVER_FAILED);
	cr_assert_not_null(strstr(said(), "v2 is there, where act has made v3"), "%s", said());
	cr_assert_eq(verifies("true", "v3"), DRIVER_FAILED);
	cr_assert_eq(verifies("echo v3; exit 75", "v3"), DRIVER_AGAIN);
	cr_assert_eq(verifies("echo v3; exit 2", "v3"), DRIVER_FAILED);
}

Test(driver_command, output_is_bounded)
{
	cr_assert_eq(acts("head -c 100000 /dev/zero | tr '\\0' a; echo; echo v3"), DRIVER_FAILED);
	cr_assert_not_null(strstr(said(), "more than 65536 bytes"), "%s", said());
	cr_assert_eq(acts("head -c 60000 /dev/zero | tr '\\0' a >&2; echo v3"), DRIVER_DONE);
	cr_assert_lt(says.n, 2000);
}

Test(driver_command, deadline_and_stop_end_it)
{
	uint64_t began = clock_ms();
	job.deadline_ms = began + 300;
	cr_assert_eq(acts("sleep 20; echo v3"), DRIVER_AGAIN);
	cr_assert_not_null(strstr(said(), "took too long"), "%s", said());
	job.deadline_ms = clock_ms() + 30000;
	atomic_store(&stop, true);
	cr_assert_eq(acts("sleep 20; echo v3"), DRIVER_AGAIN);
	cr_assert_not_null(strstr(said(), "interrupted"), "%s", said());
	cr_assert_lt(clock_ms() - began, 10000);
}

Test(driver_command, an_aborted_one_does_not_begin)
{
	char text[128];
	snprintf(text, sizeof(text), "touch %s/begun; echo v3", root);
	atomic_store(&gate, DRIVER_MAY_NOT);
	cr_assert_eq(acts(text), DRIVER_AGAIN);
	snprintf(text, sizeof(text), "%s/begun", root);
	cr_assert_neq(access(text, F_OK), 0);
	atomic_store(&gate, DRIVER_MAY_BEGIN);
	cr_assert_eq(acts("echo v3"), DRIVER_DONE);
	cr_assert_eq(atomic_load(&gate), DRIVER_HAS_BEGUN);
	cr_assert_eq(acts("echo v3"), DRIVER_DONE);
}

Test(driver_command, plan_shows_what_it_prints)
{
	script[2] = "echo would put $REDCARD_ANCHOR back";
	cr_assert_eq(driver_command.plan(&job, &says), DRIVER_DONE);
	cr_assert_str_eq(said(), "would put v1 back\n");
	cr_assert_eq(atomic_load(&gate), DRIVER_MAY_BEGIN, "a plan passes no gate");
}

Test(driver_command, any_anchor_precedes_unless_a_program_says_no)
{
	script[2] = "test $REDCARD_ANCHOR = v1";
	cr_assert_eq(driver_command.precedes(&job, &says), DRIVER_DONE);
	job.anchor = "v9";
	cr_assert_eq(driver_command.precedes(&job, &says), DRIVER_FAILED);
	target.command.precedes = NULL;
	cr_assert_eq(driver_command.precedes(&job, &says), DRIVER_DONE);
}

Test(driver_command, revisions_are_words)
{
	static const char *const good[] = { "1", "v1.2.3", "sha256:ab/cd@e+f_g" };
	static const char *const bad[] = { "", "-1", "a b", "a\n", "a;b", "\xc3\xa9" };
	char text[DRIVER_REVISION + 1];
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		cr_assert(driver_command.is_revision(good[i]), "%s", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		cr_assert_not(driver_command.is_revision(bad[i]), "%s", bad[i]);
	memset(text, 'a', sizeof(text));
	text[DRIVER_REVISION] = '\0';
	cr_assert_not(driver_command.is_revision(text));
	text[DRIVER_REVISION - 1] = '\0';
	cr_assert(driver_command.is_revision(text));
}
