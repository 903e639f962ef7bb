/* Ids of exchanges: 10 characters of time, 16 of randomness, sortable (Crockford base 32), and a
 * NUL. */
#ifndef PROXY_EXCHANGE_ID_H
#define PROXY_EXCHANGE_ID_H

#include <stdint.h>

#define EXCHANGE_ID_LENGTH 26

/* random_state: seeded once, by its owner; not all zero. */
void exchange_new_id(uint64_t random_state[2], char id[EXCHANGE_ID_LENGTH + 1]);

#endif
