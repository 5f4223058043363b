# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# A second network namespace, for tests in which a packet has to leave the host or to come from elsewhere.
# Source it after lib.sh.
#
#   own namespace                         peer namespace
#   wall0 ──────────────────────────────── peer0
#     198.51.100.1/24   2001:db8:5::1/64     198.51.100.2, .3, .4   2001:db8:5::2, ::3, ::4
#
# Neighbours are entered by hand and routers not asked for, so that nothing but what a test sends is on the
# line; what multicast groups the kernel announces by itself is over when peer_up returns.

HOST4=198.51.100.1 HOST6=2001:db8:5::1
PEER4=198.51.100.2 PEER6=2001:db8:5::2
ELSE4=198.51.100.3 ELSE6=2001:db8:5::3
FLOW=$O/tests/kernel/flow
[ -x "$FLOW" ] || { echo "no $FLOW: 'make tests' builds it"; exit 1; }

at_peer() { nsenter -t "$PEER_PID" -n "$@"; }

peer_quiet() { # IFACE, in the namespace where this runs
	local f
	for f in "ipv6/conf/$1/router_solicitations=0" "ipv6/conf/$1/accept_ra=0" "ipv6/conf/$1/mldv2_unsolicited_report_interval=20" \
		"ipv6/conf/$1/accept_dad=0" "ipv4/conf/$1/igmpv3_unsolicited_report_interval=20"; do
		[ ! -e "/proc/sys/net/${f%%=*}" ] || echo "${f#*=}" >"/proc/sys/net/${f%%=*}"
	done
}

peer_up() {
	local a mac_host=02:00:00:00:51:01 mac_peer=02:00:00:00:51:02
	unshare -n sleep infinity &
	PEER_PID=$!
	SERVERS+=("$PEER_PID")
	until_ok 10 sh -c "[ \"\$(readlink /proc/$PEER_PID/ns/net)\" != \"\$(readlink /proc/self/ns/net)\" ]"
	ip link add wall0 address $mac_host type veth peer name peer0 address $mac_peer netns "$PEER_PID" || return 1
	peer_quiet wall0
	at_peer bash -c "$(declare -f peer_quiet); peer_quiet peer0"
	ip addr add $HOST4/24 dev wall0
	ip addr add $HOST6/64 dev wall0 nodad
	ip link set wall0 up
	at_peer ip link set lo up
	at_peer ip link set peer0 up
	for a in 2 3 4; do
		at_peer ip addr add 198.51.100.$a/24 dev peer0
		at_peer ip addr add 2001:db8:5::$a/64 dev peer0 nodad
		ip neigh replace 198.51.100.$a lladdr $mac_peer dev wall0 nud permanent
		ip neigh replace 2001:db8:5::$a lladdr $mac_peer dev wall0 nud permanent
	done
	at_peer ip neigh replace $HOST4 lladdr $mac_host dev peer0 nud permanent
	at_peer ip neigh replace $HOST6 lladdr $mac_host dev peer0 nud permanent
	until_ok 10 ready6 wall0 && until_ok 10 at_peer sh -c "$(declare -f ready6); ready6 peer0"
	until_ok 10 line_quiet
}
# a link-local address is there, where there is IPv6 at all, and none is being tried
ready6() { # IFACE, in the namespace where this runs
	[ -e "/proc/sys/net/ipv6/conf/$1" ] || return 0
	ip -6 addr show dev "$1" | grep -q 'fe80:.* scope link' && ! ip -6 addr show dev "$1" | grep -q tentative
}
# Nothing comes at either end for a while.
line_quiet() {
	local n now was
	was=$(line_count)
	for ((n = 0; n < 10; n++)); do
		sleep 0.02
		now=$(line_count)
		[ "$now" = "$was" ] || return 1
	done
}
line_count() { { cat /proc/net/dev; at_peer cat /proc/net/dev; } | awk '$1 == "wall0:" || $1 == "peer0:" {print $3}'; }

# ---- flow.c ----

# flow_serve CGROUP PROGRAM ARGUMENTS ...: a server, in that cgroup; LAST is its pid, OUT its output
flow_serve() {
	local dir=$1 program=$2
	shift 2
	OUT=$(mktemp "$W/flow.XXXXXX")
	# not in_cgroup(): that would be one process more, and LAST not the server
	(echo "$BASHPID" >"$dir/cgroup.procs" && exec ${FLOW_AS:-} "$program" serve "$@") >"$OUT" 2>&1 </dev/null 6>&- &
	LAST=$!
	SERVERS+=("$LAST")
	until_ok 10 grep -q ready "$OUT" || fail "no server $*: $(cat "$OUT")"
}

# peer_flow_serve ADDR PORT [OPTION ...]: a server at the peer
peer_flow_serve() {
	at_peer "$FLOW" serve -a "$1" "${@:3}" "$2" >"$W/serve.$1.$2" 2>&1 &
	SERVERS+=($!)
	until_ok 10 grep -q ready "$W/serve.$1.$2" || fail "no server at $1 port $2: $(cat "$W/serve.$1.$2")"
}

