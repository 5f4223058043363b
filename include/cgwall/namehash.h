/* SPDX-License-Identifier: GPL-2.0-only */
/* The keyed hash under which a slot's table of names is asked: the hash of pathhash.h over the name's bytes
 * from the last one to the first, letters folded to lower case, no dot at the end. "deepl.com" is hashed as
 * "moc.lpeed".
 *
 * From right to left, because that is how a name's meaning grows: whoever walks a name once that way has the
 * hash of every suffix on the way. Example: "www.deepl.com" gives the hashes of "com", "deepl.com" and
 * "www.deepl.com", where a dot comes next or the name begins.
 *
 * The seed is the slot's (cgw_head.seed). Compiled in the kernel and in user space.
 */
#ifndef CGWALL_NAMEHASH_H
#define CGWALL_NAMEHASH_H

#include "pathhash.h"

/* ASCII letters only, as DNS compares names (RFC 4343); other bytes are compared as they are. */
static __always_inline __u8 cgw_name_fold(__u8 byte)
{
	return (__u32)byte - 'A' < 26 ? byte + 32 : byte;
}

static __always_inline void cgw_name_start(struct cgw_hash *h, const __u64 *seed)
{
	cgw_hash_start(h, seed);
}

/* The next byte towards the name's beginning. */
static __always_inline void cgw_name_byte(struct cgw_hash *h, __u8 byte)
{
	cgw_hash_byte(h, cgw_name_fold(byte));
}

/* The hash of the suffix that was fed so far; h is not changed. */
static __always_inline void cgw_name_value(const struct cgw_hash *h, __u8 out[16])
{
	cgw_hash_value(h, out);
}

#ifndef __bpf__
/* Of a whole name of `len` bytes, without a dot at its end. */
static inline void cgw_name_hash(const __u64 *seed, const char *name, unsigned long len, __u8 out[16])
{
	struct cgw_hash h;

	cgw_name_start(&h, seed);
	while (len)
		cgw_name_byte(&h, (__u8)name[--len]);
	cgw_name_value(&h, out);
}
#endif

#endif
