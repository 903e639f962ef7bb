#include "proxy/ledger_checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "proxy/ledger_row.h"

#define LINE_MAX_BYTES 1024
#define FILE_MAX_BYTES ((size_t)1 << 30)

/* --- signing --- */

static void put_text(struct buf *out, const char *text)
{
	buf_printf(out, "%zu:%s,", strlen(text), text);
}

static void put_number(struct buf *out, uint64_t number)
{
	char text[24];
	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	put_text(out, text);
}

static void put_signed(struct buf *out, const struct ledger_checkpoint *c)
{
	buf_add_text(out, "redcard ledger checkpoint 1\n");
	put_number(out, c->sequence);
	put_text(out, c->hash);
	put_number(out, c->time_ms);
	put_text(out, c->key_id);
}

int ledger_checkpoint_sign(struct ledger_checkpoint *c, const struct signature_key *key)
{
	struct buf text = { 0 };
	memcpy(c->key_id, signature_key_id(key), sizeof(c->key_id));
	put_signed(&text, c);
	int error = text.failed
			    ? -ENOMEM
			    : signature_sign(key, (struct span){ text.p, text.n }, c->signature);
	buf_fini(&text);
	return error;
}

bool ledger_checkpoint_good(const struct ledger_checkpoint *c, const struct signature_key *key)
{
	struct buf text = { 0 };
	put_signed(&text, c);
	bool good = !text.failed &&
		    signature_good(key, (struct span){ text.p, text.n }, span_of(c->signature));
	buf_fini(&text);
	return good;
}

/* --- as text --- */

void ledger_checkpoint_add_json(struct buf *out, const struct ledger_checkpoint *c)
{
	buf_printf(out,
		   "{\"hash\":\"%s\",\"key_id\":\"%s\",\"sequence\":%llu,\"signature\":\"%s\","
		   "\"time_ms\":%llu}",
		   c->hash, c->key_id, (unsigned long long)c->sequence, c->signature,
		   (unsigned long long)c->time_ms);
}

static bool take_hex(const struct json_value *map, const char *name, char *out, size_t bytes)
{
	struct span text = json_string(json_get(map, name));
	if (text.n != bytes - 1)
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (!text.p[i] || !strchr("0123456789abcdef", text.p[i]))
			return false;
	memcpy(out, text.p, text.n);
	out[text.n] = '\0';
	return true;
}

bool ledger_checkpoint_read(const struct json_value *v, struct ledger_checkpoint *out)
{
	return json_count(v) == 5 && take_hex(v, "hash", out->hash, sizeof(out->hash)) &&
	       take_hex(v, "key_id", out->key_id, sizeof(out->key_id)) &&
	       take_hex(v, "signature", out->signature, sizeof(out->signature)) &&
	       ledger_whole(json_get(v, "sequence"), &out->sequence) && out->sequence > 0 &&
	       ledger_whole(json_get(v, "time_ms"), &out->time_ms);
}

static bool read_line(struct span line, struct ledger_checkpoint *out)
{
	struct json *doc;
	if (json_parse(line, &doc) != 0)
		return false;
	bool good = ledger_checkpoint_read(json_root(doc), out);
	json_free(doc);
	return good;
}

int ledger_checkpoints_add(struct ledger_checkpoints *all, const struct ledger_checkpoint *c)
{
	if (all->n == all->cap) {
		size_t cap = all->cap ? 2 * all->cap : 64;
		struct ledger_checkpoint *grown = realloc(all->v, cap * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		all->v = grown;
		all->cap = cap;
	}
	all->v[all->n++] = *c;
	return 0;
}

void ledger_checkpoints_fini(struct ledger_checkpoints *all)
{
	free(all->v);
	*all = (struct ledger_checkpoints){ 0 };
}

/* --- the file --- */

/* Where the last whole line of the file begins and ends. *start == *end: there is none. */
static int find_last(int fd, char line[LINE_MAX_BYTES], off_t *start, off_t *end)
{
	off_t size = lseek(fd, 0, SEEK_END);
	if (size < 0)
		return -errno;
	size_t n = size < LINE_MAX_BYTES ? (size_t)size : LINE_MAX_BYTES;
	off_t from = size - (off_t)n;
	ssize_t got = pread(fd, line, n, from);
	if (got != (ssize_t)n)
		return got < 0 ? -errno : -EIO;
	while (n > 0 && line[n - 1] != '\n')
		n--;
	if (n == 0 && from > 0)
		return -EUCLEAN; /* no line of ours is so long */
	*end = from + (off_t)n;
	size_t begin = n > 0 ? n - 1 : 0;
	while (begin > 0 && line[begin - 1] != '\n')
		begin--;
	*start = n > 0 ? from + (off_t)begin : *end;
	memmove(line, line + begin, n - begin);
	return 0;
}

static int sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct buf name = { 0 };
	if (slash)
		buf_add(&name, path, slash == path ? 1 : (size_t)(slash - path));
	else
		buf_add_char(&name, '.');
	buf_add_char(&name, '\0');
	int fd = name.failed ? -1 : open(name.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error = fd < 0 || fsync(fd) != 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	buf_fini(&name);
	return error;
}

int ledger_checkpoint_touch(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int error = fsync(fd) == 0 ? 0 : -errno;
	close(fd);
	return error ? error : sync_folder(path);
}

static int write_line(int fd, off_t at, const struct buf *line)
{
	char last[LINE_MAX_BYTES];
	off_t start, end;
	int error = find_last(fd, last, &start, &end);
	if (error)
		return error;
	if (at > end && ftruncate(fd, end) != 0)
		return -errno;
	for (size_t done = 0; done < line->n;) {
		ssize_t n = pwrite(fd, line->p + done, line->n - done, end + (off_t)done);
		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) == 0 ? 0 : -errno;
}

int ledger_checkpoint_append(const char *path, const struct ledger_checkpoint *c)
{
	struct buf line = { 0 };
	struct stat st;
	int error = 0, fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	ledger_checkpoint_add_json(&line, c);
	buf_add_char(&line, '\n');
	if (line.failed)
		error = -ENOMEM;
	else if (fstat(fd, &st) != 0)
		error = -errno;
	else
		error = write_line(fd, st.st_size, &line);
	buf_fini(&line);
	if (close(fd) != 0 && !error)
		error = -errno;
	return error;
}

int ledger_checkpoint_file(const char *path, struct ledger_checkpoints *out, size_t *bad_line)
{
	struct buf text = { 0 };
	int error = file_read(path, FILE_MAX_BYTES, &text);
	size_t line = 1;
	*bad_line = 0;
	for (size_t at = 0; at < text.n && !error; line++) {
		const char *end = memchr(text.p + at, '\n', text.n - at);
		struct ledger_checkpoint c;
		if (!end)
			break;
		struct span one = { text.p + at, (size_t)(end - text.p) - at };
		at += one.n + 1;
		if (read_line(one, &c))
			error = ledger_checkpoints_add(out, &c);
		else if (!*bad_line)
			*bad_line = line;
	}
	buf_fini(&text);
	return error;
}

int ledger_checkpoint_last(const char *path, struct ledger_checkpoint *out)
{
	char line[LINE_MAX_BYTES];
	off_t start = 0, end = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	int error = find_last(fd, line, &start, &end);
	close(fd);
	if (error || start == end)
		return error;
	return read_line((struct span){ line, (size_t)(end - start) - 1 }, out) ? 1 : -EUCLEAN;
}
