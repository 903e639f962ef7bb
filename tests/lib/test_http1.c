#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/lib/http1_play.h"

struct example {
	const char *bytes;
	const char *line;
	const char *method;
};

static void same(const struct example *e, const char *line, const char *how, size_t at)
{
	cr_assert_str_eq(line, e->line, "%s %zu of:\n%s\ngot:      %s\nexpected: %s", how, at,
			 e->bytes, line, e->line);
}

/* Every split point, byte by byte, and all ways to take a body. */
static void check(enum http1_kind kind, const struct example *e)
{
	static const size_t slices[] = { 0, 1, 3, 64 };
	size_t n = strlen(e->bytes);
	for (size_t s = 0; s < ARRAY_LEN(slices); s++) {
		struct play setup = {
			.kind = kind, .method = e->method, .slices = slices[s], .drop_head = s & 1
		};
		for (size_t first = 0; first <= n; first++) {
			char *line = play(setup, e->bytes, n, first, n);
			same(e, line, "split at", first);
			free(line);
		}
		for (size_t step = 1; step < 4; step++) {
			char *line = play(setup, e->bytes, n, step, step);
			same(e, line, "steps of", step);
			free(line);
		}
	}
}

static void check_all(enum http1_kind kind, const struct example *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check(kind, &v[i]);
}

#define H "Host: a\r\n"
#define G(headers) "GET / HTTP/1.1\r\n" headers "\r\n"
#define P(headers, body) "POST / HTTP/1.1\r\n" H headers "\r\n" body
#define CHUNKS(body) P("Transfer-Encoding: chunked\r\n", body)
#define CHUNKED_HEAD "H(POST / host=a 1.1 keep chunked)[Host=a][Transfer-Encoding=chunked]"

Test(http1, requests_with_one_meaning)
{
	static const struct example v[] = {
		{ "", "M", NULL },
		{ "\r\n", "M", NULL },
		{ G(H), "H(GET / host=a 1.1 keep none)[Host=a]EM", NULL },
		{ "\r\n" G(H), "H(GET / host=a 1.1 keep none)[Host=a]EM", NULL },
		{ G(H) G(H),
		  "H(GET / host=a 1.1 keep none)[Host=a]EH(GET / host=a 1.1 keep none)[Host=a]EM",
		  NULL },
		{ G(H "X:\r\nY:  b \t c \t\r\nZ: \xc3\xa4\r\n"),
		  "H(GET / host=a 1.1 keep none)[Host=a][X=][Y=b \t c][Z=\xc3\xa4]EM", NULL },
		{ "GET /a?b=c&d={e}|f HTTP/1.0\r\n\r\n", "H(GET /a?b=c&d={e}|f host= 1.0 none)EM",
		  NULL },
		{ "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
		  "H(GET / host= 1.0 keep none)[Connection=Keep-Alive]EM", NULL },
		{ G(H "Connection: x, close\r\n"),
		  "H(GET / host=a 1.1 none)[Host=a][Connection=x, close]EM", NULL },
		{ G(H "Connection: close\r\n") G(H),
		  "H(GET / host=a 1.1 none)[Host=a][Connection=close]EH(GET / host=a 1.1 keep none)[Host=a]EM",
		  NULL },
		{ P("Content-Length: 5\r\n", "hello") G(H),
		  "H(POST / host=a 1.1 keep length=5)[Host=a][Content-Length=5]B(hello)E"
		  "H(GET / host=a 1.1 keep none)[Host=a]EM",
		  NULL },
		{ P("Content-Length: 0\r\n", ""),
		  "H(POST / host=a 1.1 keep length=0)[Host=a][Content-Length=0]EM", NULL },
		{ P("Content-Length: 005\r\nExpect: 100-Continue\r\n", "hello"),
		  "H(POST / host=a 1.1 keep expect length=5)[Host=a][Content-Length=005][Expect=100-Continue]B(hello)EM",
		  NULL },
		{ CHUNKS("5\r\nhello\r\n0003\r\n\r\n!\r\n0\r\n\r\n") G(H),
		  CHUNKED_HEAD "B(hello\r\n!)EH(GET / host=a 1.1 keep none)[Host=a]EM", NULL },
		{ CHUNKS("5;a=b;c;d=\"e f\"\r\nhello\r\nA\r\n0123456789\r\n0;x\r\n\r\n"),
		  CHUNKED_HEAD "B(hello0123456789)EM", NULL },
		{ CHUNKS("1\r\nx\r\n0\r\nT: v \r\nU:\r\n\r\n") G(H),
		  CHUNKED_HEAD "B(x)E[T=v][U=]H(GET / host=a 1.1 keep none)[Host=a]EM", NULL },
		{ CHUNKS("0\r\n\r\n"), CHUNKED_HEAD "EM", NULL },
		{ P("transfer-encoding:Chunked\r\n", "0\r\n\r\n"),
		  "H(POST / host=a 1.1 keep chunked)[Host=a][transfer-encoding=Chunked]EM", NULL },
		{ G(H "Connection: Upgrade\r\nUpgrade: websocket\r\n") "after",
		  "H(GET / host=a 1.1 keep upgrade none)[Host=a][Connection=Upgrade][Upgrade=websocket]ER(bad_method)",
		  NULL },
		{ P("Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n", "ok") G(H),
		  "H(POST / host=a 1.1 keep upgrade length=2)[Host=a][Connection=upgrade][Upgrade=h2c][Content-Length=2]B(ok)E"
		  "H(GET / host=a 1.1 keep none)[Host=a]EM",
		  NULL },
		{ "OPTIONS * HTTP/1.1\r\n" H "\r\n", "H(OPTIONS * host=a 1.1 keep none)[Host=a]EM",
		  NULL },
		{ "GET http://A:80/x?y HTTP/1.1\r\n" H "\r\n",
		  "H(GET /x?y host=A:80 1.1 keep none)[Host=a]EM", NULL },
		{ "GET https://a HTTP/1.1\r\nHost: a:443\r\n\r\n",
		  "H(GET / host=a 1.1 keep none)[Host=a:443]EM", NULL },
		{ "OPTIONS http://a HTTP/1.0\r\n\r\n", "H(OPTIONS * host=a 1.0 none)EM", NULL },
		{ G("Host: [::1]:8080\r\n"),
		  "H(GET / host=[::1]:8080 1.1 keep none)[Host=[::1]:8080]EM", NULL },
	};
	check_all(HTTP1_REQUEST, v, ARRAY_LEN(v));
}

