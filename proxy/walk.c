#include "proxy/walk.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/buf.h"

#define DEPTH_MAX 256

struct walk {
	void (*visit)(void *context, const char *path, bool met);
	void *context;
	unsigned depth;
	int error;
};

static int fail(struct walk *w, const char *path, int error)
{
	fprintf(stderr, "redcard: %s: %s; let this user read it, or leave it out\n", path,
		strerror(error));
	w->error = -error;
	return w->error;
}

static int wanted(const struct dirent *e)
{
	return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
	       strcmp(e->d_name, ".git") != 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void walk_folder(struct walk *w, const char *path);

static void walk_entry(struct walk *w, const char *folder, const char *name)
{
	struct buf path = { 0 };
	struct stat st;
	size_t n = strlen(folder);
	buf_printf(&path, "%s%s%s", folder, n && folder[n - 1] == '/' ? "" : "/", name);
	buf_add_char(&path, '\0');
	CHECK(!path.failed);
	if (lstat(path.p, &st) != 0)
		(void)fail(w, path.p, errno);
	else if (S_ISDIR(st.st_mode))
		walk_folder(w, path.p);
	else if (S_ISREG(st.st_mode))
		w->visit(w->context, path.p, true);
	buf_fini(&path);
}

static void walk_folder(struct walk *w, const char *path)
{
	struct dirent **entries = NULL;
	int n = w->depth < DEPTH_MAX ? scandir(path, &entries, wanted, by_name) : -1;
	if (n < 0) {
		(void)fail(w, path, w->depth < DEPTH_MAX ? errno : ELOOP);
		return;
	}
	w->depth++;
	for (int i = 0; i < n; i++) {
		walk_entry(w, path, entries[i]->d_name);
		free(entries[i]);
	}
	w->depth--;
	free(entries);
}

int walk(const char *path, void (*visit)(void *context, const char *path, bool met), void *context)
{
	struct walk w = { .visit = visit, .context = context };
	struct stat st;
	if (strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		walk_folder(&w, path);
	else
		visit(context, path, false);
	return w.error;
}