# calls_by COMMAND ...: lines "EXPECTED tcp|udp ADDR PORT [SRC [PORT]]", made at the same time; each ends as expected.
# What has to end is waited for, and what must not end has at least as long for it.
calls_by() {
	local line results n=0 lines=()
	mapfile -t lines < <(grep -v '^[[:space:]]*$' | sed 's/^[[:space:]]*//')
	mapfile -t results < <(printf '%s\n' "${lines[@]}" | sed -E '/^(TIMEOUT|SILENT) /!s/^[^ ]+ /+/; s/^[A-Z]+ //' | "$@" 2>&1)
	for line in "${lines[@]}"; do
		is "${WHERE:-peer}: ${line#* }" "${line%% *}" "${results[n]:-nothing}"
		n=$((n + 1))
	done
}
calls() { calls_by at_peer "$FLOW" call; }                       # from the peer
guarded_calls() { WHERE=guard calls_by in_cgroup "$GUARD" "${1:-$FLOW}" call; } # from the guarded cgroup

# ---- flows of numbered messages between the guarded cgroup and the peer ----

declare -A PORT_OF
ports=7300

# flow_up NAME PROGRAM tcp|udp out|in ADDR HOW: numbered messages between the guarded cgroup and the peer. $W/NAME.in and
# NAME.peer get the counters of the two ends. HOW: both, send (from inside), recv, idle.
flow_up() {
	local inside=$6 other=$6 near far
	case $6 in send) other=recv ;; recv) other=send ;; idle) inside=recv other=recv ;; esac
	ports=$((ports + 1))
	PORT_OF[$1]=$ports
	near="$W/bin/$2 $3" far="$FLOW $3"
	if [ "$4" = out ]; then
		far+=" listen $5 $ports $other $W/$1.peer" near+=" connect $5 $ports $inside $W/$1.in"
		# shellcheck disable=SC2086
		at_peer $far >"$W/$1.out" 2>&1 &
		SERVERS+=($!)
		until_ok 5 grep -q ready "$W/$1.out"
		# shellcheck disable=SC2086
		in_cgroup "$GUARD" $near >"$W/$1.out2" 2>&1 &
	else
		near+=" listen $5 $ports $inside $W/$1.in" far+=" connect $5 $ports $other $W/$1.peer"
		# shellcheck disable=SC2086
		in_cgroup "$GUARD" $near >"$W/$1.out" 2>&1 &
		SERVERS+=($!)
		until_ok 5 grep -q ready "$W/$1.out"
		# shellcheck disable=SC2086
		at_peer $far >"$W/$1.out2" 2>&1 &
	fi
	SERVERS+=($!)
	until_ok 5 grep -q ready "$W/$1.out2" || fail "$1 does not start: $(cat "$W/$1.out" "$W/$1.out2")"
}

value() { # FIELD FILE: sent got gaps error
	local v
	read -r -a v <<<"$(od -An -tu8 -w32 "$2")"
	case $1 in sent) echo "${v[0]}" ;; got) echo "${v[1]}" ;; gaps) echo "${v[2]}" ;; error) echo "${v[3]}" ;; esac
}
got() { echo "$(value got "$W/$1.in") $(value got "$W/$1.peer")"; }
has() { [ "$(value got "$W/$1.$2")" -gt "$3" ]; }
# moves NAME DIRECTIONS: more comes at the ends that receive
moves() {
	local end
	for end in $2; do
		until_ok 10 has "$1" "$end" $(($(value got "$W/$1.$end") + MESSAGES)) || { fail "$1: nothing comes $end"; return; }
	done
	pass "$1 moves"
}
unmoved() { # NAME ...: nothing comes at any end for half a second
	local name was='' now=''
	for name; do was+="$(got "$name") "; done
	sleep 0.5
	for name; do now+="$(got "$name") "; done
	[ "$was" = "$now" ]
}
still() { # NAME ...: nothing comes at any end any more; what is in flight, or has come and is not read, still may
	local name
	until_ok 10 unmoved "$@"
	local moves=$?
	for name; do
		if [ $moves = 0 ] || unmoved "$name"; then
			pass "$name: after that nothing comes at either end"
		else
			fail "$name: after that something comes still: $(got "$name")"
		fi
	done
}
told() { # NAME ...: the program inside has got an error by now, or soon
	local name
	for name in "$@"; do
		if until_ok 10 sh -c "[ \"\$(od -An -tu8 -j24 -N8 '$W/$name.in' | tr -d ' ')\" != 0 ]"; then
			pass "$name: the program is told"
		else
			fail "$name: the program inside hangs: no error"
		fi
	done
}
whole() { # NAME ...: what came is without a gap, and no send failed
	local name
	for name in "$@"; do
		is "$name: gaps and errors" "0 0 0 0" "$(value gaps "$W/$name.in") $(value gaps "$W/$name.peer") $(value error "$W/$name.in") $(value error "$W/$name.peer")"
	done
}
