/* What of git needs no git: the folder of the driver's local copy, and names of objects. */
#ifndef PROXY_GIT_FOLDER_H
#define PROXY_GIT_FOLDER_H

#include <stdbool.h>

/* Whether git would take it for a repository; one that was being made when the power went is none,
 * and may be made again over it. */
bool git_folder_whole(const char *folder);

/* Removes the locks and indexes that killed processes left there. Nobody may work in it. */
void git_folder_clear(const char *folder);

/* The whole name of an object, as git prints it. */
bool git_is_revision(const char *text);

#endif
