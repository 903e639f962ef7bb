#include "proxy/runtime.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/log.h"
#include "lib/tls.h"

static int fill_upstream(struct upstream *u, struct resolver *resolver,
			 const struct config_upstream *config)
{
	u->config = config;
	u->addresses = calloc(config->n_addresses, sizeof(*u->addresses));
	if (!u->addresses)
		return -ENOMEM;
	for (; u->n < config->n_addresses; u->n++) {
		struct upstream_address *a = &u->addresses[u->n];
		a->config = &config->addresses[u->n];
		a->name = resolver_add(resolver, a->config->host, a->config->port);
		if (!a->name)
			return -ENOMEM;
	}
	return 0;
}

static void destroy(struct runtime *rt)
{
	for (size_t i = 0; rt->upstreams && i < rt->config->n_upstreams; i++)
		free(rt->upstreams[i].addresses);
	free(rt->upstreams);
	config_unref(rt->config);
	free(rt);
}

int runtime_new(struct resolver *resolver, struct config *config, struct runtime **out)
{
	struct runtime *rt = calloc(1, sizeof(*rt));
	if (!rt) {
		config_unref(config);
		return -ENOMEM;
	}
	rt->refs = 1;
	rt->config = config;
	int error = -ENOMEM;
	rt->upstreams = calloc(config->n_upstreams + 1, sizeof(*rt->upstreams));
	if (!rt->upstreams)
		goto fail;
	for (size_t i = 0; i < config->n_upstreams; i++) {
		error = fill_upstream(&rt->upstreams[i], resolver, &config->upstreams[i]);
		if (error)
			goto fail;
	}
	*out = rt;
	return 0;
fail:
	destroy(rt);
	return error;
}

int runtime_spend(struct runtime *rt, struct spending *spending)
{
	for (size_t i = 0; i < rt->config->n_upstreams; i++) {
		const struct config_upstream *u = &rt->config->upstreams[i];
		if (!u->daily_nano)
			continue;
		CHECK(spending);
		rt->upstreams[i].spent = spending_of(spending, u->name, u->daily_nano);
		if (!rt->upstreams[i].spent)
			return -ENOMEM;
	}
	return 0;
}

struct runtime *runtime_ref(struct runtime *rt)
{
	atomic_fetch_add(&rt->refs, 1);
	return rt;
}

void runtime_unref(struct runtime *rt)
{
	if (rt && atomic_fetch_sub(&rt->refs, 1) == 1)
		destroy(rt);
}

struct tls *upstream_tls(const struct config_upstream *u, const struct config_address *a)
{
	return tls_new(u->tls_context, u->tls_server_name ? u->tls_server_name : a->host);
}

bool upstream_address_up(const struct upstream_address *a, uint64_t now_ms)
{
	return atomic_load_explicit(&a->active, memory_order_relaxed) != ACTIVE_DOWN &&
	       atomic_load_explicit(&a->down_until_ms, memory_order_relaxed) <= now_ms;
}

void upstream_address_failed(struct upstream_address *a, const struct config_upstream *u,
			     uint64_t now_ms)
{
	atomic_store(&a->worked, false);
	if (atomic_fetch_add(&a->failures, 1) + 1 < u->fail_after)
		return;
	atomic_store(&a->down_until_ms, now_ms + u->fail_ms);
	atomic_store(&a->failures, 0);
	if (!atomic_exchange(&a->out, true))
		log_message(LOG_WARNING, "builder_down",
			    "builder %s: %s:%u failed %u times in a row and is left out for %u ms",
			    u->name, a->config->host, a->config->port, u->fail_after, u->fail_ms);
}

void upstream_address_worked(struct upstream_address *a)
{
	if (!atomic_load_explicit(&a->worked, memory_order_relaxed))
		atomic_store(&a->worked, true);
	if (atomic_load_explicit(&a->out, memory_order_relaxed) && atomic_exchange(&a->out, false))
		log_message(LOG_INFO, "builder_up", "%s:%u answers again", a->config->host,
			    a->config->port);
	if (atomic_load_explicit(&a->failures, memory_order_relaxed))
		atomic_store(&a->failures, 0);
}
