/* policy/rules: every rule of the pack against its samples in tests/policy/rules, at every split,
 * in every wire. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/policy/pack.h"

static const char *const sample_files[PACK_FILES] = {
	"tests/policy/rules/secrets.yaml",     "tests/policy/rules/code.yaml",
	"tests/policy/rules/code_python.yaml", "tests/policy/rules/code_javascript.yaml",
	"tests/policy/rules/code_java.yaml",   "tests/policy/rules/code_c.yaml",
	"tests/policy/rules/code_rust.yaml",   "tests/policy/rules/code_go.yaml",
	"tests/policy/rules/code_shell.yaml",  "tests/policy/rules/syntax.yaml",
};

static void pack_init(struct pack *p)
{
	struct buf errors = { 0 };
	*p = (struct pack){ 0 };
	int rc = ruleset_load("builtin", &p->set, &errors);
	cr_assert_eq(rc, 0, "%.*s", (int)errors.n, errors.p);
	cr_assert_eq(judge_scratch_new(p->set, &p->scratch), 0);
	for (size_t i = 0; i < PACK_FILES; i++) {
		rc = yaml_load(sample_files[i], 0, &p->files[i], &errors);
		cr_assert_eq(rc, 0, "%.*s", (int)errors.n, errors.p);
	}
	buf_fini(&errors);
}

static void pack_fini(struct pack *p)
{
	for (size_t i = 0; i < PACK_FILES; i++)
		yaml_free(p->files[i]);
	judge_scratch_free(p->scratch);
	ruleset_unref(p->set);
}

static void join(const struct yaml_node *parts, struct buf *out)
{
	cr_assert_eq(parts->kind, YAML_LIST, "line %u", parts->line);
	for (const struct yaml_node *part = parts->first; part; part = part->next)
		buf_add(out, part->text, part->len);
}

static struct sample sample_read(const struct yaml_node *rule, const struct yaml_node *node,
				 bool positive)
{
	struct sample s = { .of = rule,
			    .rule = yaml_get(rule, "rule")->text,
			    .positive = positive };
	if (positive) {
		join(yaml_get(node, "before"), &s.text);
		s.body = s.text.n;
		join(yaml_get(node, "body"), &s.text);
		s.body_end = s.text.n;
		join(yaml_get(node, "after"), &s.text);
		s.also = yaml_get(node, "also");
	} else {
		join(node, &s.text);
	}
	cr_assert_not(s.text.failed);
	return s;
}

void pack_each(void (*visit)(struct pack *p, const struct sample *s))
{
	struct pack p;
	pack_init(&p);
	static const char *const kinds[] = { "near_misses", "positives" };
	for (size_t i = 0; i < 2 * PACK_FILES; i++) {
		const struct yaml_node *rules = yaml_get(yaml_root(p.files[i / 2]), "samples");
		for (const struct yaml_node *rule = rules->first; rule; rule = rule->next) {
			const struct yaml_node *list = yaml_get(rule, kinds[i % 2]);
			cr_assert_not_null(list, "line %u", rule->line);
			for (const struct yaml_node *node = list->first; node; node = node->next) {
				struct sample s = sample_read(rule, node, i % 2);
				visit(&p, &s);
				buf_fini(&s.text);
			}
		}
	}
	pack_fini(&p);
}

static const struct rule_info *rule_of(const struct pack *p, const struct sample *s)
{
	for (size_t i = 0; i < ruleset_count(p->set); i++)
		if (strcmp(ruleset_rule(p->set, i)->id, s->rule) == 0)
			return ruleset_rule(p->set, i);
	cr_assert_fail("samples for %s, which is not in the pack", s->rule);
	return NULL;
}

static void note(struct outcome *o, const struct verdict *v, uint64_t fed)
{
	o->kind = v->kind;
	o->released = v->kind == VERDICT_PASS ? fed : v->release_raw;
	o->released_early = max_u64(o->released_early, o->released);
}

void pack_run(struct pack *p, const struct sample_body *b, size_t first, size_t step,
	      struct outcome *o)
{
	*o = (struct outcome){ 0 };
	struct wire_options options = { .framing = b->framing,
					.dialect = b->dialect,
					.frame_max = 1 << 16 };
	struct wire *w = wire_new(&options);
	struct judge *j = judge_new(p->set, w);
	struct pieces pieces = { 0 };
	struct verdict v = { 0 };
	cr_assert(w && j);
	for (size_t at = 0, n = first; at < b->bytes.n && v.kind != VERDICT_CUT;
	     at += n, n = step) {
		n = min_size(n, b->bytes.n - at);
		size_t from = (size_t)wire_consumed(w);
		pieces.n = 0;
		size_t used = wire_feed(w, b->bytes.p + from, at + n - from, &pieces);
		judge_feed(j, p->scratch, pieces.v, pieces.n, false, &v);
		note(o, &v, from + used);
	}
	if (v.kind != VERDICT_CUT) {
		size_t from = (size_t)wire_consumed(w);
		pieces.n = 0;
		cr_assert_eq(wire_finish(w, b->bytes.p + from, b->bytes.n - from, &pieces), WIRE_OK,
			     "%s: %s", b->name, wire_error_names[wire_failed(w)]);
		judge_feed(j, p->scratch, pieces.v, pieces.n, true, &v);
		note(o, &v, b->bytes.n);
	}
	const struct card *cards = judge_cards(j, &o->n);
	cr_assert_leq(o->n, JUDGE_CARDS_MAX);
	for (size_t i = 0; i < o->n; i++)
		o->cards[i] = cards[i];
	pieces_fini(&pieces);
	judge_free(j);
	wire_free(w);
}

static bool expected(const struct sample *s, const char *rule)
{
	if (s->positive && strcmp(rule, s->rule) == 0)
		return true;
	for (const struct yaml_node *also = s->also ? s->also->first : NULL; also;
	     also = also->next)
		if (strcmp(rule, also->text) == 0)
			return true;
	return !s->positive &&
	       strcmp(rule, s->rule) != 0; /* a near miss may well be a hit of another rule */
}