Test(http1, requests_that_are_cut_short)
{
	static const struct example v[] = {
		{ "G", "R(truncated)", NULL },
		{ "GET / HTTP/1.1\r\nHost: a\r\n", "R(truncated)", NULL },
		{ P("Content-Length: 5\r\n", "hell"),
		  "H(POST / host=a 1.1 keep length=5)[Host=a][Content-Length=5]B(hell)R(truncated)",
		  NULL },
		{ CHUNKS("5\r\nhello\r\n0\r\n"), CHUNKED_HEAD "B(hello)R(truncated)", NULL },
		{ CHUNKS("5\r\nhello\r\n"), CHUNKED_HEAD "B(hello)R(truncated)", NULL },
	};
	check_all(HTTP1_REQUEST, v, ARRAY_LEN(v));
}

Test(http1, requests_refused_for_their_start_line)
{
	static const struct example v[] = {
		{ "GET /\r\n\r\n", "R(bad_version)", NULL },
		{ "GET / HTTP/0.9\r\n" H "\r\n", "R(bad_version)", NULL },
		{ "GET / HTTP/2.0\r\n" H "\r\n", "R(bad_version)", NULL },
		{ "GET / HTTP/1.2\r\n" H "\r\n", "R(bad_version)", NULL },
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "R(bad_method)", NULL },
		{ "CONNECT a:443 HTTP/1.1\r\n" H "\r\n", "R(bad_method)", NULL },
		{ "TRACE / HTTP/1.1\r\n" H "\r\n", "R(bad_method)", NULL },
		{ "SOURCE / ICE/1.0\r\n\r\n", "R(bad_method)", NULL },
		{ "get / HTTP/1.1\r\n" H "\r\n", "R(bad_method)", NULL },
		{ "\n" G(H), "R(malformed)", NULL },
		{ "\r\n\r\n" G(H), "R(malformed)", NULL },
		{ "\r\r\n" G(H), "R(malformed)", NULL },
		{ "\rGET", "R(malformed)", NULL },
		{ "GET  / HTTP/1.1\r\n" H "\r\n", "R(malformed)", NULL },
		{ "GET /a b HTTP/1.1\r\n" H "\r\n", "R(malformed)", NULL },
		{ "GET /  HTTP/1.1\r\n" H "\r\n", "R(malformed)", NULL },
		{ " GET / HTTP/1.1\r\n" H "\r\n", "R(bad_method)", NULL },
		{ "GET\t/ HTTP/1.1\r\n" H "\r\n", "R(bad_method)", NULL },
		{ "GET / HTTP/1.1 \r\n" H "\r\n", "R(bad_version)", NULL },
		{ "GET / HTTP/ 1.1\r\n" H "\r\n", "R(bad_version)", NULL },
		{ "GET / HTTP/01.1\r\n" H "\r\n", "R(bad_version)", NULL },
		{ "GET / HTTP/1.10\r\n" H "\r\n", "R(bad_version)", NULL },
		{ "GET / http/1.1\r\n" H "\r\n", "R(malformed)", NULL },
		{ "GET / HTTPS/1.1\r\n" H "\r\n", "R(malformed)", NULL },
		{ "GET / ICE/1.0\r\n" H "\r\n", "R(malformed)", NULL },
		{ "GET / RTSP/1.0\r\n" H "\r\n", "R(malformed)", NULL },
		{ "GET a HTTP/1.1\r\n" H "\r\n", "R(bad_target)", NULL },
		{ "GET * HTTP/1.1\r\n" H "\r\n", "R(bad_target)", NULL },
		{ "GET /#f HTTP/1.1\r\n" H "\r\n", "R(bad_target)", NULL },
		{ "GET /a\\b HTTP/1.1\r\n" H "\r\n", "R(bad_target)", NULL },
		{ "GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n", "R(bad_target)", NULL },
		{ "GET /\x01 HTTP/1.1\r\n" H "\r\n", "R(bad_target)", NULL },
		{ "GET /\x7f HTTP/1.1\r\n" H "\r\n", "R(bad_target)", NULL },
		{ "GET /\t HTTP/1.1\r\n" H "\r\n", "R(bad_target)", NULL },
		{ "GET ftp://a/ HTTP/1.1\r\n" H "\r\n", "R(bad_target)", NULL },
		{ "GET http://a?x HTTP/1.1\r\n" H "\r\n", "R(bad_target)", NULL },
		{ "GET http:///x HTTP/1.1\r\n" H "\r\n", "R(bad_host)", NULL },
		{ "GET http://u@a/ HTTP/1.1\r\n" H "\r\n", "R(bad_host)", NULL },
		{ "GET http://b/ HTTP/1.1\r\n" H "\r\n", "R(bad_host)", NULL },
		{ "GET http://a:81/ HTTP/1.1\r\n" H "\r\n", "R(bad_host)", NULL },
		{ "GET https://a:80/ HTTP/1.1\r\n" H "\r\n", "R(bad_host)", NULL },
	};
	check_all(HTTP1_REQUEST, v, ARRAY_LEN(v));
}

