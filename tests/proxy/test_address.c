#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "proxy/address.h"

static const struct {
	const char *text;
	int family; /* 0: refused */
	int port;
	bool loopback;
} rows[] = {
	{ "127.0.0.1:8080", AF_INET, 8080, true },
	{ "127.1.2.3:1", AF_INET, 1, true },
	{ "10.0.0.1:65535", AF_INET, 65535, false },
	{ ":80", AF_INET, 80, false },
	{ "[::1]:8080", AF_INET6, 8080, true },
	{ "[::]:8080", AF_INET6, 8080, false },
	{ "[2001:db8::1]:443", AF_INET6, 443, false },
	{ "", 0, 0, false },
	{ "8080", 0, 0, false },
	{ "127.0.0.1", 0, 0, false },
	{ "127.0.0.1:", 0, 0, false },
	{ "127.0.0.1:0", 0, 0, false },
	{ "127.0.0.1:65536", 0, 0, false },
	{ "127.0.0.1:-1", 0, 0, false },
	{ "127.0.0.1:80x", 0, 0, false },
	{ "127.0.0.1:4294967376", 0, 0, false },
	{ "127.0.0:80", 0, 0, false },
	{ "localhost:80", 0, 0, false },
	{ "::1:80", 0, 0, false },
	{ "[127.0.0.1]:80", 0, 0, false },
	{ "[::1:80", 0, 0, false },
	{ "[]:80", 0, 0, false },
	{ "[::1%lo]:80", 0, 0, false },
	{ "[00000:00000:00000:00000:00000:00000:00000:00000:00000:00000:00000]:80", 0, 0, false },
};

static int port_of(const struct sockaddr_storage *a)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	memcpy(&v4, a, sizeof(v4));
	memcpy(&v6, a, sizeof(v6));
	return ntohs(a->ss_family == AF_INET ? v4.sin_port : v6.sin6_port);
}

Test(address, every_form)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sockaddr_storage a = { .ss_family = AF_UNSPEC };
		socklen_t len = 0;
		int e = address_parse(rows[i].text, &a, &len);
		cr_assert_eq(e, rows[i].family ? 0 : -EINVAL, "\"%s\"", rows[i].text);
		cr_assert_eq(a.ss_family, rows[i].family, "\"%s\"", rows[i].text);
		if (e < 0)
			continue;
		cr_assert_eq(len, a.ss_family == AF_INET ? sizeof(struct sockaddr_in)
							 : sizeof(struct sockaddr_in6));
		cr_assert_eq(port_of(&a), rows[i].port);
		cr_assert_eq(address_is_loopback(&a), rows[i].loopback, "\"%s\"", rows[i].text);
	}
}
