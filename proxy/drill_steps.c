/* What a drill does with one canary. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/clock.h"
#include "proxy/drill_ask.h"
#include "proxy/plain.h"

#define PAUSE_LEAST_MS 5
#define PAUSE_MOST_MS 200

const char *const drill_mark_names[DRILL_MARKS] = { "violated", "card",     "asked",
						    "accepted", "verified", "restored" };
const char *const drill_phase_names[DRILL_PHASES] = { "detect", "record", "decide", "act",
						      "verify" };

static struct span text_of(const struct json_value *v, const char *key)
{
	return json_string(json_get(v, key));
}

static void copy(char *out, size_t size, struct span text)
{
	snprintf(out, size, "%.*s", (int)min_size(text.n, size - 1), text.n ? text.p : "");
}

static uint64_t us_of(const struct json_value *v, const char *key)
{
	double ms = json_number(json_get(v, key));
	return ms > 0 ? (uint64_t)(ms * 1000) : 0;
}

static void pause_ms(unsigned ms)
{
	const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };
	nanosleep(&t, NULL);
}

/* --- before --- */

static bool is_up(struct drill *d, const char *part, const char *url, const struct drill_key *key,
		  struct buf *why)
{
	const struct drill_request r = {
		.method = "GET", .url = url, .path = "/readyz", .key = key, .part = part
	};
	struct fetch_answer answer = { 0 };
	bool up = drill_ask(d, &r, &answer, why);
	if (up && answer.status != 200) {
		buf_printf(why, "%s at %s is not ready (%u): ", part, url, answer.status);
		plain_add(why, (struct span){ answer.body.p, min_size(answer.body.n, 200) });
		up = false;
	}
	buf_fini(&answer.body);
	return up;
}

bool drill_parts_up(struct drill *d, struct buf *why)
{
	const struct drill_request rows = { .method = "GET",
					    .url = d->config->admin,
					    .path = "/ledger/rows?limit=1",
					    .part = "the proxy's ledger" };
	struct json *doc = NULL;
	bool up = is_up(d, "the proxy", d->config->admin, NULL, why) &&
		  is_up(d, "PatchCtl", d->config->patchctl, &d->config->patchctl_key, why) &&
		  drill_ask_json(d, &rows, &doc, why);
	json_free(doc);
	return up;
}

bool drill_register(struct drill *d, struct drill_run *run)
{
	struct buf body = { 0 };
	struct json *doc = NULL;
	buf_printf(&body, "{\"note\":\"before drill %s\",\"revision\":\"%s\",\"target\":\"",
		   run->id, run->anchor);
	buf_add_json(&body, span_of(d->config->target));
	buf_add_text(&body, "\"}");
	const struct drill_request r = { .method = "POST",
					 .url = d->config->patchctl,
					 .path = "/anchors",
					 .body = { body.p, body.n },
					 .key = &d->config->patchctl_key,
					 .part = "PatchCtl" };
	bool good = !body.failed && drill_ask_json(d, &r, &doc, &run->why);
	json_free(doc);
	buf_fini(&body);
	return good;
}

/* --- the injection --- */

/* The pieces of a builder, of which each "%s" is half of the secret. */
static void fill(const struct drill_run *run, const char *const *pieces, char room[][160],
		 struct drill_script *script)
{
	size_t half = strlen(run->secret) / 2, used = 0;
	for (size_t i = 0; i < DRILL_PIECES && pieces[i]; i++) {
		const char *at = strstr(pieces[i], "%s");
		if (!at) {
			script->pieces[i] = pieces[i];
			continue;
		}
		snprintf(room[i], 160, "%.*s%.*s%s", (int)(at - pieces[i]), pieces[i],
			 (int)(used ? strlen(run->secret) - half : half), run->secret + used,
			 at + 2);
		used = half;
		script->pieces[i] = room[i];
	}
}

static bool through_the_door(struct drill *d, struct drill_run *run, const char *url)
{
	static const struct span body =
		SPAN_INIT("{\"model\":\"drill\",\"stream\":true,\"messages\":[{\"role\":\"user\","
			  "\"content\":\"a drill\"}]}");
	const struct drill_request r = { .method = "POST",
					 .url = url,
					 .path = "",
					 .body = body,
					 .spec = run->id,
					 .part = "the proxy",
					 .header = "x-redcard-exchange",
					 .may_break = true };
	struct fetch_answer answer = { 0 };
	bool good = drill_ask(d, &r, &answer, &run->why);
	copy(run->exchange, sizeof(run->exchange), span_of(answer.header));
	if (good && !run->exchange[0]) {
		buf_printf(&run->why, "what answers at %s (%u) is no redcard", url, answer.status);
		good = false;
	} else if (good && run->secret[0] && answer.body.n &&
		   memmem(answer.body.p, answer.body.n, run->secret, strlen(run->secret))) {
		buf_add_text(&run->why, "the secret has reached the client");
		good = false;
	}
	buf_fini(&answer.body);
	return good;
}

