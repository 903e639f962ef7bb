#include "proxy/changes_specs.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "proxy/config_ledger.h"
#include "proxy/metric_table.h"
#include "proxy/worker.h"

struct spec {
	struct spec *next;
	uint64_t time_ms;
	bool told;
	char id[LEDGER_ID_LENGTH + 1];
};

struct specs {
	struct worker *w;
	struct spec *first, **end; /* in the ledger's order */
	size_t n;
	bool counts;
};

struct specs *specs_new(struct worker *w)
{
	struct specs *s = calloc(1, sizeof(*s));
	if (s) {
		s->w = w;
		s->end = &s->first;
	}
	return s;
}

static void take_off(struct specs *s, struct spec **at)
{
	struct spec *old = *at;
	*at = old->next;
	if (s->end == &old->next)
		s->end = at;
	s->n--;
	free(old);
}

void specs_free(struct specs *s)
{
	while (s && s->first)
		take_off(s, &s->first);
	free(s);
}

void specs_count(struct specs *s)
{
	s->counts = true;
}

static struct spec **find(struct specs *s, struct span id)
{
	struct spec **at = &s->first;
	while (*at && !span_eq(span_of((*at)->id), id))
		at = &(*at)->next;
	return at;
}

void specs_begin(struct specs *s, struct span id, uint64_t time_ms)
{
	struct spec *new = id.n == LEDGER_ID_LENGTH ? calloc(1, sizeof(*new)) : NULL;
	if (!new)
		return;
	memcpy(new->id, id.p, id.n);
	new->time_ms = time_ms;
	*s->end = new;
	s->end = &new->next;
	if (++s->n <= SPECS_MOST)
		return;
	if (!s->first->told && s->counts)
		log_message(LOG_WARNING, "spec_forgotten",
			    "spec %s: nobody watches for its change any more: too many wait",
			    s->first->id);
	take_off(s, &s->first);
}

static uint64_t limit_ms(const struct specs *s)
{
	const struct config_ledger *l = s->w->runtime->config->ledger;
	return l ? l->change_ms : CONFIG_CHANGE_MS;
}

void specs_changed(struct specs *s, struct span id, uint64_t time_ms)
{
	struct spec **at = find(s, id);
	if (!*at)
		return; /* not its first, or long ago */
	uint64_t took = time_ms > (*at)->time_ms ? time_ms - (*at)->time_ms : 0;
	bool late = limit_ms(s) && took > limit_ms(s);
	take_off(s, at);
	if (!s->counts)
		return;
	metric_observe(s->w->metrics, METRIC_SPEC_CHANGE, 0, (double)took / 1000);
	metric_add(s->w->metrics, METRIC_SPEC_CHANGES, late ? SPEC_LATE : SPEC_IN_TIME, 1);
}

void specs_told(struct specs *s, struct span id)
{
	struct spec *found = *find(s, id);
	if (found)
		found->told = true;
}

static void say(struct specs *s, const struct spec *spec)
{
	struct buf body = { 0 };
	char key[64] = "overdue:";
	memcpy(key + strlen(key), spec->id, sizeof(spec->id));
	buf_printf(&body, "{\"limit_ms\":%llu,\"spec\":\"%s\"}", (unsigned long long)limit_ms(s),
		   spec->id);
	log_message(LOG_WARNING, "spec_overdue", "spec %s: no change was reported in %llu s",
		    spec->id, (unsigned long long)limit_ms(s) / 1000);
	metric_add(s->w->metrics, METRIC_SPEC_OVERDUE, 0, 1);
	if (!body.failed)
		ledger_put_once("overdue", spec->id, (struct span){ body.p, body.n }, key);
	buf_fini(&body);
}

void specs_settle(struct specs *s)
{
	uint64_t now_ms = clock_real_ms();
	uint64_t limit = limit_ms(s);
	for (struct spec *spec = s->first; limit && spec; spec = spec->next) {
		if (spec->told || now_ms <= spec->time_ms + limit)
			continue;
		spec->told = true;
		say(s, spec);
	}
}
