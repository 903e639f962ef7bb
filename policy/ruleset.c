#include "policy/ruleset.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sha256.h"
#include "policy/assertion.h"
#include "policy/companion.h"
#include "policy/decoding.h"
#include "policy/excuse.h"
#include "policy/lead_in.h"
#include "policy/redaction.h"
#include "policy/rule.h"
#include "policy/rule_branch.h"
#include "policy/rule_patterns.h"
#include "policy/secret_group.h"
#include "policy/syntax_rule.h"

const char *const severity_names[] = { "low", "medium", "high", "critical" };
const char *const action_names[] = { "flag", "redact", "cut" };
const char *const hold_names[] = { "lead-in", "window", "none" };
const char *const on_bound_names[] = { "cut", "release" };
const char *const scope_names[] = { "any", "code" };
static_assert(ARRAY_LEN(severity_names) == SEVERITY_COUNT, "one name each");
static_assert(ARRAY_LEN(action_names) == ACTION_COUNT, "one name each");
static_assert(ARRAY_LEN(hold_names) == HOLD_COUNT, "one name each");
static_assert(ARRAY_LEN(on_bound_names) == BOUND_COUNT, "one name each");
static_assert(ARRAY_LEN(scope_names) == SCOPE_COUNT, "one name each");

struct rule_text {
	struct rule_text *next;
	max_align_t bytes[];
};

void *ruleset_keep_array(struct ruleset *set, size_t n, size_t size)
{
	struct rule_text *t = calloc(1, sizeof(*t) + (n ? n : 1) * size);
	if (!t)
		return NULL;
	t->next = set->texts;
	set->texts = t;
	return t->bytes;
}

const char *ruleset_keep(struct ruleset *set, struct span text)
{
	char *copy = ruleset_keep_array(set, text.n + 1, 1);
	if (copy && text.n)
		memcpy(copy, text.p, text.n);
	return copy;
}

static int complain(struct buf *errors, const struct rule *r, unsigned line, const char *what,
		    const char *remedy)
{
	buf_printf(errors, "%s:%u: rule %s: %s; %s\n", r->info.file, line, r->info.id, what,
		   remedy);
	return -EINVAL;
}

static int complain_regex(struct buf *errors, const struct rule *r, unsigned line,
			  const char *which, struct buf *why, const char *remedy)
{
	buf_printf(errors, "%s:%u: rule %s: %s: %.*s; %s\n", r->info.file, line, r->info.id, which,
		   (int)why->n, why->n ? why->p : "", remedy);
	buf_clear(why);
	return -EINVAL;
}

int rule_compile_regex(const struct rule *r, const char *text, unsigned flags, struct regex **out,
		       struct buf *errors)
{
	struct buf why = { 0 };
	int rc = regex_new(text, flags, out, &why);
	if (rc == -EINVAL)
		complain_regex(errors, r, r->regex_line, "the regex does not compile", &why,
			       "correct it there");
	buf_fini(&why);
	return rc;
}

/* The written lead-in is not simply the beginning of the expression: the whole expression is then
 * matched from where the lead-in starts, which must be findable by looking back. */
static int compile_written(struct ruleset *set, struct rule *r, const struct lead_in *whole,
			   struct buf *errors)
{
	struct lead_in own;
	int rc = lead_in_find(r->wanted, 0, NULL, &own);
	lead_in_fini(&own);
	if (rc == -ENOMEM)
		return rc;
	if (rc)
		return complain(errors, r, r->lead_in_line, "lead_in is not understood", own.why);
	if (own.min == 0)
		return complain(errors, r, r->lead_in_line, "lead_in may be empty",
				"begin it with something literal");
	if (own.ends_in_assertion)
		return complain(errors, r, r->lead_in_line,
				"lead_in ends in an assertion, which needs the next byte",
				"leave the assertion to the rest of the regex");
	if (own.max > RULE_REACH_MAX)
		return complain(
			errors, r, r->lead_in_line,
			"lead_in may be longer than 128 bytes and is not the beginning of the regex",
			"shorten it, or make it a beginning of the regex word for word");
	struct rule_branch *b = r->branches;
	b->lead_in = r->info.lead_in = r->wanted;
	b->reach = own.max;
	b->group = (unsigned)r->secret_group;
	r->info.unbounded = !whole->max || /* not known */
			    rule_needs_more(r, whole, whole->max, own.min);
	rc = rule_compile_regex(r, r->wanted, REGEX_AT_END | REGEX_WHOLE, &b->start, errors);
	return rc ? rc : rule_body_compile(set, r, b, r->info.regex, errors);
}

