/* The eBPF tap; see tap.h. It is licensed like the helpers that it calls. */
#include <vmlinux.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/tap.h"

#define RECORD struct tap_record
#define RECORD_PLACE offset
#include "bpf/packet.bpf.h"

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

struct piece {    /* of the stream, in this packet */
	__u32 at; /* in the packet */
	__u64 from, to;
};

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
	struct tap_record head = { .mark = s->mark, .offset = offset };
	__u32 copied = 0;
	if (offset == 0 && !fits(s->known))
		c->refused = head.mark;
	if (c->refused != head.mark)
		copied = copy_bytes(skb, at, &head, n);
	s->captured += copied;
	if (copied < n) {
		c->refused = head.mark;
		s->lost += n - copied;
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
