/* The programs of `redcard shadow run --attach`; see attach.h. They are licensed like the helpers
 * that they call. */
#include <vmlinux.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/attach.h"

#define RECORD struct attach_record
#define RECORD_PLACE sequence
#include "bpf/packet.bpf.h"

#define IPV4_ADDRESSES 12
#define IPV6_ADDRESSES 8

const volatile __u16 port; /* the local one that is watched; the loader sets it */
struct attach_counts counts[ATTACH_DIRECTION_COUNT];

/* Answers may fill half of the ring: a request that is lost costs more than an answer. */
static __always_inline int may_copy(__u32 direction)
{
	return direction == ATTACH_REQUESTS || bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) * 2 <
						       bpf_ringbuf_query(&ring, BPF_RB_RING_SIZE);
}

static __always_inline void copy_signal(const struct attach_record *head, __u32 sequence,
					__u8 flags, struct attach_counts *count)
{
	struct attach_record *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (!r) {
		__sync_fetch_and_add(&count->lost_signals, 1);
		return;
	}
	*r = *head;
	r->sequence = sequence;
	r->flags = flags;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
}

/* False: it has none. */
static __always_inline int read_addresses(struct __sk_buff *skb, struct attach_record *head)
{
	__u8 first = 0, *from, *to;
	int in = head->direction == ATTACH_REQUESTS;
	from = in ? head->peer : head->local;
	to = in ? head->local : head->peer;
	if (bpf_skb_load_bytes(skb, 0, &first, 1) != 0)
		return 0;
	if (first >> 4 == 6)
		return bpf_skb_load_bytes(skb, IPV6_ADDRESSES, from, 16) == 0 &&
		       bpf_skb_load_bytes(skb, IPV6_ADDRESSES + 16, to, 16) == 0;
	from[10] = from[11] = to[10] = to[11] = 0xff;
	return bpf_skb_load_bytes(skb, IPV4_ADDRESSES, from + 12, 4) == 0 &&
	       bpf_skb_load_bytes(skb, IPV4_ADDRESSES + 4, to + 12, 4) == 0;
}

/* A SYN counts before the bytes, the others behind them. */
static __always_inline void copy(struct __sk_buff *skb, __u32 at, __u32 n, __u8 flags,
				 struct attach_record *head)
{
	__u8 before = flags & TCP_SYN, behind = flags & (TCP_FIN | TCP_RST), both = flags & TCP_ACK;
	struct attach_counts *count = &counts[head->direction & 1];
	__u32 sequence = head->sequence, copied = 0;
	if (before) {
		copy_signal(head, sequence, before | both, count);
		head->sequence = ++sequence;
	}
	if (n > 0 && may_copy(head->direction))
		copied = copy_bytes(skb, at, head, n);
	if (n > 0)
		__sync_fetch_and_add(&count->copied_bytes, copied);
	if (copied < n)
		__sync_fetch_and_add(&count->lost_bytes, n - copied);
	if (behind)
		copy_signal(head, sequence + n, behind | both, count);
}

static __always_inline void look_at(struct __sk_buff *skb, int in)
{
	struct tcp_head tcp;
	__u32 at = tcp_at(skb);
	if (at < IPV4_HEADER || bpf_skb_load_bytes(skb, at, &tcp, sizeof(tcp)) != 0)
		return;
	__u32 header = at + (tcp.offset >> 4) * 4, length = skb->len;
	__u32 n = length > header ? length - header : 0;
	if (bpf_ntohs(in ? tcp.to : tcp.from) != port ||
	    (n == 0 && !(tcp.flags & (TCP_SYN | TCP_FIN | TCP_RST))))
		return;
	struct attach_record head = { .time_ns = bpf_ktime_get_ns(),
				      .sequence = bpf_ntohl(tcp.seq),
				      .acknowledged = bpf_ntohl(tcp.ack),
				      .direction = in ? ATTACH_REQUESTS : ATTACH_ANSWERS,
				      .flags = tcp.flags & TCP_ACK,
				      .peer_port = bpf_ntohs(in ? tcp.from : tcp.to) };
	if (read_addresses(skb, &head))
		copy(skb, header, n, tcp.flags, &head);
}

SEC("cgroup_skb/ingress")
int attach_ingress(struct __sk_buff *skb)
{
	look_at(skb, 1);
	return PASS;
}

SEC("cgroup_skb/egress")
int attach_egress(struct __sk_buff *skb)
{
	look_at(skb, 0);
	return PASS;
}

char _license[] SEC("license") = "GPL";
