/*
 * Keys of a rule that are for people (why, cwe) and for its own tests (samples). They decide
 * nothing.
 */
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

static void samples_positives(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	r->samples.n_positives =
		rule_file_list(f, n, SAMPLES_MAX, SAMPLE_BYTES_MAX, &r->samples.positives);
}

static void samples_near_misses(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	r->samples.n_near_misses =
		rule_file_list(f, n, SAMPLES_MAX, SAMPLE_BYTES_MAX, &r->samples.near_misses);
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
