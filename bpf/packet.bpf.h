/*
 * What the eBPF programs share: where TCP begins in a packet, and its bytes into the ring, in
 * records of one of three sizes. Nobody is woken. For one program each, which defines before it
 * includes this:
 *
 *   RECORD        the struct that stands before the bytes; it has a `length`
 *   RECORD_PLACE  its member that says where the bytes belong, and grows with what was copied
 */
#ifndef BPF_PACKET_BPF_H
#define BPF_PACKET_BPF_H

#include "bpf/sizes.h"

#define PASS 1 /* what becomes of the packet, always */
#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define TCP 6
#define HOP_BY_HOP 0
#define TCP_FIN 1
#define TCP_SYN 2
#define TCP_RST 4
#define TCP_ACK 16
#define RECORDS_MOST 36 /* of one packet: half a megabyte, with BIG TCP */

#define barrier_var(var) asm volatile("" : "+r"(var))

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 24); /* the loader sets it */
} ring SEC(".maps");

struct small {
	RECORD head;
	char bytes[TAP_SMALL];
};
struct middle {
	RECORD head;
	char bytes[TAP_MIDDLE];
};
struct large {
	RECORD head;
	char bytes[TAP_LARGE];
};

/* One record of at most that many bytes: how many it took, 0 when there is no room. */
#define COPY(kind, most)                                                          \
	static __always_inline __u32 copy_##kind(struct __sk_buff *skb, __u32 at, \
						 const RECORD *head, __u32 n)     \
	{                                                                         \
		struct kind *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);       \
		if (!r)                                                           \
			return 0;                                                 \
		barrier_var(n);                                                   \
		if (n > (most))                                                   \
			n = (most);                                               \
		if (n == 0 || bpf_skb_load_bytes(skb, at, r->bytes, n) != 0) {    \
			bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);                 \
			return 0;                                                 \
		}                                                                 \
		r->head = *head;                                                  \
		r->head.length = n;                                               \
		bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);                          \
		return n;                                                         \
	}

COPY(small, TAP_SMALL)
COPY(middle, TAP_MIDDLE)
COPY(large, TAP_LARGE)

/* n bytes of the packet. How many of them found room. */
static __always_inline __u32 copy_bytes(struct __sk_buff *skb, __u32 at, RECORD *head, __u32 n)
{
	__u32 left = n;
	for (int i = 0; i < RECORDS_MOST && left > 0; i++) {
		__u32 took;
		if (left <= TAP_SMALL)
			took = copy_small(skb, at, head, left);
		else if (left <= TAP_MIDDLE)
			took = copy_middle(skb, at, head, left);
		else
			took = copy_large(skb, at, head, left);
		if (took == 0 || took > left)
			break;
		at += took;
		head->RECORD_PLACE += took;
		left -= took;
	}
	return n - left;
}

struct tcp_head {
	__be16 from, to;
	__be32 seq, ack;
	__u8 offset, flags;
} __attribute__((packed));

/* Where the TCP header begins; 0: this is none. */
static __always_inline __u32 tcp_at(struct __sk_buff *skb)
{
	__u8 first = 0, next = 0;
	if (bpf_skb_load_bytes(skb, 0, &first, 1) != 0)
		return 0;
	if (first >> 4 == 4) {
		if (bpf_skb_load_bytes(skb, 9, &next, 1) != 0 || next != TCP)
			return 0;
		return (first & 15) * 4;
	}
	if (first >> 4 != 6 || bpf_skb_load_bytes(skb, 6, &next, 1) != 0)
		return 0;
	if (next == TCP)
		return IPV6_HEADER;
	/* A packet of more than 64 KB that the kernel will cut has its length in such a header. */
	__u8 option[2];
	if (next != HOP_BY_HOP || bpf_skb_load_bytes(skb, IPV6_HEADER, option, 2) != 0 ||
	    option[0] != TCP)
		return 0;
	return IPV6_HEADER + (option[1] + 1) * 8;
}

#endif
