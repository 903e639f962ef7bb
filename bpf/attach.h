/*
 * What the eBPF programs of `redcard shadow run --attach` and user space share.
 *
 * Theory of operation
 *
 *   ingress   sees each packet on its way to a socket of the cgroup: requests
 *   egress    sees each one that such a socket sends: answers
 *
 * Both look at packets of one local port alone, and write a record for each part of a packet's
 * bytes, and one for each SYN, FIN and RST, into one ring, whose order is the order in which the
 * kernel saw them: a packet is recorded before TCP acts on it. What finds no room is counted.
 * Nothing is put in order, and nothing left out that comes twice: lib/tcp_stream.h does that.
 * Packets are told apart by their addresses, since those of a handshake come with the listener as
 * their socket. Neither ever changes what happens to a packet.
 */
#ifndef BPF_ATTACH_H
#define BPF_ATTACH_H

#include "bpf/sizes.h"

enum attach_direction { ATTACH_REQUESTS, ATTACH_ANSWERS, ATTACH_DIRECTION_COUNT };

/* In `flags`, as in TCP's header. */
#define ATTACH_FIN 1
#define ATTACH_SYN 2
#define ATTACH_RST 4
#define ATTACH_ACK 16

struct attach_record {    /* then its bytes */
	TAP_WORD time_ns; /* CLOCK_MONOTONIC */
	TAP_HALF length;
	TAP_HALF sequence; /* of the first of the bytes, or of the SYN, FIN or RST */
	TAP_HALF acknowledged;
	TAP_BYTE direction, flags;
	TAP_PORT peer_port;
	TAP_BYTE peer[16], local[16]; /* addresses, those of IPv4 mapped into IPv6 (RFC 4291) */
};

struct attach_counts { /* of one direction */
	TAP_WORD copied_bytes;
	TAP_WORD lost_bytes;   /* they found no room */
	TAP_WORD lost_signals; /* nor did so many records without bytes */
};

#endif
