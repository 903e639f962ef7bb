/* lib/file.c: whole files, up to a size. */
#include "lib/file.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_of(size_t bytes, size_t max, size_t *got)
{
	char name[] = "/tmp/redcard-test-XXXXXX";
	int fd = mkstemp(name);
	struct buf b = { 0 };
	cr_assert_geq(fd, 0);
	cr_assert_eq(ftruncate(fd, (off_t)bytes), 0);
	close(fd);
	buf_add_text(&b, "before"); /* it appends */
	int rc = file_read(name, max, &b);
	*got = b.n - 6;
	buf_fini(&b);
	unlink(name);
	return rc;
}

Test(file, sizes)
{
	size_t got;
	cr_assert_eq(read_of(0, 0, &got), 0);
	cr_assert_eq(got, 0);
	cr_assert_eq(read_of(200000, 200000, &got), 0);
	cr_assert_eq(got, 200000);
	cr_assert_eq(read_of(200001, 200000, &got), -EFBIG);
	cr_assert_eq(read_of(1, 0, &got), -EFBIG);
}

Test(file, what_is_none)
{
	struct buf b = { 0 };
	cr_assert_eq(file_read("/", 10, &b), -EISDIR);
	cr_assert_eq(file_read("/nonexistent", 10, &b), -ENOENT);
	cr_assert_eq(b.n, 0);
}

Test(file, replace)
{
	char dir[] = "/tmp/fileXXXXXX", path[64];
	struct buf b = { 0 };
	struct stat st;
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a", dir);
	cr_assert_eq(file_replace(path, SPAN("one")), 0);
	cr_assert_eq(chmod(path, 0640), 0);
	cr_assert_eq(file_replace(path, SPAN("two")), 0);
	cr_assert_eq(file_read(path, 10, &b), 0);
	cr_assert(b.n == 3 && memcmp(b.p, "two", 3) == 0);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0640);
	cr_assert_eq(file_replace("/nonexistent/a", SPAN("x")), -ENOENT);
	/* A folder is in the way: it stays, and nothing else is left behind. */
	cr_assert_lt(file_replace(dir, SPAN("x")), 0);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(rmdir(dir), 0);
	buf_fini(&b);
}

static size_t entries(const char *dir)
{
	DIR *d = opendir(dir);
	size_t n = 0;
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

Test(file, stage)
{
	char dir[] = "/tmp/fileXXXXXX", path[64], link[64];
	struct file_stage s, t;
	struct buf b = { 0 };
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a", dir);
	snprintf(link, sizeof(link), "%s/link", dir);
	cr_assert_eq(file_replace(path, SPAN("one")), 0);
	cr_assert_eq(symlink(path, link), 0);
	cr_assert_eq(file_stage(link, SPAN("two"), &s), 0);
	cr_assert_eq(file_stage(path, SPAN("three"), &t), 0);
	cr_assert_eq(file_read(path, 10, &b), 0);
	cr_assert(span_eq((struct span){ b.p, b.n }, SPAN("one")));
	file_discard(&t);
	cr_assert_eq(file_commit(&s), 0);
	file_discard(&s);
	buf_clear(&b);
	cr_assert_eq(file_read(path, 10, &b), 0);
	cr_assert(span_eq((struct span){ b.p, b.n }, SPAN("two")));
	cr_assert_eq(entries(dir), 2, "the file, the link, and nothing beside them");
	cr_assert_eq(file_stage("/dev/null", SPAN("x"), &s), -ENOTSUP);
	cr_assert_eq(file_stage(dir, SPAN("x"), &s), -EISDIR);
	cr_assert_eq(unlink(path) + unlink(link) + rmdir(dir), 0);
	buf_fini(&b);
}
