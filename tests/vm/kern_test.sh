#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kern_test.sh [PART ...]   the whole host is guarded (`cgwall run --policy FILE`, nothing else), and the kernel itself
# uses the network: tunnels, mounts, servers, answers, VRFs; and a container behind its address translation.
#
#   host 10.1.0.1, fd01::1 ── 10.1.0.2, fd01::2 netns far
#
# All programs here are guarded, far's as well: `rules` lets far do what it likes, so what a test adds is about the host.
# Only in a virtual machine: see run.sh.
[ -n "${IN_VM:-}" ] || { echo "only in a virtual machine"; exit 2; }
export CGWALL_TEST_NETNS=1 # the machine's own
. "$(dirname "$0")/../kernel/lib.sh"
FLOW=$O/tests/kernel/flow
PARTS=${*:-answers wireguard tunnels nfs cifs dhcp vrf container}

agent_spawn() {
	"$CGWALL" run --policy "$W/policy.conf" --run-dir "$CGWALL_RUN_DIR" "$@" >>"$W/agent.log" 2>&1 </dev/null 6>&- &
	AGENT=$!
}
test_cleanup() {
	for at in smb nas nfsd export; do umount -f -l "$W/$at"; done 2>/dev/null
}
in_far() { ip netns exec far "$@"; }
log_of() { "$CGWALL" log | grep -E -e "$1"; }

# rules: what is added comes on standard input
NETS="10.1.0 10.9.0 10.20.1 10.20.2 10.20.3 10.20.4 10.20.5 10.20.6"
rules() {
	local net host=''
	for net in $NETS; do host+="$net.1, "; done
	cat <<-P
		app prober = exe "$W/bin/prober"
		app server = exe "$W/bin/server"
		default out block log
		default in  block log
		pass out to { $host fd01::1, fd09::1 }
		pass in  from { $host fd01::1, fd09::1 }
	P
	cat
}
set_rules() {
	rules >"$W/policy.conf"
	reload
}

# calls WHERE PROGRAM: lines "EXPECTED tcp|udp ADDR PORT", all at the same time
calls() {
	local where=$1 program=$2 line results n=0 lines=() at=''
	[ "$where" != far ] || at=in_far
	mapfile -t lines < <(grep -v '^[[:space:]]*$' | sed 's/^[[:space:]]*//')
	mapfile -t results < <(printf '%s\n' "${lines[@]}" | sed -E '/^(TIMEOUT|SILENT) /!s/^[^ ]+ /+/; s/^[A-Z]+ //' | $at "$program" call 2>&1)
	for line in "${lines[@]}"; do
		is "$where${SAY:+, $SAY}: ${program##*/} ${line#* }" "${line%% *}" "${results[n]:-nothing}"
		n=$((n + 1))
	done
}
served() { # WHERE PROGRAM PORT
	local out=$W/serve.$1.$3 at=''
	[ "$1" != far ] || at=in_far
	$at "$2" serve "$3" >"$out" 2>&1 &
	SERVERS+=($!)
	until_ok 10 grep -q ready "$out" || fail "no server: $(cat "$out")"
}
value() { # FIELD FILE
	local v
	read -r -a v <<<"$(od -An -tu8 -w32 "$2")"
	case $1 in got) echo "${v[1]}" ;; gaps) echo "${v[2]}" ;; error) echo "${v[3]}" ;; esac
}
has() { [ "$(value got "$1")" -gt "$2" ]; }
# goes_on WHAT NAME: numbered messages flow both ways, without a gap or an error
goes_on() {
	local end
	for end in near far; do
		if until_ok 20 has "$W/$2.$end" $(($(value got "$W/$2.$end") + 20)); then
			is "$1: $2.$end: gaps, error" "0 0" "$(value gaps "$W/$2.$end") $(value error "$W/$2.$end")"
		else
			fail "$1: $2.$end: nothing comes any more"
		fi
	done
}
# stream NAME ADDR PORT: from the host to far
stream() {
	in_far "$FLOW" tcp listen - "$3" both "$W/$1.far" >"$W/$1.out" 2>&1 &
	SERVERS+=($!)
	until_ok 10 grep -q ready "$W/$1.out"
	"$W/bin/prober" tcp connect "$2" "$3" both "$W/$1.near" >"$W/$1.out2" 2>&1 &
	SERVERS+=($!)
	until_ok 20 grep -q ready "$W/$1.out2" || fail "$1 does not start: $(cat "$W/$1.out" "$W/$1.out2")"
}
# within SECONDS COMMAND ...: a hang is 137
within() { timeout -s KILL "$(($1 * PATIENCE / 4))" "${@:2}"; }

