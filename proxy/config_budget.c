/* Budgets of a route, and the prices of a builder. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/config_keys.h"
#include "proxy/units.h"

#define SECOND 1000
#define DAY (24 * 3600 * SECOND)
#define USD_MAX 1000
#define DAILY_NANO UINT64_C(500000000) /* what a builder with a price may cost in a day */

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

static void read_daily_cost(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct config_upstream *u = base;
	uint64_t nano = 0;
	if (node->kind == YAML_SCALAR && strcmp(node->text, "none") == 0)
		u->daily_nano = 0;
	else if (!read_usd(r, node, 9, &nano))
		u->daily_nano = 0;
	else if (nano == 0)
		config_problem(r, node->line,
			       "`daily_cost: %s` lets nothing pass; write a sum above 0, or none",
			       node->text);
	else
		u->daily_nano = nano;
}

void config_read_daily(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = { KEY_BY("daily_cost", read_daily_cost) };
	config_keys_read(r, node, keys, ARRAY_LEN(keys), base);
	if (node->kind == YAML_MAP && node->first == NULL)
		config_problem(r, node->line,
			       "`budget` is empty; write daily_cost or remove the key");
}

void config_read_state(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct config *c = base;
	struct stat st;
	if (!config_expect(r, node, YAML_SCALAR))
		return;
	c->state_dir = node->len ? config_file_name(r, node->text) : NULL;
	if (!c->state_dir)
		config_problem(r, node->line, "`state_dir` is empty; name a folder");
	else if (stat(c->state_dir, &st) != 0 || !S_ISDIR(st.st_mode))
		config_problem(r, node->line, "state_dir: there is no folder %s; create it",
			       c->state_dir);
	else if (access(c->state_dir, R_OK | W_OK | X_OK) != 0)
		config_problem(r, node->line,
			       "state_dir: %s cannot be written; let the user that runs redcard "
			       "write there, or name another folder",
			       c->state_dir);
}

void config_check_daily(struct config_reader *r)
{
	struct config *c = r->config;
	for (size_t i = 0; i < c->n_upstreams; i++) {
		struct config_upstream *u = &c->upstreams[i];
		bool said = u->daily_nano != CONFIG_DAILY_UNSET;
		bool costs = u->price.input || u->price.output;
		if (!said)
			u->daily_nano = costs ? DAILY_NANO : 0;
		if (said && u->daily_nano && !u->priced)
			config_problem(r, u->line,
				       "`daily_cost` needs what the upstream `%s` takes; add its "
				       "price: {input: USD, output: USD}",
				       u->name ? u->name : "");
		else if (u->daily_nano && !c->state_dir && r->problems == 0)
			config_problem(r, u->line,
				       "the daily cost of the upstream `%s` (0.50 USD unless said) "
				       "has to outlive a restart; name a folder with `state_dir`, "
				       "or write budget: {daily_cost: none}",
				       u->name ? u->name : "");
	}
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
