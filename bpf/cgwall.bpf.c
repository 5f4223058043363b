/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel side, one object: maps, lookups and decide(), paths, processes, hooks, questions. */
/* the kernel dictates the signatures */
#pragma clang diagnostic ignored "-Wunused-parameter"

#include "kernel.h"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

#include <cgwall/abi.h>
#include <cgwall/names.h>

#include "maps.h"
#include "lookup.h"
#include "path.h"
#include "proc.h"
#include "who.h"
#include "owner.h"
#include "names.h"
#include "event.h"
#include "alive.h"
#include "answer.h"
#include "judge.h"
#include "source.h"
#include "iface.h"
#include "hooks.h"
#include "packet.h"
#include "join.h"
#include "learn.h"
#include "dns.h"
#include "hold.h"
#include "lent.h"
#include "orphan.h"
#include "use.h"
#include "other.h"
#include "filter.h"
#include "watch.h"
#include "cut.h"
#include "flows.h"
#include "used.h"
#include "lsm.h"
#include "ask.h"

char LICENSE[] SEC("license") = "GPL";