# ---- the host and far ----

modprobe veth 2>/dev/null
ip netns add far
ip link add eth0 type veth peer name eth0 netns far
ip addr add 10.1.0.1/24 dev eth0 && ip addr add fd01::1/64 dev eth0 nodad && ip link set eth0 up
ip -n far addr add 10.1.0.2/24 dev eth0 && ip -n far addr add fd01::2/64 dev eth0 nodad && ip -n far link set eth0 up
ip -n far link set lo up
for name in prober other server; do cp "$FLOW" "$W/bin/$name"; done
for port in 7001 7002; do served far "$FLOW" $port; done
served host "$W/bin/server" 7005
rules >"$W/policy.conf" </dev/null
agent_start || finish
is "it guards the root and is attached there" "$CGROOT $CGROOT" "$(json "d['guard'] + ' ' + d['attach']" "$CGWALL" status --json)"

# ---- what the kernel answers and asks by itself ----

answers() {
	set_rules </dev/null
	calls host "$W/bin/prober" <<<'EPERM tcp 10.1.0.2 7001'
	calls far "$FLOW" <<-'P'
		TIMEOUT tcp 10.1.0.1 7005
		SILENT udp 10.1.0.1 7005
		ECONNREFUSED tcp 10.1.0.1 7999
		ECONNREFUSED tcp fd01::1 7999
	P
	set_rules <<-'P'
		pass out proto icmp to 10.1.0.1
		pass out proto icmpv6 to fd01::1
	P
	status "far pings the host" 0 in_far busybox ping -c 1 -w 20 10.1.0.1
	status "by IPv6" 0 in_far busybox ping6 -c 1 -w 20 fd01::1
	set_rules <<-'P'
		pass out app prober to { 10.1.0.2, fd01::2 } port 7001
	P
	# neighbours are asked for again
	ip neigh flush dev eth0 && ip -n far neigh flush dev eth0
	calls host "$W/bin/prober" <<-'P'
		OK tcp 10.1.0.2 7001
		OK tcp fd01::2 7001
	P
	# a router is asked for, groups are told of, and the router's answer is followed
	count_of() { awk -v name="$1" '$1 == name {n = $2} END {print n + 0}' /proc/net/dev_snmp6/eth9; }
	some() { [ "$(count_of "$1")" -gt 0 ]; }
	in_far_some() { in_far bash -c "$(declare -f count_of some); some $1"; }
	ip link add eth9 type veth peer name eth9 netns far
	in_far sh -c 'echo 1 >/proc/sys/net/ipv6/conf/eth9/forwarding'
	ip -n far link set eth9 up
	echo 1 >/proc/sys/net/ipv6/conf/eth9/router_solicitation_interval
	ip link set eth9 up
	if until_ok 10 in_far_some Icmp6InRouterSolicits; then pass "a router is asked for"; else fail "no router is asked for"; fi
	if until_ok 10 some Icmp6OutMLDv2Reports; then pass "groups are told of"; else fail "groups are not told of"; fi
	set_rules <<-'P'
		pass out proto icmpv6 to ff02::1
	P
	in_far "$PYTHON" - <<-'P' || fail "no router's answer can be sent"
		import socket, struct
		s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
		s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
		s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex("eth9"))
		prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xc0, 3600, 3600, 0) + socket.inet_pton(socket.AF_INET6, "fd77::")
		s.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + prefix, ("ff02::1", 0))
	P
	if until_ok 10 sh -c 'ip -6 addr show dev eth9 | grep -q fd77:'; then
		pass "an address comes out of the router's answer"
	else
		fail "no address out of the router's answer: $(ip -6 addr show dev eth9)"
	fi
	ip link del eth9
}

