#include "proxy/spending.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "lib/log.h"
#include "proxy/spending_file.h"

/* A day and nano-USD in one number, so that both change at once. */
#define NANO_BITS 48
#define NANO_MAX ((UINT64_C(1) << NANO_BITS) - 1)

struct spent {
	struct spent *next;
	char name[64];
	_Atomic uint64_t limit;
	_Atomic uint64_t total; /* spent: a day and nano-USD */
	_Atomic uint64_t filed; /* the same, as written last */
	_Atomic uint32_t streams;
	struct spending *all;
};

struct spending {
	char *folder;
	int lock;                     /* the folder, locked */
	_Atomic(struct spent *) rows; /* rows are added only */
	pthread_mutex_t mutex;        /* of the wake-up alone: nobody writes under it */
	pthread_cond_t wake;
	_Atomic bool woken, stop;
	_Atomic int failed; /* errno of the latest write */
	bool has_thread;
	pthread_t thread;
};

static uint64_t pack(uint32_t day, uint64_t nano)
{
	return (uint64_t)day << NANO_BITS | min_u64(nano, NANO_MAX);
}

static uint32_t day_of(uint64_t v)
{
	return (uint32_t)(v >> NANO_BITS);
}

static uint64_t nano_of(uint64_t v)
{
	return v & NANO_MAX;
}

/* The same as of a later day, on which nothing was spent yet. */
static uint64_t as_of(uint64_t v, uint32_t today)
{
	return day_of(v) < today ? pack(today, 0) : v;
}

static uint64_t lead(const struct spent *row)
{
	return max_u64(atomic_load(&row->limit) / SPENDING_LEAD, 1);
}

uint32_t spending_today(void)
{
	return (uint32_t)(time(NULL) / (24 * 3600));
}

void spending_date(uint32_t day, char out[16])
{
	time_t t = (time_t)day * 24 * 3600;
	struct tm tm;
	if (!gmtime_r(&t, &tm) || strftime(out, 16, "%Y-%m-%d", &tm) == 0)
		out[0] = '\0';
}

/* --- keeping --- */

static void wake(struct spending *s)
{
	if (atomic_exchange(&s->woken, true))
		return;
	pthread_mutex_lock(&s->mutex);
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->mutex);
}

/* Whether what is written of this builder is not enough, or (idle) not exact. */
static bool is_due(const struct spent *row, uint64_t total, uint64_t filed)
{
	if (!atomic_load(&row->streams))
		return total != filed && (nano_of(total) || nano_of(filed));
	return day_of(total) != day_of(filed) || nano_of(total) + lead(row) / 2 > nano_of(filed);
}

/* What is to be written of a builder. */
static uint64_t wanted(const struct spent *row, uint64_t total)
{
	uint64_t more = atomic_load(&row->streams) ? lead(row) : 0;
	return pack(day_of(total), nano_of(total) + more);
}

static void tell(struct spending *s, int error)
{
	int before = atomic_exchange(&s->failed, -error);
	if (error && -error != before)
		log_message(LOG_ERROR, "spending",
			    "%s/%s cannot be written: %s; builders with a daily cost get no "
			    "requests until it can, but on routes with on_error: open",
			    s->folder, SPENDING_FILE, strerror(-error));
	else if (!error && before)
		log_message(LOG_WARNING, "spending", "%s/%s is written again", s->folder,
			    SPENDING_FILE);
}

static int write_rows(struct spending *s, bool always)
{
	uint32_t today = spending_today();
	bool due = always || atomic_load(&s->failed);
	struct spending_file file = { 0 };
	struct spent *first = atomic_load(&s->rows);
	for (struct spent *row = first; row; row = row->next) {
		uint64_t total = as_of(atomic_load(&row->total), today);
		due |= is_due(row, total, atomic_load(&row->filed));
	}
	if (!due)
		return 0;
	for (struct spent *row = first; row; row = row->next) {
		uint64_t v = wanted(row, as_of(atomic_load(&row->total), today));
		if (!spending_file_add(&file, row->name, day_of(v), nano_of(v))) {
			spending_file_fini(&file);
			return -ENOMEM;
		}
	}
	int error = spending_file_write(s->folder, &file);
	size_t i = 0;
	for (struct spent *row = first; row && !error; row = row->next, i++)
		atomic_store(&row->filed, pack(file.v[i].day, file.v[i].nano));
	spending_file_fini(&file);
	return error;
}

/* Until somebody wakes it, for a second at most. */
static void await_wake(struct spending *s)
{
	struct timespec until;
	int late = 0;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	pthread_mutex_lock(&s->mutex);
	while (!atomic_load(&s->woken) && !late)
		late = pthread_cond_timedwait(&s->wake, &s->mutex, &until);
	pthread_mutex_unlock(&s->mutex);
	atomic_store(&s->woken, false);
}

static void *keep(void *arg)
{
	struct spending *s = arg;
	while (!atomic_load(&s->stop)) {
		await_wake(s);
		tell(s, write_rows(s, false));
	}
	return NULL;
}

static void init_wake(struct spending *s)
{
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->wake, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&s->mutex, NULL);
}

/* --- beginning and end --- */

static struct spent *find(struct spending *s, const char *name)
{
	struct spent *row = atomic_load(&s->rows);
	while (row && strcmp(row->name, name) != 0)
		row = row->next;
	return row;
}

