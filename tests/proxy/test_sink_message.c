#include "proxy/sink_message.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "policy/ruleset.h"

#define SHA "0123456789abcdef0123456789abcdef01234567"
#define OTHER "fedcba9876543210fedcba9876543210fedcba98"

static struct ledger_row row_of(const char *kind, const char *body)
{
	return (struct ledger_row){ .sequence = 7,
				    .id = SPAN("01JROW"),
				    .time_ms = 1700000000000,
				    .kind = span_of(kind),
				    .subject = SPAN("01JEXCHANGE"),
				    .body = span_of(body),
				    .previous = SPAN(LEDGER_NO_HASH),
				    .hash = SPAN(LEDGER_NO_HASH) };
}

Test(sink_message, what_is_wanted)
{
	const struct config_sink s = { .rows = { "card", "spec" },
				       .n_rows = 2,
				       .severity = SEVERITY_HIGH };
	static const struct {
		const char *kind, *body;
		bool wanted;
	} rows[] = {
		{ "card", "{\"severity\":\"low\"}", false },
		{ "card", "{\"severity\":\"medium\"}", false },
		{ "card", "{\"severity\":\"high\"}", true },
		{ "card", "{\"severity\":\"critical\"}", true },
		{ "card", "{\"severity\":\"unheard-of\"}", true },
		{ "card", "{\"severity\":1}", true },
		{ "card", "{}", true },
		{ "spec", "{\"severity\":\"low\"}", true },
		{ "rollback", "{\"severity\":\"critical\"}", false },
		{ "car", "{}", false },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ledger_row row = row_of(rows[i].kind, rows[i].body);
		cr_assert_eq(sink_wants(&s, &row), rows[i].wanted, "%s %s", rows[i].kind,
			     rows[i].body);
	}
}