# ---- WireGuard ----

wireguard() {
	local out in
	modprobe wireguard 2>/dev/null
	[ -n "$(type -P wg)" ] || { skip "no wg"; return; }
	out=$(wg genkey) in=$(wg genkey)
	wg_peers() { # both know of no session afterwards
		ip link show wg0 >/dev/null 2>&1 || return 1
		wg set wg0 peer "$(wg pubkey <<<"$in")" remove
		in_far wg set wg0 peer "$(wg pubkey <<<"$out")" remove
		wg set wg0 peer "$(wg pubkey <<<"$in")" endpoint 10.1.0.2:51820 allowed-ips 10.9.0.2/32,fd09::2/128
		in_far wg set wg0 peer "$(wg pubkey <<<"$out")" endpoint 10.1.0.1:51820 allowed-ips 10.9.0.1/32,fd09::1/128
	}
	# made while the guard is in force, in a cgroup that has no rule
	mkdir -p "$OUTSIDE/vpn"
	in_cgroup "$OUTSIDE/vpn" ip link add wg0 type wireguard || { skip "no WireGuard in this kernel"; return; }
	ip -n far link add wg0 type wireguard
	wg set wg0 private-key <(echo "$out") listen-port 51820
	in_far bash -c "wg set wg0 private-key <(echo '$in') listen-port 51820"
	wg_peers
	ip addr add 10.9.0.1/24 dev wg0 && ip addr add fd09::1/64 dev wg0 nodad
	ip -n far addr add 10.9.0.2/24 dev wg0 && ip -n far addr add fd09::2/64 dev wg0 nodad
	in_cgroup "$OUTSIDE/vpn" ip link set wg0 up && ip -n far link set wg0 up
	set_rules <<-P
		condition vpn = active "wg0"
		pass out app prober on "wg0" log
		pass in  app server on "wg0" log
		pass out to 10.1.0.2 port 7002 if vpn
	P
	SAY="the host begins" calls host "$W/bin/prober" <<-'P'
		OK tcp 10.9.0.2 7001
		OK tcp fd09::2 7001
		OK udp 10.9.0.2 7001
		ECONNABORTED tcp 10.1.0.2 7001
		OK tcp 10.1.0.2 7002
	P
	SAY="another program" calls host "$W/bin/other" <<-'P'
		EPERM tcp 10.9.0.2 7001
		EPERM udp fd09::2 7001
	P
	wg_peers
	SAY="far begins" calls far "$FLOW" <<-'P'
		OK tcp 10.9.0.1 7005
		OK udp fd09::1 7005
		TIMEOUT tcp 10.1.0.1 7005
	P
	is "nothing is said of the tunnel's own packets" "" "$(log_of '10\.1\.0\.[12]:51820')"
	like "what goes through it has its interface" '"iface": *"wg0"' "$("$CGWALL" log --json | grep '"verdict": *"pass"')"
	stream tunnel 10.9.0.2 7101
	goes_on "under the policy" tunnel
	in_cgroup "$OUTSIDE/vpn" ip link set wg0 down
	if until_ok 10 sh -c "[ \"\$('$W/bin/client' tcp 10.1.0.2 7002)\" = EPERM ]"; then
		pass "without it, what asks for it is not in force"
	else
		fail "without it, what asks for it is still in force"
	fi
	wg_peers
	in_cgroup "$OUTSIDE/vpn" ip link set wg0 up
	if until_ok 10 sh -c "[ \"\$('$W/bin/client' tcp 10.1.0.2 7002)\" = OK ]"; then
		pass "with it again, it is"
	else
		fail "with it again, it is not: $("$CGWALL" status)"
	fi
	# its routes went with it
	calls host "$W/bin/prober" <<<'OK tcp 10.9.0.2 7001'
	goes_on "the tunnel was made anew" tunnel
	reload
	goes_on "after a reload" tunnel
	agent_kill
	wg_peers
	goes_on "with the agent dead and a new handshake" tunnel
	calls host "$W/bin/prober" <<<'OK tcp 10.9.0.2 7001'
	agent_start || finish
	goes_on "with a new agent" tunnel
	agent_end
	wg_peers
	goes_on "after detach" tunnel
	agent_start || finish
	goes_on "guarded again" tunnel
}

