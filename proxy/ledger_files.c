#include "proxy/ledger_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"

#define KEY_MAX_BYTES 65536

static int fail(struct buf *why, int error, const char *path, const char *what)
{
	buf_printf(why, "%s: %s", path, what);
	return error;
}

static int write_new(const char *path, const struct buf *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, text->p, text->n);
	int error = n == (ssize_t)text->n ? 0 : n < 0 ? -errno : -ENOSPC;
	if (!error && fsync(fd) != 0)
		error = -errno;
	close(fd);
	return error;
}

/* The public half is added to what is there: checkpoints of an older key stay good. */
static int write_public(const char *path, const struct signature_key *k)
{
	struct buf name = { 0 }, text = { 0 };
	buf_printf(&name, "%s.pub", path);
	int error = name.failed ? -ENOMEM : file_read(name.p, KEY_MAX_BYTES, &text);
	if (error == -ENOENT)
		error = 0;
	if (!error)
		error = signature_write_public(k, &text);
	if (!error)
		error = file_replace(name.p, (struct span){ text.p, text.n });
	buf_fini(&name);
	buf_fini(&text);
	return error;
}

/* Two that start at once make one key: a link fails where a file is. */
static int make_key(const char *path)
{
	struct signature_key *k;
	struct buf aside = { 0 }, text = { 0 };
	int error = signature_generate(&k);
	if (error)
		return error;
	buf_printf(&aside, "%s.%ld", path, (long)getpid());
	error = aside.failed ? -ENOMEM : signature_write_private(k, &text);
	if (!error)
		error = write_new(aside.p, &text);
	if (!error && link(aside.p, path) != 0 && errno != EEXIST)
		error = -errno;
	if (!aside.failed)
		(void)unlink(aside.p);
	signature_free(k);
	buf_fini(&aside);
	buf_fini(&text);
	return error;
}

/* A crash, or another that started too, may have kept the public half from its file. */
static int check_public(const char *path, const struct signature_key *k)
{
	struct ledger_keys known = { 0 };
	struct buf name = { 0 }, why = { 0 };
	buf_printf(&name, "%s.pub", path);
	bool there = !name.failed && ledger_keys_read(name.p, &known, &why) == 0 &&
		     ledger_keys_find(&known, signature_key_id(k));
	ledger_keys_fini(&known);
	buf_fini(&name);
	buf_fini(&why);
	return there ? 0 : write_public(path, k);
}

int ledger_key_open(const char *path, bool make, struct signature_key **out, struct buf *why)
{
	struct signature_key *k;
	struct buf text = { 0 };
	struct stat st;
	int error = stat(path, &st) == 0 ? 0 : -errno;
	if (error == -ENOENT && make) {
		error = make_key(path);
		if (error)
			return fail(why, error, path, strerror(-error));
		error = stat(path, &st) == 0 ? 0 : -errno;
	}
	if (error == -ENOENT)
		return fail(why, error, path,
			    "the key of the ledger is gone, though it has signed; restore it, or "
			    "make another with redcard ledger init");
	if (!error && st.st_mode & 077)
		return fail(why, -EACCES, path,
			    "others may read the ledger's key; run chmod 600 on it");
	if (!error)
		error = file_read(path, KEY_MAX_BYTES, &text);
	if (error)
		return fail(why, error, path, strerror(-error));
	error = signature_read_private((struct span){ text.p, text.n }, &k);
	buf_fini(&text);
	if (error)
		return fail(why, error, path,
			    "this is no Ed25519 private key in PEM; restore the ledger's key");
	error = check_public(path, k);
	if (!error)
		*out = k;
	else
		signature_free(k);
	return error ? fail(why, error, path, "its public half cannot be written beside it") : 0;
}

int ledger_keys_read(const char *path, struct ledger_keys *out, struct buf *why)
{
	struct buf text = { 0 };
	int error = file_read(path, KEY_MAX_BYTES, &text);
	if (error)
		return fail(why, error, path, strerror(-error));
	struct span rest = { text.p, text.n };
	while (!error && out->n < LEDGER_KEYS_MAX)
		if ((error = signature_read_public(&rest, &out->v[out->n])) == 0)
			out->n++;
	buf_fini(&text);
	if (error == -ENOENT && out->n > 0)
		return 0;
	return fail(why, -EINVAL, path,
		    error ? "this is no file of Ed25519 public keys in PEM; name another"
			  : "there are too many keys in it; take some out");
}

const struct signature_key *ledger_keys_find(const struct ledger_keys *keys, const char *id)
{
	for (size_t i = 0; i < keys->n; i++)
		if (strcmp(signature_key_id(keys->v[i]), id) == 0)
			return keys->v[i];
	return NULL;
}

void ledger_keys_fini(struct ledger_keys *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		signature_free(keys->v[i]);
	*keys = (struct ledger_keys){ 0 };
}
