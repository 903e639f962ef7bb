/* The card of a ballot that was refused, and the changes that its builders have made. */
#include <stdio.h>

#include "lib/log.h"
#include "proxy/ballot_record.h"
#include "proxy/worker.h"

#define RULE "quorum"
#define SEVERITY "high"

static bool asks(const struct ballot *b)
{
	return b->config->rollback && !ruleset_monitor(b->rt->config->ruleset);
}

static const char *target_of(const struct seat *s)
{
	return s->target[0] ? s->target : NULL;
}

static const struct card_change *change_of(const struct seat *s)
{
	return s->target[0] ? &s->change : NULL;
}

static const char *plan(const struct ballot *b)
{
	const struct seat *chosen = &b->seats[b->config->chosen];
	if (!b->config->rollback)
		return NULL;
	return asks(b) ? card_plan(change_of(chosen), target_of(chosen))
		       : "none, the policy monitors";
}

static void member(struct buf *body, const char *key, const char *value)
{
	buf_printf(body, "%s\"%s\":\"", body->n > 1 ? "," : "", key);
	buf_add_json(body, span_of(value));
	buf_add_char(body, '"');
}

static void put_row(const struct ballot *b, uint64_t seen_ms)
{
	struct buf body = { 0 };
	char key[EXCHANGE_ID_LENGTH + 16];
	snprintf(key, sizeof(key), "card:quorum:%s", b->id);
	buf_add_char(&body, '{');
	member(&body, "exchange", b->seats[b->config->chosen].exchange);
	member(&body, "quorum", b->config->name);
	member(&body, "reason", compare_reason_names[b->reason]);
	member(&body, "rule", RULE);
	member(&body, "severity", SEVERITY);
	member(&body, "source", outbox_source_names[OUTBOX_QUORUM]);
	member(&body, "spec", b->spec);
	if (b->seats[b->config->chosen].target[0])
		member(&body, "target", b->seats[b->config->chosen].target);
	if (b->seats[b->config->chosen].change.revision[0])
		member(&body, "revision", b->seats[b->config->chosen].change.revision);
	if (plan(b))
		member(&body, "wish", plan(b));
	buf_add_text(&body, ",\"changes\":[");
	for (unsigned i = 0; i < b->config->n_builders && asks(b); i++)
		card_add_change(&body, change_of(&b->seats[i]), target_of(&b->seats[i]));
	buf_add_char(&body, ']');
	buf_printf(&body, ",\"monitor\":%s,\"rollback\":%s,\"seen_ms\":%llu}",
		   ruleset_monitor(b->rt->config->ruleset) ? "true" : "false",
		   b->config->rollback ? "true" : "false", (unsigned long long)seen_ms);
	if (body.failed)
		log_message(LOG_ERROR, "ledger_lost", "the card of ballot %s: out of memory",
			    b->id);
	else
		ledger_put_once("card", b->id, (struct span){ body.p, body.n }, key);
	buf_fini(&body);
}

static void ask(const struct ballot *b, unsigned seat, struct worker *self, uint64_t seen_ms)
{
	const struct seat *s = &b->seats[seat];
	const struct outbox_wish wish = {
		.rule = RULE, .subject = b->id, .seen_ms = seen_ms, .source = OUTBOX_QUORUM
	};
	if (!target_of(s))
		return;
	bool known = s->change.revision[0] || s->change.spec[0];
	if (!known && seat != b->config->chosen)
		return; /* it has made none, as far as anybody knows */
	if (!card_ask(change_of(s), target_of(s), &wish))
		metric_add(self->metrics, METRIC_WISHES, WISH_NO_CHANGE, 1);
}

void ballot_card(const struct ballot *b, struct worker *self)
{
	uint64_t seen_ms = card_seen_ms(self);
	put_row(b, seen_ms);
	for (unsigned i = 0; i < b->config->n_builders && asks(b); i++)
		ask(b, i, self, seen_ms);
}

void voter_change(struct voter *v, const struct card_change *change, const char *target)
{
	struct ballot *b = v->ballot;
	pthread_mutex_lock(&b->lock);
	struct seat *s = &b->seats[v->seat];
	s->change = *change;
	snprintf(s->target, sizeof(s->target), "%s", target);
	if (b->word == BALLOT_REFUSE && asks(b))
		ask(b, v->seat, v->w, card_seen_ms(v->w));
	pthread_mutex_unlock(&b->lock);
}
