#include "proxy/changes.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "proxy/changes_specs.h"
#include "proxy/ledger.h"
#include "proxy/metric_table.h"
#include "proxy/server.h"
#include "proxy/worker.h"

#define CONDEMNED_MOST 4096
#define REVISIONS_MOST 64 /* of one spec that are asked for at once */
#define DAY_MS (24u * 3600 * 1000)
#define TICK_MS 1000
#define PAGE 1000

struct condemned {
	struct condemned *next;
	uint64_t seen_ms;
	enum outbox_source source;
	bool fresh; /* what the ledger has of it was not looked at */
	const char *rule, *subject;
	const char *target; /* changes of that one only; "": of any */
	char spec[];
};

static struct {
	pthread_mutex_t lock;
	struct condemned *first, **end;
	size_t n;
	struct worker *worker; /* that asks; NULL: nobody */
	_Atomic bool due;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER, .end = &all.first };

struct changes_watch {
	struct timer tick;
	struct worker *w;
	struct specs *specs;
	uint64_t since_ms;                 /* no row is read that is older */
	uint64_t spec_after, change_after; /* the last rows that were read */
	bool failed;                       /* and the log says so */
};

/* --- what is condemned --- */

static void forget(struct condemned *c)
{
	struct condemned **at = &all.first;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	if (all.end == &c->next)
		all.end = at;
	all.n--;
	free(c);
}

static const char *target_of(const struct outbox_wish *wish)
{
	return wish->target ? wish->target : "";
}

static struct condemned *find(struct span spec, const struct outbox_wish *wish)
{
	struct condemned *c = all.first;
	while (c && !(strcmp(c->rule, wish->rule) == 0 && span_eq(span_of(c->spec), spec) &&
		      strcmp(c->target, target_of(wish)) == 0))
		c = c->next;
	return c;
}

static struct condemned *copy(struct span spec, const struct outbox_wish *wish)
{
	size_t rule = strlen(wish->rule) + 1, subject = strlen(wish->subject) + 1;
	size_t target = strlen(target_of(wish)) + 1;
	struct condemned *c = calloc(1, sizeof(*c) + spec.n + 1 + rule + subject + target);
	if (!c)
		return NULL;
	memcpy(c->spec, spec.p, spec.n);
	c->rule = memcpy(c->spec + spec.n + 1, wish->rule, rule);
	c->subject = memcpy(c->spec + spec.n + 1 + rule, wish->subject, subject);
	c->target = memcpy(c->spec + spec.n + 1 + rule + subject, target_of(wish), target);
	c->seen_ms = wish->seen_ms;
	c->source = wish->source;
	c->fresh = true;
	return c;
}

void changes_condemn(struct span spec, const struct outbox_wish *wish)
{
	pthread_mutex_lock(&all.lock);
	bool known = find(spec, wish) != NULL;
	struct condemned *c = known ? NULL : copy(spec, wish);
	if (c) {
		*all.end = c;
		all.end = &c->next;
		all.n++;
		atomic_store(&all.due, true);
		if (all.worker)
			worker_wake(all.worker);
	}
	if (!known && !c)
		log_message(LOG_ERROR, "rollback_lost", "%s of %s: out of memory", wish->rule,
			    wish->subject);
	if (all.n > CONDEMNED_MOST) {
		log_message(LOG_ERROR, "rollback_lost",
			    "%s of %s: no change of spec %s was reported, and too many wait",
			    all.first->rule, all.first->subject, all.first->spec);
		forget(all.first);
	}
	pthread_mutex_unlock(&all.lock);
}

/* There was nothing to take back before it was there. Who sends a spec's name to one route does not
 * reach what another one changes. */
static void ask(const struct condemned *c, const struct change_place *place)
{
	if (c->target[0] && strcmp(c->target, place->target) != 0)
		return;
	const struct outbox_wish wish = { .target = place->target,
					  .bad = place->revision,
					  .rule = c->rule,
					  .subject = c->subject,
					  .seen_ms = max_u64(c->seen_ms, place->time_ms),
					  .source = c->source };
	outbox_ask(&wish);
}

/* --- what the ledger says --- */

static bool keep(struct span text, char *to, size_t bytes)
{
	if (text.n == 0 || text.n >= bytes || memchr(text.p, '\0', text.n))
		return false;
	memcpy(to, text.p, text.n);
	to[text.n] = '\0';
	return true;
}

static bool read_place(const struct ledger_row *row, struct change_place *out)
{
	struct json *doc = NULL;
	bool good = json_parse(row->body, &doc) == 0;
	const struct json_value *root = good ? json_root(doc) : NULL;
	good = good && keep(json_string(json_get(root, "target")), out->target, CHANGE_TARGET) &&
	       keep(json_string(json_get(root, "revision")), out->revision, CHANGE_REVISION);
	out->time_ms = row->time_ms;
	json_free(doc);
	return good;
}

