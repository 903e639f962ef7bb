/* For tests of the drivers for clusters: a kubectl or helm of tests/tools/ in PATH, with its state.
 */
#ifndef TESTS_STUB_TOOL_H
#define TESTS_STUB_TOOL_H

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/process.h"
#include "proxy/driver.h"

static char root[] = "/tmp/redcard-stub-XXXXXX";
static struct driver_target target;
static struct driver_job job;
static _Atomic bool stop;
static _Atomic int gate;
static struct buf says;
static char revision[DRIVER_REVISION];
static const char *tool_name;

/* Asks the stub for something that is for tests only; its first line. */
static const char *stub(const char *a, const char *b, const char *c)
{
	static char line[512];
	const char *argv[] = { tool_name, "stub", a, b, c, NULL };
	const struct process p = { .argv = argv,
				   .out_max = sizeof(line) - 1,
				   .deadline_ms = clock_ms() + 60000 };
	struct process_result r;
	cr_assert_eq(process_run(&p, &r), 0);
	cr_assert(r.end == PROCESS_EXITED && r.code == 0, "%.*s", (int)r.err.n,
		  r.err.p ? r.err.p : "");
	snprintf(line, sizeof(line), "%.*s", (int)r.out.n, r.out.p ? r.out.p : "");
	line[strcspn(line, "\n")] = '\0';
	process_result_fini(&r);
	return line;
}

static const char *said(void)
{
	buf_add_char(&says, '\0');
	says.n--;
	return says.p;
}

static void use_stub(const char *name, const struct driver *driver, const char *what)
{
	char script[600], path[4096], link[128], here[512];
	tool_name = name;
	signal(SIGPIPE, SIG_IGN);
	cr_assert_not_null(mkdtemp(root));
	cr_assert_not_null(getcwd(here, sizeof(here)));
	snprintf(script, sizeof(script), "%s/tests/tools/stub_%s.py", here, name);
	snprintf(link, sizeof(link), "%s/%s", root, name);
	cr_assert_eq(symlink(script, link), 0);
	snprintf(path, sizeof(path), "%s:%s", root, getenv("PATH"));
	setenv("PATH", path, 1);
	snprintf(link, sizeof(link), "%s/state.json", root);
	setenv("STUB_STATE", link, 1);
	target = (struct driver_target){ .name = "shop",
					 .driver = driver,
					 .cluster = { .what = what, .space = "prod" } };
	job = (struct driver_job){ .id = "01M8C9NG4NX8WDX89WXVAPGAGD",
				   .target = &target,
				   .anchor = "1",
				   .bad = "2",
				   .reason = "r",
				   .folder = root,
				   .deadline_ms = clock_ms() + 60000,
				   .stop = &stop,
				   .gate = &gate };
}

static void put_away(void)
{
	const char *argv[] = { "rm", "-rf", root, NULL };
	const struct process p = { .argv = argv, .deadline_ms = clock_ms() + 60000 };
	struct process_result r;
	cr_assert_eq(process_run(&p, &r), 0);
	process_result_fini(&r);
	buf_fini(&says);
}

static enum driver_outcome acts(void)
{
	buf_clear(&says);
	return target.driver->act(&job, revision, &says);
}

static enum driver_outcome verifies(void)
{
	buf_clear(&says);
	return target.driver->verify(&job, revision, &says);
}

static enum driver_outcome plans(void)
{
	buf_clear(&says);
	return target.driver->plan(&job, &says);
}

static enum driver_outcome precedes(const char *anchor, const char *bad)
{
	buf_clear(&says);
	job.anchor = anchor;
	job.bad = bad;
	return target.driver->precedes(&job, &says);
}

#endif
