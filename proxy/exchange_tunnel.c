/* An upgraded connection: bytes both ways, beside the gate and counted as such. */
#include "proxy/exchange.h"
#include "proxy/heads.h"
#include "proxy/worker.h"

static void tunnel(struct exchange *x, struct conn *from, struct conn *to)
{
	struct span in = conn_input(from);
	if (conn_queued(to) > x->rt->config->limits.window_bytes) {
		conn_pause(from);
		return;
	}
	conn_read(from);
	if (in.n == 0)
		return;
	x->unscanned += in.n;
	conn_write(to, in.p, in.n);
	conn_consume(from, in.n);
	conn_trim(from);
}

static enum step_next run_tunnel(struct exchange *x)
{
	struct conn *client = &x->client->conn, *builder = &x->backend->conn;
	if (!x->head_queued) {
		struct head_answer facts = { .exchange = { x->id, EXCHANGE_ID_LENGTH },
					     .upgrade = true };
		x->status = 101;
		x->result = RESULT_TUNNELLED;
		x->close_client = true;
		head_response(&x->head, http1_head(x->backend->http), &facts);
		(void)exchange_commit_head(x);
	}
	tunnel(x, client, builder);
	tunnel(x, builder, client);
	client_queued(x->client);
	exchange_phase(x, x->rt->config->timeouts.upstream_idle);
	return x->lost && conn_input(builder).n == 0 ? exchange_to(x, &step_finish) : STEP_WAIT;
}

const struct step step_tunnel = { "tunnel", run_tunnel };