static bool stream(struct drill *d, struct drill_run *run)
{
	const struct drill_kind *kind = run->kind;
	bool pair = kind->door == DRILL_PAIR;
	char room[2][DRILL_PIECES][160];
	const char *const *pieces[2] = { kind->pieces, kind->others };
	for (size_t i = 0; i < (pair ? 2 : 1); i++) {
		struct drill_script script = { .id = run->id,
					       .revision = run->bad,
					       .violates = kind->violates };
		fill(run, pieces[i], room[i], &script);
		drill_builder_plays(d->builders[i], &script);
	}
	bool good = through_the_door(d, run, pair ? d->config->pair : d->config->proxy);
	unsigned asked = 0;
	for (size_t i = 0; i < (pair ? 2 : 1); i++) {
		struct drill_played played = drill_builder_ends(d->builders[i]);
		asked += played.asked > 0;
		if (played.violated_us > run->at_us[DRILL_VIOLATED])
			run->at_us[DRILL_VIOLATED] = played.violated_us;
	}
	if (good && asked < (pair ? 2u : 1u)) {
		buf_printf(&run->why,
			   "%u of the drill's builders were asked; the route's upstreams must be "
			   "those of `builders`",
			   asked);
		good = false;
	}
	return good;
}

static bool send_event(struct drill *d, struct drill_run *run)
{
	struct buf body = { 0 };
	struct json *doc = NULL;
	buf_printf(&body,
		   "{\"change\":\"%s\",\"revision\":\"%s\",\"note\":\"a drill\",\"metrics\":%s,"
		   "\"target\":\"",
		   run->id, run->bad, run->kind->metrics);
	buf_add_json(&body, span_of(d->config->target));
	buf_add_text(&body, "\"}");
	const struct drill_request r = { .method = "POST",
					 .url = d->config->admin,
					 .path = "/webhook/meta",
					 .body = { body.p, body.n },
					 .key = &d->config->webhook,
					 .part = "the proxy" };
	run->at_us[DRILL_VIOLATED] = run->kind->bad ? clock_real_us() : 0;
	bool good = !body.failed && drill_ask_json(d, &r, &doc, &run->why);
	if (good) {
		bool clean = span_eq(text_of(json_root(doc), "verdict"), SPAN("pass"));
		good = clean != run->kind->bad;
		if (!good)
			buf_printf(&run->why, "the event's verdict is %s",
				   clean ? "pass" : "a violation");
	}
	json_free(doc);
	buf_fini(&body);
	return good;
}

bool drill_inject(struct drill *d, struct drill_run *run)
{
	if (run->kind->door != DRILL_EVENT && !stream(d, run))
		return false;
	return !run->kind->metrics || send_event(d, run);
}

/* --- what became of it --- */

static struct json *rows(struct drill *d, struct drill_run *run, const char *kind)
{
	char path[100];
	struct json *doc = NULL;
	snprintf(path, sizeof(path), "/ledger/rows?kind=%s&since_ms=%llu&limit=1000", kind,
		 (unsigned long long)(run->began_us / 1000));
	const struct drill_request r = {
		.method = "GET", .url = d->config->admin, .path = path, .part = "the proxy's ledger"
	};
	return drill_ask_json(d, &r, &doc, &run->why) ? doc : NULL;
}

static void mark(struct drill_run *run, enum drill_mark m, const struct json_value *row)
{
	uint64_t us = us_of(row, "time_ms"), began = run->at_us[DRILL_VIOLATED];
	if (us < began && us + 1000 > began)
		us = began; /* rows have whole milliseconds */
	if (!run->at_us[m])
		run->at_us[m] = us;
}

/* Whether a card is of what this drill has injected: of its change, which has the drill's id, or of
 * its exchange, which a quorum's card names in its body. */
static bool is_mine(const struct drill_run *run, const struct json_value *row)
{
	struct span subject = text_of(row, "subject");
	struct span exchange = text_of(json_get(row, "body"), "exchange");
	return span_eq(subject, span_of(run->id)) ||
	       (run->exchange[0] && (span_eq(subject, span_of(run->exchange)) ||
				     span_eq(exchange, span_of(run->exchange))));
}

static bool look_for_card(struct drill *d, struct drill_run *run)
{
	struct json *doc = rows(d, run, "card");
	if (!doc)
		return false;
	const struct json_value *all = json_get(json_root(doc), "rows");
	for (size_t i = 0; i < json_count(all) && !run->at_us[DRILL_CARD]; i++) {
		const struct json_value *row = json_at(all, i);
		if (!is_mine(run, row))
			continue;
		mark(run, DRILL_CARD, row);
		copy(run->rule, sizeof(run->rule), text_of(json_get(row, "body"), "rule"));
	}
	json_free(doc);
	return true;
}

