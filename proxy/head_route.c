/* What a request's head asks for: a route, and perhaps another protocol. */
#include <string.h>

#include "proxy/heads.h"
#include "proxy/path.h"

/* Also without the root's dot: "api.test." is the same host, and takes the same route. */
static struct span host_without_port(struct span host)
{
	const char *close = host.n && host.p[0] == '[' ? memchr(host.p, ']', host.n) : NULL;
	if (close)
		return (struct span){ host.p, (size_t)(close - host.p) + 1 };
	const char *colon = memchr(host.p, ':', host.n);
	if (colon)
		host.n = (size_t)(colon - host.p);
	if (host.n > 1 && host.p[host.n - 1] == '.')
		host.n--;
	return host;
}

/* A builder may resolve "//", "/./", "/../" and "%2f" where the routes compare bytes: then a path
 * could take a route that is not inspected to a place that is. */
const struct config_route *head_route(const struct config *config, const struct http1_head *head,
				      bool *ambiguous)
{
	const char *query = memchr(head->target.p, '?', head->target.n);
	struct span host = host_without_port(head->host);
	struct span path = { head->target.p,
			     query ? (size_t)(query - head->target.p) : head->target.n };
	const struct config_route *route = config_route_for(config, host, path, head->method);
	struct buf resolved = { 0 };
	if (!path_is_plain(path))
		path_resolve(path, &resolved);
	*ambiguous = resolved.failed;
	if (resolved.n && config_route_for(config, host, (struct span){ resolved.p, resolved.n },
					   head->method) != route)
		*ambiguous = true;
	buf_fini(&resolved);
	return route;
}

bool head_wants_upgrade(const struct http1_head *head)
{
	return head->upgrade && !span_eq_nocase(http1_find(head, SPAN("upgrade")), SPAN("h2c"));
}
