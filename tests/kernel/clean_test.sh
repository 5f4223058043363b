#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Nothing of the host's is touched: netfilter, qdiscs, sysctls, resolv.conf, other programs' BPF links are byte
# for byte the same before, during and after; and at the end nothing is left behind.
. "$(dirname "$0")/lib.sh"

tool() { PATH=$PATH:/usr/sbin:/sbin type -P "$1"; }
BPFTOOL=$(tool bpftool)
FOREIGN=/sys/fs/bpf/cgwall-test-foreign
test_cleanup() { rm -f "$FOREIGN"; }

# Something of everybody's to be left alone.
if [ -n "$(tool nft)" ]; then
	nft -f - <<'N' || skip "nft: cannot be used here"
table inet somebody {
	set addresses { type ipv4_addr; elements = { 203.0.113.1, 203.0.113.2 } }
	chain output { type filter hook output priority 0; policy accept; ip daddr @addresses counter drop; }
}
table ip nat {
	chain post { type nat hook postrouting priority 100; ip saddr 10.0.0.0/8 masquerade; }
}
N
fi
tc qdisc add dev lo root handle 1: pfifo limit 77 || skip "tc: cannot be used here"
foreign=
if [ -n "$BPFTOOL" ] && grep -q ' /sys/fs/bpf bpf ' /proc/mounts && [ -e "$O/tests/kernel/foreign.bpf.o" ] &&
	"$BPFTOOL" prog load "$O/tests/kernel/foreign.bpf.o" "$FOREIGN" type cgroup/connect4 2>/dev/null &&
	"$BPFTOOL" cgroup attach "$PARENT" connect4 pinned "$FOREIGN" multi; then
	foreign=1
else
	skip "somebody else's BPF program: cannot be loaded here"
fi

# What changes by itself is not looked at.
sysctls() {
	sysctl -a 2>/dev/null | grep -vE '^(kernel\.(random|ns_last_pid|pty\.nr|sched_domain|perf|bpf_stats)|fs\.(dentry|inode|file-nr|aio-nr|quota)|net\.netfilter\.nf_conntrack_count|net\.ipv4\.tcp_(fastopen_key|mem)|dev\.cdrom|kernel\.tainted)'
}
snapshot() { # FOLDER
	mkdir -p "$1"
	[ -z "$(tool nft)" ] || nft -s list ruleset >"$1/nft" 2>&1
	[ -z "$(tool iptables-save)" ] || iptables-save 2>&1 | grep -v '^#' >"$1/iptables"
	tc -s -d qdisc | grep -vE '^ (Sent|backlog)' >"$1/qdisc" 2>&1
	tc filter show dev lo >"$1/filter" 2>&1
	ip rule >"$1/rule" && ip route show table all >"$1/route" && ip -o link | grep -v "^[0-9]*: lo:" >"$1/link"
	sysctls >"$1/sysctl"
	cat /etc/resolv.conf /etc/hosts /etc/nsswitch.conf >"$1/etc" 2>&1
	# of the host, which lies in the first process's network namespace
	nsenter -t 1 -n sh -c 'tc qdisc; ip -o rule; ip -o route; nft -s list ruleset' >"$1/host" 2>&1
	[ -z "$foreign" ] || "$BPFTOOL" cgroup show "$PARENT" | grep foreign >"$1/foreign"
}
same() { # WHAT
	local difference
	if difference=$(diff -r "$W/before" "$W/now" 2>&1); then pass "$1"; else fail "$1: $difference"; fi
	rm -rf "$W/now"
}

snapshot "$W/before"
snapshot "$W/now"
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
snapshot "$W/now"
same "during"
reload
agent_kill
snapshot "$W/now"
same "with the agent dead"
agent_start || finish
if [ -n "$foreign" ]; then
	"$BPFTOOL" cgroup show "$PARENT" >"$W/attached"
	like "ours stands beside it" "." "$(grep -v foreign "$W/attached" | sed 1d)"
fi
agent_end
snapshot "$W/now"
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
