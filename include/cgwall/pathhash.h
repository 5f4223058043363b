/* SPDX-License-Identifier: GPL-2.0-only */
/* The keyed hash under which literal paths are found: SipHash with 128 bits of result, so that nobody can
 * craft a path that collides with one in the policy. After J.-P. Aumasson and D. J. Bernstein, "SipHash: a
 * fast short-input PRF", 2012, and its authors' 128-bit variant; one compression round a word and three at
 * each end (SipHash-1-3), as hash tables of several languages use it.
 *
 * It is fed a byte at a time, so that the kernel can hash a path while it walks it and ask for the
 * value at every slash without starting again.
 */
#ifndef CGWALL_PATHHASH_H
#define CGWALL_PATHHASH_H

#include "abi.h"

struct cgw_hash {
	__u64 v[4];
	__u64 tail; /* bytes of the unfinished word, first byte lowest */
	__u64 len;
};

#define CGW_ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

static __always_inline void cgw_hash_round(__u64 *v)
{
	v[0] += v[1];
	v[1] = CGW_ROTL(v[1], 13) ^ v[0];
	v[0] = CGW_ROTL(v[0], 32);
	v[2] += v[3];
	v[3] = CGW_ROTL(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = CGW_ROTL(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = CGW_ROTL(v[1], 17) ^ v[2];
	v[2] = CGW_ROTL(v[2], 32);
}

static __always_inline void cgw_hash_start(struct cgw_hash *h, const __u64 *seed)
{
	h->v[0] = seed[0] ^ 0x736f6d6570736575ULL;
	h->v[1] = seed[1] ^ 0x646f72616e646f6dULL ^ 0xee;
	h->v[2] = seed[0] ^ 0x6c7967656e657261ULL;
	h->v[3] = seed[1] ^ 0x7465646279746573ULL;
	h->tail = 0;
	h->len = 0;
}

static __always_inline void cgw_hash_word(__u64 *v, __u64 m)
{
	v[3] ^= m;
	cgw_hash_round(v);
	v[0] ^= m;
}

static __always_inline void cgw_hash_byte(struct cgw_hash *h, __u8 byte)
{
	h->tail |= (__u64)byte << ((h->len & 7) * 8);
	h->len++;
	if (!(h->len & 7)) {
		cgw_hash_word(h->v, h->tail);
		h->tail = 0;
	}
}

/* The hash of what was fed so far, 16 bytes; h is not changed. v: four words to work in. */
static __always_inline void cgw_hash_value_in(const struct cgw_hash *h, __u64 *v, __u8 out[16])
{
	__u64 r;

	for (int i = 0; i < 4; i++)
		v[i] = h->v[i];
	cgw_hash_word(v, h->tail | (h->len << 56));
	v[2] ^= 0xee;
	cgw_hash_round(v);
	cgw_hash_round(v);
	cgw_hash_round(v);
	r = v[0] ^ v[1] ^ v[2] ^ v[3];
	__builtin_memcpy(out, &r, 8);
	/* clang shall not keep all of it in registers, of which BPF has too few, and what it spills then is
	 * stack of the longest chain of calls */
	asm volatile("" ::: "memory");
	v[1] ^= 0xdd;
	cgw_hash_round(v);
	cgw_hash_round(v);
	cgw_hash_round(v);
	r = v[0] ^ v[1] ^ v[2] ^ v[3];
	__builtin_memcpy(out + 8, &r, 8);
}

static __always_inline void cgw_hash_value(const struct cgw_hash *h, __u8 out[16])
{
	__u64 v[4];

	cgw_hash_value_in(h, v, out);
}

#endif