static int compile_whole(struct rule *r, const struct lead_in *found, struct buf *errors)
{
	if (found->min == 0)
		return complain(errors, r, r->regex_line, "the regex matches the empty text",
				"make it match at least one byte");
	r->delay = found->ends_in_assertion;
	r->branches->lead_in = r->info.regex;
	r->branches->group = (unsigned)r->secret_group;
	r->branches->reach = r->info.hold == HOLD_WINDOW ? r->info.hold_bytes : 256;
	r->info.unbounded = r->info.hold == HOLD_WINDOW && found->max > r->info.hold_bytes;
	if (r->info.hold == HOLD_WINDOW && found->max != LEAD_IN_UNBOUNDED &&
	    found->max > r->info.hold_bytes) {
		buf_printf(
			errors,
			"%s:%u: rule %s: a match may have %u bytes and the window holds %u; hold at least that "
			"many\n",
			r->info.file, r->hold_line, r->info.id, found->max, r->info.hold_bytes);
		return -EINVAL;
	}
	return rule_compile_regex(r, r->info.regex, REGEX_AT_END | REGEX_WHOLE, &r->branches->body,
				  errors);
}

static bool is_doubtful(const struct rule *r)
{
	struct span group, before;
	return secret_group_doubtful(r->info.regex, &group, &before);
}

/* Nobody said that the first group is the secret, and it does not look like one. */
static bool complain_doubtful(const struct rule *r, struct buf *errors)
{
	struct span group, before;
	if (!secret_group_doubtful(r->info.regex, &group, &before))
		return false;
	buf_printf(
		errors,
		"%s:%u: rule %s: its first group \"%.*s\" is taken as the secret, and what precedes "
		"it, such as %.*s, would leave; write secret_group: 1 to say so, secret_group: 0 "
		"for the whole match, or (?:...)\n",
		r->info.file, r->regex_line, r->info.id, (int)group.n, group.p, (int)before.n,
		before.p);
	return true;
}

static int compile_rule(struct ruleset *set, struct rule *r, struct buf *errors)
{
	struct regex *whole = NULL;
	struct lead_in found = { 0 };
	struct branches branches = { .n = 0 };
	bool given = r->secret_group >= 0;
	if (r->info.query[0]) {
		int rc = syntax_rule_compile(set, r, errors);
		return rc ? rc : decoding_check(r, errors);
	}
	if (!r->info.regex[0])
		return -EINVAL; /* the reader said so */
	r->branches = ruleset_keep_array(set, 1, sizeof(*r->branches));
	if (!r->branches)
		return -ENOMEM;
	r->n_branches = 1;
	int rc = rule_compile_regex(r, r->info.regex, 0, &whole, errors);
	if (rc)
		return rc;
	unsigned groups = regex_groups(whole);
	regex_free(whole);
	if (r->secret_group < 0) {
		r->secret_group = groups ? 1 : 0;
		if (r->foreign) /* the whole match is the safe reading */
			r->secret_group = is_doubtful(r) ? 0 : r->secret_group;
		else if (r->info.action != ACTION_FLAG && complain_doubtful(r, errors))
			return -EINVAL;
	}
	if ((unsigned)r->secret_group > groups)
		return complain(errors, r, r->regex_line,
				"secret_group names a group that the regex does not have",
				"count its parentheses");
	r->info.lead_in = "";
	rc = lead_in_find(r->info.regex, (unsigned)r->secret_group, r->wanted, &found);
	if (rc == -ENOMEM)
		return rc;
	if (!rc && !r->wanted && r->info.hold == HOLD_LEAD_IN)
		rc = branches_find(r->info.regex, (unsigned)r->secret_group, given, r->foreign,
				   &branches);
	if (rc == -ENOMEM)
		goto done;
	if (r->foreign && !rc && !branches.n) {
		r->info.hold = HOLD_NONE;
		buf_printf(
			&set->notes,
			"%s:%u: rule %s: nothing is held, and its secret leaves before the cut: %s\n",
			r->info.file, r->regex_line, r->info.id, found.why);
	}
	if (r->info.hold != HOLD_LEAD_IN) {
		rc = rc ? complain(errors, r, r->regex_line, "the regex is not understood",
				   found.why)
			: compile_whole(r, &found, errors);
	} else if (branches.n) {
		rc = rule_branches_compile(set, r, &branches, errors);
	} else if (found.found) {
		rc = rule_branch_compile(set, r, r->branches, &found, errors);
		r->info.lead_in = r->branches->lead_in ? r->branches->lead_in : "";
	} else if (r->wanted) {
		rc = compile_written(set, r, &found, errors);
	} else {
		buf_printf(errors, "%s:%u: rule %s: no usable lead-in: %s; %s\n", r->info.file,
			   r->regex_line, r->info.id, found.why,
			   found.remedy ? found.remedy : "write it without that, or write lead_in");
		rc = -EINVAL;
	}
done:
	branches_fini(&branches);
	lead_in_fini(&found);
	if (!rc && r->info.action == ACTION_REDACT)
		rc = redaction_compile(set, r, errors);
	return rc ? rc : decoding_check(r, errors);
}

