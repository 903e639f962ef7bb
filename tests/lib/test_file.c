/* lib/file.c: whole files, up to a size. */
#include "lib/file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
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
