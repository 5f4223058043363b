#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Socket options that make the kernel send (joining a group, whatever the option) or send elsewhere (source
# routes, routing headers).
. "$(dirname "$0")/lib.sh"

JOIN=$W/bin/join
cp "$O/tests/kernel/join" "$JOIN"; cp "$JOIN" "$W/bin/other"; chmod 755 "$W/bin"/*
ip addr add 127.0.0.9/8 dev lo

# joins [-p PROGRAM] [-c CGROUP] [COMMAND ...]: lines "EXPECTED OPTION GROUP ..."
joins() { probes -p "$JOIN" "$@"; }
# what the same lines give outside; OK unless said otherwise
outside_joins() { sed -E 's/^(EPERM|ECONNREFUSED)/OK/' | joins -c "$OUTSIDE"; }

all="EPERM add 239.1.2.3
EPERM add ff15::1234
EPERM add 239.1.2.3 port 5353
EPERM add ff15::1234 port 5353
EPERM add-source 239.1.2.3
EPERM join 239.1.2.3
EPERM join ff15::1234
EPERM join-source 239.1.2.3
EPERM join-source ff15::1234 from 2001:db8::9
EPERM add 239.1.2.3 raw
EPERM add 239.1.2.3 more 8
EPERM join 239.1.2.3 more 100"

printf 'default out block log\ndefault in block\n' | policy
agent_start || finish
joins <<<"$all"
outside_joins <<<"$all"
like "a refused join is in the log" "^block out rule 0 join pid .* udp \* -> 239.1.2.3:5353" "$("$CGWALL" log)"
joins <<P
EPERM msfilter 239.1.2.3
EPERM anycast 2001:db8::77
EPERM source-route 192.0.2.1
EPERM routing 2001:db8::1
OK alert 0.0.0.0
OK ttl 0.0.0.0
OK ttl 0.0.0.0 more 5000
EPERM add 239.1.2.3 more 5000
EPERM join ff15::1234 more 5000
P
is "who moves himself out stays guarded" EPERM "$(guarded bash -c 'echo 0 >"$0/cgroup.procs"; echo "add 239.1.2.3" | "$1"' "$OUTSIDE" "$JOIN")"
joins -c "$OUTSIDE" <<P
OK ttl 0.0.0.0 more 5000
OK add 239.1.2.3 more 5000
OK alert 0.0.0.0
EINVAL msfilter 239.1.2.3
P

# ---- where something may come in for the group ----
policy <<P
default out block
default in block
app join = exe "$JOIN"
pass in app join service mdns to { 224.0.0.251, ff02::fb } from local-nets
P
reload
joins <<P
OK add 224.0.0.251 port 5353
OK add ff02::fb port 5353
OK join ff02::fb port 5353
OK join 224.0.0.251 port 5353
OK join-source 224.0.0.251 from 192.168.1.1 port 5353
EPERM join-source 224.0.0.251 from 203.0.113.1 port 5353
EPERM add 224.0.0.251 port 5354
OK add 224.0.0.251
EPERM add 224.0.0.252 port 5353
EPERM add ff02::fc port 5353
EPERM add 224.0.0.251 raw
P
probes -p "$W/bin/other" <<<"EPERM add 224.0.0.251 port 5353"

# a rule that surely blocks hides one that passes; one that may not match does not
policy <<P
default out block
default in block
pass in proto udp
block in to 239.0.0.0/8
block in from 192.0.2.0/24 to 238.0.0.0/8
block in to 237.0.0.0/8 on "wg0"
P
reload
joins <<P
EPERM add 239.1.2.3
OK add 238.1.2.3
OK add 237.1.2.3
EPERM add-source 238.1.2.3 from 192.0.2.7
OK add-source 238.1.2.3 from 203.0.113.7
EPERM add 236.1.2.3 raw
P

# ---- where the program may send to the group ----
policy <<P
default out block
default in block
pass out proto udp to 239.1.0.0/16 port 7000
pass out proto igmp to 239.2.2.2
reject out to 239.3.0.0/16
P
sed -i 's/proto igmp/proto 2/' "$W/policy.conf"
reload
joins <<P
OK add 239.1.2.3 port 7000
OK add 239.1.2.3
EPERM add 239.1.2.3 port 7005
EPERM add 239.2.2.2 port 7000
OK add 239.2.2.2 raw
ECONNREFUSED add 239.3.2.1
P

# ---- no rule, and rules that only observe ----
printf 'default out pass\ndefault in block\n' | policy
reload
sed 's/^EPERM/OK/' <<<"$all" | joins
joins <<<"EPERM source-route 192.0.2.1"
printf 'set mode observe\ndefault out block\ndefault in block\n' | policy
reload
sed 's/^EPERM/OK/' <<<"$all" | joins
unlike "source routes are observed, too" EPERM "$(echo "source-route 192.0.2.1" | guarded "$JOIN")"
agent_end
sed 's/^EPERM/OK/' <<<"$all" | joins
finish
