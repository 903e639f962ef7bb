/* A ballot whose builders differ too much asks an auditor, pair by pair, before it gives its word.
 */
#include <math.h>

#include "proxy/auditor.h"
#include "proxy/ballot_record.h"
#include "proxy/ledger.h"
#include "proxy/worker.h"

/* Pairs of files, as the auditor sees them. */
struct sheet {
	struct audit_file v[2 * 64];
	size_t n;
};

static struct span language_of(const struct quorum_file *f)
{
	return f->language ? span_of(f->language->name) : (struct span){ "", 0 };
}

/* By path, of several with one path in their order, so that none stands behind another; those
 * without one likewise. v: all files that f is one of, at `at`. */
static const struct quorum_file *partner(const struct quorum_file *v, size_t at,
					 const struct quorum_file *others, size_t n)
{
	size_t before = 0;
	for (size_t i = 0; i < at; i++)
		before += span_eq(v[i].path, v[at].path);
	for (size_t i = 0; i < n; i++)
		if (span_eq(others[i].path, v[at].path) && before-- == 0)
			return &others[i];
	return NULL;
}

static void fill(struct sheet *s, const struct quorum *q, const struct quorum_pair *pair)
{
	size_t n_a, n_b;
	const struct quorum_file *a = quorum_files(q, pair->a, &n_a),
				 *b = quorum_files(q, pair->b, &n_b);
	for (size_t i = 0; i < n_a && s->n < ARRAY_LEN(s->v); i++) {
		const struct quorum_file *other = partner(a, i, b, n_b);
		s->v[s->n++] = (struct audit_file){ .path = a[i].path,
						    .language = language_of(&a[i]),
						    .a = a[i].text,
						    .b = other ? other->text : (struct span){ 0 } };
	}
	for (size_t i = 0; i < n_b && s->n < ARRAY_LEN(s->v); i++)
		if (!partner(b, i, a, n_a))
			s->v[s->n++] = (struct audit_file){ .path = b[i].path,
							    .language = language_of(&b[i]),
							    .b = b[i].text };
}

static struct span name_of(const struct ballot *b, unsigned seat)
{
	return span_of(b->rt->config->upstreams[b->config->builders[seat].upstream].name);
}

static void record(const struct ballot *b, const struct quorum_pair *pair,
		   const struct audit *audit)
{
	const struct audit_said *said = audit_said(audit);
	struct span names[] = { name_of(b, pair->a), name_of(b, pair->b) };
	struct buf body = { 0 };
	buf_add_text(&body, "{\"a\":\"");
	buf_add_json(&body, names[0]);
	buf_printf(&body, "\",\"answer\":\"%s\",\"auditor\":\"%s\",\"b\":\"",
		   audit_answer_names[said->answer], b->config->auditor->name);
	buf_add_json(&body, names[1]);
	buf_add_text(&body, "\",\"reason\":\"");
	buf_add_json(&body, span_of(said->reason));
	buf_printf(&body, "\",\"took_ms\":%llu}", (unsigned long long)audit_took_ms(audit));
	if (!body.failed)
		ledger_put("audit", b->id, (struct span){ body.p, body.n });
	buf_fini(&body);
}

static void on_answer(struct audit *audit, void *owner)
{
	struct ballot *b = owner;
	size_t n;
	pthread_mutex_lock(&b->lock);
	record(b, &quorum_pairs(b->quorum, &n)[b->asked], audit);
	b->audit = NULL;
	b->asked++;
	if (audit_said(audit)->answer == AUDIT_YES)
		ballot_ask(b);
	else
		ballot_give_word(b, BALLOT_REFUSE, b->home);
	bool over = ballot_is_over(b);
	pthread_mutex_unlock(&b->lock);
	if (over)
		ballot_retire(b);
	ballot_unref(b);
}

static bool begin(struct ballot *b, const struct quorum_pair *pair)
{
	struct sheet sheet = { 0 };
	double low = NAN, high = NAN;
	fill(&sheet, b->quorum, pair);
	if (pair->scored)
		score_bounds(&pair->score, &low, &high);
	const struct audit_question question = {
		.exchange = span_of(b->seats[b->config->chosen].exchange),
		.spec = span_of(b->spec),
		.builder_a = name_of(b, pair->a),
		.builder_b = name_of(b, pair->b),
		.diff_percent = low == high ? low : high,
		.threshold = b->config->threshold / (double)SCORE_UNITS,
		.reason = span_of(compare_reason_names[pair->reason]),
		.files = sheet.v,
		.n_files = sheet.n,
	};
	b->audit = audit_ask(b->home, b->rt, b->config->auditor, &question, on_answer, b);
	if (b->audit)
		atomic_fetch_add(&b->refs, 1);
	return b->audit != NULL;
}

void ballot_ask(struct ballot *b)
{
	size_t n;
	const struct quorum_pair *pairs = quorum_pairs(b->quorum, &n);
	for (; b->asked < n; b->asked++) {
		const struct quorum_pair *p = &pairs[b->asked];
		bool counts = b->asks >> p->a & b->asks >> p->b & 1;
		if (!counts || p->verdict == SCORE_PASS)
			continue;
		if (!begin(b, p))
			ballot_give_word(b, BALLOT_REFUSE, b->home);
		return;
	}
	ballot_give_word(b, BALLOT_ADMIT, b->home);
}

void ballot_stop_asking(struct ballot *b)
{
	pthread_mutex_lock(&b->lock);
	struct audit *audit = b->audit;
	bool asks = b->asks && b->quorum;
	b->audit = NULL;
	if (asks)
		ballot_give_word(b, BALLOT_REFUSE, b->home);
	pthread_mutex_unlock(&b->lock);
	audit_cancel(audit);
	if (audit)
		ballot_unref(b);
}
