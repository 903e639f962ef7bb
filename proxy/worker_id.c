/* Ids of exchanges and audits. */

#include "lib/clock.h"
#include "proxy/exchange.h"
#include "proxy/worker.h"

/* xorshift128+ (Vigna 2014): ids must not collide; they need not be secret. */
static uint64_t next_random(uint64_t random[2])
{
	uint64_t a = random[0], b = random[1];
	random[0] = b;
	a ^= a << 23;
	random[1] = a ^ b ^ (a >> 18) ^ (b >> 5);
	return random[1] + b;
}

void worker_new_id(struct worker *w, char *id)
{
	exchange_new_id(w->random, id);
}

void exchange_new_id(uint64_t random_state[2], char id[EXCHANGE_ID_LENGTH + 1])
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	uint64_t ms = clock_real_ms();
	for (int i = 9; i >= 0; i--, ms >>= 5)
		id[i] = digits[ms & 31];
	uint64_t random = 0;
	for (int i = 10; i < EXCHANGE_ID_LENGTH; i++, random >>= 5) {
		if (i == 10 || i == 18)
			random = next_random(random_state);
		id[i] = digits[random & 31];
	}
	id[EXCHANGE_ID_LENGTH] = '\0';
}
