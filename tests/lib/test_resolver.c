#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/resolver.h"

/* ---- a name server of our own ---- */

static atomic_int lookups;
static atomic_int
	answer; /* n > 0: that many addresses 10.0.0.1 and on; n < 0: an error of getaddrinfo() */
static atomic_bool blocked;

static int fake_lookup(const char *host, uint16_t port, struct resolver_address *out, size_t max,
		       size_t *n)
{
	atomic_fetch_add(&lookups, 1);
	while (atomic_load(&blocked))
		usleep(1000);
	int found = atomic_load(&answer);
	if (found < 0 || strcmp(host, "bad.test") == 0)
		return found < 0 ? found : EAI_NONAME;
	for (*n = 0; *n < (size_t)found && *n < max; (*n)++) {
		memset(&out[*n], 0, sizeof(out[*n]));
		out[*n].v4.sin_family = AF_INET;
		out[*n].v4.sin_port = htons(port);
		out[*n].v4.sin_addr.s_addr = htonl(0x0a000001 + (uint32_t)*n);
		out[*n].n = sizeof(out[*n].v4);
	}
	return 0;
}

static const struct resolver_source fake = { fake_lookup };

static struct resolver *fake_new(uint32_t resolve_ms, int first_answer)
{
	struct resolver *r = NULL;
	atomic_store(&lookups, 0);
	atomic_store(&blocked, false);
	atomic_store(&answer, first_answer);
	cr_assert_eq(resolver_new(resolve_ms, &fake, &r), 0);
	return r;
}

/* Waits until that many lookups have begun; the thread publishes one before it begins the next. */
static void await_lookups(int n)
{
	int from = atomic_load(&lookups);
	while (atomic_load(&lookups) < from + n)
		usleep(1000);
}

Test(resolver, literals_need_no_thread, .timeout = 20)
{
	static const struct {
		const char *host;
		int family;
	} cases[] = { { "127.0.0.1", AF_INET }, { "::1", AF_INET6 }, { "[::1]", AF_INET6 } };
	struct resolver *r = fake_new(1000, 1);
	struct resolver_address out[4];
	const char *error;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct resolver_name *name = resolver_add(r, cases[i].host, 8443);
		cr_assert_eq(resolver_status(name, &error), RESOLVER_GOOD);
		cr_assert_str_eq(error, "");
		cr_assert_eq(resolver_wait(name, 0), 0);
		cr_assert_eq(resolver_addresses(name, out, 4), 1);
		cr_assert_eq(out[0].any.sa_family, cases[i].family);
		cr_assert_eq(ntohs(out[0].v4.sin_port), 8443,
			     "the port lies at the same place in both families");
	}
	cr_assert_eq(atomic_load(&lookups), 0);
	resolver_free(r);
}

Test(resolver, a_name_becomes_a_list, .timeout = 20)
{
	struct resolver *r = fake_new(60000, 3);
	struct resolver_address out[4];
	const char *error;
	struct resolver_name *name = resolver_add(r, "good.test", 443);
	cr_assert_eq(resolver_wait(name, 10000), 0);
	cr_assert_eq(resolver_status(name, &error), RESOLVER_GOOD);
	cr_assert_eq(resolver_addresses(name, out, 4), 3);
	cr_assert_eq(ntohl(out[2].v4.sin_addr.s_addr), 0x0a000003);
	cr_assert_eq(resolver_addresses(name, out, 2), 2);
	cr_assert_eq(resolver_add(r, "good.test", 443), name, "the same name");
	cr_assert_neq(resolver_add(r, "good.test", 444), name);
	resolver_free(r);
}

