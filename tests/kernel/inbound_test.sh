#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# `in` rules: who may be connected to, from a second network namespace. What is refused is silence at the
# caller, and nothing at the server.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"

base=${GUARD#"$CGROOT"/}
peer_up || { fail "no second network namespace"; finish; }
at_peer ip route add 224.0.0.0/4 dev peer0
at_peer ip route add 255.255.255.255 dev peer0
ip route add 224.0.0.0/4 dev wall0
for a in $PEER4 $PEER6; do # what answers from another address than was asked answers nothing
	peer_flow_serve $a 7200
done
echo "0 2147483647" >/proc/sys/net/ipv4/ping_group_range

# ---- servers in the guarded cgroup: who listens where ----
copy "$W/bin/one"; cp "$FLOW" "$W/bin/one"; cp "$FLOW" "$W/bin/two"
mkdir -p "$GUARD/web" "$GUARD/nginx.service/sub"
chmod 755 "$W/bin"/*

stop_servers() {
	kill "${OLD[@]}" 2>/dev/null
	until_ok 5 sh -c "! kill -0 ${OLD[*]} 2>/dev/null"
}
start_servers() {
	local first=${#SERVERS[@]}
	flow_serve "$GUARD" "$W/bin/one" 7101
	ONE=$LAST ONE_OUT=$OUT
	flow_serve "$GUARD" "$W/bin/two" 7102
	TWO_OUT=$OUT
	flow_serve "$GUARD/web" "$FLOW" 7103
	flow_serve "$GUARD/nginx.service/sub" "$FLOW" 7104
	FLOW_AS="setpriv --reuid 65534 --clear-groups" flow_serve "$GUARD" "$FLOW" 7105
	flow_serve "$OUTSIDE" "$FLOW" 7106
	flow_serve "$GUARD" "$W/bin/one" -a 0.0.0.0 7107
	flow_serve "$GUARD" "$W/bin/one" -n
	NOBIND=$(awk '/ready/ {print $2}' "$OUT")
	flow_serve "$GUARD" "$W/bin/one" -a 0.0.0.0 -g 224.0.0.251 5353
	MDNS4_OUT=$OUT
	flow_serve "$GUARD" "$W/bin/one" -a :: -g ff02::fb 5354
	flow_serve "$GUARD" "$W/bin/one" -a 0.0.0.0 68
	OLD=("${SERVERS[@]:first}")
	all="tcp $HOST4 7101
tcp $HOST6 7101
tcp $HOST4 7102
tcp $HOST4 7103
tcp $HOST4 7104
tcp $HOST4 7105
tcp $HOST4 7106
tcp $HOST4 $NOBIND
tcp $HOST6 $NOBIND
udp $HOST4 7101
udp $HOST6 7101
udp $HOST4 7106
udp 224.0.0.251 5353 $PEER4
udp ff02::fb 5354 $PEER6
udp 198.51.100.255 68 $PEER4
udp 255.255.255.255 68 $PEER4"
}

# the same before anything is guarded: what follows is cgwall's doing
start_servers
sed 's/^/OK /' <<<"$all" | WHERE="peer, without cgwall" calls
before_tcp=$(grep -c accept "$ONE_OUT") before_udp=$(grep -c udp "$ONE_OUT")

# ---- all blocked ----
echo 'default in block' | policy
agent_start || finish
refused() { sed -E "s/^tcp/TIMEOUT tcp/; s/^udp/SILENT udp/; s/^(TIMEOUT|SILENT)( .* 7106)/OK\2/" <<<"$all"; }
refused | WHERE="peer, all blocked" calls
guarded_calls <<P
TIMEOUT tcp 127.0.0.1 7101
TIMEOUT tcp ::1 7101
TIMEOUT tcp $HOST4 7101
SILENT udp 127.0.0.1 7101
SILENT udp ::1 7101
OK tcp 127.0.0.1 7106
OK udp ::1 7106
OK tcp $PEER4 7200
OK tcp $PEER6 7200
OK udp $PEER4 7200
OK udp $PEER6 7200
OK ping $PEER4 1
OK ping $PEER6 2
OK rawping $PEER4 3
OK rawping $PEER6 4
P
is "accepted under 'default in block'" "$before_tcp" "$(grep -c accept "$ONE_OUT")"
is "datagrams under 'default in block'" "$before_udp" "$(grep -c udp "$ONE_OUT")"
# servers that open under the policy are refused as well, with and without bind
stop_servers
start_servers
refused | WHERE="peer, all blocked, new servers" calls
is "accepted by new servers" 0 "$(grep -c accept "$ONE_OUT")"
is "datagrams to new servers" 0 "$(grep -c udp "$ONE_OUT")"

# ---- SYN cookies ----
syncookies=$(cat /proc/sys/net/ipv4/tcp_syncookies)
echo 2 >/proc/sys/net/ipv4/tcp_syncookies
calls <<P
TIMEOUT tcp $HOST4 7101
TIMEOUT tcp $HOST6 7101
OK tcp $HOST4 7106
P
printf 'default in block\ndefault out block\npass in to any port 7101\n' | policy
reload
calls <<P
OK tcp $HOST4 7101
OK tcp $HOST6 7101
TIMEOUT tcp $HOST4 7102
P
echo "$syncookies" >/proc/sys/net/ipv4/tcp_syncookies

# ---- who is connected to ----
who() { # "WHAT" "RULE" "PORT ...": these ports alone answer
	local port lines=''
	printf 'default in block\ndefault out block\n%s\n' "$2" | policy
	reload
	for port in 7101 7102 7103 7104 7105; do
		case " $3 " in *" $port "*) lines+="OK tcp $HOST4 $port
OK udp $HOST6 $port
" ;; *) lines+="TIMEOUT tcp $HOST4 $port
SILENT udp $HOST6 $port
" ;; esac
	done
	WHERE="peer, $1" calls <<<"$lines"
}
who "by program" "pass in exe \"$W/bin/one\"" "7101"
who "by another program" "pass in exe \"$W/bin/t*\"" "7102"
who "by cgroup" "pass in cgroup \"$base/web\"" "7103"
who "by unit" 'pass in unit "nginx.service"' "7104"
who "by user" 'pass in user 65534' "7105"
who "by any program of the guarded" "pass in cgroup \"$base\"" "7101 7102 7103 7104 7105"
who "by program and not user" "app a = exe \"$FLOW\" and not user 65534
pass in app a" "7103 7104"
who "by service" "service s = { tcp/7102, udp/7102, tcp/7105, udp/7105 }
pass in service s" "7102 7105"

# ---- from whom, to which address and port ----
policy <<P
default in block
default out block
pass in from $PEER4 to any port 7101
pass in from 2001:db8:5::2/127 to any port 7101
pass in from any port 6000-6010 to any port 7102
pass in proto tcp to $HOST4 port { 7103, $NOBIND }
pass in proto udp to $HOST4 port 7104
pass in from not $PEER4 to any port 7105
pass in exe "$W/bin/one" from 127.0.0.1 to any port 7107
P
reload
calls <<P
OK tcp $HOST4 7101 $PEER4
OK tcp $HOST6 7101 $PEER6
OK tcp $HOST6 7101 $ELSE6
OK udp $HOST4 7101 $PEER4
TIMEOUT tcp $HOST4 7101 $ELSE4
TIMEOUT tcp $HOST6 7101 2001:db8:5::4
SILENT udp $HOST4 7101 $ELSE4
SILENT udp $HOST6 7101 2001:db8:5::4
OK tcp $HOST4 7102 $PEER4 6000
OK udp $HOST4 7102 $PEER4 6010
TIMEOUT tcp $HOST4 7102 $PEER4 6011
SILENT udp $HOST4 7102 $PEER4 5999
OK tcp $HOST4 7103
TIMEOUT tcp $HOST6 7103
SILENT udp $HOST4 7103
OK tcp $HOST4 $NOBIND
TIMEOUT tcp $HOST6 $NOBIND
OK udp $HOST4 7104
TIMEOUT tcp $HOST4 7104
TIMEOUT tcp $HOST4 7105 $PEER4
OK tcp $HOST4 7105 $ELSE4
OK udp $HOST6 7105
TIMEOUT tcp $HOST4 7107
P
WHERE=outside calls_by outside "$FLOW" call <<<"OK tcp 127.0.0.1 7107
TIMEOUT tcp $HOST4 7107
TIMEOUT tcp $HOST4 7101"

# ---- replies of an allowed server are not outbound, and its own calls are ----
printf 'default in block\ndefault out block\npass in to any port 7101\n' | policy
reload
calls <<P
OK udp $HOST4 7101
OK udp $HOST6 7101
OK tcp $HOST4 7101
P
guarded_calls "$W/bin/one" <<P
EPERM tcp $PEER4 7200
EPERM udp $PEER4 7200
P

# ---- multicast and broadcast ----
printf 'default in block\ndefault out block\npass in to { 224.0.0.251, ff02::fb }\npass in service dhcp\n' | policy
reload
calls <<P
OK udp 224.0.0.251 5353 $PEER4
OK udp ff02::fb 5354 $PEER6
OK udp 198.51.100.255 68 $PEER4 67
OK udp 255.255.255.255 68 $PEER4 66
SILENT udp $HOST4 5353 $PEER4
TIMEOUT tcp $HOST4 7101
P
printf 'default in block\ndefault out pass\npass in from %s to 224.0.0.251\n' $ELSE4 | policy
reload
had=$(grep -c udp "$MDNS4_OUT")
calls <<P
SILENT udp 224.0.0.251 5353 $PEER4
SILENT udp ff02::fb 5354 $PEER6
SILENT udp 255.255.255.255 68 $PEER4
OK udp 224.0.0.251 5353 $ELSE4
P
is "multicasts that got through" 1 "$(($(grep -c udp "$MDNS4_OUT") - had))"

# ---- order: the last match, and quick; the log, and hits ----
policy <<P
default in block log
pass in from 198.51.100.0/24 to any port 7101 log
block in quick from $ELSE4 log label "not this one"
block in from any to any port 7102
pass in from $ELSE4
pass in from $PEER4 to any port 7102 log
block in from $PEER6 to any port 7101
pass in proto udp from $PEER6 to any port 7101
P
reload
had=$("$CGWALL" log | wc -l)
export FLOW_MS=1300 # a SYN is sent again after a second
calls <<P
OK tcp $HOST4 7101 $PEER4
OK tcp $HOST4 7101 198.51.100.4
TIMEOUT tcp $HOST4 7101 $ELSE4
TIMEOUT tcp $HOST4 7102 198.51.100.4
OK udp $HOST4 7102 $PEER4 6100
TIMEOUT tcp $HOST6 7101 $PEER6
OK udp $HOST6 7101 $PEER6
TIMEOUT tcp $HOST6 7103 $PEER6
SILENT udp $HOST6 7103 $PEER6 6200
P
until_ok 5 sh -c "[ \$('$CGWALL' log | wc -l) -ge $((had + 6)) ]"
unset FLOW_MS
sleep 0.2 # one line too many would be here by now
"$CGWALL" log | tail -n +$((had + 1)) >"$W/log"
flowline() { grep -cE "^$1 in rule $2 [a-z0-9]+ pid [0-9]+ uid 0 $3 $4\$" "$W/log"; }
bracket() { case $1 in *:*) echo "\\[$1\\]" ;; *) echo "${1//./\\.}" ;; esac; }
line() { # VERDICT RULE PROTO FROM TO-PORT TO
	is "log: $1 $2 $3 $4 -> $5 $6" 1 \
		"$(flowline "$1" "$2" "$3" "$(bracket "$4"):[0-9]+ -> $(bracket "$6"):$5")"
}
line pass 1 tcp $PEER4 7101 $HOST4
line pass 1 tcp 198.51.100.4 7101 $HOST4
line block 2 tcp $ELSE4 7101 $HOST4
line pass 5 udp $PEER4 7102 $HOST4
line block 0 tcp $PEER6 7103 $HOST6
line block 0 udp $PEER6 7103 $HOST6
is "lines in all" 6 "$(wc -l <"$W/log")"
like "the server is named" "^pass in rule 1 one pid $ONE " "$(cat "$W/log")"
is "log --json: who, from where" "pass 1 tcp $W/bin/one $ONE $HOST4:7101" \
	"$(json '" ".join(str(x) for x in next((e["verdict"], e["rule"], e["proto"], e["exe"], e["pid"], e["local"]) for e in ds if e["dir"] == "in" and e["rule"] == 1 and "'$PEER4'" in e["remote"]))' "$CGWALL" log --json)"
hits() { json '" ".join(str(r["hits"]) for r in sorted((r for r in d if r["dir"] == "in"), key=lambda r: r["rule"]))' "$CGWALL" rules --json; }
now=$(hits)
is "rules with hits" "yes yes yes yes no yes yes yes" "$(tr ' ' '\n' <<<"$now" | awk '{printf "%s%s", (NR > 1) ? " " : "", ($1 > 0) ? "yes" : "no"}')"
is "a rule that passed one connection was hit once a flow" "2 1 1" "$(awk '{print $2, $6, $8}' <<<"$now")"
"$CGWALL" explain in exe="$W/bin/one" proto=tcp from=$ELSE4:1 to=$HOST4:7101 >"$W/explain" 2>&1
is "explain knows it too" 1 $?

# ---- a reload ends what is up ----
flow_end() { od -An -tu8 -j "$1" -N 8 "$2" | tr -d ' '; }
printf 'default in pass\n' | policy
reload
in_cgroup "$GUARD" "$W/bin/one" tcp listen - 7120 both "$W/in.server" >"$W/up.out" 2>&1 &
SERVERS+=($!)
until_ok 5 grep -q ready "$W/up.out"
at_peer "$FLOW" tcp connect $HOST4 7120 both "$W/in.client" >/dev/null 2>&1 &
SERVERS+=($!)
moves() { [ "$(flow_end 8 "$W/in.server")" -gt 50 ] && [ "$(flow_end 8 "$W/in.client")" -gt 50 ]; }
until_ok 5 moves || fail "an accepted connection carries data both ways"
is "and loses none" "0 0" "$(flow_end 16 "$W/in.server") $(flow_end 16 "$W/in.client")"
printf 'default in block\n' | policy
reload
quiet() {
	local was
	was="$(flow_end 8 "$W/in.server") $(flow_end 8 "$W/in.client")"
	sleep 0.4
	[ "$was" = "$(flow_end 8 "$W/in.server") $(flow_end 8 "$W/in.client")" ]
}
until_ok 10 quiet && pass "after the reload nothing moves" || fail "after the reload it moves still"
agent_end
sed 's/^/OK /' <<<"$all" | WHERE="peer, after detach" calls

# ---- what comes with errors: whatever somebody quotes in a message of ICMP ----
cat >"$W/errors.py" <<'P'
import select, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR
s.bind(("", 7130))
print("ready", flush=True)
select.select([], [], [s], 3 if sys.argv[1] == "yes" else 0.5)
try:
    print(s.recvmsg(2000, 2000, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)[0].decode())
except BlockingIOError:
    print("nothing")
P
cat >"$W/quote.py" <<'P'
import socket, struct, sys
def checksum(b):
    n = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    n = (n >> 16) + (n & 0xffff)
    return ~(n + (n >> 16)) & 0xffff
data = b"quoted"
udp = struct.pack("!HHHH", 7130, 9, 8 + len(data), 0) + data
ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, socket.inet_aton(sys.argv[1]), socket.inet_aton(sys.argv[2]))
ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
icmp = struct.pack("!BBHI", 3, 3, 0, 0) + ip + udp
icmp = icmp[:2] + struct.pack("!H", checksum(icmp)) + icmp[4:]
socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).sendto(icmp, (sys.argv[1], 0))
P
quoted() { # IS ANYTHING EXPECTED
	guarded "$PYTHON" "$W/errors.py" "$1" >"$W/errors.out" 2>&1 &
	local pid=$!
	until_ok 5 grep -q ready "$W/errors.out"
	at_peer "$PYTHON" "$W/quote.py" $HOST4 $PEER4
	wait $pid
	tail -1 "$W/errors.out"
}
printf 'default in block\ndefault out block\nset sockets-other pass\n' | policy
agent_start || finish
is "where sockets that no rule names pass, errors bring data" quoted "$(quoted yes)"
printf 'default in block\ndefault out block\n' | policy
reload
is "elsewhere they do not" nothing "$(quoted no)"
agent_end

# ---- servers that were there before the agent ----
printf 'default in block\ndefault out block\npass in exe "%s" to any port 7101\npass in user 65534\n' "$W/bin/one" | policy
agent_start || finish
calls <<P
OK tcp $HOST4 7101
OK udp $HOST6 7101
OK tcp $HOST6 7105
TIMEOUT tcp $HOST4 7102
TIMEOUT tcp $HOST4 $NOBIND
OK tcp $HOST4 7106
P
agent_end
finish
