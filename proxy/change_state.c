#include "proxy/change_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEPT 256
#define ROWS_AT_ONCE 20000

struct kept {
	char change[LEDGER_SUBJECT_MAX + 1]; /* "": free */
	uint64_t after;                      /* the last row that was read */
	uint64_t used;
	struct change_state state;
};

struct change_states {
	uint64_t clock;
	struct kept kept[KEPT];
};

struct change_states *change_states_new(void)
{
	return calloc(1, sizeof(struct change_states));
}

void change_states_free(struct change_states *c)
{
	free(c);
}

/* The place of this change, or that of the one which was longest not asked for. */
static struct kept *find(struct change_states *c, struct span change)
{
	struct kept *oldest = &c->kept[0];
	for (size_t i = 0; i < KEPT; i++) {
		struct kept *k = &c->kept[i];
		if (span_eq(span_of(k->change), change))
			return k;
		oldest = k->used < oldest->used ? k : oldest;
	}
	*oldest = (struct kept){ .after = 0 };
	memcpy(oldest->change, change.p, change.n);
	return oldest;
}

/* What does not say that it passed has not. */
static void add_row(struct change_state *s, const struct ledger_row *row)
{
	struct json *doc = NULL;
	enum severity severity = SEVERITY_CRITICAL;
	bool passed = false;
	if (json_parse(row->body, &doc) == 0) {
		struct span named = json_string(json_get(json_root(doc), "severity"));
		passed = span_eq(json_string(json_get(json_root(doc), "verdict")), SPAN("pass"));
		for (size_t i = 0; i < SEVERITY_COUNT; i++)
			if (span_eq(named, span_of(severity_names[i])))
				severity = (enum severity)i;
	}
	json_free(doc);
	s->events++;
	s->last_ms = row->time_ms;
	if (passed)
		return;
	if (s->violations++ == 0 || severity > s->severity)
		s->severity = severity;
}

int change_state_read(struct change_states *c, struct ledger_store *s, struct span change,
		      struct change_state *out)
{
	if (change.n == 0 || change.n > LEDGER_SUBJECT_MAX)
		return -EINVAL;
	struct kept *k = find(c, change);
	const struct ledger_filter filter = { .kind = SPAN_INIT("meta"),
					      .subject = change,
					      .after = k->after,
					      .limit = ROWS_AT_ONCE };
	struct ledger_row row;
	size_t n = 0;
	k->used = ++c->clock;
	int found = ledger_store_select(s, &filter);
	while (found >= 0 && (found = ledger_store_next(s, &row)) == 1) {
		add_row(&k->state, &row);
		k->after = row.sequence;
		n++;
	}
	ledger_store_end(s);
	if (found < 0)
		return found;
	*out = k->state;
	return n == ROWS_AT_ONCE ? -EAGAIN : 0;
}

void change_state_add(struct buf *out, const struct change_state *s)
{
	buf_printf(out, "\"events\":%llu", (unsigned long long)s->events);
	if (s->events)
		buf_printf(out, ",\"last_ms\":%llu", (unsigned long long)s->last_ms);
	buf_add_text(out, ",\"severity\":");
	if (s->violations)
		buf_printf(out, "\"%s\"", severity_names[s->severity]);
	else
		buf_add_text(out, "null");
	buf_printf(out, ",\"state\":\"%s\",\"violations\":%llu",
		   !s->events      ? "unknown"
		   : s->violations ? "violation"
				   : "pass",
		   (unsigned long long)s->violations);
}
