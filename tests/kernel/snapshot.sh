# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What must be byte for byte the same before, during and after cgwall: netfilter, qdiscs, routes, sysctls,
# resolv.conf, other programs' BPF. Source it after lib.sh.
#
#   snapshot FOLDER     of this network namespace, and of the first process's
#   same WHAT           compares $W/before with a fresh one
#   somebody CGROUP     somebody else's: nftables, iptables, a qdisc, and a BPF program at the cgroup

tool() { PATH=$PATH:/usr/sbin:/sbin type -P "$1"; }
BPFTOOL=$(tool bpftool)
FOREIGN=/sys/fs/bpf/cgwall-test-foreign-$$
foreign=
test_cleanup() { rm -rf "$FOREIGN"; }

somebody() {
	if [ -n "$(tool nft)" ]; then
		nft -f - <<'N' || skip "nft: cannot be used here"
table inet somebody {
	set addresses { type ipv4_addr; elements = { 203.0.113.1, 203.0.113.2 } }
	chain output { type filter hook output priority 0; policy accept; ip daddr @addresses counter drop; }
}
table ip somebody-nat {
	chain post { type nat hook postrouting priority 100; ip saddr 10.99.0.0/16 masquerade; }
}
N
	fi
	tc qdisc add dev lo root handle 1: pfifo limit 77 || skip "tc: cannot be used here"
	if [ -n "$BPFTOOL" ] && grep -q ' /sys/fs/bpf bpf ' /proc/mounts && "$O/tests/kernel/foreign" "$1" "$FOREIGN" 2>"$W/foreign.err"; then
		foreign=$1
	else
		skip "somebody else's BPF: cannot be loaded here $(cat "$W/foreign.err")"
	fi
}

# What changes by itself is not looked at.
sysctls() {
	sysctl -a 2>/dev/null | grep -vE '^(kernel\.(random|ns_last_pid|pty\.nr|sched_domain|perf|bpf_stats)|fs\.(dentry|inode|file-nr|aio-nr|quota)|net\.netfilter\.nf_conntrack_count|net\.ipv4\.tcp_(fastopen_key|mem)|dev\.cdrom|kernel\.tainted)'
}
snapshot() { # FOLDER
	rm -rf "$1" && mkdir -p "$1"
	[ -z "$(tool nft)" ] || nft -s list ruleset >"$1/nft" 2>&1
	[ -z "$(tool iptables-save)" ] || iptables-save 2>&1 | grep -v '^#' >"$1/iptables"
	tc -s -d qdisc | grep -vE '^ (Sent|backlog)' >"$1/qdisc" 2>&1
	tc filter show dev lo >"$1/filter" 2>&1
	ip rule >"$1/rule" && ip route show table all >"$1/route" && ip -o link | grep -v "^[0-9]*: lo:" >"$1/link"
	sysctls >"$1/sysctl"
	cat /etc/resolv.conf /etc/hosts /etc/nsswitch.conf >"$1/etc" 2>&1
	# of the host, which lies in the first process's network namespace
	nsenter -t 1 -n sh -c 'tc qdisc; ip -o rule; ip -o route; nft -s list ruleset' >"$1/host" 2>&1
	if [ -n "$foreign" ]; then
		"$BPFTOOL" cgroup show "$foreign" | grep foreign
		for f in "$FOREIGN"/*; do
			case $f in */program) "$BPFTOOL" prog show pinned "$f" ;; *) "$BPFTOOL" link show pinned "$f" ;; esac
		done
	fi >"$1/foreign" 2>&1
}
same() { # WHAT
	local difference
	snapshot "$W/now"
	if difference=$(diff -r "$W/before" "$W/now" 2>&1); then pass "$1"; else fail "$1: $difference"; fi
	rm -rf "$W/now"
}
