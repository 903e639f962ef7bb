/* The parts of `redcard shadow` that need no shadow. */
#ifndef PROXY_MIRROR_CHECK_H
#define PROXY_MIRROR_CHECK_H

int shadow_check_main(int argc, char **argv); /* mirror_check.c */
int shadow_watch_main(int argc, char **argv); /* mirror_watch.c */

#endif