# ---- other tunnels, made while the guard is in force ----

tunnels() {
	local n=0 name rc
	tunnel() { # LOCAL REMOTE, in the namespace of LOCAL
		local side=$1 other=$2
		case $name in
		vxlan) ip link add t-vxlan type vxlan id 7 local "$side" remote "$other" dstport 4789 ;;
		geneve) ip link add t-geneve type geneve id 7 remote "$other" dstport 6081 ;;
		gre | ipip) ip link add "t-$name" type "$name" local "$side" remote "$other" ;;
		fou)
			ip fou add port 5555 ipproto 4 &&
				ip link add t-fou type ipip local "$side" remote "$other" encap fou encap-sport auto encap-dport 5555 ;;
		l2tp)
			ip l2tp add tunnel tunnel_id 7 peer_tunnel_id 7 encap udp local "$side" remote "$other" udp_sport 1701 udp_dport 1701 &&
				ip l2tp add session name t-l2tp tunnel_id 7 session_id 7 peer_session_id 7 ;;
		esac
	}
	modprobe -a vxlan geneve ip_gre ipip fou l2tp_netlink l2tp_eth 2>/dev/null
	set_rules <<-'P'
		pass out app prober to 10.20.0.0/16 port 7001 on "t-*"
		pass in app server on "t-*"
	P
	for name in vxlan geneve gre ipip fou l2tp; do
		n=$((n + 1))
		if [ $name = l2tp ] && modinfo l2tp_eth >/dev/null 2>&1; then
			# the kernel calls the other end when it makes the tunnel
			if tunnel 10.1.0.1 10.1.0.2 2>/dev/null; then fail "an L2TP tunnel is made without a rule"; else pass "no L2TP tunnel without a rule"; fi
			like "its line says who" '^block out rule 0 kernel pid 0 uid 0 udp .* -> 10\.1\.0\.2:1701' "$(log_of ':1701')"
			set_rules <<-'P'
				pass out app prober to 10.20.0.0/16 port 7001 on "t-*"
				pass in app server on "t-*"
				pass out proto udp to 10.1.0.2 port 1701
			P
		fi
		tunnel 10.1.0.1 10.1.0.2 2>"$W/tunnel.err" &&
			in_far bash -c "$(declare -f tunnel); name=$name; tunnel 10.1.0.2 10.1.0.1" 2>>"$W/tunnel.err"
		rc=$?
		[ $rc = 0 ] || { skip "no $name: $(head -1 "$W/tunnel.err")"; ip link del "t-$name" 2>/dev/null; continue; }
		ip addr add "10.20.$n.1/24" dev "t-$name" && ip link set "t-$name" up
		ip -n far addr add "10.20.$n.2/24" dev "t-$name" && ip -n far link set "t-$name" up
		SAY=$name calls host "$W/bin/prober" <<-P
			OK tcp 10.20.$n.2 7001
			EPERM tcp 10.20.$n.2 7002
			EPERM tcp 10.1.0.2 7001
		P
		SAY=$name calls host "$W/bin/other" <<<"EPERM udp 10.20.$n.2 7001"
		SAY=$name calls far "$FLOW" <<-P
			OK udp 10.20.$n.1 7005
			TIMEOUT tcp 10.1.0.1 7005
		P
		ip link del "t-$name" 2>/dev/null
		ip -n far link del "t-$name" 2>/dev/null
	done
}

