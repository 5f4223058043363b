#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a program sees: block is EPERM, reject ECONNREFUSED, on every way to a destination; addresses that
# are written differently but mean the same are judged the same.
. "$(dirname "$0")/lib.sh"

policy <<'P'
default out block
pass   out to { 192.0.2.1, 2001:db8::1 } port 7001
reject out to { 192.0.2.2, 2001:db8::2 }
P
agent_start || finish

probes <<'P'
EPERM tcp 127.0.0.1 7001
EPERM tcp ::1 7001
EPERM tcp ::ffff:127.0.0.1 7001
EPERM tcp 192.0.2.1 7002
EPERM tcp 2001:db8::1 7002
EPERM tcp-nonblock 127.0.0.1 7001
EPERM tcp-nonblock ::1 7001
EPERM fastopen 127.0.0.1 7001
EPERM fastopen ::1 7001
EPERM udp 127.0.0.1 7001
EPERM udp ::1 7001
EPERM udp ::ffff:127.0.0.1 7001
EPERM sendto 127.0.0.1 7001
EPERM sendto ::1 7001
EPERM sendto-in6 ::ffff:127.0.0.1 7001
EPERM sendto-in6 127.0.0.1 7001
EPERM sendto-unspec 127.0.0.1 7001
EPERM sendmsg 127.0.0.1 7001
EPERM sendmsg ::1 7001
EPERM tcp 0.0.0.0 7001
EPERM tcp :: 7001
EPERM tcp ::ffff:0.0.0.0 7001
EPERM sendto 0.0.0.0 7001
EPERM sendto :: 7001
EPERM sendto-in6 ::ffff:0.0.0.0 7001
ECONNREFUSED tcp 192.0.2.2 7001
ECONNREFUSED tcp 2001:db8::2 7001
ECONNREFUSED tcp ::ffff:192.0.2.2 7001
ECONNREFUSED tcp-nonblock 192.0.2.2 7001
ECONNREFUSED fastopen 192.0.2.2 7001
ECONNREFUSED udp 192.0.2.2 7001
ECONNREFUSED udp 2001:db8::2 7001
ECONNREFUSED sendto 192.0.2.2 7001
ECONNREFUSED sendto 2001:db8::2 7001
ECONNREFUSED sendto-in6 ::ffff:192.0.2.2 7001
ECONNREFUSED sendto-in6 192.0.2.2 7001
ECONNREFUSED sendto-unspec 192.0.2.2 7001
ECONNREFUSED sendmsg 192.0.2.2 7001
ECONNREFUSED sendmsg 2001:db8::2 7001
P

probes <<'P'
OK tcp 192.0.2.1 7001
OK tcp 2001:db8::1 7001
OK tcp ::ffff:192.0.2.1 7001
OK tcp-nonblock 192.0.2.1 7001
OK tcp-nonblock 2001:db8::1 7001
OK udp 192.0.2.1 7001
OK udp 2001:db8::1 7001
OK udp ::ffff:192.0.2.1 7001
OK sendto 192.0.2.1 7001
OK sendto 2001:db8::1 7001
OK sendto-in6 ::ffff:192.0.2.1 7001
OK sendto-in6 192.0.2.1 7001
OK sendto-unspec 192.0.2.1 7001
OK sendmsg 192.0.2.1 7001
OK sendmsg 2001:db8::1 7001
OK fastopen 192.0.2.1 7001
P
case $(outside "$CLIENT" mptcp 192.0.2.1 7001) in
OK)
	probes <<'P'
EPERM mptcp 127.0.0.1 7001
EPERM mptcp ::1 7001
ECONNREFUSED mptcp 192.0.2.2 7001
ECONNREFUSED mptcp 2001:db8::2 7001
OK mptcp 192.0.2.1 7001
P
	;;
*) skip "MPTCP: not in this kernel" ;;
esac

# A destination of 0.0.0.0 or :: is loopback, since that is where the kernel sends it.
policy <<'P'
default out block
pass out to loopback
block out to ::1 port 7002
P
reload
probes <<'P'
EPERM tcp 192.0.2.1 7001
EPERM tcp :: 7002
EPERM tcp ::1 7002
OK tcp 0.0.0.0 7001
OK tcp :: 7001
OK tcp ::ffff:0.0.0.0 7001
OK tcp 127.9.8.7 7001
OK sendto 0.0.0.0 7001
OK sendto :: 7001
OK sendto-in6 ::ffff:0.0.0.0 7001
OK sendmsg :: 7001
ECONNREFUSED tcp 127.0.0.1 7003
P

# An IPv4 item never covers an IPv6 address and the other way round.
policy <<'P'
default out block
pass out to 0.0.0.0/0 port 7001
pass out to ::/0 port 7002
P
reload
probes <<'P'
EPERM tcp ::1 7001
EPERM tcp 192.0.2.1 7002
EPERM tcp ::ffff:192.0.2.1 7002
OK tcp ::1 7002
OK tcp 192.0.2.1 7001
OK tcp ::ffff:192.0.2.1 7001
P

# Ports and protocols.
policy <<'P'
default out block
service probe = { tcp/7001, udp/7002 }
pass out service probe to 192.0.2.0/24
pass out proto udp to 2001:db8::/32 port 7000-7001
P
reload
probes <<'P'
EPERM tcp 192.0.2.1 7002
EPERM udp 192.0.2.1 7001
EPERM sendto 192.0.2.1 7001
EPERM tcp 2001:db8::1 7001
EPERM udp 2001:db8::1 7002
OK tcp 192.0.2.1 7001
OK udp 192.0.2.2 7002
OK sendto 192.0.2.2 7002
OK sendto 2001:db8::2 7001
P

# A real program's view of it.
policy <<'P'
default out block
pass   out to 127.0.0.1
reject out to 127.0.0.2
P
reload
if command -v curl >/dev/null; then
	mkdir "$W/www" && echo hello >"$W/www/index.html"
	(cd "$W/www" && exec $PYTHON -m http.server 7080 --bind 0.0.0.0 >"$W/www.log" 2>&1) &
	SERVERS+=($!)
	until_ok 30 curl -s -o "$W/page" http://127.0.0.1:7080/
	curl() { guarded "$(type -P curl)" -sS --noproxy '*' --max-time 60 "$@" 2>&1; }
	like "curl is blocked" "Operation not permitted|Couldn't connect|Failed to connect" "$(curl http://127.0.0.3:7080/)"
	like "curl is rejected" "Connection refused|Couldn't connect|Failed to connect" "$(curl http://127.0.0.2:7080/)"
	is "curl is passed" hello "$(curl http://127.0.0.1:7080/)"
else
	skip "curl: not installed"
fi
agent_end
finish
