#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# From observation to policy: under `set mode observe` everything goes on, and what was seen becomes a policy
# under which the same goes on, and nothing else does.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"
. "$(dirname "$0")/dns.sh"

peer_up || { fail "no second network namespace"; finish; }
flow_serve "$GUARD" "$FLOW" 7101
for a in $PEER4 $PEER6; do # what answers from another address than was asked answers nothing
	for port in 7200 7201; do
		peer_flow_serve $a $port
	done
done
copy "$W/bin/two"
mkdir -p "$GUARD/web.service"
curl=$(type -P curl) dig=$(type -P dig)
at_peer python3 -m http.server 7300 --bind $PEER4 --directory "$W/bin" >/dev/null 2>&1 &
SERVERS+=($!)
until_ok 20 at_peer bash -c "exec 3<>/dev/tcp/$PEER4/7300" || fail "nobody serves"

traffic() {
	probes <<<"OK tcp 192.0.2.1 7001
OK tcp 127.0.0.1 7001
OK sendto 2001:db8::1 7001"
	probes -p "$W/bin/two" -c "$GUARD/web.service" <<<'OK tcp 192.0.2.2 7002'
	guarded_calls <<<"OK tcp $PEER4 7200
OK udp $PEER6 7200"
	calls <<<"OK tcp $HOST4 7101
OK udp $HOST6 7101"
	[ -z "$curl" ] || is "curl" "$(cat "$W/bin/hello")" "$(guarded "$curl" -s -m 60 "http://$PEER4:7300/hello")"
	[ -z "$dig" ] || like "dig" "ANSWER|status|reply|communications error|timed out|no servers" \
		"$(guarded "$dig" +tries=1 +time=1 -p 7200 @$PEER4 example.com 2>&1)"
}
echo "hello there" >"$W/bin/hello"

policy <<'P'
set mode observe
default out block log
default in  block log
P
agent_start || finish
traffic
until_ok 10 sh -c "[ \$('$CGWALL' log | grep -c 'in rule') -ge 2 ]" || fail "the log is not complete: $("$CGWALL" log)"
"$CGWALL" log --json >"$W/seen.json"
"$CGWALL" suggest --from "$W/seen.json" >"$W/from-file.conf" 2>"$W/err" || fail "suggest --from: $(cat "$W/err")"
"$CGWALL" suggest >"$W/suggested.conf" 2>"$W/err" || fail "suggest: $(cat "$W/err")"
is "from the log's file the same" "$(tail -n +2 "$W/from-file.conf")" "$(tail -n +2 "$W/suggested.conf")"
status "check takes it" 0 "$CGWALL" check "$W/suggested.conf"
like "programs by name" "app client = exe \"$W/bin/client\"" "$(cat "$W/suggested.conf")"
like "what came in" "pass in +app flow from .* service \{? ?(tcp|udp)/7101" "$(cat "$W/suggested.conf")"
is "--json" True "$(json 'd["flows"] >= 8 and d["policy"].startswith("default out block log")' "$CGWALL" suggest --json)"
is "what comes within a time" True "$(json 'd["flows"] >= 8' "$CGWALL" suggest --json --for 500ms)"

cp "$W/suggested.conf" "$W/policy.conf"
reload
traffic
# the other way round, and others
probes <<<"EPERM tcp 192.0.2.1 7002
EPERM sendto 2001:db8::1 7002
EPERM udp 192.0.2.1 7002
EPERM tcp $PEER4 7200"
probes -p "$W/bin/two" <<<'EPERM tcp 192.0.2.1 7001'
guarded_calls <<<"EPERM tcp $PEER4 7201
EPERM udp $PEER4 7201"
flow_serve "$GUARD" "$FLOW" 7102
calls <<<"TIMEOUT tcp $HOST4 7102
SILENT udp $HOST6 7102"
[ -z "$curl" ] || status "curl elsewhere" 7 guarded "$curl" -s -m 60 "http://$PEER4:7200/"

# what is refused now can be asked for as well
"$CGWALL" suggest --refused >"$W/more.conf" 2>"$W/err" || fail "suggest --refused: $(cat "$W/err")"
cp "$W/more.conf" "$W/policy.conf"
reload
probes <<<"OK tcp 192.0.2.1 7002
OK tcp $PEER4 7200"
agent_end

# names instead of addresses: what a trusted resolver has named is allowed by that name, wherever it moves
if type -P dnsmasq >/dev/null && [ -n "$dig" ]; then
	peer_flow_serve $ELSE4 7203
	dns_up || fail "dnsmasq does not answer: $(cat "$W/dnsmasq.log")"
	policy <<-P
		set mode observe
		set resolvers { $PEER4, $PEER6 }
		default out block log
		default in  block log
	P
	agent_start || finish
	named() { ask $PEER4 deep.below.good.test A; guarded_calls <<<"$1 tcp $ELSE4 7203"; }
	named OK
	until_ok 10 sh -c "'$CGWALL' log | grep -q ':7203 .*name deep.below.good.test'" || fail "the name is not in the log: $("$CGWALL" log)"
	"$CGWALL" suggest >"$W/named.conf" 2>"$W/err" || fail "suggest, names: $(cat "$W/err")"
	like "a name, no address" 'host "deep\.below\.good\.test" service tcp/7203' "$(cat "$W/named.conf")"
	unlike "no address of it" "$ELSE4" "$(cat "$W/named.conf")"
	like "the resolvers by their word" 'app dig to resolvers service dns' "$(cat "$W/named.conf")"
	like "which ones they are" '^set resolvers \{ 198\.51\.100\.2, 2001:db8:5::2 \}' "$(cat "$W/named.conf")"
	status "check takes names" 0 "$CGWALL" check "$W/named.conf"
	agent_end
	cp "$W/named.conf" "$W/policy.conf"
	agent_start || finish
	guarded_calls <<<"EPERM tcp $ELSE4 7203"
	named OK
	ask $PEER4 short.test A
	guarded_calls <<<"EPERM tcp $ELSE4 7204"
	agent_end
else
	skip "names: no dnsmasq, or no dig"
fi

status "no agent" 1 "$CGWALL" suggest
echo nonsense >"$W/bad.json"
out=$("$CGWALL" suggest --from "$W/bad.json" 2>&1)
is "no log" 1 $?
like "it says where" "bad\.json:1:" "$out"
: >"$W/empty.json"
status "nothing seen" 1 "$CGWALL" suggest --from "$W/empty.json"
head -c -20 "$W/seen.json" >"$W/cut.json"
status "a log that was cut off" 0 "$CGWALL" suggest --from "$W/cut.json"
status "--from and --live" 2 "$CGWALL" suggest --from "$W/seen.json" --live
status "a time that is none" 2 "$CGWALL" suggest --for soon
finish
