#include "proxy/sink_cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/log.h"
#include "proxy/ledger.h"
#include "proxy/units.h"

#define HEAD "redcard sink 1 "
#define FILE_BYTES 256

int sink_cursor_keep(const struct sink_cursor *c)
{
	char line[FILE_BYTES];
	int n = snprintf(line, sizeof(line), HEAD "%llu %s\n", (unsigned long long)c->sequence,
			 c->hash);
	CHECK(n > 0 && (size_t)n < sizeof(line));
	return file_replace(c->path, (struct span){ line, (size_t)n });
}

/* A file that a power cut takes away would be a new sink. */
static int sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder =
		slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int error = !folder ? -ENOMEM : fd < 0 || fsync(fd) != 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	free(folder);
	return error;
}

static bool parse(struct sink_cursor *c, struct span text)
{
	size_t head = strlen(HEAD), tail = SHA256_HEX + 1; /* " HASH\n" */
	if (text.n <= head + tail || memcmp(text.p, HEAD, head) != 0 ||
	    text.p[text.n - tail] != ' ' || text.p[text.n - 1] != '\n')
		return false;
	memcpy(c->hash, text.p + text.n - SHA256_HEX, SHA256_HEX - 1);
	c->hash[SHA256_HEX - 1] = '\0';
	return strspn(c->hash, "0123456789abcdef") == SHA256_HEX - 1 &&
	       units_count((struct span){ text.p + head, text.n - head - tail }, &c->sequence) == 0;
}

static int begin(struct sink_cursor *c, struct ledger_store *s, struct buf *why)
{
	struct ledger_head head;
	int error = ledger_store_last(s, &head);
	if (error >= 0) {
		c->sequence = head.sequence;
		memcpy(c->hash, head.hash, sizeof(c->hash));
		error = sink_cursor_keep(c);
	}
	if (!error)
		error = sync_folder(c->path);
	if (error)
		buf_printf(why, "%s: cannot be written: %s; make its folder writable", c->path,
			   strerror(-error));
	return error;
}

/* Whether the ledger is the one that the cursor is about. 1, 0, -errno. */
static int fits(const struct sink_cursor *c, struct ledger_store *s)
{
	char hash[SHA256_HEX] = LEDGER_NO_HASH;
	int found = c->sequence ? ledger_store_hash(s, c->sequence, hash) : 1;
	return found == 1 ? strcmp(hash, c->hash) == 0 : found;
}

static int check(struct sink_cursor *c, struct ledger_store *s, struct buf *why)
{
	int fit = fits(c, s);
	if (fit == 1)
		return 0;
	buf_printf(why,
		   fit < 0 ? "%s: the ledger cannot be read: %s"
			   : "%s:1: this is about another ledger%s; remove it, and the sink begins "
			     "at the end of this one",
		   c->path, fit < 0 ? ledger_error(fit) : "");
	return fit < 0 ? fit : -EUCLEAN;
}

int sink_cursor_open(struct sink_cursor *c, const char *ledger, const char *name,
		     struct ledger_store *s, struct buf *why)
{
	struct buf path = { 0 }, text = { 0 };
	buf_printf(&path, "%s.sink-%s", ledger, name);
	buf_add_char(&path, '\0');
	*c = (struct sink_cursor){ .path = path.failed ? NULL : path.p };
	if (path.failed) {
		buf_fini(&path);
		buf_add_text(why, "out of memory");
		return -ENOMEM;
	}
	int error = file_read(c->path, FILE_BYTES, &text);
	if (error == -ENOENT) {
		error = begin(c, s, why);
	} else if (error) {
		buf_printf(why, "%s: cannot be read: %s", c->path, strerror(-error));
	} else if (!parse(c, (struct span){ text.p, text.n })) {
		buf_printf(why,
			   "%s:1: this is no place in a ledger; remove it, and the sink begins at "
			   "the end",
			   c->path);
		error = -EINVAL;
	} else {
		error = check(c, s, why);
	}
	buf_fini(&text);
	return error;
}

void sink_cursor_fini(struct sink_cursor *c)
{
	free(c->path);
	c->path = NULL;
}
