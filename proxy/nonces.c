#include "proxy/nonces.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/sha256.h"

#define DIGEST 32 /* hex digits of it that are kept */
#define PLACES (2 * NONCES_MOST)
#define FILE_MAX (NONCES_MOST * 64u)

struct place { /* until_s 0: free */
	uint64_t until_s;
	char digest[DIGEST];
};

struct nonces {
	struct place *places; /* a hash table */
	size_t n;             /* taken, some by what is stale */
	int fd;
	off_t end; /* of the file's whole lines */
	char path[];
};

/* --- the table --- */

/* Where it is, or the free place where it would be. */
static struct place *find(struct place *places, const char *digest)
{
	char head[9] = { 0 };
	memcpy(head, digest, 8);
	size_t at = strtoul(head, NULL, 16) % PLACES;
	while (places[at].until_s && memcmp(places[at].digest, digest, DIGEST) != 0)
		at = (at + 1) % PLACES;
	return &places[at];
}

static void add(struct nonces *n, const char *digest, uint64_t until_s)
{
	struct place *p = find(n->places, digest);
	n->n += !p->until_s;
	p->until_s = until_s > p->until_s ? until_s : p->until_s;
	memcpy(p->digest, digest, DIGEST);
}

/* --- the file --- */

static int open_file(struct nonces *n)
{
	int fd = open(n->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (n->fd >= 0)
		close(n->fd);
	n->fd = fd;
	n->end = lseek(fd, 0, SEEK_END);
	return n->end < 0 ? -errno : 0;
}

static int append(struct nonces *n, const char *digest, uint64_t until_s)
{
	char line[64];
	int len = snprintf(line, sizeof(line), "%llu %.*s\n", (unsigned long long)until_s, DIGEST,
			   digest);
	ssize_t done = write(n->fd, line, (size_t)len);
	if (done == len) {
		n->end += len;
		return 0;
	}
	int error = done < 0 ? -errno : -ENOSPC;
	if (done > 0 && ftruncate(n->fd, n->end) != 0)
		return -errno; /* a broken line is skipped when it is read */
	return error;
}

static bool is_line(const char *line, uint64_t *until_s, const char **digest)
{
	char *end;
	errno = 0;
	*until_s = strtoull(line, &end, 10);
	*digest = end + 1;
	return end > line && *end == ' ' && !errno && *until_s &&
	       strspn(end + 1, "0123456789abcdef") == DIGEST && end[1 + DIGEST] == '\0';
}

static int load(struct nonces *n, uint64_t now_s)
{
	struct buf text = { 0 };
	char *rest = NULL;
	int error = file_read(n->path, FILE_MAX, &text);
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '\0') /* as a power cut leaves it */
			text.p[i] = '\n';
	buf_add(&text, "", 1);
	if (!error && text.failed)
		error = -ENOMEM;
	for (char *line = error ? NULL : strtok_r(text.p, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		uint64_t until_s;
		const char *digest;
		if (is_line(line, &until_s, &digest) && until_s >= now_s && n->n < NONCES_MOST)
			add(n, digest, until_s);
	}
	buf_fini(&text);
	return error == -ENOENT ? 0 : error;
}

/* --- both --- */

/* Forgets what is stale, and writes the file anew. */
static int compact(struct nonces *n, uint64_t now_s)
{
	struct place *old = n->places, *places = calloc(PLACES, sizeof(*places));
	struct buf text = { 0 };
	if (!places)
		return -ENOMEM;
	n->places = places;
	n->n = 0;
	for (size_t i = 0; i < PLACES; i++) {
		if (old[i].until_s < now_s || !old[i].until_s)
			continue;
		add(n, old[i].digest, old[i].until_s);
		buf_printf(&text, "%llu %.*s\n", (unsigned long long)old[i].until_s, DIGEST,
			   old[i].digest);
	}
	free(old);
	int error = text.failed
			    ? -ENOMEM
			    : file_replace(n->path, (struct span){ text.n ? text.p : "", text.n });
	buf_fini(&text);
	return error ? error : open_file(n);
}

int nonces_open(const char *path, uint64_t now_s, struct nonces **out)
{
	size_t len = strlen(path);
	struct nonces *n = calloc(1, sizeof(*n) + len + 1);
	if (!n)
		return -ENOMEM;
	n->fd = -1;
	memcpy(n->path, path, len + 1);
	n->places = calloc(PLACES, sizeof(*n->places));
	int error = n->places ? open_file(n) : -ENOMEM;
	if (!error)
		error = load(n, now_s);
	if (!error)
		error = compact(n, now_s);
	if (error)
		nonces_close(n);
	else
		*out = n;
	return error;
}

void nonces_close(struct nonces *n)
{
	if (!n)
		return;
	if (n->fd >= 0)
		close(n->fd);
	free(n->places);
	free(n);
}

int nonces_remember(struct nonces *n, struct span name, struct span nonce, uint64_t now_s,
		    uint64_t until_s)
{
	struct buf text = { 0 };
	char digest[SHA256_HEX];
	buf_add(&text, name.p, name.n);
	buf_add_char(&text, '\n');
	buf_add(&text, nonce.p, nonce.n);
	int error = text.failed ? -ENOMEM : sha256_of((struct span){ text.p, text.n }, digest);
	buf_fini(&text);
	if (error)
		return error;
	if (find(n->places, digest)->until_s >= now_s)
		return -EEXIST;
	if (n->n >= NONCES_MOST)
		error = compact(n, now_s);
	if (!error && n->n >= NONCES_MOST)
		error = -ENOSPC;
	if (!error)
		error = append(n, digest, until_s);
	if (!error)
		add(n, digest, until_s);
	return error;
}
