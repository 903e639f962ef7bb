/* The eBPF tap; see tap.h. It is licensed like the helpers that it calls. */
#include <vmlinux.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/tap.h"

#define PASS 1 /* what becomes of the packet, always */
#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define TCP 6
#define HOP_BY_HOP 0
#define TCP_SYN 2
#define RECORDS_MOST 36 /* of one packet: half a megabyte, with BIG TCP */

#define barrier_var(var) asm volatile("" : "+r"(var))

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TAP_SLOTS);
	__type(key, __u32);
	__type(value, struct tap_slot);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tap_conn);
} conns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 24); /* the loader sets it */
} ring SEC(".maps");

struct piece { /* of the stream, in this packet */
	__u32 at; /* in the packet */
	__u64 from, to;
};

struct small { struct tap_record head; char bytes[TAP_SMALL]; };
struct middle { struct tap_record head; char bytes[TAP_MIDDLE]; };
struct large { struct tap_record head; char bytes[TAP_LARGE]; };

/* One record of at most that many bytes: how many it took, 0 when there is no room. */
#define COPY(kind, most)                                                                      \
	static __always_inline __u32 copy_##kind(struct __sk_buff *skb, __u32 at, __u64 mark, \
						 __u64 offset, __u32 n)                      \
	{                                                                                     \
		struct kind *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);                   \
		if (!r)                                                                       \
			return 0;                                                             \
		barrier_var(n);                                                               \
		if (n > (most))                                                               \
			n = (most);                                                           \
		if (n == 0 || bpf_skb_load_bytes(skb, at, r->bytes, n) != 0) {                \
			bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);                             \
			return 0;                                                             \
		}                                                                             \
		r->head.mark = mark;                                                          \
		r->head.offset = offset;                                                      \
		r->head.length = n;                                                           \
		bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);                                      \
		return n;                                                                     \
	}

COPY(small, TAP_SMALL)
COPY(middle, TAP_MIDDLE)
COPY(large, TAP_LARGE)

/* A request is begun when all that is known of it fits: an overload costs whole requests. */
static __always_inline int fits(__u64 known)
{
	__u64 size = bpf_ringbuf_query(&ring, BPF_RB_RING_SIZE);
	__u64 used = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
	__u64 wanted = (known / TAP_LARGE + 1) * (sizeof(struct large) + 8);
	if (wanted > size / 2)
		wanted = size / 2;
	return used + wanted <= size;
}

static __always_inline void copy(struct __sk_buff *skb, struct tap_conn *c, struct tap_slot *s,
				 __u32 at, __u64 offset, __u32 n)
{
	__u64 mark = s->mark;
	if (offset == 0 && !fits(s->known))
		c->refused = mark;
	for (int i = 0; i < RECORDS_MOST && n > 0 && c->refused != mark; i++) {
		__u32 took;
		if (n <= TAP_SMALL)
			took = copy_small(skb, at, mark, offset, n);
		else if (n <= TAP_MIDDLE)
			took = copy_middle(skb, at, mark, offset, n);
		else
			took = copy_large(skb, at, mark, offset, n);
		if (took == 0 || took > n) {
			c->refused = mark;
			break;
		}
		s->captured += took;
		at += took;
		offset += took;
		n -= took;
	}
	if (n > 0) {
		c->refused = mark;
		s->lost += n;
	}
}

/* What of the stream's bytes [from, to) is marked; those before were never seen by us. */
static __always_inline void take(struct __sk_buff *skb, struct tap_conn *c, __u64 before,
				 const struct piece *p)
{
	__u32 key = c->slot;
	struct tap_slot *s = bpf_map_lookup_elem(&slots, &key);
	if (!s || s->generation != c->generation)
		return;
	__u64 end = *(volatile __u64 *)&s->to, begin = *(volatile __u64 *)&s->from;
	__u64 a = p->from > begin ? p->from : begin, b = p->to < end ? p->to : end;
	if (p->from > before && end > before && begin < p->from) {
		c->refused = s->mark;
		s->lost += (p->from < end ? p->from : end) - (before > begin ? before : begin);
	}
	if (a < b)
		copy(skb, c, s, p->at + (__u32)(a - p->from), a - begin, (__u32)(b - a));
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

static __always_inline void follow(struct __sk_buff *skb, struct tap_conn *c)
{
	struct tcp_head tcp;
	__u32 at = tcp_at(skb);
	if (at < IPV4_HEADER || bpf_skb_load_bytes(skb, at, &tcp, sizeof(tcp)) != 0)
		return;
	__u32 seq = bpf_ntohl(tcp.seq), header = at + (tcp.offset >> 4) * 4, length = skb->len;
	if (tcp.flags & TCP_SYN) {
		c->first = seq + 1;
		c->seen = 1;
		return;
	}
	if (!c->seen || length <= header)
		return;
	struct piece p = { .at = header };
	__u64 before = c->next;
	p.from = before + (__s64)(__s32)(seq - (__u32)(c->first + before));
	p.to = p.from + (length - header);
	if ((__s64)(p.to - before) <= 0)
		return; /* seen before */
	if ((__s64)(p.from - before) < 0) {
		p.at += (__u32)(before - p.from);
		p.from = before;
	}
	c->next = p.to;
	take(skb, c, before, &p);
}

SEC("cgroup_skb/egress")
int tap_egress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	if (!sk)
		return PASS;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return PASS;
	struct tap_conn *c = bpf_sk_storage_get(&conns, sk, 0, 0);
	if (c)
		follow(skb, c);
	return PASS;
}

char _license[] SEC("license") = "GPL";
