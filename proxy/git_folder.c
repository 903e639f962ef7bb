#include "proxy/git_folder.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base.h"

bool git_folder_whole(const char *folder)
{
	static const char *const parts[] = { "HEAD", "config", "objects", "refs" };
	char path[600];
	struct stat st;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, parts[i]);
		if (stat(path, &st) != 0 || (S_ISREG(st.st_mode) && st.st_size == 0))
			return false;
	}
	return true;
}

void git_folder_clear(const char *folder)
{
	static const char *const left[] = { "*.lock", "index-*", "refs/redcard/*.lock",
					    "objects/pack/*.lock", "objects/info/*.lock" };
	char pattern[600];
	for (size_t i = 0; i < ARRAY_LEN(left); i++) {
		glob_t found = { 0 };
		snprintf(pattern, sizeof(pattern), "%s/%s", folder, left[i]);
		if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0)
			for (size_t k = 0; k < found.gl_pathc; k++)
				(void)unlink(found.gl_pathv[k]);
		globfree(&found);
	}
}

bool git_is_revision(const char *text)
{
	size_t n = strspn(text, "0123456789abcdef");
	return !text[n] && (n == 40 || n == 64);
}
