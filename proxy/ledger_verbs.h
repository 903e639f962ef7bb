/* `redcard ledger`: what its verbs share. */
#ifndef PROXY_LEDGER_VERBS_H
#define PROXY_LEDGER_VERBS_H

#include <stdbool.h>

#include "proxy/cli.h"
#include "proxy/config_ledger.h"
#include "proxy/ledger.h"

/* Where the ledger is: named on the command line, or by the configuration. */
struct ledger_place {
	const char *config, *ledger, *key, *checkpoints; /* as given; NULL: not */
	struct ledger_options options;
	struct config *loaded;
	struct buf names[2];
};

#define LEDGER_PLACE_OPTIONS(place)                                           \
	{ .name = "config",                                                   \
	  .letter = 'c',                                                      \
	  .value = "FILE",                                                    \
	  .text = &(place).config,                                            \
	  .help = "the configuration that names the ledger (redcard.yaml)" }, \
	{                                                                     \
		.name = "ledger", .value = "FILE", .text = &(place).ledger,   \
		.help = "the database itself, without a configuration"        \
	}
#define LEDGER_KEY_OPTION(place)                                      \
	{                                                             \
		.name = "key", .value = "FILE", .text = &(place).key, \
		.help = "the private key (LEDGER.key)"                \
	}
#define LEDGER_OUTSIDE_OPTION(place)                                                  \
	{                                                                             \
		.name = "checkpoints", .value = "FILE", .text = &(place).checkpoints, \
		.help = "the checkpoints outside of it (LEDGER.checkpoints)"          \
	}

/* Fills options; ledger_place_fini() is owed in any case. False: the reason was printed. */
bool ledger_place_find(struct ledger_place *p, const char *verb) MUST_USE;
void ledger_place_fini(struct ledger_place *p);

/* A store to read from, or NULL: the reason was printed. */
struct ledger_store *ledger_place_read(const struct ledger_place *p, const char *verb);

/* A time as people write it: 2026-11-26, 2026-11-26T09:30:00Z, or how long ago, such as 24h. */
bool ledger_since(const char *verb, const char *text, uint64_t *ms);
/* Progress of long work, where somebody looks; done: it is over, and leaves no trace. */
void ledger_progress(uint64_t rows, bool done);

/* Opens the ledger, adds the row, waits for it, prints its id. The exit status. */
int ledger_write_row(const struct ledger_place *p, const char *verb, const struct ledger_row *row,
		     bool json);

int ledger_init_main(int argc, char **argv);   /* ledger_write.c */
int ledger_add_main(int argc, char **argv);    /* ledger_write.c */
int ledger_anchor_main(int argc, char **argv); /* ledger_anchor.c */
int ledger_list_main(int argc, char **argv);   /* ledger_read.c */
int ledger_show_main(int argc, char **argv);   /* ledger_read.c */
int ledger_export_main(int argc, char **argv); /* ledger_read.c */
int ledger_verify_main(int argc, char **argv); /* ledger_check.c */

#endif
