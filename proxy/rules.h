/* Inside `redcard rules`: its parts. */
#ifndef PROXY_RULES_H
#define PROXY_RULES_H

int rules_test_main(int argc, char **argv); /* rules_test.c */

#endif