/* Changes of a spec up to that row, the newest first; how many, or -errno. */
static int find_places(struct ledger_store *s, struct span spec, uint64_t upto, size_t most,
		       struct change_place *out)
{
	const struct ledger_filter filter = { .kind = SPAN_INIT("change"),
					      .subject = spec,
					      .limit = REVISIONS_MOST,
					      .newest_first = true };
	struct ledger_row row;
	size_t n = 0;
	int found = ledger_store_select(s, &filter);
	while (found >= 0 && n < most && (found = ledger_store_next(s, &row)) == 1)
		n += row.sequence <= upto && read_place(&row, &out[n]);
	ledger_store_end(s);
	return found < 0 ? found : (int)n;
}

int changes_newest(struct ledger_store *s, struct span spec, struct change_place *out)
{
	return find_places(s, spec, UINT64_MAX, 1, out);
}

static void ask_all_of(const struct ledger_row *row)
{
	struct change_place place;
	if (!read_place(row, &place))
		return;
	pthread_mutex_lock(&all.lock);
	for (const struct condemned *c = all.first; c; c = c->next)
		if (!c->fresh && span_eq(span_of(c->spec), row->subject))
			ask(c, &place);
	pthread_mutex_unlock(&all.lock);
}

static void on_spec(struct changes_watch *v, const struct ledger_row *row)
{
	specs_begin(v->specs, row->id, row->time_ms);
}

static void on_change(struct changes_watch *v, const struct ledger_row *row)
{
	specs_changed(v->specs, row->subject, row->time_ms);
	ask_all_of(row);
}

static void on_overdue(struct changes_watch *v, const struct ledger_row *row)
{
	specs_told(v->specs, row->subject);
}

/* All rows of a kind after that one. */
static int follow(struct changes_watch *v, struct span kind, uint64_t *after,
		  void (*each)(struct changes_watch *v, const struct ledger_row *row))
{
	struct ledger_store *s = v->w->server->ledger_reader;
	struct ledger_row row;
	uint64_t n = PAGE;
	int found = 0;
	while (found >= 0 && n == PAGE) {
		const struct ledger_filter filter = {
			.kind = kind, .after = *after, .since_ms = v->since_ms, .limit = PAGE
		};
		n = 0;
		found = ledger_store_select(s, &filter);
		while (found >= 0 && (found = ledger_store_next(s, &row)) == 1) {
			each(v, &row);
			*after = row.sequence;
			n++;
		}
		ledger_store_end(s);
	}
	return found < 0 ? found : 0;
}

/* One that was condemned after its change was reported. Copied out: the ledger is read without the
 * lock. */
static struct condemned *take_fresh(void)
{
	struct condemned *found = NULL;
	pthread_mutex_lock(&all.lock);
	for (struct condemned *c = all.first; c && !found; c = c->next) {
		if (!c->fresh)
			continue;
		const struct outbox_wish wish = { .target = c->target,
						  .rule = c->rule,
						  .subject = c->subject,
						  .seen_ms = c->seen_ms,
						  .source = c->source };
		found = copy(span_of(c->spec), &wish);
		c->fresh = !found;
	}
	pthread_mutex_unlock(&all.lock);
	return found;
}

/* Of what is no spec no change will ever be reported; it must not push others out. */
static bool is_spec(struct ledger_store *s, const char *id)
{
	struct ledger_row row;
	int found = ledger_store_find(s, span_of(id), &row);
	bool is = found < 0 || (found == 1 && span_eq(row.kind, SPAN("spec")));
	ledger_store_end(s);
	return is;
}

static void wait_for_change(struct changes_watch *v, const struct condemned *c)
{
	const struct outbox_wish wish = { .target = c->target, .rule = c->rule };
	bool waits = is_spec(v->w->server->ledger_reader, c->spec);
	log_message(waits ? LOG_WARNING : LOG_ERROR,
		    waits ? "rollback_waits" : "rollback_no_change",
		    waits ? "%s of %s: no change of spec %s is known yet"
			  : "%s of %s: nothing is taken back: the ledger has no spec %s",
		    c->rule, c->subject, c->spec);
	if (waits)
		return;
	metric_add(v->w->metrics, METRIC_WISHES, WISH_NO_CHANGE, 1);
	pthread_mutex_lock(&all.lock);
	struct condemned *known = find(span_of(c->spec), &wish);
	if (known)
		forget(known);
	pthread_mutex_unlock(&all.lock);
}

/* What could not be looked up is looked up again. */
static void keep_fresh(const struct condemned *lost)
{
	pthread_mutex_lock(&all.lock);
	for (struct condemned *c = all.first; c; c = c->next)
		c->fresh |= strcmp(c->rule, lost->rule) == 0 && strcmp(c->spec, lost->spec) == 0;
	pthread_mutex_unlock(&all.lock);
}

