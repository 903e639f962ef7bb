/*
 * Packets of three connections, in any order: whatever they say, nothing is kept when the
 * connections are gone, and the counts come out even.
 *
 * Each packet is six bytes and its own: flags and direction, connection, where (twice), what is
 * acknowledged, how many bytes of the rest it has.
 */
#include "tests/proxy/flow_play.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct config *config;

struct sums {
	uint64_t requests, answers, losses;
};

static void on_request(void *owner, const struct mirror_request *q)
{
	((struct sums *)owner)->requests++;
	CHECK(q->bytes.n > 0 && strlen(q->id) == MIRROR_ID - 1);
}

static void on_answer(void *owner, const struct mirror_answer *a)
{
	((struct sums *)owner)->answers++;
	CHECK(a->framing < FRAMING_COUNT && a->dialect < DIALECT_COUNT && !a->cut);
}

static void on_lost(void *owner, const struct mirror_loss *loss)
{
	(void)loss;
	((struct sums *)owner)->losses++;
}

static void check_even(const struct wiretap *w, const struct sums *sums)
{
	struct wiretap_counts n = wiretap_counts(w);
	const struct mirror_counts *m = &n.flows.mirror;
	CHECK(wiretap_memory(w) == 0 && n.open == 0);
	CHECK(m->sampled == m->captured + m->lost);
	CHECK(m->requests == m->complete + m->incomplete + m->truncated);
	CHECK(m->complete == m->answers + m->answers_lost);
	CHECK(sums->requests == m->complete && sums->answers == m->answers);
	CHECK(sums->losses == m->incomplete + m->truncated);
}

static void reset_all(struct wiretap *w, uint64_t now_ns)
{
	for (uint16_t port = 0; port < 3; port++) {
		struct wiretap_packet p = { .key.peer_port = port,
					    .flags = WIRETAP_RST,
					    .time_ns = now_ns };
		wiretap_take(w, &p);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t random[2] = { 1, 2 };
	struct sums sums = { 0 };
	const struct mirror_sink sink = { on_request, on_answer, on_lost, &sums };
	uint64_t now_ns = 1;
	if (!config)
		config = flow_play_all();
	struct wiretap *w = wiretap_new(config, &sink, random, 0, 1 << 16);
	while (size >= 6) {
		struct wiretap_packet p = {
			.key.peer_port = data[1] % 3,
			.answers = data[0] >> 5 & 1,
			.flags = data[0] & (WIRETAP_SYN | WIRETAP_FIN | WIRETAP_RST | WIRETAP_ACK),
			.sequence = (uint32_t)(data[2] << 8 | data[3]) - 1000u,
			.acknowledged = (uint32_t)(data[4] << 2) - 1000u,
			.time_ns = now_ns += 1000000u * (data[1] >> 2),
		};
		size_t n = min_size(data[5], size - 6);
		char *copy = malloc(n + 1);
		memcpy(copy, data + 6, n);
		p.bytes = (struct span){ copy, p.flags & ~WIRETAP_ACK ? 0 : n };
		wiretap_take(w, &p);
		if (data[0] >> 6 & 1)
			wiretap_tick(w, now_ns);
		CHECK(wiretap_memory(w) <= 1 << 16);
		free(copy);
		data += 6 + n;
		size -= 6 + n;
	}
	reset_all(w, now_ns);
	check_even(w, &sums);
	wiretap_free(w);
	return 0;
}
