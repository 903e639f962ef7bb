/* Numeric socket addresses as people write them: "127.0.0.1:8080", "[::1]:8080", ":8080" (every
 * IPv4 address). */
#ifndef PROXY_ADDRESS_H
#define PROXY_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "lib/base.h"

/* -EINVAL: no such address; names are not looked up. Unused bytes of *addr are zero, so that two
 * compare by memcmp(). */
int address_parse(const char *text, struct sockaddr_storage *addr, socklen_t *len) MUST_USE;

bool address_is_loopback(const struct sockaddr_storage *addr);

#endif
