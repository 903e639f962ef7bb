/* What a copy must not tell the shadow: credentials, by the names of what holds them. */
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "proxy/shadow_rewrite.h"

#define DEPTH_MAX 64

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool begins(struct span text, const char *word)
{
	size_t n = strlen(word), i = 0;
	while (i < n && i < text.n && lower(text.p[i]) == word[i])
		i++;
	return i == n;
}

static bool contains(struct span name, const char *word)
{
	for (; name.n > 0; name.p++, name.n--)
		if (begins(name, word))
			return true;
	return false;
}

static bool ends(struct span name, const char *word)
{
	size_t n = strlen(word);
	return name.n >= n && begins((struct span){ name.p + name.n - n, n }, word);
}

bool shadow_is_credential(struct span name)
{
	/* The last five repeat the target, with its parameters. */
	static const char *const names[] = { "code",           "pwd",
					     "pass",           "referer",
					     "x-original-url", "x-original-uri",
					     "x-rewrite-url",  "x-forwarded-uri" };
	static const char *const tails[] = { "key", "auth", "sig" };
	static const char *const words[] = {
		"authorization", "authentication", "cookie",       "api-key",
		"api_key",       "apikey",         "access-key",   "access_key",
		"accesskey",     "auth-key",       "auth_key",     "token",
		"secret",        "password",       "passwd",       "passphrase",
		"credential",    "session",        "signature",    "hmac",
		"jwt",           "assertion",      "bearer",       "billing",
		"subscription",  "functions-key",  "x-amz-",       "x-amzn-oidc-",
		"user-project",  "x-auth",         "csrf",         "xsrf",
		"client-cert",   "x-goog-iam",     "organization", "openai-project",
	};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_eq_nocase(name, span_of(names[i])))
			return true;
	for (size_t i = 0; i < ARRAY_LEN(tails); i++)
		if (ends(name, tails[i]))
			return true;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (contains(name, words[i]))
			return true;
	return false;
}

static bool passes(const struct config_rewrite *w, struct span name)
{
	for (size_t i = 0; i < w->n_pass; i++)
		if (span_eq_nocase(name, span_of(w->pass[i])))
			return true;
	return false;
}

bool shadow_stays_away(const struct config_rewrite *w, struct span name)
{
	return !passes(w, name) && shadow_is_credential(name);
}

/* --- bodies --- */

/* Narrower than above: a member called max_tokens or key is an ordinary thing. */
static bool is_member(struct span name)
{
	static const char *const names[] = {
		"authorization",
		"authorization_token",
		"proxy-authorization",
		"api_key",
		"apikey",
		"api-key",
		"x-api-key",
		"x-goog-api-key",
		"access_token",
		"auth_token",
		"bearer_token",
		"refresh_token",
		"id_token",
		"client_secret",
		"secret_key",
		"access_key",
		"secret_access_key",
		"aws_secret_access_key",
		"aws_session_token",
		"private_key",
		"password",
		"passwd",
		"cookie",
		"accesstoken",
		"clientsecret",
		"secretaccesskey",
		"privatekey",
		"authorizationtoken",
	};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_eq_nocase(name, span_of(names[i])))
			return true;
	return false;
}

static bool holds(const struct json_value *v, const struct config_rewrite *w, unsigned depth);

static bool any_holds(const struct json_value *v, size_t n, const struct config_rewrite *w,
		      unsigned depth)
{
	struct span *keys = calloc(n, sizeof(*keys));
	const struct json_value **values = calloc(n, sizeof(*values));
	bool found = !keys || !values; /* what cannot be looked at is not sent */
	if (!found)
		json_children(v, keys, values);
	for (size_t i = 0; i < n && !found; i++)
		found = (json_string(values[i]).n > 0 && is_member(keys[i]) &&
			 !passes(w, keys[i])) ||
			holds(values[i], w, depth + 1);
	free(keys);
	free(values);
	return found;
}

static bool holds(const struct json_value *v, const struct config_rewrite *w, unsigned depth)
{
	size_t n = json_count(v);
	return n > 0 && (depth >= DEPTH_MAX || any_holds(v, n, w, depth));
}

bool shadow_body_tells(struct span body, const struct config_rewrite *w)
{
	struct json *document = NULL;
	if (json_parse(body, &document) != 0)
		return false; /* no JSON */
	bool found = holds(json_root(document), w, 0);
	json_free(document);
	return found;
}
