#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# lsm_test.sh present|absent   sockets that have no cgroup hook (packet, XDP, vsock and whatever other family the kernel
# has), and mounts of file systems on other hosts, where BPF is among the kernel's security modules, and where it is not:
# there the functions that ask those modules are altered. Only in a virtual machine: see run.sh.
[ -n "${IN_VM:-}" ] || { echo "only in a virtual machine"; exit 2; }
cd "$(dirname "$(realpath "$0")")/../.." || exit 1
. tests/kernel/lib.sh

# what this setting is not about: UNIX, netlink, internet, kernel cryptography
never='1 1 0
16 3 0
2 1 0
10 2 0
38 5 0'
# family type protocol: packet raw and cooked, also of the oldest kind, XDP, vsock, PF_KEY
some='17 3 768
17 2 768
2 10 768
44 3 0
40 1 0
40 2 0
15 3 2'
# and PPPoE, PPTP, L2TP and, whatever they are, all the others that this kernel has
for module in vsock tipc rds af_key kcm rxrpc smc llc2 qrtr pppoe pptp l2tp_ppp can ax25 netrom rose appletalk phonet \
	ieee802154_socket bluetooth nfc; do modprobe -q "$module"; done 2>/dev/null
others() {
	local family type
	printf '%s\n24 1 0\n24 1 2\n24 2 1\n' "$some"
	for ((family = 3; family < 48; family++)); do
		case $family in 10 | 15 | 16 | 17 | 38 | 40 | 44) continue ;; esac
		for type in 2 5 1 3; do echo "$family $type 0"; done
	done
}

# What becomes of them outside the guarded cgroup, a line each; asked in one go, programs start slowly here.
free() { sed 's/^/socket /' <<<"$1" | outside "$CLIENT" -; }

# sockets EXPECTED KINDS: refused, or what they are outside
sockets() {
	paste -d' ' <(free "$2") <(sed 's/^/socket /' <<<"$2") |
		if [ "$1" = EPERM ]; then sed -n 's/^OK /EPERM /p'; else cat; fi >"$W/expected" # some this kernel has not
	probes <"$W/expected"
}
counter() { json "d['counters']['$1']" "$CGWALL" status --json; }
feature() { json "[f['present'] for f in d['features'] if f['name'] == '$1'][0]" "$CGWALL" status --json; }

# only what there is, and of each family one: asked for what there is not, the kernel looks for modules each time
other=$(others | paste -d' ' <(free "$(others)") - | sed -n 's/^OK //p' | awk '$1 ~ /^(2|15|17|24|40|44)$/ || !seen[$1]++')
some=$(grep -xF "$some" <<<"$other")
for kind in '17 3 768' '40 1 0'; do # without these there is nothing to see
	# shellcheck disable=SC2086
	is "outside, no agent: socket $kind" OK "$(outside "$CLIENT" socket $kind)"
done

echo 'default out block' | policy
agent_start || finish
echo "families: $(cut -d' ' -f1 <<<"$other" | sort -un | paste -sd' ')"
if [ "$1" = absent ]; then
	is "status does not claim it" False "$(feature lsm)"
	like "status says what to do" "LACKS *lsm: .*lsm=" "$("$CGWALL" status)"
else
	is "status knows it" True "$(feature lsm)"
fi
is "sockets are closed" True "$(feature other-sockets)"
is "mounts, too" True "$(feature mounts)"
sockets EPERM "$other"
[ "$(counter sockets)" -ge 4 ] && pass "counted" || fail "counted: $(counter sockets)"
sockets OK "$never"
unlike "outside" EPERM "$(free "$other")"
is "who moves himself out stays guarded" EPERM \
	"$(guarded bash -c 'echo 0 >"$0/cgroup.procs" && "$1" socket 17 3 768' "$OUTSIDE" "$CLIENT")"
guarded bash -c 'read -r _; exec "$0" socket 17 3 768' "$CLIENT" < <(
	until_ok 10 grep -q . "$GUARD/cgroup.procs"
	while read -r pid; do echo "$pid" >"$OUTSIDE/cgroup.procs"; done <"$GUARD/cgroup.procs"
	echo
) >"$W/moved" 2>&1
is "whom somebody else moves out is free" OK "$(cat "$W/moved")"
is "user namespace" EPERM "$(guarded unshare -U -r -n "$CLIENT" socket 17 3 768)"

# a mount that goes by the kernel's own sockets, and one that goes nowhere
mkdir -p "$W/at"
nfs() { "$1" timeout 20 unshare -m mount -i -t nfs4 -o vers=4.2,addr=127.0.0.1,clientaddr=127.0.0.1,port=7009,soft,timeo=1,retrans=0 127.0.0.1:/ "$W/at" 2>&1; }
if modprobe -q nfsv4 2>/dev/null; then
	like "mount of another host's files" "permission denied|not permitted" "$(nfs guarded)"
	unlike "outside" "permission denied|not permitted" "$(nfs outside)"
else
	skip "this kernel has no NFS"
fi
is "mount of no host's" 0 "$(guarded unshare -m mount -t tmpfs none "$W/at" >/dev/null 2>&1; echo $?)"

agent_kill
probe EPERM socket 17 3 768
probe EPERM socket 40 1 0
agent_start || finish

printf 'default out block\nset sockets-other pass\n' | policy
reload
sockets OK "$some"
modprobe -q nfsv4 2>/dev/null && unlike "mount where such sockets pass" "permission denied|not permitted" "$(nfs guarded)"
printf 'default out block\nset mode observe\n' | policy
reload
sockets OK "$some"
echo 'default out pass' | policy
reload
sockets OK "$some"
printf 'default out pass\nset sockets-other block\n' | policy
reload
sockets EPERM "$some"
sockets OK "$never"
agent_end
sockets OK "$some"
finish