# ---- the kernel's own clients and servers ----

nfs_serve() {
	mkdir -p "$W/export" "$W/nas" "$W/nfsd" && mount -t tmpfs export "$W/export" && echo "over the net" >"$W/export/file"
	modprobe -a nfsd nfs nfsv4 2>"$W/nfs.err" || return 1
	# by the namespace alone: the server ends when this is unmounted
	nsenter --net=/run/netns/far bash -c "$(printf '%q ' export W="$W");"'
		mount -t nfsd nfsd "$W/nfsd" || exit 1
		cd /proc/net/rpc || exit 1
		echo "nfsd 10.1.0.1 4000000000 far" >auth.unix.ip/channel
		printf "far 1 %s 4000000000 %s\n" "\\x00000000" "$W/export" >nfsd.fh/channel
		echo "far $W/export 4000000000 9218 65534 65534 0" >nfsd.export/channel
		cd "$W/nfsd" || exit 1
		echo "-3 +4 +4.1 +4.2" >versions
		echo 10 >nfsv4leasetime
		echo 10 >nfsv4gracetime
		echo "tcp 2049" >portlist && echo 2 >threads || exit 1
		echo Y >v4_end_grace
		cat portlist' >"$W/nfs.err" 2>&1
}
nfs_mount() { # [TENTHS OF A SECOND that it waits for each answer]
	within 120 mount -i -t nfs4 -o "vers=4.2,addr=10.1.0.2,clientaddr=10.1.0.1,proto=tcp,sec=sys,soft,timeo=${1:-20},retrans=1" \
		10.1.0.2:/ "$W/nas"
}
nfs_asks() { within 60 stat -f "$W/nas"; } # the server, each time

