#include "proxy/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "proxy/units.h"

static int set(const char *host, uint16_t port, struct sockaddr_storage *addr, socklen_t *len)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_storage zero = { 0 };
	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
		*addr = zero;
		memcpy(addr, &v4, sizeof(v4));
		*len = sizeof(v4);
		return 0;
	}
	if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
		*addr = zero;
		memcpy(addr, &v6, sizeof(v6));
		*len = sizeof(v6);
		return 0;
	}
	return -EINVAL;
}

int address_parse(const char *text, struct sockaddr_storage *addr, socklen_t *len)
{
	char host[64] = "0.0.0.0";
	uint64_t port = 0;
	const char *colon = strrchr(text, ':');
	if (!colon || units_count(span_of(colon + 1), &port) != 0 || port < 1 || port > 65535)
		return -EINVAL;
	size_t n = (size_t)(colon - text);
	bool brackets = n >= 2 && text[0] == '[' && colon[-1] == ']';
	if (n >= sizeof(host) || brackets != (n > 0 && memchr(text, ':', n) != NULL))
		return -EINVAL; /* IPv6 stands in brackets, nothing else does */
	if (n > 0)
		snprintf(host, sizeof(host), "%.*s", (int)(brackets ? n - 2 : n), text + brackets);
	return set(host, (uint16_t)port, addr, len);
}

bool address_is_loopback(const struct sockaddr_storage *addr)
{
	if (addr->ss_family == AF_INET) {
		struct sockaddr_in v4;
		memcpy(&v4, addr, sizeof(v4));
		return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
	}
	struct sockaddr_in6 v6;
	memcpy(&v6, addr, sizeof(v6));
	return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}
