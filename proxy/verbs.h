/*
 * The verbs of the command line. Each gets its own argv, whose first element is the verb, and
 * returns the exit status of the process.
 */
#ifndef PROXY_VERBS_H
#define PROXY_VERBS_H

enum exit_status {
	EXIT_CLEAN = 0,
	EXIT_FINDING = 1, /* the work was done, and something was found */
	EXIT_TOOL =
		2 /* the work could not be done: wrong usage, bad configuration, a failing system */
};

int serve_main(int argc, char **argv);    /* serve.c */
int validate_main(int argc, char **argv); /* validate.c */
int scan_main(int argc, char **argv);     /* scan.c */
int rules_main(int argc, char **argv);    /* rules.c */
int prove_main(int argc, char **argv);    /* prove.c */
int simulate_main(int argc, char **argv); /* simulate.c */
int diff_main(int argc, char **argv);     /* diff.c */
int audits_main(int argc, char **argv);   /* audits.c */
int ledger_main(int argc, char **argv);   /* ledger_main.c */
int patchctl_main(int argc, char **argv); /* patchctl.c */
int rollback_main(int argc, char **argv); /* rollback.c */
int sinks_main(int argc, char **argv);    /* sinks_main.c */
int shadow_main(int argc, char **argv);   /* shadow_main.c */
int drill_main(int argc, char **argv);    /* drill.c */
int shadow_main(int argc, char **argv);   /* shadow_main.c */
int status_main(int argc, char **argv);   /* status.c */
int version_main(int argc, char **argv);  /* version.c */

#endif