void pack_check(struct pack *p, const struct sample *s, const struct sample_body *b,
		const struct outcome *o)
{
	const struct rule_info *rule = rule_of(p, s);
	size_t own = 0;
	for (size_t i = 0; i < o->n; i++) {
		const char *id = ruleset_rule(p->set, o->cards[i].rule)->id;
		cr_assert(expected(s, id), "%s sample of %s, line %u: card of %s", b->name, s->rule,
			  s->of->line, id);
		own += strcmp(id, s->rule) == 0;
	}
	cr_assert_eq(own, s->positive, "%s sample of %s: %zu cards for `%.*s`", b->name, s->rule,
		     own, (int)s->text.n, s->text.p);
	if (!s->positive)
		return;
	cr_assert_eq(o->kind, rule->action == ACTION_CUT ? VERDICT_CUT : VERDICT_PASS,
		     "%s sample of %s", b->name, s->rule);
	if (rule->action == ACTION_CUT && rule->hold == HOLD_LEAD_IN)
		cr_assert_leq(o->released_early, b->secret,
			      "%s sample of %s: %zu bytes of `%.*s` could leave", b->name, s->rule,
			      (size_t)(o->released_early - b->secret), (int)s->text.n, s->text.p);
}

void pack_check_same(const struct sample *s, const struct sample_body *b, const struct outcome *o,
		     const struct outcome *whole, size_t first, size_t step)
{
	cr_assert_eq(o->kind, whole->kind, "%s sample of %s, split %zu,%zu", b->name, s->rule,
		     first, step);
	cr_assert_eq(o->released, whole->released,
		     "%s sample of %s, split %zu,%zu: %zu, whole %zu of %zu", b->name, s->rule,
		     first, step, (size_t)o->released, (size_t)whole->released, b->bytes.n);
	cr_assert_eq(o->n, whole->n, "%s sample of %s, split %zu,%zu", b->name, s->rule, first,
		     step);
	for (size_t i = 0; i < o->n; i++) {
		const struct card *x = &o->cards[i], *y = &whole->cards[i];
		cr_assert(x->rule == y->rule && x->channel == y->channel &&
				  x->text_off == y->text_off && x->text_len == y->text_len &&
				  x->raw_off == y->raw_off && x->action == y->action,
			  "%s sample of %s, split %zu,%zu: card %zu differs", b->name, s->rule,
			  first, step, i);
	}
}