Test(resolver, a_failure_keeps_the_last_list, .timeout = 20)
{
	struct resolver *r = fake_new(1, 2);
	struct resolver_address out[4];
	const char *error;
	struct resolver_name *name = resolver_add(r, "good.test", 443);
	cr_assert_eq(resolver_wait(name, 10000), 0);
	atomic_store(&answer, EAI_AGAIN);
	await_lookups(3);
	cr_assert_eq(resolver_status(name, &error), RESOLVER_FAILED);
	cr_assert_str_eq(error, gai_strerror(EAI_AGAIN));
	cr_assert_eq(resolver_addresses(name, out, 4), 2);
	atomic_store(&answer, 4);
	await_lookups(3);
	cr_assert_eq(resolver_status(name, &error), RESOLVER_GOOD);
	cr_assert_eq(resolver_addresses(name, out, 4), 4);
	resolver_free(r);
}

Test(resolver, a_name_that_never_was, .timeout = 20)
{
	struct resolver *r = fake_new(60000, 1);
	struct resolver_address out[1];
	const char *error;
	struct resolver_name *name = resolver_add(r, "bad.test", 443);
	cr_assert_eq(resolver_wait(name, 10000), 0, "a bad answer is an answer");
	cr_assert_eq(resolver_status(name, &error), RESOLVER_FAILED);
	cr_assert_str_eq(error, gai_strerror(EAI_NONAME));
	cr_assert_eq(resolver_addresses(name, out, 1), 0);
	resolver_free(r);
}

Test(resolver, waiting_and_freeing_do_not_wait_for_a_hung_lookup, .timeout = 20)
{
	struct resolver *r = fake_new(60000, 1);
	const char *error;
	atomic_store(&blocked, true);
	struct resolver_name *name = resolver_add(r, "good.test", 443);
	while (atomic_load(&lookups) == 0)
		usleep(1000);
	cr_assert_eq(resolver_wait(name, 20), -ETIMEDOUT);
	cr_assert_eq(resolver_status(name, &error), RESOLVER_NEVER);
	resolver_free(r);
	atomic_store(&blocked, false);
	usleep(20000); /* lets the thread end, for the leak checker */
	resolver_free(NULL);
}

static void *read_often(void *data)
{
	struct resolver_address out[RESOLVER_ADDRESSES_MAX];
	for (int i = 0; i < 20000; i++) {
		size_t n = resolver_addresses(data, out, RESOLVER_ADDRESSES_MAX);
		for (size_t k = 0; k < n;
		     k++) { /* a list is never half of one and half of another */
			if (ntohl(out[k].v4.sin_addr.s_addr) != 0x0a000001 + k)
				return data;
		}
	}
	return NULL;
}

Test(resolver, readers_beside_the_thread, .timeout = 60)
{
	struct resolver *r = fake_new(1, RESOLVER_ADDRESSES_MAX + 5);
	struct resolver_name *name = resolver_add(r, "good.test", 443);
	struct resolver_address out[RESOLVER_ADDRESSES_MAX];
	pthread_t readers[3];
	void *wrong;
	cr_assert_eq(resolver_wait(name, 10000), 0);
	cr_assert_eq(resolver_addresses(name, out, RESOLVER_ADDRESSES_MAX), RESOLVER_ADDRESSES_MAX);
	for (size_t i = 0; i < ARRAY_LEN(readers); i++)
		pthread_create(&readers[i], NULL, read_often, name);
	for (int i = 1; i < 5; i++) {
		atomic_store(&answer, i);
		await_lookups(2);
	}
	for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
		pthread_join(readers[i], &wrong);
		cr_assert_null(wrong);
	}
	resolver_free(r);
}

Test(resolver, the_system_knows_localhost, .timeout = 30)
{
	struct resolver *r = NULL;
	struct resolver_address out[RESOLVER_ADDRESSES_MAX];
	cr_assert_eq(resolver_new(60000, NULL, &r), 0);
	struct resolver_name *name = resolver_add(r, "localhost", 80);
	cr_assert_eq(resolver_wait(name, 20000), 0);
	cr_assert_gt(resolver_addresses(name, out, RESOLVER_ADDRESSES_MAX), 0);
	cr_assert_eq(ntohs(out[0].v4.sin_port), 80);
	resolver_free(r);
}
