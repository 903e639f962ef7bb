/* Nonces that were used: bounded, forgotten when their time is over, and kept over a restart. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/file.h"
#include "proxy/nonces.h"

static char folder[] = "/tmp/redcard-nonces-XXXXXX", path[64];

static void set_up(void)
{
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/n", folder);
}

static void tear_down(void)
{
	unlink(path);
	rmdir(folder);
}

static struct nonces *open_at(uint64_t now_s)
{
	struct nonces *n = NULL;
	cr_assert_eq(nonces_open(path, now_s, &n), 0);
	return n;
}

static int use(struct nonces *n, const char *name, const char *nonce, uint64_t now_s,
	       uint64_t until_s)
{
	return nonces_remember(n, span_of(name), span_of(nonce), now_s, until_s);
}

static size_t size(void)
{
	struct stat s;
	cr_assert_eq(stat(path, &s), 0);
	return (size_t)s.st_size;
}

static void write_file(const char *text, size_t n)
{
	cr_assert_eq(file_replace(path, (struct span){ text, n }), 0);
}

TestSuite(nonces, .init = set_up, .fini = tear_down);

Test(nonces, one_is_good_once)
{
	struct nonces *n = open_at(100);
	cr_assert_eq(use(n, "a", "one", 100, 200), 0);
	cr_assert_eq(use(n, "a", "one", 100, 200), -EEXIST);
	cr_assert_eq(use(n, "a", "one", 200, 300), -EEXIST, "its last second");
	cr_assert_eq(use(n, "b", "one", 100, 200), 0, "another's");
	cr_assert_eq(use(n, "a", "two", 100, 200), 0);
	cr_assert_eq(use(n, "a\no", "ne", 100, 200), 0);
	nonces_close(n);
	nonces_close(NULL);
}

Test(nonces, its_time_ends)
{
	struct nonces *n = open_at(100);
	cr_assert_eq(use(n, "a", "one", 100, 200), 0);
	cr_assert_eq(use(n, "a", "one", 201, 301), 0);
	cr_assert_eq(use(n, "a", "one", 250, 350), -EEXIST);
	nonces_close(n);
	n = open_at(302);
	cr_assert_eq(size(), 0, "what is stale is dropped from the file");
	cr_assert_eq(use(n, "a", "one", 302, 402), 0);
	nonces_close(n);
}

Test(nonces, a_restart_forgets_none)
{
	struct nonces *n = open_at(100);
	cr_assert_eq(use(n, "a", "one", 100, 200), 0);
	cr_assert_eq(use(n, "a", "two", 110, 210), 0);
	nonces_close(n);
	for (int i = 0; i < 3; i++) {
		n = open_at(150);
		cr_assert_eq(use(n, "a", "one", 150, 250), -EEXIST);
		cr_assert_eq(use(n, "a", "two", 150, 250), -EEXIST);
		nonces_close(n);
	}
	struct stat s;
	cr_assert_eq(stat(path, &s), 0);
	cr_assert_eq(s.st_mode & 077, 0, "nobody else may read it");
}

Test(nonces, there_are_at_most_so_many)
{
	char text[32];
	struct nonces *n = open_at(100);
	for (unsigned i = 0; i < NONCES_MOST; i++) {
		snprintf(text, sizeof(text), "nonce-%u", i);
		cr_assert_eq(use(n, "a", text, 100, 200 + i % 2), 0);
	}
	cr_assert_eq(use(n, "a", "more", 100, 200), -ENOSPC);
	cr_assert_eq(use(n, "a", "nonce-0", 100, 200), -EEXIST);
	size_t full = size();
	cr_assert_eq(use(n, "a", "more", 200, 300), -ENOSPC);
	cr_assert_eq(use(n, "a", "more", 201, 301), 0, "half of them are stale");
	cr_assert_lt(size(), full);
	cr_assert_eq(use(n, "a", "nonce-1", 201, 301), -EEXIST);
	cr_assert_eq(use(n, "a", "more", 201, 301), -EEXIST);
	nonces_close(n);
	n = open_at(201);
	cr_assert_eq(use(n, "a", "nonce-3", 201, 301), -EEXIST);
	cr_assert_eq(use(n, "a", "more", 201, 301), -EEXIST);
	nonces_close(n);
}

/* What is no line is skipped; the lines around it stand. */
Test(nonces, a_broken_file)
{
	static const char *const broken[] = {
		"", "x\n", "200\n", "200 \n", "200 abc\n", "\n\n", "200 0123456789\n", " \n"
	};
	struct nonces *n = open_at(100);
	struct buf text = { 0 }, line = { 0 };
	cr_assert_eq(use(n, "a", "one", 100, 200), 0);
	nonces_close(n);
	cr_assert_eq(file_read(path, 4096, &line), 0);
	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		text.n = 0;
		buf_add_text(&text, broken[i]);
		buf_add(&text, line.p, line.n);
		buf_add_text(&text, "200 0123456789abc"); /* a write that was cut short */
		write_file(text.p, text.n);
		n = open_at(150);
		cr_assert_eq(use(n, "a", "one", 150, 250), -EEXIST, "after \"%s\"", broken[i]);
		cr_assert_eq(size(), line.n);
		nonces_close(n);
	}
	text.n = 0;
	buf_add(&text, "200 \0\0\0", 7);
	buf_add_char(&text, '\n');
	buf_add(&text, line.p, line.n);
	write_file(text.p, text.n);
	n = open_at(150);
	cr_assert_eq(use(n, "a", "one", 150, 250), -EEXIST, "after NULs");
	nonces_close(n);
	buf_fini(&text);
	buf_fini(&line);
}

Test(nonces, no_file_no_nonce)
{
	struct nonces *n = NULL;
	cr_assert_eq(mkdir(path, 0700), 0);
	cr_assert_neq(nonces_open(path, 100, &n), 0);
	cr_assert_null(n);
	rmdir(path);
}