static void measure(struct ruleset *set)
{
	set->context = REGEX_LOOK_BACK;
	if (set->decoded)
		set->context = LAYER_CONTEXT;
	for (size_t i = 0; i < set->n; i++) {
		const struct rule *r = &set->rules[i];
		for (size_t b = 0; b < r->n_branches; b++) {
			uint32_t need = r->branches[b].reach + r->delay + REGEX_LOOK_BACK;
			set->context = need > set->context ? need : set->context;
		}
		if (r->sees_match || r->sees_line)
			set->context =
				(uint32_t)max_u64(set->context, EXCUSE_REACH + REGEX_LOOK_BACK);
		set->syntax = set->syntax || r->syntax;
		set->code_scope = set->code_scope || r->info.scope == SCOPE_CODE;
		if (r->info.hold == HOLD_WINDOW && rule_holds(set, r) &&
		    r->info.hold_bytes + r->delay > set->window)
			set->window = r->info.hold_bytes + r->delay;
	}
}

static int hash_rules(struct ruleset *set)
{
	struct buf b = { 0 };
	buf_printf(&b, "redcard rules 1\n%d %u %d\n", set->monitor, set->hold_ms,
		   set->hold_ms_bound);
	for (size_t i = 0; i < set->n; i++) {
		const struct rule *r = &set->rules[i];
		const char *const texts[] = { r->info.id, r->info.regex, r->info.lead_in };
		for (size_t t = 0; t < ARRAY_LEN(texts); t++)
			buf_printf(&b, "%zu:%s\n", strlen(texts[t]), texts[t]);
		for (size_t k = 0; k < r->n_keywords; k++)
			buf_printf(&b, "%zu:%s\n", strlen(r->keywords[k]), r->keywords[k]);
		buf_printf(&b, "%d %d %d %u %d %d %d %d\n", r->info.severity, r->info.action,
			   r->info.hold, r->info.hold_bytes, r->info.on_bound, r->info.scope,
			   r->info.rollback, r->secret_group);
		if (r->info.decode)
			buf_printf(&b, "decode %u %u\n", r->info.decode, r->info.decode_depth);
		if (r->mask)
			buf_printf(&b, "%zu:%s\n", strlen(r->mask), r->mask);
		excuse_describe(r, &b);
		syntax_rule_describe(r, &b);
		for (size_t k = 0; k < r->n_required; k++)
			buf_printf(&b, "%s %u\n", r->required[k].id, r->required[k].lines);
		buf_add_text(&b, r->silent ? "silent\n" : "");
	}
	for (size_t i = 0; i < set->n_assertions; i++)
		assertion_describe(&set->assertions[i], &b);
	int rc = b.failed ? -ENOMEM : sha256_of((struct span){ b.p, b.n }, set->hash);
	buf_fini(&b);
	return rc;
}

static void set_free(struct ruleset *set)
{
	for (size_t i = 0; i < set->n; i++) {
		for (size_t b = 0; b < set->rules[i].n_branches; b++) {
			regex_free(set->rules[i].branches[b].body);
			free(set->rules[i].branches[b].ways);
			regex_free(set->rules[i].branches[b].start);
			regex_free(set->rules[i].branches[b].opening);
		}
		excuse_fini(&set->rules[i]);
		syntax_rule_fini(&set->rules[i]);
	}
	multimatch_free(set->multimatch);
	triggers_free(set->triggers);
	multimatch_free(set->decoded);
	buf_fini(&set->notes);
	while (set->texts) {
		struct rule_text *t = set->texts;
		set->texts = t->next;
		free(t);
	}
	free(set->rules);
	free(set);
}

