#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The programs are attached to an ancestor: what runs outside the guarded cgroup is never affected, and a
# socket that is made there and used inside is judged all the same.
. "$(dirname "$0")/lib.sh"

everything='tcp 127.0.0.1 7001
tcp ::1 7001
tcp ::ffff:192.0.2.1 7001
udp 192.0.2.1 7001
sendto 192.0.2.1 7001
sendto 2001:db8::1 7001
sendmsg 127.0.0.1 7001
sendto-in6 ::ffff:127.0.0.1 7001
sendto-unspec 127.0.0.1 7001
socket 2 3 1
socket 2 2 17
tcp 192.0.2.1 7003'
before=$(outside "$W/bin/client" - <<<"$everything")
echo 'default out block' | policy
agent_start || finish
is "outside, the same as before" "$before" "$(outside "$W/bin/client" - <<<"$everything")"
is "at the place of attachment itself" "$before" "$(in_cgroup "$PARENT" "$W/bin/client" - <<<"$everything")"
mkdir -p "$PARENT/guard2" "$OUTSIDE/guard"
is "a neighbour with a similar name" "$before" "$(in_cgroup "$PARENT/guard2" "$W/bin/client" - <<<"$everything")"
is "another of the same name" "$before" "$(in_cgroup "$OUTSIDE/guard" "$W/bin/client" - <<<"$everything")"
probe EPERM tcp 127.0.0.1 7001
mkdir -p "$GUARD/a/b/c/d"
probes -c "$GUARD/a/b/c/d" <<<'EPERM tcp 127.0.0.1 7001'

is "made outside, then moved in" EPERM "$(outside "$W/bin/client" inherit "$GUARD" 127.0.0.1 7001)"
is "made outside, then moved in, IPv6" EPERM "$(outside "$W/bin/client" inherit "$GUARD/a/b" ::1 7001)"
is "made outside, passed in" EPERM "$(outside "$W/bin/client" scm "$GUARD" 127.0.0.1 7001)"
is "made above, passed in" EPERM "$(in_cgroup "$PARENT" "$W/bin/client" scm "$GUARD" ::1 7001)"
is "made outside, used outside" OK "$(outside "$W/bin/client" scm "$PARENT" 127.0.0.1 7001)"

printf 'default out block\npass out to 127.0.0.1\n' | policy
reload
is "made outside, moved in, allowed" OK "$(outside "$W/bin/client" inherit "$GUARD" 127.0.0.1 7001)"
is "made outside, passed in, allowed" OK "$(outside "$W/bin/client" scm "$GUARD" 127.0.0.1 7001)"
agent_kill
is "outside, with the agent dead" "$before" "$(outside "$W/bin/client" - <<<"$everything")"
agent_end
is "inside, after detach" "$before" "$(guarded "$W/bin/client" - <<<"$everything")"
finish