static struct spent *add(struct spending *s, const char *name)
{
	struct spent *row = calloc(1, sizeof(*row));
	if (!row)
		return NULL;
	strncpy(row->name, name, sizeof(row->name) - 1);
	row->all = s;
	row->next = atomic_load(&s->rows);
	atomic_store(&s->rows, row);
	return row;
}

struct spent *spending_of(struct spending *s, const char *builder, uint64_t limit)
{
	struct spent *row = find(s, builder);
	if (!row)
		row = add(s, builder);
	if (row)
		atomic_store(&row->limit, limit);
	return row;
}

static int load(struct spending *s, struct buf *error)
{
	struct spending_file file = { 0 };
	int e = spending_file_read(s->folder, spending_today() + 1, &file, error);
	for (size_t i = 0; i < file.n && !e; i++) {
		struct spent *row = add(s, file.v[i].name);
		if (!row)
			e = -ENOMEM;
		else
			row->total = row->filed = pack(file.v[i].day, file.v[i].nano);
	}
	spending_file_fini(&file);
	return e;
}

static int lock_folder(struct spending *s, struct buf *error)
{
	s->lock = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int e = s->lock < 0 || flock(s->lock, LOCK_EX | LOCK_NB) != 0 ? -errno : 0;
	if (e == -EWOULDBLOCK)
		buf_printf(error,
			   "%s:1: another redcard keeps what is spent here; stop it, or name "
			   "another folder with `state_dir`\n",
			   s->folder);
	else if (e)
		buf_printf(error, "%s:1: cannot be opened: %s; check `state_dir`\n", s->folder,
			   strerror(-e));
	return e;
}

int spending_open(const char *folder, struct spending **out, struct buf *error)
{
	struct spending *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->lock = -1;
	init_wake(s);
	s->folder = strdup(folder);
	int e = s->folder ? lock_folder(s, error) : -ENOMEM;
	if (!e)
		e = load(s, error);
	if (e)
		goto fail;
	e = write_rows(s, true);
	if (e) {
		buf_printf(error,
			   "%s/%s:1: cannot be written: %s; let the user that runs redcard write "
			   "there, or name another folder with `state_dir`\n",
			   folder, SPENDING_FILE, strerror(-e));
		goto fail;
	}
	e = -pthread_create(&s->thread, NULL, keep, s);
	if (e)
		goto fail;
	s->has_thread = true;
	*out = s;
	return 0;
fail:
	spending_close(s);
	return e;
}

void spending_close(struct spending *s)
{
	if (!s)
		return;
	if (s->has_thread) {
		atomic_store(&s->stop, true);
		wake(s);
		pthread_join(s->thread, NULL);
		tell(s, write_rows(s, false));
	}
	for (struct spent *row = atomic_load(&s->rows), *next; row; row = next) {
		next = row->next;
		free(row);
	}
	if (s->lock >= 0)
		close(s->lock);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->mutex);
	free(s->folder);
	free(s);
}

/* --- spending --- */

uint64_t spent_today(const struct spent *row, uint32_t today)
{
	return nano_of(as_of(atomic_load(&row->total), today));
}

uint64_t spent_limit(const struct spent *row)
{
	return atomic_load(&row->limit);
}

enum spent_state spent_state(const struct spent *row, uint32_t today)
{
	if (spent_today(row, today) >= spent_limit(row))
		return SPENT_UP;
	return atomic_load(&row->all->failed) ? SPENT_UNKEPT : SPENT_FREE;
}

void spent_begin(struct spent_meter *m, struct spent *row)
{
	*m = (struct spent_meter){ .row = row };
	atomic_fetch_add(&row->streams, 1);
	if (is_due(row, as_of(atomic_load(&row->total), spending_today()),
		   atomic_load(&row->filed)))
		wake(row->all);
}

/* The meter on the day that counts now. */
static struct spent_meter on_day(const struct spent_meter *m, uint32_t day)
{
	struct spent_meter now = *m;
	if (now.day != day)
		now = (struct spent_meter){ m->row, m->former + m->charged, 0, day };
	return now;
}

uint64_t spent_allowed(const struct spent_meter *m, uint32_t today, bool kept)
{
	uint64_t v = as_of(atomic_load(&m->row->total), today);
	struct spent_meter now = on_day(m, day_of(v));
	uint64_t limit = atomic_load(&m->row->limit), filed = atomic_load(&m->row->filed);
	if (kept)
		limit = min_u64(limit, day_of(filed) == day_of(v) ? nano_of(filed) : 0);
	uint64_t others = nano_of(v) - min_u64(nano_of(v), now.charged);
	return now.former + (limit > others ? limit - others : 0);
}

void spent_charge(struct spent_meter *m, uint32_t today, uint64_t cost)
{
	uint64_t old = atomic_load(&m->row->total), v;
	struct spent_meter now;
	if (cost == m->former + m->charged && m->day == today)
		return;
	do {
		v = as_of(old, today);
		now = on_day(m, day_of(v));
		uint64_t others = nano_of(v) - min_u64(nano_of(v), now.charged);
		now.charged = cost > now.former ? cost - now.former : 0;
		v = pack(day_of(v), others + now.charged);
	} while (!atomic_compare_exchange_weak(&m->row->total, &old, v));
	*m = now;
	if (is_due(m->row, v, atomic_load(&m->row->filed)))
		wake(m->row->all);
}

void spent_end(struct spent_meter *m)
{
	if (m->row)
		atomic_fetch_sub(&m->row->streams, 1);
	m->row = NULL;
}
