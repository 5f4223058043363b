# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Real resolvers in the peer's network namespace. Source it after peer.sh, and call peer_up first.
#
#   198.51.100.2, 2001:db8:5::2   dnsmasq      198.51.100.4, 2001:db8:5::4   unbound, where it is installed
#   198.51.100.3, 2001:db8:5::3   what names lead to

# dns_up: dnsmasq knows these names
dns_up() {
	at_peer dnsmasq -k -C /dev/null --no-resolv --no-hosts --user=root --pid-file="$W/dnsmasq.pid" --bind-interfaces \
		--listen-address=$PEER4 --listen-address=$PEER6 --port=53 --local-ttl=300 --neg-ttl=1 --max-ttl=3600 \
		--host-record=good.test,$ELSE4,$ELSE6 --host-record=other.test,$ELSE4 --host-record=cdn.far.test,$ELSE4,$ELSE6 \
		--host-record=short.test,$ELSE4,1 --host-record=deep.below.good.test,$ELSE4 \
		--cname=www.good.test,cdn.far.test --cname=one.alias.test,two.alias.test \
		--cname=two.alias.test,three.alias.test --cname=three.alias.test,cdn.far.test \
		--host-record=inside.test,192.168.7.7 --host-record=xn--bcher-kva.test,$ELSE4 \
		"$@" >"$W/dnsmasq.log" 2>&1 &
	SERVERS+=($!)
	until_ok 10 at_peer dig +short +time=1 +tries=1 @$PEER4 good.test
}

unbound_up() {
	cat >"$W/unbound.conf" <<-EOU
		server:
			interface: $1
			interface: $2
			port: 53
			do-daemonize: no
			chroot: ""
			username: ""
			directory: "$W"
			pidfile: "$W/unbound.pid"
			use-syslog: no
			do-not-query-localhost: no
			access-control: 0.0.0.0/0 allow
			access-control: ::/0 allow
			module-config: "iterator"
			local-zone: "test." nodefault
			local-zone: "unbound.test." static
			local-data: "a.unbound.test. 300 IN A $ELSE4"
			local-data: "a.unbound.test. 300 IN AAAA $ELSE6"
			local-data: "padded.unbound.test. 300 IN A $ELSE4"
			local-zone: "chain.test." static
			local-data: "b.chain.test. 300 IN A $ELSE4"
			$(for i in $(seq 1 24); do echo "local-data: \"many.unbound.test. 300 IN A 203.0.113.$i\""; done)
			local-data: "many.unbound.test. 300 IN A $ELSE4"
		remote-control:
			control-enable: no
		forward-zone:
			name: "."
			forward-addr: $PEER4
	EOU
	at_peer unbound -d -c "$W/unbound.conf" >"$W/unbound.log" 2>&1 &
	SERVERS+=($!)
	until_ok 10 at_peer dig +short +time=1 +tries=1 @"$1" a.unbound.test
}

# answerer_up ADDRESS ...: the scripted name server, by $W/script.json
answerer_up() {
	$PYTHON "$HERE/answerer.py" "$W/script.json" "$@" >"$W/answerer.out" 2>"$W/answerer.err" &
	SERVERS+=($!)
	until_ok 20 grep -q ready "$W/answerer.out" || fail "no name server: $(cat "$W/answerer.err")"
}

# ask SERVER NAME [OPTION ...]: by a guarded program
ask() {
	local server=$1
	shift
	guarded dig +short +time=30 +tries=1 @"$server" "$@" >"$W/dig.out" 2>&1 || fail "dig $server $*: $(cat "$W/dig.out")"
}
names() { json "$1" "$CGWALL" names --json; }
# alarms NAME: how often
alarms() { json "d['dns']['alarms']['$1']" "$CGWALL" status --json; }
dns_count() { json "d['dns']['$1']" "$CGWALL" status --json; }
# known NAME: is some address bound to it?
known() { names "any(n['name'] == '$1' for b in d for n in b['names'])"; }