static int ask_for_fresh(struct changes_watch *v)
{
	struct change_place places[REVISIONS_MOST];
	int n = 0;
	for (struct condemned *c; n >= 0 && (c = take_fresh()); free(c)) {
		n = find_places(v->w->server->ledger_reader, span_of(c->spec), v->change_after,
				REVISIONS_MOST, places);
		for (int i = 0; i < n; i++)
			ask(c, &places[i]);
		if (n == 0)
			wait_for_change(v, c);
		if (n < 0)
			keep_fresh(c);
	}
	return n < 0 ? n : 0;
}

void changes_follow(struct worker *w)
{
	struct changes_watch *v = w->changes;
	if (!v)
		return;
	int error = follow(v, SPAN("spec"), &v->spec_after, on_spec);
	if (!error)
		error = follow(v, SPAN("change"), &v->change_after, on_change);
	if (!error)
		error = ask_for_fresh(v);
	if (error && !v->failed)
		log_message(LOG_ERROR, "changes", "the ledger cannot be read: %s",
			    ledger_error(error));
	v->failed = error != 0;
	specs_settle(v->specs);
}

void changes_turn(struct worker *w)
{
	if (w->changes && atomic_exchange(&all.due, false))
		changes_follow(w);
}

static void tick(struct timer *t)
{
	struct changes_watch *v = CONTAINER_OF(t, struct changes_watch, tick);
	changes_follow(v->w);
	timer_set(&v->w->timers, t, v->w->now_ms + TICK_MS);
}

/* --- after a restart --- */

/* A card of a spec whose change may not be known yet; the wish was not asked for where it was. */
static void recall(struct changes_watch *v, const struct ledger_row *row)
{
	(void)v;
	struct json *doc = NULL;
	if (!memmem(row->body.p, row->body.n, "\"spec\":", 7) || json_parse(row->body, &doc) != 0)
		return;
	const struct json_value *root = json_root(doc);
	struct span spec = json_string(json_get(root, "spec"));
	bool asks = json_bool(json_get(root, "rollback")) && !json_bool(json_get(root, "monitor"));
	bool known = json_string(json_get(root, "revision")).n > 0;
	struct buf rule = { 0 }, subject = { 0 }, target = { 0 };
	buf_printf(&rule, "%.*s", (int)json_string(json_get(root, "rule")).n,
		   json_string(json_get(root, "rule")).p);
	buf_printf(&subject, "%.*s", (int)row->subject.n, row->subject.p);
	buf_printf(&target, "%.*s", (int)json_string(json_get(root, "target")).n,
		   json_string(json_get(root, "target")).p);
	bool whole = spec.n && spec.n <= LEDGER_SUBJECT_MAX && rule.n && !rule.failed &&
		     !subject.failed && !target.failed;
	if (asks && !known && whole) {
		const struct outbox_wish wish = { .target = target.p,
						  .rule = rule.p,
						  .subject = subject.p,
						  .seen_ms = row->time_ms,
						  .source = outbox_source_of(
							  json_string(json_get(root, "source"))) };
		changes_condemn(spec, &wish);
	}
	buf_fini(&rule);
	buf_fini(&subject);
	buf_fini(&target);
	json_free(doc);
}

int changes_begin(struct worker *w)
{
	uint64_t told = 0, card = 0;
	if (w->index || !w->server->ledger_reader)
		return 0;
	struct changes_watch *v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->w = w;
	v->tick.fire = tick;
	v->specs = specs_new(w);
	v->since_ms = clock_real_ms() - DAY_MS;
	int error = v->specs ? 0 : -ENOMEM;
	if (!error)
		error = follow(v, SPAN("spec"), &v->spec_after, on_spec);
	if (!error)
		error = follow(v, SPAN("change"), &v->change_after, on_change);
	if (!error)
		error = follow(v, SPAN("overdue"), &told, on_overdue);
	if (!error)
		error = follow(v, SPAN("card"), &card, recall);
	w->changes = v;
	if (error)
		return error;
	specs_count(v->specs);
	pthread_mutex_lock(&all.lock);
	all.worker = w;
	pthread_mutex_unlock(&all.lock);
	timer_set(&w->timers, &v->tick, w->now_ms + 1);
	return 0;
}

void changes_end(struct worker *w)
{
	struct changes_watch *v = w->changes;
	if (!v)
		return;
	pthread_mutex_lock(&all.lock);
	all.worker = NULL;
	while (all.first)
		forget(all.first);
	pthread_mutex_unlock(&all.lock);
	timer_remove(&w->timers, &v->tick);
	specs_free(v->specs);
	free(v);
	w->changes = NULL;
}
