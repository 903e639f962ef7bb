#include "proxy/verbs.h"
int rollback_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return EXIT_TOOL;
}