nfs() {
	local rc mounting
	set_rules <<<'pass out to 127.0.0.1'
	nfs_serve || { skip "no NFS server can be had here: $(cat "$W/nfs.err")"; return; }
	cp "$(type -P cat)" "$W/bin/reader"
	set_rules <<-P
		app reader = exe "$W/bin/reader"
		block out app reader
		pass out app prober to any port 2049
	P
	nfs_mount >"$W/mount.out" 2>&1
	rc=$?
	if [ $rc != 0 ] && [ $rc != 137 ]; then pass "a mount is refused"; else fail "a mount that must be refused: $rc $(cat "$W/mount.out")"; fi
	like "its line says who" '^block out rule 0 kernel pid 0 uid 0 tcp .* -> 10\.1\.0\.2:2049' "$(log_of ':2049')"
	set_rules <<-P
		app reader = exe "$W/bin/reader"
		pass out to 10.1.0.2 port 2049 log
		block out app reader log
	P
	status "a rule by address and port is enough" 0 nfs_mount
	like "its line says who" '^pass out rule 2 kernel pid 0 uid 0 tcp .* -> 10\.1\.0\.2:2049' "$(log_of 'pass out.*:2049')"
	is "no program is in the record" "[('kernel', None, 0, '/')]" \
		"$(json "sorted({(d['comm'], d['exe'], d['uid'], d['cgroup']) for d in ds if d['verdict'] == 'pass' and (d['remote'] or '').endswith(':2049')})" "$CGWALL" log --json)"
	is "it is among the flows" "[('kernel', 'out', 2)]" \
		"$(json "sorted({(f['comm'], f['dir'], f['rule']) for f in d if f['remote'] == '10.1.0.2:2049'})" "$CGWALL" flows --json)"
	status "explain says the same" 0 "$CGWALL" explain out to=10.1.0.2:2049 proto=tcp user=0
	# a program that may not talk to the net may read files: the connection is the kernel's
	is "who reads is not asked" "over the net" "$(within 60 "$W/bin/reader" "$W/nas/file" 2>&1)"
	status "and nothing is lost by it" 0 nfs_asks
	status "after a while" 0 within 60 sh -c "echo more >'$W/nas/second' && sync '$W/nas/second'"
	reload
	status "after a reload" 0 nfs_asks
	agent_kill
	status "with the agent dead" 0 nfs_asks
	agent_start || finish
	status "with a new agent" 0 nfs_asks
	set_rules </dev/null
	nfs_asks >"$W/stat.out" 2>&1
	rc=$?
	if [ $rc != 0 ] && [ $rc != 137 ]; then pass "what is not allowed any more ends with an error"; else fail "after the rule has gone: $rc $(cat "$W/stat.out")"; fi
	is "and is no flow any more" "[]" "$(json "[f for f in d if f['remote'] == '10.1.0.2:2049']" "$CGWALL" flows --json)"
	set_rules <<<'pass out to 10.1.0.2 port 2049'
	if until_ok 20 nfs_asks; then pass "it comes back with its rule"; else fail "it does not come back: $(nfs_asks 2>&1)"; fi
	within 60 umount -l "$W/nas"
	# it waits for an answer as programs do
	set_rules <<<'ask timeout 60s out to 10.1.0.2 port 2049'
	nfs_mount 600 >"$W/mount.out" 2>&1 &
	mounting=$!
	asked() { "$CGWALL" questions | grep -qw kernel; }
	if until_ok 10 asked; then pass "somebody is asked about the kernel"; else fail "nobody is asked: $("$CGWALL" questions --json)"; fi
	status "an answer" 0 "$CGWALL" answer "$(json "d['question']['id']" "$CGWALL" questions --json)" pass --for=10m
	wait $mounting
	rc=$?
	if [ $rc = 0 ]; then pass "and it goes on"; else fail "it does not go on: $rc $(cat "$W/mount.out")"; fi
	status "by what was answered" 0 nfs_asks
	within 60 umount -l "$W/nas"
	# the next mount is to make a connection of its own
	until_ok 20 sh -c "! grep -qE ':0801 01 ' /proc/net/tcp" || fail "the connection of what was unmounted stays"
	# the server, too, is the kernel's: far lets in by address and port, and not by program
	rules <<-'P' | sed '/^pass in  from/d' >"$W/policy.conf"
		pass in from 10.1.0.1 to 10.1.0.2 port 2049 log
		pass out to 10.1.0.2
	P
	reload
	status "the kernel's server is let be called by a rule" 0 nfs_mount
	like "its line says whose it is" '^pass in rule 1 kernel pid 0 uid 0 tcp 10\.1\.0\.1:[0-9]+ -> 10\.1\.0\.2:2049' "$(log_of 'pass in')"
	within 60 umount "$W/nas"
	rules <<-'P' | sed '/^pass in  from/d' >"$W/policy.conf"
		pass in app prober
		pass out to 10.1.0.2
	P
	reload
	nfs_mount >"$W/mount.out" 2>&1
	rc=$?
	if [ $rc != 0 ]; then pass "a program's rule is not the server's"; else fail "mounted by another's rule"; fi
	like "its line says whose it is" '^block in rule 0 kernel pid 0 uid 0 tcp 10\.1\.0\.1:[0-9]+ -> 10\.1\.0\.2:2049' "$(log_of 'block in.*:2049')"
	echo 0 >"$W/nfsd/threads"
}

