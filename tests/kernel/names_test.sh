#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Rules by name, end to end: what trusted resolvers answer is in force before the program that asked goes on.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"
. "$(dirname "$0")/dns.sh"

for tool in dnsmasq dig curl; do
	command -v $tool >/dev/null || { skip "no $tool"; finish; }
done
peer_up || { fail "no second network namespace"; finish; }
peer_flow_serve $ELSE4 80
peer_flow_serve $ELSE6 80
dns_up || fail "dnsmasq does not answer: $(cat "$W/dnsmasq.log")"

policy_of() {
	policy <<-EOP
		set resolvers { $PEER4, $PEER6, $ELSE4 }
		default out block log
		pass out service dns to resolvers
		$1
	EOP
}
policy_of 'pass out log to domain "good.test" port 80'
agent_start || finish

# ---- before anybody has asked ----
calls4() { guarded_calls <<<"$1 tcp $ELSE4 80"; }
calls6() { guarded_calls <<<"$1 tcp $ELSE6 80"; }
calls4 EPERM
calls6 EPERM
like "the log says why" "^block out rule 0 flow .* -> $ELSE4:80 \(no name known for this address\)" "$("$CGWALL" log)"
is "and so in JSON" "(None, 'no name known for this address')" \
	"$(json "[(r['domain'], r['note']) for r in ds if r['verdict'] == 'block'][0]" "$CGWALL" log --json)"

# ---- A, AAAA; another name at the same address ----
ask $PEER4 other.test A
calls4 EPERM
like "the refusal names what was asked for" "^block out rule 0 flow .* -> $ELSE4:80 name other.test" "$("$CGWALL" log | tail -1)"
ask $PEER4 good.test A
calls4 OK
calls6 EPERM
like "so does what was let through" "^pass out rule 2 flow .* -> $ELSE4:80 name good.test" "$("$CGWALL" log | grep ^pass | tail -1)"
is "domain in JSON" "good.test" "$(json "[r['domain'] for r in ds if r['verdict'] == 'pass'][-1]" "$CGWALL" log --json)"
ask $PEER4 good.test AAAA
calls6 OK

# ---- names and explain ----
is "names lists it" "[('$ELSE4', ['good.test', 'other.test'], [2]), ('$ELSE6', ['good.test'], [2])]" \
	"$(names "[(b['address'], [n['name'] for n in b['names']], b['rules']['out']) for b in d]")"
is "who asked" "True" "$(names "all(n['exe'].endswith('/dig') and n['asked'] and n['pid'] and 60 <= n['seconds'] <= 300 for b in d for n in b['names'])")"
like "the table" "^$ELSE4 +good.test +dig +[0-9]+ +[0-9]+ +out 2\$" "$("$CGWALL" names)"
is "explain looks it up" "pass 2 good.test" "$(json "d['verdict'] + ' ' + str(d['rule']) + ' ' + str(d['domain'])" "$CGWALL" explain --json out proto=tcp to=$ELSE4:80)"
is "explain of another address" "block 0 None" "$(json "d['verdict'] + ' ' + str(d['rule']) + ' ' + str(d['domain'])" "$CGWALL" explain --json out proto=tcp to=203.0.113.1:80)"
is "explain with a name given" "pass 2" "$(json "d['verdict'] + ' ' + str(d['rule'])" "$CGWALL" explain --json out proto=tcp to=203.0.113.1:80 domain=x.good.test,far.test)"
is "explain with another name" "block 0" "$(json "d['verdict'] + ' ' + str(d['rule'])" "$CGWALL" explain --json out proto=tcp to=$ELSE4:80 domain=far.test)"

# ---- a reload keeps what was learned, and works its classes out again ----
policy_of 'pass out to domain "other.test" port 80'
reload
calls4 OK
calls6 EPERM
policy_of 'pass out to not domain "good.test" port 80'
reload
calls4 EPERM
calls6 EPERM
policy_of 'pass out to host "deep.below.good.test" port 80'
reload
calls4 EPERM
ask $PEER4 deep.below.good.test A
calls4 OK
policy_of 'pass out to domain "BÜCHER.test" port 80'
reload
calls4 EPERM
ask $PEER4 xn--bcher-kva.test A
calls4 OK

# ---- chains of aliases: every name on the way counts ----
for name in www.good.test cdn.far.test; do
	policy_of "pass out to host \"$name\" port 80"
	reload
	calls6 EPERM
	ask $PEER4 www.good.test AAAA
	calls6 OK
	agent_end
	agent_start || finish
done
for name in one.alias.test two.alias.test three.alias.test far.test; do
	policy_of "pass out to domain \"$name\" port 80"
	agent_end
	agent_start || finish
	calls4 EPERM
	ask $PEER4 one.alias.test A
	calls4 OK
done
is "all names of the chain" "['cdn.far.test', 'one.alias.test', 'three.alias.test', 'two.alias.test']" \
	"$(names "sorted(n['name'] for b in d for n in b['names'])")"
is "one was asked for" "['one.alias.test']" "$(names "[n['name'] for b in d for n in b['names'] if n['asked']]")"

# ---- transports ----
n=0
for server in $PEER4 $PEER6; do
	for option in +notcp +tcp +noedns +bufsize=512; do
		agent_end
		policy_of 'pass out to domain "good.test" port 80'
		agent_start || finish
		ask $server $option good.test A
		calls4 OK
	done
done

# ---- a list of names in a file ----
{ echo '# a hosts file'; for i in $(seq 1 2000); do echo "0.0.0.0 x$i.ads.test"; done; echo '0.0.0.0 good.test'; } >"$W/hosts"
policy <<EOP
set resolvers { $PEER4 }
default out pass
block out log to file "$W/hosts"
EOP
reload
calls4 EPERM
like "rule by a listed name" "^block out rule 1 .* name good.test\$" "$("$CGWALL" log | tail -1)"

# ---- rebinding ----
policy_of 'pass out to domain "test"'
reload
before=$(alarms dns-rebind)
ask $PEER4 inside.test A
is "a local address was not learned" False "$(known inside.test)"
is "and counted" $((before + 1)) "$(alarms dns-rebind)"
like "and told" "^alarm dns-rebind from $PEER4:53 name inside.test" "$("$CGWALL" log | grep ^alarm | tail -1)"
like "status shows it" "alarms +dns-rebind" "$("$CGWALL" status)"
policy_of 'set dns-rebind allow'
reload
ask $PEER4 inside.test A
is "unless the policy says so" True "$(known inside.test)"

# ---- only trusted resolvers ----
policy <<EOP
set resolvers { $PEER6 }
default out pass
block out to domain "good.test"
EOP
agent_end
agent_start || finish
before=$(alarms dns-stranger)
ask $PEER4 good.test A
is "a stranger's answer taught nothing" "[]" "$(names d)"
is "a stranger's answer was counted" $((before + 1)) "$(alarms dns-stranger)"
calls4 OK
ask $PEER6 good.test A
calls4 EPERM

# ---- curl, as people use it ----
echo "nameserver $PEER4" >"$W/resolv.conf"
web() { guarded unshare -m sh -c "mount --bind '$W/resolv.conf' /etc/resolv.conf && exec curl -s -o /dev/null -w '%{errormsg}' --max-time 5 telnet://$1:80 </dev/null" 2>&1; }
like "curl by name" "^\$|[Tt]ime-?d? ?out" "$(web good.test)"
like "curl by another name of the same address" "Couldn.t connect|Failed to connect|Operation not permitted" "$(sleep 2.5; web other.test)"
agent_end
finish
