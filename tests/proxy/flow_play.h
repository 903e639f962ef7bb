/*
 * For tests of flows: a configuration that samples everything, and a sink that writes down what it
 * is told, with requests numbered as they begin to be told of:
 *
 *   Q0[all](GET / HTTP/1.1...)   request 0, of the route `all`
 *   A0(200 whole document/chat body)
 *   L1(7)                         7 bytes of request 1 were lost
 */
#ifndef TESTS_PROXY_FLOW_PLAY_H
#define TESTS_PROXY_FLOW_PLAY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/config_shadow.h"
#include "proxy/wiretap.h"

#define FLOW_PLAY_KNOWN 4096

struct flow_play {
	struct buf log;
	char ids[FLOW_PLAY_KNOWN][MIRROR_ID];
	unsigned n;
};

static inline unsigned flow_play_number(struct flow_play *p, const char *id)
{
	for (unsigned i = 0; i < p->n; i++)
		if (strcmp(p->ids[i], id) == 0)
			return i;
	CHECK(p->n < FLOW_PLAY_KNOWN);
	memcpy(p->ids[p->n], id, MIRROR_ID);
	return p->n++;
}

static inline void flow_play_request(void *owner, const struct mirror_request *q)
{
	struct flow_play *p = owner;
	buf_printf(&p->log, "Q%u[%.*s%s%.*s](", flow_play_number(p, q->id), (int)q->route.n,
		   q->route.p, q->spec.n ? " " : "", (int)q->spec.n, q->spec.p);
	buf_add(&p->log, q->bytes.p, q->bytes.n);
	buf_add_char(&p->log, ')');
}

static inline void flow_play_answer(void *owner, const struct mirror_answer *a)
{
	struct flow_play *p = owner;
	buf_printf(&p->log, "A%u(%u%s%s %s/%s ", flow_play_number(p, a->id), a->status,
		   a->whole ? " whole" : "", a->too_large ? " large" : "",
		   framing_names[a->framing], dialect_names[a->dialect]);
	buf_add(&p->log, a->body.p, a->body.n);
	buf_add_char(&p->log, ')');
}

static inline void flow_play_lost(void *owner, const struct mirror_loss *loss)
{
	struct flow_play *p = owner;
	buf_printf(&p->log, "L%u(%llu)", flow_play_number(p, loss->id),
		   (unsigned long long)loss->bytes);
}

static inline struct mirror_sink flow_play_sink(struct flow_play *p)
{
	return (struct mirror_sink){ flow_play_request, flow_play_answer, flow_play_lost, p };
}

/* The caller's; NULL: it cannot be made. shadow: keys of it. */
static inline struct config *flow_play_config(const char *shadow, const char *routes)
{
	char folder[] = "/tmp/redcard-flow-XXXXXX", path[64], policy[64];
	struct config *config = NULL;
	struct buf errors = { 0 };
	CHECK(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/c.yaml", folder);
	snprintf(policy, sizeof(policy), "%s/p.yaml", folder);
	FILE *f = fopen(path, "w"), *p = fopen(policy, "w");
	CHECK(f && p);
	fprintf(f,
		"listen: [{address: \"127.0.0.1:8080\"}]\npolicy: p.yaml\n"
		"upstreams: [{name: a, addresses: [\"127.0.0.1:9000\"]}]\n"
		"shadow: {%s}\nroutes:\n%s",
		shadow, routes);
	fputs("version: 1\nrules: [{id: a, title: t, severity: low, action: flag, regex: "
	      "'abc[0-9]'}]\n",
	      p);
	fclose(f);
	fclose(p);
	if (config_load_attached(path, &config, &errors) != 0)
		fprintf(stderr, "%.*s", (int)errors.n, errors.p);
	buf_fini(&errors);
	unlink(path);
	unlink(policy);
	rmdir(folder);
	return config;
}

static inline struct config *flow_play_all(void)
{
	return flow_play_config("percent: 100", "  - {name: all, match: {path: /}, upstream: a}\n");
}

#endif
