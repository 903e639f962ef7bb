/* What the structs that the kernel side and user space share are made of. */
#ifndef BPF_SIZES_H
#define BPF_SIZES_H

#ifdef __bpf__
#define TAP_WORD __u64
#define TAP_HALF __u32
#define TAP_PORT __u16
#define TAP_BYTE __u8
#else
#include <stdint.h>
#define TAP_WORD uint64_t
#define TAP_HALF uint32_t
#define TAP_PORT uint16_t
#define TAP_BYTE uint8_t
#endif

/* Records have one of three sizes, for what a packet carries. */
#define TAP_SMALL 1024
#define TAP_MIDDLE 4096
#define TAP_LARGE 16384

#endif
