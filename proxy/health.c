#include "proxy/health.h"

#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "proxy/backend.h"
#include "proxy/worker.h"

/* One address under watch. It outlives a running check, so it goes when it is stopped and its conn
 * is closed. */
struct check {
	struct conn conn;
	struct worker *w;
	struct runtime *rt;
	struct upstream *upstream;
	struct upstream_address *address;
	struct resolver_address to;
	struct http1 *http;
	bool running, stopped, good;
	uint32_t good_in_row, bad_in_row;
	struct timer timer; /* the next check, or the end of the running one's time */
	struct check *next;
};

struct health {
	struct check *checks;
};

static const struct config_health *settings(const struct check *k)
{
	return &k->upstream->config->health;
}

static void set_health(struct check *k, enum active_health health)
{
	if (atomic_exchange(&k->address->active, health) == (int)health)
		return;
	log_message(health == ACTIVE_UP ? LOG_INFO : LOG_WARNING, "health",
		    "builder %s at %s:%u is %s", k->upstream->config->name,
		    k->address->config->host, k->address->config->port,
		    health == ACTIVE_UP ? "up" : "down");
}

static void note(struct check *k, bool good)
{
	k->good_in_row = good ? k->good_in_row + 1 : 0;
	k->bad_in_row = good ? 0 : k->bad_in_row + 1;
	if (k->good_in_row >= settings(k)->healthy_after)
		set_health(k, ACTIVE_UP);
	if (k->bad_in_row >= settings(k)->unhealthy_after)
		set_health(k, ACTIVE_DOWN);
}

static void check_free(struct check *k)
{
	timer_remove(&k->w->timers, &k->timer);
	http1_free(k->http);
	runtime_unref(k->rt);
	free(k);
}

/* The outcome is known; the next check comes when the conn is closed. */
static void done(struct check *k, bool good)
{
	if (conn_closing(&k->conn))
		return;
	k->good = good;
	conn_close(&k->conn);
}

static void on_opened(struct conn *c)
{
	struct check *k = CONTAINER_OF(c, struct check, conn);
	struct buf request = { 0 };
	bool bare_v6 = strchr(k->address->config->host, ':') && k->address->config->host[0] != '[';
	buf_printf(
		&request,
		"GET %s HTTP/1.1\r\nhost: %s%s%s:%u\r\nuser-agent: redcard-health\r\nconnection: close\r\n\r\n",
		settings(k)->path, bare_v6 ? "[" : "", k->address->config->host, bare_v6 ? "]" : "",
		k->address->config->port);
	if (!request.failed)
		conn_write(c, request.p, request.n);
	buf_fini(&request);
}

static void on_input(struct conn *c)
{
	struct check *k = CONTAINER_OF(c, struct check, conn);
	enum http1_event event = HTTP1_END;
	while (event == HTTP1_END) { /* of an interim answer, or just begun */
		struct span in = conn_input(c), body;
		size_t used;
		event = http1_feed(k->http, in.p, in.n, &used, &body);
		conn_consume(c, used);
		if (event == HTTP1_HEAD && http1_head(k->http)->status < 200) {
			http1_next(k->http);
			event = HTTP1_END;
		}
	}
	if (event == HTTP1_HEAD)
		done(k, http1_head(k->http)->status < 400);
	else if (event == HTTP1_REFUSED)
		done(k, false);
}

static void on_eof(struct conn *c)
{
	done(CONTAINER_OF(c, struct check, conn), false);
}

static void on_sent(struct conn *c)
{
	(void)c;
}

static void on_failed(struct conn *c, int error)
{
	(void)error;
	done(CONTAINER_OF(c, struct check, conn), false);
}

static void on_closed(struct conn *c)
{
	struct check *k = CONTAINER_OF(c, struct check, conn);
	k->running = false;
	k->w->n_backends--;
	if (k->stopped) {
		check_free(k);
		return;
	}
	note(k, k->good);
	timer_set(&k->w->timers, &k->timer, k->w->now_ms + settings(k)->interval_ms);
}

static const struct conn_handler handler = {
	.opened = on_opened,
	.input = on_input,
	.eof = on_eof,
	.sent = on_sent,
	.failed = on_failed,
	.closed = on_closed,
};

static int start(struct check *k)
{
	static const struct http1_limits limits = { .head_bytes = 16384, .headers = 100 };
	const struct config_upstream *u = k->upstream->config;
	struct tls *tls = NULL;
	http1_free(k->http);
	k->http = http1_new(HTTP1_RESPONSE, &limits);
	if (!k->http || resolver_addresses(k->address->name, &k->to, 1) == 0)
		return -1;
	if (u->tls_context) {
		tls = upstream_tls(u, k->address->config);
		if (!tls)
			return -1;
	}
	if (conn_connect(&k->conn, k->w, &k->to.any, k->to.n, tls, &handler) != 0) {
		tls_free(tls);
		return -1;
	}
	k->w->n_backends++;
	k->running = true;
	k->good = false;
	return 0;
}

static void due(struct timer *t)
{
	struct check *k = CONTAINER_OF(t, struct check, timer);
	if (k->running) {
		done(k, false);
		return;
	}
	if (start(k) != 0) {
		note(k, false);
		timer_set(&k->w->timers, t, k->w->now_ms + settings(k)->interval_ms);
		return;
	}
	timer_set(&k->w->timers, t, k->w->now_ms + settings(k)->timeout_ms);
}

static void watch(struct worker *w, struct upstream *u, struct upstream_address *a)
{
	struct check *k = calloc(1, sizeof(*k));
	if (!k)
		return; /* health stays unknown, which is what it is */
	k->w = w;
	k->rt = runtime_ref(w->runtime);
	k->upstream = u;
	k->address = a;
	k->timer.fire = due;
	k->next = w->health->checks;
	w->health->checks = k;
	timer_set(&w->timers, &k->timer, w->now_ms + 1);
}

void health_stop(struct worker *w)
{
	if (!w->health)
		return;
	struct check *next;
	for (struct check *k = w->health->checks; k; k = next) {
		next = k->next;
		k->stopped = true;
		if (k->running)
			conn_close(&k->conn);
		else
			check_free(k);
	}
	free(w->health);
	w->health = NULL;
}

void health_restart(struct worker *w)
{
	health_stop(w);
	w->health = calloc(1, sizeof(*w->health));
	if (!w->health)
		return;
	for (size_t i = 0; i < w->runtime->config->n_upstreams; i++) {
		struct upstream *u = &w->runtime->upstreams[i];
		for (size_t k = 0; u->config->health.path && k < u->n; k++)
			watch(w, u, &u->addresses[k]);
	}
}