Test(http1, requests_refused_for_their_headers)
{
	static const struct example v[] = {
		{ G(""), "R(bad_host)", NULL },
		{ G("Host:\r\n"), "R(bad_host)", NULL },
		{ G(H H), "R(bad_host)", NULL },
		{ G("Host: a\r\nhOST: b\r\n"), "R(bad_host)", NULL },
		{ G("Host: a,b\r\n"), "R(bad_host)", NULL },
		{ G("Host: a b\r\n"), "R(bad_host)", NULL },
		{ G("Host: a/b\r\n"), "R(bad_host)", NULL },
		{ G("Host: u@a\r\n"), "R(bad_host)", NULL },
		{ G("Host: a:\r\n"), "R(bad_host)", NULL },
		{ G("Host: a:0\r\n"), "R(bad_host)", NULL },
		{ G("Host: a:65536\r\n"), "R(bad_host)", NULL },
		{ G("Host: a:8x\r\n"), "R(bad_host)", NULL },
		{ G("Host: :80\r\n"), "R(bad_host)", NULL },
		{ G("Host: [::1\r\n"), "R(bad_host)", NULL },
		{ G("Host: [::g]\r\n"), "R(bad_host)", NULL },
		{ G("Host: []\r\n"), "R(bad_host)", NULL },
		{ G("Host: [::1]x\r\n"), "R(bad_host)", NULL },
		{ G("Host: \xc3\xa4\r\n"), "R(bad_host)", NULL },
		{ G(H ": x\r\n"), "R(bad_header)", NULL },
		{ G(H "X : y\r\n"), "R(bad_header)", NULL },
		{ G(H "X\t: y\r\n"), "R(bad_header)", NULL },
		{ G(H "X\r\n"), "R(bad_header)", NULL },
		{ G(H "X: y\r\n z\r\n"), "R(bad_header)", NULL },
		{ G(H "X: y\r\n\tz\r\n"), "R(bad_header)", NULL },
		{ G(" " H), "R(bad_header)", NULL },
		{ G(H "X\xc3\xa4: y\r\n"), "R(bad_header)", NULL },
		{ G(H "X(: y\r\n"), "R(bad_header)", NULL },
		{ G(H "X: \x01\r\n"), "R(bad_header)", NULL },
		{ G(H "X: a long value, then \x1f control\r\n"), "R(bad_header)", NULL },
		{ G(H "X: \x7f\r\n"), "R(bad_header)", NULL },
		{ G(H "X: y\rZ: z\r\n"), "R(malformed)", NULL },
		{ G(H "X: y\nZ: z\r\n"), "R(malformed)", NULL },
		{ "GET / HTTP/1.1\r\n" H "\r\rX", "R(malformed)", NULL },
		{ "GET / HTTP/1.1\r\n" H "\n", "R(malformed)", NULL },
		{ "GET / HTTP/1.1\n" H "\r\n", "R(malformed)", NULL },
		{ "GET / HTTP/1.1\r\r" H "\r\n", "R(malformed)", NULL },
		{ G(H "Connection: keep-alive, Host\r\n"), "R(bad_header)", NULL },
		{ P("Connection: content-length\r\nContent-Length: 1\r\n", "x"), "R(bad_header)",
		  NULL },
	};
	check_all(HTTP1_REQUEST, v, ARRAY_LEN(v));
}

