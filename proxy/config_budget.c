/* Budgets of a route, and the prices of a builder. */
#include <errno.h>

#include "proxy/config_keys.h"
#include "proxy/units.h"

#define SECOND 1000
#define DAY (24 * 3600 * SECOND)
#define USD_MAX 1000

/* A sum in USD with at most `digits` decimals, as a whole number of its smallest part. */
static bool read_usd(struct config_reader *r, const struct yaml_node *node, unsigned digits,
		     uint64_t *out)
{
	uint64_t v = 0, one = 1;
	if (!config_expect(r, node, YAML_SCALAR))
		return false;
	for (unsigned i = 0; i < digits; i++)
		one *= 10;
	if (units_decimal((struct span){ node->text, node->len }, digits, &v) != 0 ||
	    v > USD_MAX * one) {
		config_problem(r, node->line,
			       "`%s: %s` is not a sum in USD; write one such as 0.25, with at most "
			       "%u decimals and at most %d",
			       node->key ? node->key : "this entry", node->text, digits, USD_MAX);
		return false;
	}
	*out = v;
	return true;
}

static void read_cost(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct budget_limits *l = base;
	if (read_usd(r, node, 9, &l->cost_nano) && l->cost_nano == 0)
		config_problem(
			r, node->line,
			"`cost: %s` lets nothing pass; write a sum above 0 or remove the key",
			node->text);
}

static void read_input(struct config_reader *r, const struct yaml_node *node, void *base)
{
	(void)read_usd(r, node, 6, &((struct budget_price *)base)->input);
}

static void read_output(struct config_reader *r, const struct yaml_node *node, void *base)
{
	(void)read_usd(r, node, 6, &((struct budget_price *)base)->output);
}

void config_read_price(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY_BY("input", read_input),
		KEY_BY("output", read_output),
	};
	struct config_upstream *u = base;
	config_keys_read(r, node, keys, ARRAY_LEN(keys), &u->price);
	u->priced = true;
	if (node->kind == YAML_MAP && (!yaml_get(node, "input") || !yaml_get(node, "output")))
		config_problem(r, node->line,
			       "`price` is not complete; write input and output, each in USD for a "
			       "million tokens");
}

void config_read_budget(struct config_reader *r, const struct yaml_node *node,
			struct budget_limits *out)
{
	static const struct config_key keys[] = {
		KEY_IN("output_bytes", KEY_SIZE64, struct budget_limits, output_bytes, 1, 0),
		KEY_IN("output_tokens", KEY_COUNT, struct budget_limits, output_tokens, 1, 0),
		KEY_BY("cost", read_cost),
		KEY_IN("duration", KEY_DURATION, struct budget_limits, duration_ms, 10, DAY),
		KEY_IN("first_byte", KEY_DURATION, struct budget_limits, first_byte_ms, 10, DAY),
		KEY_IN("stall", KEY_DURATION, struct budget_limits, stall_ms, 10, DAY),
	};
	config_keys_read(r, node, keys, ARRAY_LEN(keys), out);
	if (node->kind == YAML_MAP && node->first == NULL)
		config_problem(r, node->line,
			       "`budget` is empty; name at least one limit or remove the key");
	out->set = true;
}