Test(sink_message, which_revision)
{
	static const struct {
		const char *body, *revision;
	} rows[] = {
		{ "{\"revision\":\"" SHA "\"}", SHA },
		{ "{\"bad\":\"" OTHER "\",\"revision\":\"" SHA "\"}", OTHER },
		{ "{\"bad\":\"main\",\"revision\":\"" SHA "\"}", SHA },
		{ "{\"bad\":\"../../x\"}", "" },
		{ "{\"bad\":\"0123456\"}", "" },
		{ "{\"bad\":\"" SHA "0\"}", "" },
		{ "{\"bad\":\"0123456789ABCDEF0123456789ABCDEF01234567\"}", "" },
		{ "{\"bad\":7}", "" },
		{ "{}", "" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ledger_row row = row_of("card", rows[i].body);
		struct buf out = { 0 };
		cr_assert_eq(sink_revision(&row, &out), rows[i].revision[0] != '\0');
		cr_assert(span_eq((struct span){ out.p, out.n }, span_of(rows[i].revision)), "%s",
			  rows[i].body);
		buf_fini(&out);
	}
}

Test(sink_message, which_pull_request)
{
	static const struct {
		const char *url;
		uint64_t pull;
	} rows[] = {
		{ "https://github.com/o/r/pull/17", 17 },
		{ "https://github.com/o/r/pull/17/", 17 },
		{ "https://github.com/o/r/pull/17/files", 17 },
		{ "https://github.com/O/R/pull/17#issuecomment-1", 17 },
		{ "https://ghe.example.org/o/r/pull/1?w=1", 1 },
		{ "https://github.com/o/other/pull/17", 0 },
		{ "https://github.com/o/r2/pull/17", 0 },
		{ "https://github.com/o/r/pull/", 0 },
		{ "https://github.com/o/r/pull/x", 0 },
		{ "https://github.com/o/r/pull/1x", 0 },
		{ "https://github.com/o/r/pull/99999999999", 0 },
		{ "https://github.com/o/r/issues/17", 0 },
		{ "https://github.com/o/r", 0 },
		{ "https://github.com", 0 },
		{ "https:/", 0 },
		{ "://", 0 },
		{ "", 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		cr_assert_eq(sink_pull("o/r", span_of(rows[i].url)), rows[i].pull, "%s",
			     rows[i].url);
	cr_assert_eq(sink_pull("o/r", (struct span){ 0 }), 0);
}

/* --- what GitHub is told of a row: "METHOD PATH BODY", one a line --- */

static void github(const struct config_sink *s, const char *kind, const char *body, uint64_t pull,
		   char out[4096])
{
	struct ledger_row row = row_of(kind, body);
	struct sink_messages m;
	size_t n = 0;
	cr_assert_eq(sink_messages_write(&m, s, &row, 1, pull), 0);
	out[0] = '\0';
	for (size_t i = 0; i < m.n; i++)
		n += (size_t)snprintf(out + n, 4096 - n, "%s %s %.*s\n", m.v[i].method,
				      m.v[i].url.p, (int)m.v[i].body.n, m.v[i].body.p);
	sink_messages_fini(&m);
}

static const struct config_sink hub = {
	.kind = SINK_GITHUB, .url = "https://api.example.org/", .token = "t", .repository = "o/r"
};
#define REPO "https://api.example.org/repos/o/r"

/* Nothing is green but the commit that a verified rollback has made. */
Test(sink_message, no_data_is_never_green)
{
	static const struct {
		const char *kind, *body, *failure, *success;
	} rows[] = {
		{ "card", "{\"action\":\"cut\",\"revision\":\"" SHA "\"}", SHA, NULL },
		{ "card", "{\"action\":\"flag\",\"revision\":\"" SHA "\"}", NULL, NULL },
		{ "card", "{\"action\":\"flag\",\"rollback\":true,\"revision\":\"" SHA "\"}", SHA,
		  NULL },
		{ "card", "{\"action\":\"cut\",\"monitor\":true,\"revision\":\"" SHA "\"}", NULL,
		  NULL },
		{ "card", "{\"source\":\"assertion\",\"revision\":\"" SHA "\"}", SHA, NULL },
		{ "card", "{\"action\":\"cut\"}", NULL, NULL },
		{ "rollback", "{\"phase\":\"asked\",\"bad\":\"" SHA "\"}", SHA, NULL },
		{ "rollback", "{\"phase\":\"verified\",\"bad\":\"" SHA "\"}", SHA, NULL },
		{ "rollback",
		  "{\"phase\":\"verified\",\"bad\":\"" SHA "\",\"revision\":\"" SHA "\"}", SHA,
		  NULL },
		{ "rollback",
		  "{\"phase\":\"verified\",\"bad\":\"" SHA "\",\"revision\":\"" OTHER "\"}", SHA,
		  OTHER },
		{ "rollback",
		  "{\"phase\":\"accepted\",\"bad\":\"" SHA "\",\"revision\":\"" OTHER "\"}", SHA,
		  NULL },
		{ "rollback", "{\"phase\":\"verified\",\"revision\":\"" OTHER "\"}", NULL, NULL },
		{ "rollback", "{\"phase\":\"failed\",\"bad\":\"" SHA "\"}", SHA, NULL },
		{ "rollback", "{\"phase\":\"expired\",\"bad\":\"" SHA "\"}", SHA, NULL },
		{ "rollback", "{\"phase\":\"aborted\",\"bad\":\"" SHA "\"}", NULL, NULL },
		{ "change", "{\"revision\":\"" SHA "\"}", NULL, NULL },
		{ "quorum", "{\"verdict\":\"pass\",\"revision\":\"" SHA "\"}", NULL, NULL },
	};
	char said[4096], path[256];
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		github(&hub, rows[i].kind, rows[i].body, 0, said);
		cr_assert_eq(strstr(said, "\"state\":\"failure\"") != NULL, rows[i].failure != NULL,
			     "%s: %s", rows[i].body, said);
		cr_assert_eq(strstr(said, "\"state\":\"success\"") != NULL, rows[i].success != NULL,
			     "%s: %s", rows[i].body, said);
		snprintf(path, sizeof(path), "POST " REPO "/statuses/%s {",
			 rows[i].failure ? rows[i].failure : "");
		if (rows[i].failure)
			cr_assert_not_null(strstr(said, path), "%s: %s", rows[i].body, said);
		snprintf(path, sizeof(path), "POST " REPO "/statuses/%s {",
			 rows[i].success ? rows[i].success : "");
		if (rows[i].success)
			cr_assert_not_null(strstr(said, path), "%s: %s", rows[i].body, said);
	}
}

Test(sink_message, where_a_comment_goes)
{
	char said[4096];
	github(&hub, "change", "{\"revision\":\"" SHA "\",\"title\":\"a `b` @c\\n#1\"}", 0, said);
	cr_assert_str_eq(said,
			 "POST " REPO "/commits/" SHA "/comments {\"body\":\"Redcard: change, "
			 "revision `" SHA "`, title `a 'b' @c #1`, of `01JEXCHANGE`, row "
			 "`01JROW`\"}\n");
	github(&hub, "change", "{\"target\":\"app\"}", 9, said);
	cr_assert_str_eq(said,
			 "POST " REPO "/issues/9/comments {\"body\":\"Redcard: change, target "
			 "`app`, of `01JEXCHANGE`, row `01JROW`\"}\n");
	github(&hub, "change", "{\"target\":\"app\"}", 0, said);
	cr_assert_str_eq(said, "");
	struct config_sink app = hub;
	app.target = "app";
	github(&app, "change", "{\"target\":\"web\"}", 9, said);
	cr_assert_str_eq(said, "");
}

Test(sink_message, values_are_cut_at_characters)
{
	const struct config_sink slack = { .kind = SINK_SLACK, .url = "http://x/" };
	struct sink_messages m;
	struct buf body = { 0 };
	buf_add_text(&body, "{\"title\":\"x");
	for (int i = 0; i < 150; i++)
		buf_add_text(&body, "\u00e9");
	buf_add_text(&body, "\"}");
	buf_add_char(&body, '\0');
	struct ledger_row row = row_of("spec", body.p);
	cr_assert_eq(sink_messages_write(&m, &slack, &row, 1, 0), 0);
	cr_assert_eq(m.n, 1);
	buf_add_char(&m.v[0].body, '\0');
	cr_assert_not_null(strstr(m.v[0].body.p, "\u00e9..., of 01JEXCHANGE, row 01JROW\"}"), "%s",
			   m.v[0].body.p);
	cr_assert_null(strstr(m.v[0].body.p, "\ufffd"));
	sink_messages_fini(&m);
	buf_fini(&body);
}

/* The digest is openssl's: printf '1\n01JROW\n{...}' | openssl dgst -sha256 -hmac key */
Test(sink_message, a_webhook_is_signed)
{
	const struct config_sink s = { .kind = SINK_WEBHOOK, .url = "http://x/", .secret = "key" };
	struct ledger_row row = row_of("spec", "{\"a\":1}");
	struct sink_messages m;
	cr_assert_eq(sink_messages_write(&m, &s, &row, 1, 0), 0);
	cr_assert_eq(m.n, 1);
	const char *const *h = m.v[0].headers;
	cr_assert_str_eq(h[0], "content-type: application/json");
	cr_assert_str_eq(h[1], "x-redcard-time: 1");
	cr_assert_str_eq(h[2], "x-redcard-delivery: 01JROW");
	cr_assert_str_eq(
		h[3],
		"x-redcard-signature: sha256=e1a0b08b6925d29d1b79951015b8e3ac63716e545038252103d2e6f7535b8327");
	cr_assert_null(h[4]);
	sink_messages_fini(&m);
}
