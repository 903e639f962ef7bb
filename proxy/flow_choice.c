/* Whether a request of a flow is in the sample: exactly as the proxy's own tap decides. */
#include <stdlib.h>
#include <string.h>

#include "proxy/config.h"
#include "proxy/config_mirror.h"
#include "proxy/exchange_id.h"
#include "proxy/flow_core.h"
#include "proxy/heads.h"

_Static_assert(EXCHANGE_ID_LENGTH + 1 == MIRROR_ID, "an id with its NUL");

/* One more of the sample in this second. */
static bool admits(struct flow_shared *s, uint64_t now_ns)
{
	uint32_t rate = s->config->mirror->rate;
	uint64_t second = now_ns / 1000000000;
	if (s->second != second) {
		s->second = second;
		s->second_used = 0;
	}
	if (rate && s->second_used >= rate)
		return false;
	s->second_used++;
	return true;
}

static const struct config_route *route_of(struct flow_shared *s, const struct http1_head *head)
{
	bool ambiguous;
	const struct config_route *route = head_route(s->config, head, &ambiguous);
	if (route && !ambiguous)
		return route;
	s->counts.unrouted++;
	return NULL;
}

static struct flow_copy *copy_of(struct flow_shared *s, const struct http1_head *head,
				 const struct config_route *route, const char *id)
{
	size_t fixed = sizeof(struct flow_copy) + head->target.n;
	struct span spec = http1_find(head, SPAN("x-redcard-spec"));
	if (!room_take(&s->room, fixed))
		return NULL;
	struct flow_copy *c = calloc(1, sizeof(*c));
	char *target = calloc(1, head->target.n + 1);
	if (!c || !target) {
		free(c);
		free(target);
		room_give(&s->room, fixed);
		return NULL;
	}
	memcpy(target, head->target.p, head->target.n);
	memcpy(c->id, id, MIRROR_ID);
	if (spec.n <= sizeof(c->spec)) {
		memcpy(c->spec, spec.n ? spec.p : "", spec.n);
		c->spec_n = spec.n;
	}
	c->target = target;
	c->fixed = fixed;
	c->config = config_ref(s->config);
	c->route = route;
	return c;
}

struct flow_copy *flow_choose(struct flow *f, const struct http1_head *head, uint64_t now_ns)
{
	struct flow_shared *s = f->shared;
	const struct config_route *route = route_of(s, head);
	char id[MIRROR_ID];
	uint32_t ppm = route && !s->paused ? config_mirror_ppm(s->config, route) : 0;
	if (ppm == 0 || head_wants_upgrade(head) || http1_find(head, SPAN("x-redcard-shadow")).p)
		return NULL;
	exchange_new_id(s->random, id);
	if (!sample_takes(sample_key(head, (struct span){ id, EXCHANGE_ID_LENGTH }), ppm))
		return NULL;
	if (!admits(s, now_ns)) {
		s->counts.limited++;
		return NULL;
	}
	struct flow_copy *c = copy_of(s, head, route, id);
	s->counts.limited += !c;
	return c;
}

void flow_copy_free(struct flow *f, struct flow_copy *c)
{
	if (!c)
		return;
	flow_unhold(f, c, &c->bytes);
	flow_unhold(f, c, &c->body);
	CHECK(c->charged == 0);
	room_give(&f->shared->room, c->fixed);
	inflate_free(c->inflate);
	config_unref(c->config);
	free(c->target);
	free(c);
}
