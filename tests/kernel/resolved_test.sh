#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# systemd-resolved in a mount namespace of its own: its stub at 127.0.0.53, by UDP and TCP, and the road of nss-resolve,
# which is no DNS: covered where the service is guarded as well, else the name is not known.
#
#   program ── 127.0.0.53 or a socket ── systemd-resolved ── wall0 ── dnsmasq (198.51.100.2)
#
# Nothing is installed, since that would change the host's own resolver: the package is unpacked below the build folder.
# before lib.sh, which goes on in a network namespace of its own
ROOT=$(cd "$(dirname "$0")/../.." && realpath "${O:-build}")/resolved
if [ -z "${CGWALL_TEST_NETNS:-}" ] && [ "$(id -u)" = 0 ] && [ ! -e "$ROOT/usr" ]; then
	mkdir -p "$ROOT/debs"
	(cd "$ROOT/debs" && apt-get -q download systemd-resolved libnss-resolve) >"$ROOT/log" 2>&1
	for deb in "$ROOT"/debs/*.deb; do [ ! -e "$deb" ] || dpkg -x "$deb" "$ROOT"; done
fi
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"
. "$(dirname "$0")/dns.sh"

for tool in dnsmasq dig apt-get dpkg; do
	command -v $tool >/dev/null || { skip "no $tool"; finish; }
done
RESOLVED=$ROOT/lib/systemd/systemd-resolved
[ -x "$RESOLVED" ] || RESOLVED=$ROOT/usr/lib/systemd/systemd-resolved
[ -x "$RESOLVED" ] || { skip "systemd-resolved cannot be had: $(tail -1 "$ROOT/log")"; finish; }
ldd "$RESOLVED" | grep -q 'not found' && { skip "systemd-resolved does not run here: $(ldd "$RESOLVED" | grep 'not found' | head -1)"; finish; }

peer_up || { fail "no second network namespace"; finish; }
peer_flow_serve $ELSE4 80
peer_flow_serve $ELSE6 80
dns_up || fail "dnsmasq does not answer: $(cat "$W/dnsmasq.log")"

# ---- its files ----
mkdir "$W/etc" "$W/run"{,/resolve} 2>/dev/null
mkdir -p "$W/state/resolve"
printf '[Resolve]\nDNS=%s\nFallbackDNS=\nDomains=~.\nLLMNR=no\nMulticastDNS=no\nDNSSEC=no\nCache=yes\n' $PEER4 >"$W/etc/resolved.conf"
{ cat /etc/passwd; echo 'systemd-resolve:x:997:997::/:/usr/sbin/nologin'; } >"$W/etc/passwd"
{ cat /etc/group; echo 'systemd-resolve:x:997:'; } >"$W/etc/group"
sed 's/^hosts:.*/hosts: files resolve [!UNAVAIL=return]/' /etc/nsswitch.conf >"$W/etc/nsswitch.conf"
chown 997:997 "$W/state/resolve"
cat >"$W/inside" <<EOI
#!/bin/bash
# in the mount namespace that has the service's files
mount --bind "$W/state" /run/systemd && mount --bind "$W/etc/passwd" /etc/passwd && mount --bind "$W/etc/group" /etc/group || exit 1
mount --bind "$W/etc/nsswitch.conf" /etc/nsswitch.conf
mount -t tmpfs none /etc/systemd && cp "$W/etc/resolved.conf" /etc/systemd/
export LD_LIBRARY_PATH=$ROOT/usr/lib/$(uname -m)-linux-gnu
exec "\$@"
EOI
chmod +x "$W/inside"
start_resolved() { # CGROUP
	in_cgroup "$1" unshare -m "$W/inside" "$RESOLVED" >"$W/resolved.log" 2>&1 &
	SERVERS+=($!)
	until_ok 15 outside dig +short +time=1 +tries=1 @127.0.0.53 good.test || fail "systemd-resolved does not answer: $(tail -5 "$W/resolved.log")"
}
by_nss() { guarded unshare -m "$W/inside" getent ahostsv4 "$1" >"$W/getent" 2>&1 || fail "getent $1: $(cat "$W/getent")"; }
calls4() { guarded_calls <<<"$1 tcp $ELSE4 80"; }
calls6() { guarded_calls <<<"$1 tcp $ELSE6 80"; }
fresh() {
	agent_end
	agent_start || finish
}

# ---- the stub, asked by a guarded program; the service is somebody else's ----
start_resolved "$OUTSIDE"
policy <<EOP
set resolvers { 127.0.0.53, $PEER4 }
default out block log
pass out service dns to resolvers
pass out to domain "good.test" port 80
EOP
agent_start || finish
calls4 EPERM
for option in +notcp +tcp "+bufsize=1232 +edns"; do
	fresh
	calls4 EPERM
	# shellcheck disable=SC2086
	ask 127.0.0.53 $option good.test A
	calls4 OK
done
ask 127.0.0.53 good.test AAAA
calls6 OK
ask 127.0.0.53 www.good.test A
is "the whole chain" "['cdn.far.test', 'www.good.test']" \
	"$(names "sorted(n['name'] for b in d if b['address'] == '$ELSE4' for n in b['names'] if 'good.test' != n['name'])")"
# its own way of asking is no DNS, and the service is not guarded: the remedy is `hosts: files dns`
fresh
by_nss good.test
like "nss-resolve has the address" "^$ELSE4 " "$(cat "$W/getent")"
is "and nobody saw it" "[]" "$(names d)"
calls4 EPERM
like "the log says so" "^block out rule 0 .* -> $ELSE4:80 \(no name known for this address\)\$" "$("$CGWALL" log | tail -1)"

# ---- the service is guarded, as everything is below the root: what it learns is known ----
agent_end
kill_all_in "$OUTSIDE"
start_resolved "$GUARD"
policy <<EOP
set resolvers { $PEER4 }
default out block log
pass out service dns to { resolvers, 127.0.0.53 }
pass in
pass out to domain "good.test" port 80
EOP
agent_start || finish
by_nss deep.below.good.test
is "what the service asked for is known" True "$(known deep.below.good.test)"
calls4 OK
fresh
by_nss deep.below.good.test # from its cache
is "what it had in its cache is not" "[]" "$(names d)"
kill_all_in "$GUARD"
start_resolved "$GUARD" # as resolvectl flush-caches would do
by_nss deep.below.good.test
calls4 OK
# its stub may answer, as no other guarded program may in its name
policy <<EOP
set resolvers { 127.0.0.53 }
default out block log
pass out service dns to { resolvers, $PEER4 }
pass in
pass out to domain "good.test" port 80
EOP
fresh
calls4 EPERM
for option in +notcp +tcp; do
	ask 127.0.0.53 $option good.test A
	like "the guarded stub answers, $option" "^$ELSE4\$" "$(cat "$W/dig.out")"
done
calls4 OK
is "nobody takes it for a forger" 0 "$(alarms dns-stranger)"
agent_end
finish