static struct sample_body plain_body(const struct sample *s)
{
	return (struct sample_body){
		"plain", FRAMING_NONE, DIALECT_UNKNOWN, { s->text.p, s->text.n }, s->body
	};
}

/* The card's text is the secret: it overlaps the sample's body. */
static void check_place(struct pack *p, const struct sample *s, const struct outcome *o)
{
	for (size_t i = 0; i < o->n; i++) {
		const struct card *c = &o->cards[i];
		cr_assert_eq(c->raw_off, c->text_off);
		if (strcmp(ruleset_rule(p->set, c->rule)->id, s->rule) == 0)
			cr_assert(c->text_off < s->body_end && c->text_off + c->text_len > s->body,
				  "%s: card at %zu+%u, body at %zu..%zu", s->rule,
				  (size_t)c->text_off, c->text_len, s->body, s->body_end);
	}
}

static void at_every_split(struct pack *p, const struct sample *s)
{
	struct sample_body b = plain_body(s);
	struct outcome whole, o;
	pack_run(p, &b, b.bytes.n, b.bytes.n, &whole);
	pack_check(p, s, &b, &whole);
	check_place(p, s, &whole);
	for (size_t first = 1; first < b.bytes.n; first++) {
		pack_run(p, &b, first, b.bytes.n, &o);
		pack_check(p, s, &b, &o);
		pack_check_same(s, &b, &o, &whole, first, b.bytes.n);
	}
	pack_run(p, &b, 1, 1, &o);
	pack_check(p, s, &b, &o);
	pack_check_same(s, &b, &o, &whole, 1, 1);
}

Test(pack, every_sample_at_every_split)
{
	pack_each(at_every_split);
}

static size_t length_of(const struct yaml_node *list)
{
	size_t n = 0;
	for (const struct yaml_node *node = list ? list->first : NULL; node; node = node->next)
		n++;
	return n;
}

static const struct yaml_node *samples_of(const struct pack *p, const char *id)
{
	for (size_t i = 0; i < PACK_FILES; i++) {
		const struct yaml_node *rules = yaml_get(yaml_root(p->files[i]), "samples");
		for (const struct yaml_node *rule = rules->first; rule; rule = rule->next)
			if (strcmp(yaml_get(rule, "rule")->text, id) == 0)
				return rule;
	}
	return NULL;
}

Test(pack, every_rule_is_complete)
{
	struct pack p;
	pack_init(&p);
	cr_assert_geq(ruleset_count(p.set), 34);
	for (size_t i = 0; i < ruleset_count(p.set); i++) {
		const struct rule_info *rule = ruleset_rule(p.set, i);
		const struct yaml_node *samples = samples_of(&p, rule->id);
		cr_assert_not_null(samples, "no samples for %s", rule->id);
		cr_assert_geq(length_of(yaml_get(samples, "positives")), 2, "%s", rule->id);
		cr_assert_geq(length_of(yaml_get(samples, "near_misses")), 3, "%s", rule->id);
		cr_assert_gt(strlen(rule->title), 0, "%s", rule->id);
		cr_assert_gt(strlen(rule->remedy), 0, "%s", rule->id);
		cr_assert_gt(strlen(rule->why), 0, "%s", rule->id);
		cr_assert(!rule->cwe[0] || strncmp(rule->cwe, "CWE-", 4) == 0, "%s", rule->id);
		cr_assert(rule->hold != HOLD_LEAD_IN || *rule->lead_in, "%s", rule->id);
		cr_assert(rule->action != ACTION_CUT || rule->hold != HOLD_NONE,
			  "%s cuts, but holds nothing", rule->id);
	}
	pack_fini(&p);
}
