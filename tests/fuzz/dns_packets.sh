#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Asks dnsmasq and unbound, each in a network namespace, and writes their answers as hexadecimal text: how dns.txt
# beside it was made. Needs root and both servers.
set -eu
[ -n "${DNS_PACKETS:-}" ] || DNS_PACKETS=1 exec unshare -n "$0" "$@"
dir=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$dir"' EXIT
ip link set lo up
{
	for i in $(seq 1 32); do echo "host-record=many.test,192.0.2.$i"; done
	echo 'host-record=one.test,192.0.2.1,2001:db8::1
cname=a.test,b.test,c.test,one.test
cname=d.test,one.test
txt-record=text.test,"some text","more of it"
srv-host=_xmpp._tcp.test,one.test,5222
mx-host=test,one.test,10'
} >"$dir/dnsmasq.conf"
dnsmasq -k -C "$dir/dnsmasq.conf" -R -h -a 127.0.0.1 -z -p 53 2>/dev/null &
cat >"$dir/unbound.conf" <<U
server:
	interface: 127.0.0.2
	port: 53
	chroot: ""
	username: ""
	directory: "$dir"
	pidfile: "$dir/pid"
	use-syslog: no
	access-control: 127.0.0.0/8 allow
	minimal-responses: no
	local-zone: "test." static
	local-data: "one.test. 300 IN A 192.0.2.1"
	local-data: "one.test. 300 IN AAAA 2001:db8::1"
	local-data: "two.test. 60 IN A 192.0.2.1"
	local-data: "two.test. 60 IN A 192.0.2.2"
	local-data: "long.a-rather-long-label-indeed.test. 60 IN A 192.0.2.3"
	local-data: "text.test. 60 IN TXT 'some text'"
U
unbound -d -c "$dir/unbound.conf" 2>/dev/null &
sleep 2
echo "# Answers as hexadecimal text, made by dns_packets.sh: dnsmasq and unbound, with and without EDNS."
python3 - <<'P'
import socket
import struct
for server in ("127.0.0.1", "127.0.0.2"):
    for name in ("one.test", "oNe.TEST", "a.test", "d.test", "many.test", "two.test", "text.test", "_xmpp._tcp.test",
                 "test", "none.test", "long.a-rather-long-label-indeed.test"):
        for kind in (1, 28, 255, 16, 33, 15):
            for edns in (0, 1):
                q = struct.pack(">HHHHHH", kind * 100 + edns, 0x0100, 1, 0, 0, edns)
                q += b"".join(bytes([len(x)]) + x.encode() for x in name.split(".")) + struct.pack(">BHH", 0, kind, 1)
                q += b"\0\0\x29\x10\0\0\0\0\0\0\0" * edns
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                s.settimeout(2)
                s.sendto(q, (server, 53))
                try:
                    a = s.recv(65535)
                except OSError:
                    continue
                if kind in (1, 28, 255) or edns:
                    print(a.hex())
P