/* phase: where the wish has ended, or "". */
static bool look_for_wish(struct drill *d, struct drill_run *run, char phase[32])
{
	struct json *doc = rows(d, run, "rollback");
	if (!doc)
		return false;
	const struct json_value *all = json_get(json_root(doc), "rows");
	for (size_t i = 0; i < json_count(all); i++) {
		const struct json_value *row = json_at(all, i), *body = json_get(row, "body");
		struct span at = text_of(body, "phase");
		if (!span_eq(text_of(body, "bad"), span_of(run->bad)))
			continue;
		if (span_eq(at, SPAN("asked"))) {
			mark(run, DRILL_ASKED, row);
			continue;
		}
		if (text_of(body, "rollback").n)
			copy(run->rollback, sizeof(run->rollback), text_of(body, "rollback"));
		if (span_eq(at, SPAN("accepted"))) {
			mark(run, DRILL_ACCEPTED, row);
			continue;
		}
		copy(phase, 32, at);
		const struct json_value *phases = json_get(body, "phases_ms");
		for (size_t k = 0; k < DRILL_PHASES; k++) {
			const struct json_value *v = json_get(phases, drill_phase_names[k]);
			run->phases[k] = v && json_type(v) == JSON_IS_NUMBER ? json_number(v) : NAN;
		}
	}
	json_free(doc);
	return true;
}

static bool ask_patchctl(struct drill *d, struct drill_run *run)
{
	char path[100];
	struct json *doc = NULL;
	snprintf(path, sizeof(path), "/rollback/%s", run->rollback);
	const struct drill_request r = { .method = "GET",
					 .url = d->config->patchctl,
					 .path = path,
					 .key = &d->config->patchctl_key,
					 .part = "PatchCtl" };
	if (!drill_ask_json(d, &r, &doc, &run->why))
		return false;
	struct span phase = text_of(json_root(doc), "phase");
	bool mine = span_eq(text_of(json_root(doc), "bad"), span_of(run->bad));
	bool good = mine && span_eq(phase, SPAN("verified"));
	if (good)
		run->at_us[DRILL_VERIFIED] = us_of(json_root(doc), "ended_ms");
	else if (!mine)
		buf_printf(&run->why, "PatchCtl's rollback %s is of another revision",
			   run->rollback);
	else {
		buf_add_text(&run->why, "PatchCtl says that the rollback is ");
		plain_add(&run->why, phase);
	}
	json_free(doc);
	return good;
}

static bool read_back(struct drill *d, struct drill_run *run)
{
	switch (canary_look(d->place, run->id, run->anchor, run->bad, &run->why)) {
	case CANARY_RESTORED: run->at_us[DRILL_RESTORED] = clock_real_us(); return true;
	case CANARY_STANDS:
		buf_add_text(&run->why, "it is called verified, but the canary is still there");
		break;
	case CANARY_WRONG:
	case CANARY_UNKNOWN: break;
	}
	return false;
}

static bool all_happened(struct drill_run *run)
{
	for (size_t i = 0; i < DRILL_MARKS; i++) {
		if (!run->at_us[i]) {
			buf_printf(&run->why, "there is no sign of: %s", drill_mark_names[i]);
			return false;
		}
	}
	return true;
}

bool drill_follow(struct drill *d, struct drill_run *run)
{
	uint64_t until = run->began_us + (uint64_t)d->config->budget_ms * 1000;
	unsigned pause = PAUSE_LEAST_MS;
	char phase[32] = "";
	while (!phase[0]) {
		if ((!run->at_us[DRILL_CARD] && !look_for_card(d, run)) ||
		    !look_for_wish(d, run, phase))
			return false;
		if (!phase[0] && *d->interrupted) {
			buf_add_text(&run->why, "interrupted");
			return false;
		}
		if (!phase[0] && clock_real_us() > until) {
			buf_printf(&run->why, "the budget of %u s is over",
				   d->config->budget_ms / 1000);
			return false;
		}
		if (!phase[0])
			pause_ms(pause);
		pause = (unsigned)min_u64(pause * 3 / 2, PAUSE_MOST_MS);
	}
	if (strcmp(phase, "verified") != 0) {
		buf_printf(&run->why, "the rollback has ended as %s", phase);
		return false;
	}
	if (!ask_patchctl(d, run) || !read_back(d, run) || !all_happened(run))
		return false;
	if (run->at_us[DRILL_RESTORED] <= until)
		return true;
	buf_printf(&run->why, "restored, but past the budget of %u s", d->config->budget_ms / 1000);
	return false;
}

bool drill_watch(struct drill *d, struct drill_run *run)
{
	uint64_t until = clock_real_us() + (uint64_t)d->config->watch_ms * 1000;
	char phase[32] = "";
	while (clock_real_us() < until) {
		if (*d->interrupted) {
			buf_add_text(&run->why, "interrupted");
			return false;
		}
		if (!look_for_card(d, run) || !look_for_wish(d, run, phase))
			return false;
		if (run->at_us[DRILL_ASKED] || phase[0]) {
			buf_add_text(&run->why, "a rollback was asked for");
			return false;
		}
		if (run->at_us[DRILL_CARD]) {
			buf_printf(&run->why, "it got a card, of %s", run->rule);
			return false;
		}
		pause_ms(PAUSE_MOST_MS);
	}
	switch (canary_look(d->place, run->id, run->anchor, run->bad, &run->why)) {
	case CANARY_STANDS: return true;
	case CANARY_RESTORED: buf_add_text(&run->why, "it was taken back"); break;
	case CANARY_WRONG:
	case CANARY_UNKNOWN: break;
	}
	return false;
}