# a client that connects in the process that mounts
cifs() {
	modprobe cifs 2>/dev/null || { skip "no CIFS in this kernel"; return; }
	mkdir -p "$W/smb"
	in_far "$PYTHON" -c '
import socket
s = socket.create_server(("", 4450))
print("ready", flush=True)
while True:
    s.accept()[0].close()
    print("called", flush=True)' >"$W/smb.out" 2>&1 &
	SERVERS+=($!)
	until_ok 10 grep -q ready "$W/smb.out"
	smb_mount() { within 60 mount -i -t cifs -o ip=10.1.0.2,port=4450,username=u,password=p,vers=3.0 //10.1.0.2/s "$W/smb"; }
	set_rules <<-P
		app mounter = exe "$(realpath "$(type -P mount)")"
		pass out app mounter
	P
	smb_mount >"$W/mount.out" 2>&1
	like "a mount by a program's rule is refused" '^block out rule 0 kernel pid 0 uid 0 tcp .* -> 10\.1\.0\.2:4450' "$(log_of ':4450')"
	unlike "and calls nobody" called "$(cat "$W/smb.out")"
	set_rules <<-P
		app mounter = exe "$(realpath "$(type -P mount)")"
		pass out to 10.1.0.2 port 4450 log
		block out app mounter
	P
	smb_mount >"$W/mount.out" 2>&1
	like "by address and port it is let through" '^pass out rule 2 kernel pid 0 uid 0 tcp .* -> 10\.1\.0\.2:4450' "$(log_of 'pass out.*:4450')"
	if until_ok 10 grep -q called "$W/smb.out"; then pass "and the other end is called"; else fail "the other end is not called: $(cat "$W/mount.out")"; fi
}

# ---- addresses by DHCP: packet sockets, until there is an address ----

dhcp() {
	local closed
	ip link add eth8 type veth peer name eth8 netns far && ip link set eth8 up
	ip -n far addr add 10.8.0.1/24 dev eth8 && ip -n far link set eth8 up
	printf 'start 10.8.0.20\nend 10.8.0.30\ninterface eth8\nlease_file %s\noption subnet 255.255.255.0\n' "$W/leases" >"$W/dhcpd.conf"
	: >"$W/leases"
	printf '#!/bin/sh\n[ "$1" != bound ] || ip addr add "$ip/24" dev "$interface"\n' >"$W/script" && chmod +x "$W/script"
	lease() {
		ip addr flush dev eth8 scope global
		within 60 busybox udhcpc -i eth8 -n -q -f -t 10 -T 1 -s "$W/script" >"$W/udhcpc.out" 2>&1
		ip -4 addr show dev eth8 | grep -oE '10\.8\.0\.2[0-9]' | head -1
	}
	set_rules <<-'P'
		set sockets-other pass
		pass out service dhcp
		pass in  service dhcp
		pass in to any port { 67, 68 }
	P
	in_far busybox udhcpd -f "$W/dhcpd.conf" >"$W/dhcpd.out" 2>&1 &
	SERVERS+=($!)
	like "an address is given" '^10\.8\.0\.2' "$(lease) $(cat "$W/udhcpc.out" "$W/dhcpd.out")"
	set_rules <<-'P'
		pass out service dhcp
		pass in  service dhcp
		pass in to any port { 67, 68 }
	P
	closed=$("$CGWALL" status | grep -ciE 'closed|sockets-other' || true)
	if [ -n "$(lease)" ]; then
		echo "  packet sockets are open here without sockets-other ($closed)"
	else
		echo "  packet sockets are closed here without sockets-other: $(tail -1 "$W/udhcpc.out")"
	fi
	ip link del eth8
}

# ---- VRF ----

vrf() {
	modprobe vrf 2>/dev/null
	ip link add red type vrf table 100 2>/dev/null || { skip "no VRF in this kernel"; return; }
	ip link set red up
	ip link add eth7 type veth peer name eth7 netns far
	ip link set eth7 master red && ip addr add 10.7.0.1/24 dev eth7 && ip link set eth7 up
	ip -n far addr add 10.7.0.2/24 dev eth7 && ip -n far link set eth7 up
	cat >"$W/bound.py" <<-'P'
		import socket, sys
		s = socket.socket()
		s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"red")
		s.settimeout(20)
		try:
		    if sys.argv[1] == "serve":
		        s.bind(("", 7006)); s.listen(); s.settimeout(None)
		        print("ready", flush=True)
		        while True:
		            c = s.accept()[0]; c.sendall(c.recv(100)); c.close()
		    s.connect((sys.argv[1], int(sys.argv[2]))); s.sendall(b"x"); print("OK" if s.recv(1) else "EOF")
		except OSError as e:
		    import errno
		    print(errno.errorcode.get(e.errno, "TIMEOUT"))
	P
	# by the device in the VRF, both ways, and not by the VRF's own
	set_rules <<-'P'
		pass out to 10.7.0.1
		pass in from 10.7.0.1
		pass out to 10.7.0.2 port 7001 on "eth7" log
		pass out to 10.7.0.2 port 7002 on "red" log
		pass in to 10.7.0.1 port 7006 on "eth7" log
	P
	is "out of a VRF" OK "$("$PYTHON" "$W/bound.py" 10.7.0.2 7001)"
	is "out of a VRF, by its own device" ECONNABORTED "$("$PYTHON" "$W/bound.py" 10.7.0.2 7002)"
	"$PYTHON" "$W/bound.py" serve >"$W/bound.out" 2>&1 &
	SERVERS+=($!)
	until_ok 20 grep -q ready "$W/bound.out"
	calls far "$FLOW" <<<'OK tcp 10.7.0.1 7006'
	is "the log has the device" "['eth7']" \
		"$(json "sorted({d['iface'] for d in ds if d['verdict'] == 'pass' and '10.7.0.' in (d['local'] or '')})" "$CGWALL" log --json)"
	set_rules <<-'P'
		pass out to 10.7.0.1
		pass in from 10.7.0.1
		pass in to 10.7.0.1 port 7006 on "red" log
	P
	calls far "$FLOW" <<<'TIMEOUT tcp 10.7.0.1 7006'
	ip link del red
}

