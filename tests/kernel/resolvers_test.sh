#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# unbound as the trusted resolver, in its own network namespace: many answers, EDNS, truncation to TCP, IPv6, and a
# resolver on this host that asks for its guarded clients. What cannot be seen teaches nothing.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"
. "$(dirname "$0")/dns.sh"

for tool in dnsmasq unbound dig; do
	command -v $tool >/dev/null || { skip "no $tool"; finish; }
done
peer_up || { fail "no second network namespace"; finish; }
peer_flow_serve $ELSE4 80
dns_up || fail "dnsmasq does not answer: $(cat "$W/dnsmasq.log")"
FAR4=198.51.100.4 FAR6=2001:db8:5::4
unbound_up $FAR4 $FAR6 || fail "unbound does not answer: $(cat "$W/unbound.log")"
calls4() { guarded_calls <<<"$1 tcp $ELSE4 80"; }
fresh() {
	agent_end
	agent_start || finish
}

policy <<EOP
set resolvers { $FAR4, $FAR6 }
default out block log
pass out service dns to resolvers
pass out to domain "unbound.test" port 80
pass out to domain "good.test" port 80
EOP
agent_start || finish
for server in $FAR4 $FAR6; do
	for option in +edns +noedns +tcp; do
		fresh
		calls4 EPERM
		ask $server $option a.unbound.test A
		calls4 OK
	done
	fresh
	ask $server +tcp many.unbound.test A
	calls4 OK
	is "all answers of $server by TCP" 25 "$(names "len(d)")"
	fresh
	ask $server +notcp many.unbound.test A
	calls4 OK
	is "all answers of $server by UDP" 25 "$(names "len(d)")"
done

# an answer too large for UDP: the program asks again over TCP
fresh
ask $FAR4 +noedns +bufsize=512 +ignore many.unbound.test A
fresh
ask $FAR4 +noedns many.unbound.test A
calls4 OK

# what another asked, unbound asks elsewhere: a chain over a forwarder
fresh
ask $FAR4 www.good.test A
calls4 OK
is "the whole chain" "['cdn.far.test', 'www.good.test']" "$(names "sorted(n['name'] for b in d for n in b['names'])")"

# a resolver on this host that serves a guarded program: its answers come over loopback
dnsmasq -k -C /dev/null --no-resolv --no-hosts --user=root --pid-file="$W/local.pid" --bind-interfaces --listen-address=127.0.0.53 \
	--port=53 --server=$PEER4 >"$W/local.log" 2>&1 &
SERVERS+=($!)
until_ok 10 dig +short +time=1 +tries=1 @127.0.0.53 good.test
policy <<EOP
set resolvers { 127.0.0.53 }
default out block log
pass out service dns to resolvers
pass out to domain "good.test" port 80
EOP
reload
fresh
calls4 EPERM
ask 127.0.0.53 good.test A
calls4 OK

# ---- what cannot be seen ----
# another port than 53 stands for all that is encrypted or elsewhere
at_peer dnsmasq -k -C /dev/null --no-resolv --no-hosts --user=root --pid-file="$W/odd.pid" --bind-interfaces --listen-address=$PEER4 \
	--port=5353 --host-record=good.test,$ELSE4 >"$W/odd.log" 2>&1 &
SERVERS+=($!)
until_ok 10 at_peer dig +short +time=1 +tries=1 -p 5353 @$PEER4 good.test
policy <<EOP
set resolvers { $PEER4 }
default out block log
pass out to $PEER4
pass out to domain "good.test" port 80
EOP
fresh
ask $PEER4 -p 5353 good.test A
is "an answer from elsewhere was given" "$ELSE4" "$(tail -1 "$W/dig.out")"
is "and taught nothing" "[]" "$(names d)"
calls4 EPERM
like "the log says so" "^block out rule 0 .* -> $ELSE4:80 \(no name known for this address\)\$" "$("$CGWALL" log | tail -1)"

agent_end

# ---- what the host is configured to use is followed: in a mount namespace with a resolv.conf of its own ----
echo "nameserver $PEER4" >"$W/resolv.conf"
cat >"$W/cgwall-here" <<EOC
#!/bin/sh
[ "\$1" = run ] || exec "$CGWALL" "\$@"
exec unshare -m --propagation slave sh -c 'mount --bind "$W/resolv.conf" /etc/resolv.conf && exec "$CGWALL" "\$@"' sh "\$@"
EOC
chmod +x "$W/cgwall-here"
policy <<EOP
set resolvers auto
default out block log
pass out to { $PEER4, $FAR4 } port 53
pass out to domain "good.test" port 80
EOP
real=$CGWALL
CGWALL=$W/cgwall-here
agent_start || finish
CGWALL=$real
ask $FAR4 good.test A
is "who is not configured is a stranger" "[] 1" "$(names d) $(alarms dns-stranger)"
calls4 EPERM
ask $PEER4 good.test A
calls4 OK
echo "nameserver $FAR4" >"$W/resolv.conf"
until_ok 10 sh -c "'$CGWALL' log | grep -q '^state resolvers $FAR4\$'" || fail "the change is not followed: $("$CGWALL" log | tail -3)"
ask $PEER4 other.test A
is "who was is no more" "False 2" "$(known other.test) $(alarms dns-stranger)"
ask $FAR4 www.good.test A
is "who is now is heard" True "$(known www.good.test)"

# ---- a resolver of one's own, on the loopback of a network namespace of one's own ----
echo '{"*": {"records": [["", "A", 300, "192.0.2.66"]]}}' >"$W/script.json"
cat >"$W/own" <<EOC
#!/bin/sh
ip link set lo up
"$PYTHON" "$HERE/answerer.py" "$W/script.json" 127.0.0.1 >"$W/own.out" 2>&1 &
n=0
until grep -q ready "$W/own.out" || [ \$n = 200 ]; do n=\$((n + 1)); sleep 0.05; done
dig +short +time=5 +tries=1 @127.0.0.1 deep.good.test A
kill \$!
EOC
chmod +x "$W/own"
echo "nameserver 127.0.0.1" >"$W/resolv.conf"
until_ok 10 sh -c "'$CGWALL' log | grep -q '^state resolvers 127.0.0.1\$'" || fail "the change is not followed: $("$CGWALL" log | tail -3)"
printf 'set resolvers auto\ndefault out block\npass out to loopback\npass out to domain "good.test" port 80\n' | policy
reload
place=$(alarms dns-place)
is "he answers" 192.0.2.66 "$(guarded unshare -n "$W/own")"
is "and is not believed" "False $((place + 1))" "$(known deep.good.test) $(alarms dns-place)"
sed -i '1s/auto/127.0.0.1/' "$W/policy.conf"
reload
is "he answers again" 192.0.2.66 "$(guarded unshare -n "$W/own")"
is "and is believed where the policy names him" True "$(known deep.good.test)"
agent_end
finish