static int build(const char *name, struct span yaml, struct ruleset **out, struct buf *errors)
{
	struct ruleset *set = calloc(1, sizeof(*set));
	int rc = -ENOMEM;
	if (!set)
		goto fail;
	atomic_init(&set->refs, 1);
	set->hold_ms = 5000;
	set->hold_ms_bound = BOUND_CUT;
	rc = rule_file_read(set, name, yaml, errors);
	if (rc == -ENOMEM)
		goto fail;
	int resolved = companion_resolve(set, errors);
	rc = rc ? rc : resolved;
	for (size_t i = 0; i < set->n; i++) {
		int one = compile_rule(set, &set->rules[i], errors);
		one = one ? one : excuse_compile(set, &set->rules[i], errors);
		rc = rc ? rc : one;
	}
	if (!rc)
		rc = rule_patterns_compile(set, errors);
	if (!rc)
		rc = decoding_compile(set, errors);
	if (!rc)
		rc = hash_rules(set);
	if (rc)
		goto fail;
	measure(set);
	if (!multimatch_sound())
		buf_printf(&set->notes,
			   "%s:1: the matching library overlooks matches at the ends of reads; "
			   "install Hyperscan in place of Vectorscan 5.4.9\n",
			   name);
	*out = set;
	return 0;
fail:
	if (rc == -ENOMEM)
		buf_printf(errors,
			   "%s:1: out of memory while compiling the rules; give the process more\n",
			   name);
	if (set)
		set_free(set);
	return rc;
}

int ruleset_load(const char *path, struct ruleset **out, struct buf *errors)
{
	if (strcmp(path, "builtin") == 0)
		return build(path, SPAN("version: 1\ninclude: [builtin]\n"), out, errors);
	return build(path, (struct span){ 0 }, out, errors);
}

int ruleset_parse(const char *name, struct span text, struct ruleset **out, struct buf *errors)
{
	return build(name, text.p ? text : SPAN(""), out, errors);
}

struct ruleset *ruleset_ref(struct ruleset *set)
{
	atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
	return set;
}

void ruleset_unref(struct ruleset *set)
{
	if (set && atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) == 1)
		set_free(set);
}

size_t ruleset_count(const struct ruleset *set)
{
	return set->n;
}

const struct rule_info *ruleset_rule(const struct ruleset *set, size_t index)
{
	return &set->rules[index].info;
}

struct rule_detail ruleset_detail(const struct ruleset *set, size_t index)
{
	const struct rule *r = &set->rules[index];
	return (struct rule_detail){ .secret_group = (unsigned)r->secret_group,
				     .mask = r->mask,
				     .entropy = r->entropy,
				     .keywords = r->keywords,
				     .n_keywords = r->n_keywords,
				     .samples = r->samples };
}

bool ruleset_allowed(const struct ruleset *set, size_t index, size_t i, struct rule_allowed *out)
{
	static const char *const targets[] = {
		[ALLOW_SECRET] = "secret", [ALLOW_MATCH] = "match", [ALLOW_LINE] = "line"
	};
	const struct rule *r = &set->rules[index];
	if (i >= r->n_allowances)
		return false;
	const struct allowance *a = &r->allowances[i];
	*out = (struct rule_allowed){ .in = targets[a->target],
				      .both = a->both,
				      .regexes = a->texts,
				      .stopwords = a->stopwords,
				      .n_regexes = a->n_texts,
				      .n_stopwords = a->n_stopwords };
	return true;
}

const char *ruleset_hash(const struct ruleset *set)
{
	return set->hash;
}

struct span ruleset_notes(const struct ruleset *set)
{
	return (struct span){ set->notes.n ? set->notes.p : "", set->notes.n };
}

bool ruleset_redacts(const struct ruleset *set)
{
	return set->redacts;
}

struct span ruleset_mask(const struct ruleset *set, size_t index)
{
	return span_of(set->rules[index].mask);
}

bool ruleset_monitor(const struct ruleset *set)
{
	return set->monitor;
}

uint32_t ruleset_hold_ms(const struct ruleset *set)
{
	return set->hold_ms;
}

enum on_bound ruleset_hold_ms_bound(const struct ruleset *set)
{
	return set->hold_ms_bound;
}