# ---- a container: a cgroup, a namespace, a bridge, translated addresses ----

container() {
	local ct=$CGROOT/ct-$$
	ip netns add ct && ip -n ct link set lo up
	ip link add br-ct type bridge && ip addr add 10.4.0.1/24 dev br-ct && ip link set br-ct up
	ip link add veth-ct type veth peer name eth0 netns ct && ip link set veth-ct master br-ct && ip link set veth-ct up
	ip -n ct addr add 10.4.0.2/24 dev eth0 && ip -n ct link set eth0 up && ip -n ct route add default via 10.4.0.1
	echo 1 >/proc/sys/net/ipv4/ip_forward
	iptables -t nat -A POSTROUTING -s 10.4.0.0/24 -o eth0 -j MASQUERADE || { fail "iptables cannot be used here"; return; }
	mkdir -p "$ct"
	in_ct() { in_cgroup "$ct" ip netns exec ct "$@"; }
	set_rules <<-P
		pass out cgroup "${ct#"$CGROOT"/}" to 10.1.0.2 port 7001 log
		block out cgroup "${ct#"$CGROOT"/}" to 10.1.0.2 port 7002 log
	P
	ct_call() { echo "+tcp 10.1.0.2 $1" | in_ct "$FLOW" call 2>&1; }
	is "in the container, allowed" OK "$(ct_call 7001)"
	is "in the container, refused" EPERM "$(ct_call 7002)"
	calls host "$W/bin/prober" <<<'EPERM tcp 10.1.0.2 7001'
	is "another cgroup, the same namespace" EPERM "$(echo '+tcp 10.1.0.2 7001' | ip netns exec ct "$FLOW" call 2>&1)"
	is "the log has its cgroup" "['${ct#"$CGROOT"/}']" \
		"$(json "sorted({d['cgroup'].lstrip('/') for d in ds if d['verdict'] == 'pass' and d['remote'] == '10.1.0.2:7001'})" "$CGWALL" log --json)"
	ip link del br-ct && ip netns del ct
	rmdir "$ct"
}

for part in $PARTS; do
	start=$SECONDS
	$part
	echo "  $part: $((SECONDS - start)) s"
done
agent_end
finish
