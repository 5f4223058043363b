#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Nothing of the host's is touched: netfilter, qdiscs, sysctls, resolv.conf, other programs' BPF links are byte
# for byte the same before, during and after; and at the end nothing is left behind.
. "$(dirname "$0")/lib.sh"

. "$TOP/tests/kernel/snapshot.sh"

somebody "$PARENT"
snapshot "$W/before"
same "nothing changes by itself"
policy <<'P'
default out block log
pass out to 192.0.2.1
P
agent_start || finish
probes <<<'EPERM tcp 127.0.0.1 7001
OK tcp 192.0.2.1 7001'
pins=$("$CGWALL" status | awk '$1 == "pins" {print $2}')
like "where its pins are" "^/sys/fs/bpf/cgwall/" "$pins"
[ -d "$pins" ] || fail "$pins is no folder"
same "during"
reload
agent_kill
same "with the agent dead"
agent_start || finish
if [ -n "$foreign" ]; then
	"$BPFTOOL" cgroup show "$PARENT" >"$W/attached"
	like "ours stands beside it" "." "$(grep -v foreign "$W/attached" | sed 1d)"
fi
agent_end
same "after detach"

# Nothing is left.
if [ -n "$BPFTOOL" ]; then
	unlike "programs on the cgroup after detach" "cgw|connect|sendmsg|sock" \
		"$(for c in "$PARENT" "$GUARD"; do "$BPFTOOL" cgroup show "$c"; done | grep -v 'foreign\|^ID')"
fi
[ -z "$pins" ] || [ ! -e "$pins" ] || fail "pins after detach: $(ls "$pins")"
is "files in the run directory after detach" "" "$(find "$W/run" -type s)"
probe OK tcp 127.0.0.1 7001
finish
