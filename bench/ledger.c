/*
 * Appends to the ledger, each acknowledged on disk, against plain SQLite doing the same
 * transactions: bench/ledger [SECONDS [FOLDER]]. Both write the same rows into the same tables with
 * the same settings; plain SQLite does without the chain, and commits each row by itself: with a
 * connection for each writer, and with one connection that they share under a mutex. The three take
 * turns, each first in its turn; what is printed are medians of RUNS.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/sqlite.h"
#include "proxy/ledger.h"

enum { RUNS = 5, WRITERS_MAX = 64, PATH_BYTES = 512 };
enum contender { LEDGER, CONNECTIONS, MUTEX, CONTENDERS };

static const char body[] =
	"{\"action\":\"cut\",\"channel\":\"choice 0 content\",\"exchange\":"
	"\"01KB2Q8Y0V6ZJ4T3N5M7P9R1SX\",\"monitor\":false,\"raw_offset\":1234,\"rollback\":true,"
	"\"route\":\"chat\",\"rule\":\"aws-access-key\",\"severity\":\"critical\",\"text_length\":20,"
	"\"text_offset\":321}";

struct bench {
	enum contender contender;
	struct ledger *ledger;
	char path[PATH_BYTES];
	struct sqlite *shared;
	struct sqlite_query *insert;
	pthread_mutex_t lock;
	double until;
	_Atomic uint64_t rows, next;
};

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void prepare(struct sqlite *db, struct sqlite_query **insert)
{
	CHECK(sqlite_run(db, "PRAGMA synchronous=FULL") == 0);
	CHECK(sqlite_prepare(db,
			     "INSERT INTO row (sequence, id, time_ms, kind, subject, body, "
			     "previous, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			     insert) == 0);
}

static int try_insert(struct sqlite *db, struct sqlite_query *q, uint64_t n)
{
	static const char hash[] = LEDGER_NO_HASH;
	char id[32];
	snprintf(id, sizeof(id), "%026llu", (unsigned long long)n);
	int error = sqlite_run(db, "BEGIN IMMEDIATE");
	if (error)
		return error;
	sqlite_put_number(q, 1, (int64_t)n);
	sqlite_put_text(q, 2, span_of(id));
	sqlite_put_number(q, 3, 1700000000000);
	sqlite_put_text(q, 4, SPAN("card"));
	sqlite_put_text(q, 5, SPAN("01KB2Q8Y0V6ZJ4T3N5M7P9R1SX"));
	sqlite_put_text(q, 6, span_of(body));
	sqlite_put_text(q, 7, span_of(hash));
	sqlite_put_text(q, 8, span_of(hash));
	CHECK(sqlite_step(q) == 0);
	sqlite_reset(q);
	CHECK(sqlite_run(db, "COMMIT") == 0);
	return 0;
}

static void write_ledger(struct bench *b)
{
	const struct ledger_row row = { .kind = SPAN_INIT("card"),
					.subject = SPAN_INIT("01KB2Q8Y0V6ZJ4T3N5M7P9R1SX"),
					.body = span_of(body) };
	struct ledger_added added;
	CHECK(ledger_add_wait(b->ledger, &row, &added) == 0);
}

static void *write_rows(void *arg)
{
	struct bench *b = arg;
	struct sqlite *own = NULL;
	struct sqlite_query *insert = NULL;
	if (b->contender == CONNECTIONS) {
		CHECK(sqlite_open(b->path, SQLITE_WRITES, 60000, &own) == 0);
		prepare(own, &insert);
	}
	while (now_s() < b->until) {
		uint64_t n = atomic_fetch_add(&b->next, 1) + 1;
		if (b->contender == LEDGER)
			write_ledger(b);
		else if (b->contender == CONNECTIONS)
			while (try_insert(own, insert, n) == -EBUSY)
				;
		if (b->contender == MUTEX) {
			pthread_mutex_lock(&b->lock);
			CHECK(try_insert(b->shared, b->insert, n) == 0);
			pthread_mutex_unlock(&b->lock);
		}
		atomic_fetch_add(&b->rows, 1);
	}
	sqlite_finish(insert);
	sqlite_close(own);
	return NULL;
}

static void open_all(struct bench *b, const char *folder)
{
	char key[PATH_BYTES + 8], checkpoints[PATH_BYTES + 16];
	struct buf why = { 0 };
	snprintf(b->path, sizeof(b->path), "%.400s/bench-%ld.db", folder, (long)getpid());
	snprintf(key, sizeof(key), "%s.key", b->path);
	snprintf(checkpoints, sizeof(checkpoints), "%s.checkpoints", b->path);
	const struct ledger_options options = { b->path, key, checkpoints, LEDGER_CHECKPOINT_ROWS,
						LEDGER_CHECKPOINT_MS };
	if (ledger_open(&options, &b->ledger, &why) != 0) {
		fprintf(stderr, "bench/ledger: %.*s\n", (int)why.n, why.p);
		exit(2);
	}
	if (b->contender == LEDGER)
		return;
	ledger_close(b->ledger); /* it has made the tables */
	b->ledger = NULL;
	CHECK(sqlite_open(b->path, SQLITE_WRITES, 60000, &b->shared) == 0);
	prepare(b->shared, &b->insert);
}

static void close_all(struct bench *b)
{
	static const char *const suffixes[] = { "",     "-wal",     "-shm",        "-lock",
						".key", ".key.pub", ".checkpoints" };
	char name[PATH_BYTES + 16];
	ledger_close(b->ledger);
	sqlite_finish(b->insert);
	sqlite_close(b->shared);
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		snprintf(name, sizeof(name), "%s%s", b->path, suffixes[i]);
		(void)unlink(name);
	}
}

static double measure(enum contender contender, unsigned writers, double seconds,
		      const char *folder)
{
	struct bench b = { .contender = contender, .lock = PTHREAD_MUTEX_INITIALIZER };
	pthread_t threads[WRITERS_MAX];
	open_all(&b, folder);
	double begun = now_s();
	b.until = begun + seconds;
	for (unsigned i = 0; i < writers; i++)
		CHECK(pthread_create(&threads[i], NULL, write_rows, &b) == 0);
	for (unsigned i = 0; i < writers; i++)
		pthread_join(threads[i], NULL);
	double took = now_s() - begun;
	close_all(&b);
	return (double)atomic_load(&b.rows) / took;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static const char *const names[CONTENDERS] = { "ledger", "sqlite, a connection each",
						       "sqlite, one connection" };
	static const unsigned writers[] = { 1, 64 };
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 2;
	const char *folder = argc > 2 ? argv[2] : "build";
	for (size_t w = 0; w < ARRAY_LEN(writers); w++) {
		double rates[CONTENDERS][RUNS], best = 0;
		for (unsigned i = 0; i < RUNS * CONTENDERS; i++) {
			unsigned run = i / CONTENDERS, c = (run + i) % CONTENDERS;
			rates[c][run] = measure((enum contender)c, writers[w], seconds, folder);
		}
		for (unsigned c = 0; c < CONTENDERS; c++) {
			qsort(rates[c], RUNS, sizeof(rates[c][0]), by_size);
			if (c != LEDGER && rates[c][RUNS / 2] > best)
				best = rates[c][RUNS / 2];
			printf("| %u | %s | %.0f | %.0f to %.0f |\n", writers[w], names[c],
			       rates[c][RUNS / 2], rates[c][0], rates[c][RUNS - 1]);
		}
		printf("| %u | **ledger over the better** | **%.2f** | |\n", writers[w],
		       rates[LEDGER][RUNS / 2] / best);
		fflush(stdout);
	}
	return 0;
}
