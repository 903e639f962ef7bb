/*
 * Keys of a rule that are for people (why, cwe) and for its own tests (samples). They decide
 * nothing.
 */
#include <errno.h>
#include <string.h>

#include "policy/rule_file.h"

#define SAMPLES_MAX 64
#define SAMPLE_BYTES_MAX 8000

void rule_file_why(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	r->info.why = rule_file_text(f, n, TEXT_MAX);
}

/* CWE-, and a number as MITRE writes it. */
void rule_file_cwe(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	const char *digits = n->kind == YAML_SCALAR ? n->text + min_size(n->len, 4) : "";
	size_t count = strspn(digits, "0123456789");
	bool ok = n->kind == YAML_SCALAR && strncmp(n->text, "CWE-", 4) == 0 && count &&
		  count <= 5 && !digits[count] && digits[0] != '0';
	if (ok)
		r->info.cwe = rule_file_text(f, n, 16);
	else
		rule_file_complain(f, n->line,
				   "cwe is not the name of a weakness; write one such as CWE-78");
}

static size_t take_list(struct rule_file *f, const struct yaml_node *n, const char *const **out)
{
	size_t count = 0;
	for (const struct yaml_node *k = n->first; k; k = k->next)
		count++;
	if (n->kind != YAML_LIST || !count || count > SAMPLES_MAX) {
		rule_file_complain(f, n->line, "%s must be a list; write 1 to %d texts in it",
				   n->key, SAMPLES_MAX);
		return 0;
	}
	const char **v = ruleset_keep_array(f->set, count, sizeof(*v));
	if (!v) {
		f->rc = -ENOMEM;
		return 0;
	}
	size_t i = 0;
	for (const struct yaml_node *k = n->first; k; k = k->next)
		v[i++] = rule_file_text(f, k, SAMPLE_BYTES_MAX);
	*out = v;
	return count;
}

static void samples_positives(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	r->samples.n_positives = take_list(f, n, &r->samples.positives);
}

static void samples_near_misses(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	r->samples.n_near_misses = take_list(f, n, &r->samples.near_misses);
}

static const struct rule_key samples_keys[] = { { "positives", samples_positives },
						{ "near_misses", samples_near_misses } };

void rule_file_samples(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	if (n->kind == YAML_MAP && n->first)
		rule_file_map(f, r, n, samples_keys, ARRAY_LEN(samples_keys), "a rule's samples");
	else
		rule_file_complain(
			f, n->line,
			"samples is not understood; write {positives: [...], near_misses: [...]}");
}
