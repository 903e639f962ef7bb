#include "proxy/card.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/sha256.h"
#include "proxy/changes.h"
#include "proxy/ledger.h"
#include "proxy/worker.h"

/* --- what was changed --- */

/* A word of letters, digits and a few others, which is safe wherever it is put. */
static bool take_word(struct span from, char *to, size_t most)
{
	static const char allowed[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._:/@+=-";
	for (size_t i = 0; i < from.n; i++)
		if (!memchr(allowed, from.p[i], sizeof(allowed) - 1))
			return false;
	if (from.n == 0 || from.n > most)
		return false;
	memcpy(to, from.p, from.n);
	to[from.n] = '\0';
	return true;
}

bool card_change_begin(struct exchange *x, const struct http1_head *request)
{
	if (!x->route->rollback_target)
		return true;
	x->change = calloc(1, sizeof(*x->change));
	if (!x->change)
		return false;
	(void)take_word(http1_find(request, SPAN("x-redcard-spec")), x->change->spec,
			BALLOT_SPEC_BYTES);
	return true;
}

static unsigned count(const struct http1_head *head, struct span name)
{
	unsigned n = 0;
	for (size_t i = 0; i < head->n; i++)
		n += span_eq_nocase(head->headers[i].name, name);
	return n;
}

void card_change_named(struct exchange *x, const struct http1_head *answer)
{
	static const struct span name = SPAN_INIT("x-redcard-revision");
	unsigned n = x->change && !x->route->rollback_reported ? count(answer, name) : 0;
	if (n > 1 || (n == 1 && !take_word(http1_find(answer, name), x->change->revision,
					   CARD_REVISION_BYTES)))
		log_message(LOG_WARNING, "revision_refused",
			    "exchange %s: the builder's x-redcard-revision is no single word of at "
			    "most %d letters, digits and ._:/@+=-; it is not taken",
			    x->id, CARD_REVISION_BYTES);
	card_change_seated(x);
}

void card_change_seated(struct exchange *x)
{
	if (x->change && x->voter.ballot)
		voter_change(&x->voter, x->change, x->route->rollback_target);
}

const char *card_plan(const struct card_change *change, const char *target)
{
	if (!target || !change)
		return "the route has no rollback";
	if (change->revision[0])
		return "asked for";
	return change->spec[0] ? "asked for with the change of the spec" : "no change is known";
}

void card_add_change(struct buf *out, const struct card_change *change, const char *target)
{
	if (!target || !change || !change->revision[0])
		return;
	buf_printf(out, "%s{\"bad\":\"%s\",\"target\":\"",
		   out->n && out->p[out->n - 1] == '[' ? "" : ",", change->revision);
	buf_add_json(out, span_of(target));
	buf_add_text(out, "\"}");
}

bool card_ask(const struct card_change *change, const char *target, const struct outbox_wish *asked)
{
	struct outbox_wish wish = *asked;
	wish.target = target;
	wish.bad = change ? change->revision : "";
	if (target && wish.bad[0])
		outbox_ask(&wish);
	else if (target && change && change->spec[0])
		changes_condemn(span_of(change->spec), &wish);
	else
		log_message(LOG_ERROR, "rollback_no_change", "%s of %s: nothing is taken back: %s",
			    wish.rule, wish.subject, card_plan(change, target));
	return target && change && (change->revision[0] || change->spec[0]);
}

uint64_t card_seen_ms(const struct worker *w)
{
	uint64_t now = clock_ms();
	return clock_real_ms() - (now > w->now_ms ? now - w->now_ms : 0);
}

/* --- one card --- */

static void log_card(const struct exchange *x, const struct card *card, const char *wish)
{
	const struct rule_info *rule = ruleset_rule(judge_ruleset(gate_judge(x->gate)), card->rule);
	struct buf *line = log_begin(card->action == ACTION_FLAG ? LOG_INFO : LOG_WARNING, "card");
	char channel[96];
	if (!line)
		return;
	card_channel(card, gate_wire(x->gate), channel);
	log_text(line, "exchange", (struct span){ x->id, EXCHANGE_ID_LENGTH });
	log_text(line, "rule", span_of(rule->id));
	log_text(line, "severity", span_of(severity_names[rule->severity]));
	log_text(line, "action", span_of(action_names[card->action]));
	log_text(line, "channel", span_of(channel));
	log_number(line, "text_offset", card->text_off);
	log_number(line, "text_length", card->text_len);
	log_number(line, "raw_offset", card->raw_off);
	log_bool(line, "rollback", rule->rollback);
	if (wish)
		log_text(line, "wish", span_of(wish));
	log_bool(line, "monitor", ruleset_monitor(judge_ruleset(gate_judge(x->gate))));
	log_end(line);
}

/* What happens twice at one place of one exchange is
 * one row. */
static void put_card(const struct exchange *x, const struct card *card, uint64_t seen_ms,
		     const char *wish, bool asks)
{
	const struct ruleset *set = judge_ruleset(gate_judge(x->gate));
	const struct rule_info *rule = ruleset_rule(set, card->rule);
	struct buf body = { 0 }, place = { 0 };
	char channel[96], key[SHA256_HEX];
	card_channel(card, gate_wire(x->gate), channel);
	buf_printf(&place, "card\n%s\n%s\n%s\n%llu", x->id, rule->id, channel,
		   (unsigned long long)card->text_off);
	buf_printf(&body, "{\"action\":\"%s\",\"channel\":\"", action_names[card->action]);
	buf_add_json(&body, span_of(channel));
	buf_printf(&body, "\",\"exchange\":\"%s\",\"monitor\":%s,\"raw_offset\":%llu", x->id,
		   ruleset_monitor(set) ? "true" : "false", (unsigned long long)card->raw_off);
	if (x->change && x->change->revision[0]) {
		buf_add_text(&body, ",\"revision\":\"");
		buf_add_json(&body, span_of(x->change->revision));
		buf_add_char(&body, '"');
	}
	buf_printf(&body, ",\"rollback\":%s,\"route\":\"", rule->rollback ? "true" : "false");
	buf_add_json(&body, span_of(x->route ? x->route->name : ""));
	buf_add_text(&body, "\",\"rule\":\"");
	buf_add_json(&body, span_of(rule->id));
	buf_printf(&body, "\",\"seen_ms\":%llu,\"severity\":\"%s\",\"source\":\"rule\"",
		   (unsigned long long)seen_ms, severity_names[rule->severity]);
	if (x->route && x->route->rollback_target) {
		buf_add_text(&body, ",\"target\":\"");
		buf_add_json(&body, span_of(x->route->rollback_target));
		buf_add_char(&body, '"');
	}
	buf_printf(&body, ",\"text_length\":%llu,\"text_offset\":%llu",
		   (unsigned long long)card->text_len, (unsigned long long)card->text_off);
	if (wish)
		buf_printf(&body, ",\"wish\":\"%s\"", wish);
	if (asks && !x->change->revision[0] && x->change->spec[0]) /* for changes_begin() */
		buf_printf(&body, ",\"spec\":\"%s\"", x->change->spec);
	if (asks) {
		buf_add_text(&body, ",\"changes\":[");
		card_add_change(&body, x->change, x->route->rollback_target);
		buf_add_char(&body, ']');
	}
	buf_add_char(&body, '}');
	if (!body.failed && !place.failed && sha256_of((struct span){ place.p, place.n }, key) == 0)
		ledger_put_once("card", x->id, (struct span){ body.p, body.n }, key);
	else
		log_message(LOG_ERROR, "ledger_lost", "a card of exchange %s: out of memory",
			    x->id);
	buf_fini(&body);
	buf_fini(&place);
}

/* What becomes of the rollback that the rule asks for; NULL: it asks for none. Where one is asked
 * for, *asks. */
static const char *plan(const struct exchange *x, const struct rule_info *rule, bool *asks)
{
	*asks = false;
	if (!rule->rollback)
		return NULL;
	if (ruleset_monitor(judge_ruleset(gate_judge(x->gate))))
		return "none, the policy monitors";
	*asks = x->change != NULL;
	return card_plan(x->change, x->route->rollback_target);
}

static void put_one(struct exchange *x, const struct card *card, uint64_t seen_ms)
{
	const struct rule_info *rule = ruleset_rule(judge_ruleset(gate_judge(x->gate)), card->rule);
	bool asks;
	const char *wish = plan(x, rule, &asks);
	metric_add(x->w->metrics, METRIC_CARDS, card->action, 1);
	log_card(x, card, wish);
	if (ledger_in_use())
		put_card(x, card, seen_ms, wish, asks);
	const struct outbox_wish asked = { .rule = rule->id, .subject = x->id, .seen_ms = seen_ms };
	if (asks && !card_ask(x->change, x->route->rollback_target, &asked))
		metric_add(x->w->metrics, METRIC_WISHES, WISH_NO_CHANGE, 1);
}

void cards_put(struct exchange *x)
{
	size_t n = 0;
	const struct card *cards = x->gate ? judge_cards(gate_judge(x->gate), &n) : NULL;
	if (x->cards_put == n)
		return;
	uint64_t seen_ms = card_seen_ms(x->w);
	for (; x->cards_put < n; x->cards_put++)
		put_one(x, &cards[x->cards_put], seen_ms);
}