Test(http1, requests_refused_for_their_framing)
{
	static const struct example v[] = {
		{ P("Content-Length: 1\r\nContent-Length: 1\r\n", "x"), "R(bad_length)", NULL },
		{ P("Content-Length: 1\r\nContent-Length: 2\r\n", "x"), "R(bad_length)", NULL },
		{ P("Content-Length: 1, 1\r\n", "x"), "R(bad_length)", NULL },
		{ P("Content-Length:\r\n", ""), "R(bad_length)", NULL },
		{ P("Content-Length: +1\r\n", "x"), "R(bad_length)", NULL },
		{ P("Content-Length: -1\r\n", "x"), "R(bad_length)", NULL },
		{ P("Content-Length: 0x1\r\n", "x"), "R(bad_length)", NULL },
		{ P("Content-Length: 1 1\r\n", "x"), "R(bad_length)", NULL },
		{ P("Content-Length: 9223372036854775808\r\n", "x"), "R(bad_length)", NULL },
		{ P("Content-Length: 18446744073709551617\r\n", "x"), "R(bad_length)", NULL },
		{ P("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", "0\r\n\r\n"),
		  "R(bad_encoding)", NULL },
		{ P("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
		  "R(bad_encoding)", NULL },
		{ P("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", ""),
		  "R(bad_encoding)", NULL },
		{ P("Transfer-Encoding: identity\r\n", ""), "R(bad_encoding)", NULL },
		{ P("Transfer-Encoding: gzip, chunked\r\n", ""), "R(bad_encoding)", NULL },
		{ P("Transfer-Encoding: chunked, identity\r\n", ""), "R(bad_encoding)", NULL },
		{ P("Transfer-Encoding: \"chunked\"\r\n", ""), "R(bad_encoding)", NULL },
		{ P("Transfer-Encoding: chunked;q=1\r\n", ""), "R(bad_encoding)", NULL },
		{ P("Transfer-Encoding: xchunked\r\n", ""), "R(bad_encoding)", NULL },
		{ P("Transfer-Encoding: \x0b"
		    "chunked\r\n",
		    ""),
		  "R(bad_header)", NULL },
		{ P("Transfer-Encoding: ,chunked\r\n", ""), "R(bad_encoding)", NULL },
		{ P("Transfer-Encoding:\r\n", ""), "R(bad_encoding)", NULL },
		{ "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		  "R(bad_encoding)", NULL },
	};
	check_all(HTTP1_REQUEST, v, ARRAY_LEN(v));
}

Test(http1, chunks_refused)
{
	static const struct example v[] = {
		{ CHUNKS("5\r\nhelloXX"), CHUNKED_HEAD "B(hello)R(bad_chunk)", NULL },
		{ CHUNKS("5\r\nhello\n"), CHUNKED_HEAD "B(hello)R(bad_chunk)", NULL },
		{ CHUNKS("5\nhello\r\n"), CHUNKED_HEAD "R(bad_chunk)", NULL },
		{ CHUNKS("5\r\rhello\r\n"), CHUNKED_HEAD "R(bad_chunk)", NULL },
		{ CHUNKS("5\r\nhello\r\r0\r\n"), CHUNKED_HEAD "B(hello)R(bad_chunk)", NULL },
		{ CHUNKS("0\r\n\r\r"), CHUNKED_HEAD "R(bad_chunk)", NULL },
		{ CHUNKS("0\r\n\n"), CHUNKED_HEAD "R(bad_header)", NULL },
		{ CHUNKS("0\n\n"), CHUNKED_HEAD "R(bad_chunk)", NULL },
		{ CHUNKS("0\r\nT: v\r\rX: y\r\n\r\n"), CHUNKED_HEAD "R(bad_chunk)", NULL },
		{ CHUNKS("0\r\nT: v\nX: y\r\n\r\n"), CHUNKED_HEAD "R(bad_chunk)", NULL },
		{ CHUNKS("0\r\nT: v\r\n\rX"), CHUNKED_HEAD "R(bad_chunk)", NULL },
		{ CHUNKS("5 \r\nhello\r\n"), CHUNKED_HEAD "R(bad_chunk)", NULL },
		{ CHUNKS(" 5\r\nhello\r\n"), CHUNKED_HEAD "R(bad_chunk)", NULL },
		{ CHUNKS("0x5\r\nhello\r\n"), CHUNKED_HEAD "R(bad_chunk)", NULL },
		{ CHUNKS("-5\r\nhello\r\n"), CHUNKED_HEAD "R(bad_chunk)", NULL },
		{ CHUNKS("\r\nhello\r\n"), CHUNKED_HEAD "R(bad_chunk)", NULL },
		{ CHUNKS("g\r\n"), CHUNKED_HEAD "R(bad_chunk)", NULL },
		{ CHUNKS("10000000000000000\r\n"), CHUNKED_HEAD "R(bad_chunk)", NULL },
		{ CHUNKS("fffffffffffffffff\r\n"), CHUNKED_HEAD "R(bad_chunk)", NULL },
		{ CHUNKS("5;a\nb\r\nhello\r\n"), CHUNKED_HEAD "R(bad_chunk)", NULL },
		{ CHUNKS("5;a\rb\r\nhello\r\n"), CHUNKED_HEAD "R(bad_chunk)", NULL },
		{ CHUNKS("5;a=\"b\r\n\"\r\nhello\r\n"), CHUNKED_HEAD "R(bad_chunk)", NULL },
		{ CHUNKS("0\r\nX"), CHUNKED_HEAD "R(truncated)", NULL },
		{ CHUNKS("0\r\nX : y\r\n\r\n"), CHUNKED_HEAD "R(bad_header)", NULL },
		{ CHUNKS("0\r\nX: y\r\n z\r\n\r\n"), CHUNKED_HEAD "R(bad_header)", NULL },
		{ CHUNKS("0\r\nContent-Length: 5\r\n\r\n"), CHUNKED_HEAD "R(bad_header)", NULL },
		{ CHUNKS("0\r\nTransfer-Encoding: chunked\r\n\r\n"), CHUNKED_HEAD "R(bad_header)",
		  NULL },
		{ CHUNKS("0\r\nHost: b\r\n\r\n"), CHUNKED_HEAD "R(bad_header)", NULL },
	};
	check_all(HTTP1_REQUEST, v, ARRAY_LEN(v));
}

#define OK200(headers) "HTTP/1.1 200 OK\r\n" headers "\r\n"

Test(http1, responses_with_one_meaning)
{
	static const struct example v[] = {
		{ OK200("Content-Length: 2\r\n") "ok",
		  "H(200 OK 1.1 keep length=2)[Content-Length=2]B(ok)EM", "GET" },
		{ OK200("Transfer-Encoding: chunked\r\n") "2\r\nok\r\n0\r\n\r\n",
		  "H(200 OK 1.1 keep chunked)[Transfer-Encoding=chunked]B(ok)EM", "POST" },
		{ OK200("") "until the end", "H(200 OK 1.1 until-close)B(until the end)E", "GET" },
		{ "HTTP/1.0 404 Not \xc3\xa4 Found\r\n\r\n",
		  "H(404 Not \xc3\xa4 Found 1.0 until-close)E", "GET" },
		{ "HTTP/1.1 204\r\n\r\n", "H(204  1.1 keep none)EM", "GET" },
		{ "HTTP/1.1 204 \r\nContent-Length: 0\r\n\r\n",
		  "H(204  1.1 keep none)[Content-Length=0]EM", "GET" },
		{ "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
		  "H(304 Not Modified 1.1 keep none)[Content-Length=5]EM", "GET" },
		{ OK200("Content-Length: 5\r\n"), "H(200 OK 1.1 keep none)[Content-Length=5]EM",
		  "HEAD" },
		{ OK200("Transfer-Encoding: chunked\r\n"),
		  "H(200 OK 1.1 keep none)[Transfer-Encoding=chunked]EM", "HEAD" },
		{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK200(
			  "Content-Length: 2\r\n") "ok",
		  "H(100 Continue 1.1 keep none)EH(103 Early Hints 1.1 keep none)[Link=x]E"
		  "H(200 OK 1.1 keep length=2)[Content-Length=2]B(ok)EM",
		  "POST" },
		{ "HTTP/1.1 199 X\r\n\r\n" OK200("Content-Length: 9\r\n"),
		  "H(199 X 1.1 keep none)EH(200 OK 1.1 keep none)[Content-Length=9]EM", "HEAD" },
		{ "HTTP/1.1 101 Y\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
		  "H(101 Y 1.1 keep upgrade none)[Connection=upgrade][Upgrade=x]EM", "GET" },
		{ OK200("Connection: close\r\nContent-Length: 0\r\n"),
		  "H(200 OK 1.1 length=0)[Connection=close][Content-Length=0]EM", "GET" },
	};
	check_all(HTTP1_RESPONSE, v, ARRAY_LEN(v));
}

Test(http1, responses_refused)
{
	static const struct example v[] = {
		{ OK200("Content-Length: 1\r\nContent-Length: 1\r\n"), "R(bad_length)", "GET" },
		{ OK200("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), "R(bad_encoding)",
		  "GET" },
		{ OK200("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"), "R(bad_encoding)",
		  "GET" },
		{ OK200("Transfer-Encoding: gzip\r\n"), "R(bad_encoding)", "GET" },
		{ OK200("Transfer-Encoding: gzip, chunked\r\n"), "R(bad_encoding)", "GET" },
		{ OK200("Transfer-Encoding: gzip\r\n"), "R(bad_encoding)", "HEAD" },
		{ "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "R(bad_encoding)",
		  "GET" },
		{ "HTTP/1.1 204 X\r\nContent-Length: 1\r\n\r\nx", "R(bad_length)", "GET" },
		{ "HTTP/1.1 100 X\r\nTransfer-Encoding: chunked\r\n\r\n", "R(bad_encoding)",
		  "GET" },
		{ "HTTP/1.1 600 X\r\n\r\n", "R(malformed)", "GET" },
		{ "HTTP/1.1 099 X\r\n\r\n", "R(malformed)", "GET" },
		{ "HTTP/2.0 200 OK\r\n\r\n", "R(bad_version)", "GET" },
		{ "HTTP/0.9 200 OK\r\n\r\n", "R(bad_version)", "GET" },
		{ "ICY 200 OK\r\n\r\n", "R(malformed)", "GET" },
		{ "\r\n" OK200(""), "R(malformed)", "GET" },
		{ "HTTP/1.1 200 O\x01K\r\n\r\n", "R(malformed)", "GET" },
		{ "HTTP/1.1  200 OK\r\n\r\n", "R(malformed)", "GET" },
		{ "HTTP/1.1\t200 OK\r\n\r\n", "R(bad_version)", "GET" },
		{ "HTTP/1.1 20 OK\r\n\r\n", "R(malformed)", "GET" },
		{ "HTTP/1.1 2000 OK\r\n\r\n", "R(malformed)", "GET" },
		{ "HTTP/1.1 200 OK\r\rContent-Length: 4\r\n\r\nEvil", "R(malformed)", "GET" },
		{ "HTTP/1.1 200\r\rContent-Length: 4\r\n\r\nEvil", "R(malformed)", "GET" },
		{ "HTTP/1.1 200 OK\nX: y\r\n\r\n", "R(malformed)", "GET" },
		{ OK200("X : y\r\n"), "R(bad_header)", "GET" },
		{ OK200("Content-Length: 0\r\n") "stray",
		  "H(200 OK 1.1 keep length=0)[Content-Length=0]ER(malformed)", "GET" },
	};
	check_all(HTTP1_RESPONSE, v, ARRAY_LEN(v));
}
