/* The JSON Schema in deploy/ and the key tables must name the same keys. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/json.h"
#include "proxy/config.h"
#include "proxy/config_drill.h"
#include "proxy/config_patchctl.h"

/* A map of the configuration with one unknown key, and where the schema describes that map. */
struct map {
	const char *yaml;
	const char *place;
};

static const struct map maps[] = {
	{ "zz: 1\n", "" },
	{ "listen: [{zz: 1}]\n", "listen[]" },
	{ "listen: [{tls: {zz: 1}}]\n", "listen[].tls" },
	{ "admin: {zz: 1}\n", "admin" },
	{ "log: {zz: 1}\n", "log" },
	{ "limits: {zz: 1}\n", "limits" },
	{ "timeouts: {zz: 1}\n", "timeouts" },
	{ "upstreams: [{zz: 1}]\n", "upstreams[]" },
	{ "upstreams: [{tls: {zz: 1}}]\n", "upstreams[].tls" },
	{ "upstreams: [{health: {zz: 1}}]\n", "upstreams[].health" },
	{ "upstreams: [{passive: {zz: 1}}]\n", "upstreams[].passive" },
	{ "upstreams: [{idle: {zz: 1}}]\n", "upstreams[].idle" },
	{ "upstreams: [{price: {zz: 1}}]\n", "upstreams[].price" },
	{ "upstreams: [{budget: {zz: 1}}]\n", "upstreams[].budget" },
	{ "auditors: [{zz: 1}]\n", "auditors[]" },
	{ "webhook: {zz: 1}\n", "webhook" },
	{ "webhook: {tokens: [{zz: 1}]}\n", "webhook.tokens[]" },
	{ "sinks: [{zz: 1}]\n", "sinks[]" },
	{ "routes: [{zz: 1}]\n", "routes[]" },
	{ "routes: [{budget: {zz: 1}}]\n", "routes[].budget" },
	{ "rollback: {zz: 1}\n", "rollback" },
	{ "routes: [{rollback: {zz: 1}}]\n", "routes[].rollback" },
	{ "shadow: {zz: 1}\n", "shadow" },
	{ "shadow: {to: {zz: 1}}\n", "shadow.to" },
	{ "shadow: {to: {headers: {zz: 1}}}\n", "shadow.to.headers" },
	{ "shadow: {timeouts: {zz: 1}}\n", "shadow.timeouts" },
	{ "shadow: {queue: {zz: 1}}\n", "shadow.queue" },
	{ "shadow: {guardian: {zz: 1}}\n", "shadow.guardian" },
	{ "shadow: {guardian: {limits: {zz: 1}}}\n", "shadow.guardian.limits" },
	{ "shadow: {guardian: {backoff: {zz: 1}}}\n", "shadow.guardian.backoff" },
	{ "routes: [{match: {zz: 1}}]\n", "routes[].match" },
	{ "routes: [{headers: {zz: 1}}]\n", "routes[].headers" },
};

static const struct map patchctl_maps[] = {
	{ "zz: 1\n", "" },
	{ "tls: {zz: 1}\n", "tls" },
	{ "tokens: [{zz: 1}]\n", "tokens[]" },
	{ "targets: [{zz: 1}]\n", "targets[]" },
	{ "targets: [{committer: {zz: 1}}]\n", "targets[].committer" },
	{ "targets: [{sign: {zz: 1}}]\n", "targets[].sign" },
	{ "limits: {zz: 1}\n", "limits" },
};

static const struct map drill_maps[] = {
	{ "zz: 1\n", "" },
	{ "webhook: {zz: 1}\n", "webhook" },
	{ "patchctl: {zz: 1}\n", "patchctl" },
};

static struct json *schema(const char *path)
{
	struct buf text = { 0 };
	struct json *j = NULL;
	char room[4096];
	FILE *f = fopen(path, "r");
	cr_assert_not_null(f, "%s", path);
	for (size_t n; (n = fread(room, 1, sizeof(room), f)) > 0;)
		buf_add(&text, room, n);
	fclose(f);
	cr_assert_eq(json_parse((struct span){ text.p, text.n }, &j), 0);
	buf_fini(&text);
	return j;
}

/* "routes[].match" -> properties.routes.items.properties.match */
static const struct json_value *properties_at(const struct json *j, const char *place)
{
	const struct json_value *v = json_root(j);
	char copy[64];
	snprintf(copy, sizeof(copy), "%s", place);
	for (char *word = strtok(copy, "."); word; word = strtok(NULL, ".")) {
		char *list = strstr(word, "[]");
		if (list)
			*list = '\0';
		v = json_get(json_get(v, "properties"), word);
		if (list)
			v = json_get(v, "items");
	}
	cr_assert_not_null(v, "%s", place);
	const struct json_value *closed = json_get(v, "additionalProperties");
	cr_assert_eq(json_type(closed), JSON_IS_BOOL, "%s takes any key", place);
	cr_assert_not(json_bool(closed), "%s takes any key", place);
	return json_get(v, "properties");
}

enum which { SERVE, PATCHCTL, DRILL };

static int load(enum which which, const char *path, struct config **out, struct buf *errors)
{
	switch (which) {
	case SERVE: return config_load(path, out, errors);
	case PATCHCTL: return config_load_patchctl(path, out, errors);
	case DRILL: return config_load_drill(path, out, errors);
	}
	return 0;
}

/* The keys that the loader says a map may have: "a, b, c" up to the end of its line. */
static void known_keys(const char *yaml, enum which which, char *keys, size_t size)
{
	char path[] = "/tmp/redcard-schema-XXXXXX";
	struct buf errors = { 0 };
	struct config *c = NULL;
	int fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	/* Without a policy that could be loaded: the pack takes its time to compile. */
	dprintf(fd, "%s%s", yaml, which != SERVE ? "" : "policy: /nonexistent/policy.yaml\n");
	close(fd);
	cr_assert_lt(load(which, path, &c, &errors), 0);
	unlink(path);
	buf_add_char(&errors, '\0');
	const char *list = strstr(errors.p, "unknown key `zz`; the keys here are: ");
	cr_assert_not_null(list, "%s", errors.p);
	list = strchr(list, ':') + 2;
	snprintf(keys, size, "%.*s", (int)strcspn(list, "\n"), list);
	buf_fini(&errors);
}

static void same_keys(const char *file, const struct map *v, size_t n_maps, enum which which)
{
	struct json *j = schema(file);
	for (size_t i = 0; i < n_maps; i++) {
		char keys[512];
		size_t n = 0;
		const struct json_value *properties = properties_at(j, v[i].place);
		known_keys(v[i].yaml, which, keys, sizeof(keys));
		for (char *key = strtok(keys, ", "); key; key = strtok(NULL, ", "), n++)
			cr_assert_not_null(json_get(properties, key), "%s.%s is not in the schema",
					   v[i].place, key);
		cr_assert_eq(json_count(properties), n,
			     "%s: the schema has %zu keys, the loader %zu", v[i].place,
			     json_count(properties), n);
	}
	json_free(j);
}

Test(schema, names_the_same_keys_as_the_loader)
{
	same_keys("deploy/redcard.schema.json", maps, ARRAY_LEN(maps), SERVE);
}

Test(schema, names_the_same_keys_as_patchctl)
{
	same_keys("deploy/patchctl.schema.json", patchctl_maps, ARRAY_LEN(patchctl_maps), PATCHCTL);
}

Test(schema, names_the_same_keys_as_drill)
{
	same_keys("deploy/drill.schema.json", drill_maps, ARRAY_LEN(drill_maps), DRILL);
}
