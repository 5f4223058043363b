#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# No memory is left for the kernel side's records: those are charged to the cgroup of the agent, and whoever is guarded
# can use that up. A socket's record is taken all the same where the kernel lets it; what has none is refused and
# counted, never let through; and with memory again all is as before.
. "$(dirname "$0")/lib.sh"

# What one socket has used up (net.core.optmem_max; it takes no privilege) leaves no room for its record: it is refused,
# also where everything is allowed, and counted.
mkfifo "$W/full.in"
guarded "$PYTHON" - <<'P' "$W/full.in" >"$W/full.out" 2>&1 &
import socket, struct, sys
def socket_of(full):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    n = 0
    while full:
        try:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(socket.AF_INET6, "ff02::4:0:%x" % n) + struct.pack("=I", 1))
            n += 1
        except OSError:
            break
    return s
full, other = socket_of(True), socket_of(False)
print("ready", flush=True)
open(sys.argv[1]).read()
for s in full, other:
    try:
        s.sendto(b"x", ("::1", 9))
        print("sent", flush=True)
    except OSError as e:
        print(e.errno, flush=True)
P
SERVERS+=($!)
until_ok 20 grep -q ready "$W/full.out"
printf 'default out pass\ndefault in pass\n' | policy
agent_start || finish
echo >"$W/full.in"
until_ok 10 sh -c "[ \$(wc -l <'$W/full.out') = 3 ]"
is "a socket without room for a record, another one" "ready 1 sent" "$(xargs <"$W/full.out")"
like "it is counted" '^[1-9]' "$(json "d['counters']['table']" "$CGWALL" status --json)"
agent_end

GOOD=192.0.2.1 BAD=192.0.2.2 AT=7100
E=$W/bin/exhaust
cp "$O/tests/kernel/exhaust" "$E"
# the agent alone is in it
LIMITED=$(awk '$3 == "cgroup" && $4 ~ /(^|,)memory(,|$)/ {print $2; exit}' /proc/mounts) FILE=memory.limit_in_bytes NONE=-1
if [ -z "$LIMITED" ] && [ -n "${IN_VM:-}" ] && echo +memory >"$CGROOT/cgroup.subtree_control"; then
	LIMITED=$CGROOT FILE=memory.max NONE=max
fi 2>/dev/null
if [ -z "$LIMITED" ] || ! mkdir "$LIMITED/cgwall-test-memory-$$"; then
	echo "  skip: no memory cgroup can be made here"
	skipped=$((skipped + 1))
	finish
fi
LIMITED+=/cgwall-test-memory-$$
test_cleanup() {
	echo $NONE >"$LIMITED/$FILE"
	until_ok 5 sh -c "! grep -q . '$LIMITED/cgroup.procs'"
	rmdir "$LIMITED"
}
usage() { cat "$LIMITED/memory.usage_in_bytes" "$LIMITED/memory.current" 2>/dev/null; }
counter() { json "d['counters']['$1']" "$REAL" status --json; }

REAL=$CGWALL
cat >"$W/bin/limited" <<P
#!/bin/bash
echo \$\$ >"$LIMITED/cgroup.procs" && exec "$REAL" "\$@"
P
chmod +x "$W/bin/limited"

"$E" serve $AT >"$W/serve.memory" 2>&1 &
SERVERS+=($!)
until_ok 10 grep -q ready "$W/serve.memory"
policy <<P
default out block
pass out exe "$E" to $GOOD
pass out exe "$W/bin/client" to $GOOD
P
CGWALL=$W/bin/limited
agent_start || finish
CGWALL=$REAL
probe OK tcp $GOOD $AT
probe EPERM tcp $BAD $AT

[ "$FILE" = memory.max ] || echo 1 >"$LIMITED/memory.oom_control" # nobody is killed
echo $(($(usage) + 262144)) >"$LIMITED/$FILE" || fail "no limit: $(usage)"
mkfifo "$W/sockets.in"
guarded "$E" sockets 6000 $GOOD $BAD $AT <"$W/sockets.in" >"$W/sockets.out" 2>&1 &
exec 8>"$W/sockets.in"
until_ok 60 grep -q ready "$W/sockets.out"
refused=$(sed -n '$s/.* \([0-9]*\) wrong.*/\1/p' "$W/sockets.out")
n=0
for i in 1 2 3 4 5 6 7 8; do
	unlike "$i: nothing gets through that must not" OK "$(guarded "$W/bin/client" tcp $BAD $AT 2>&1)"
	unlike "$i: no datagram either" OK "$(guarded "$W/bin/client" udp $BAD $AT 2>&1)"
	[ "$(guarded "$W/bin/client" tcp $GOOD $AT 2>&1)" = OK ] || n=$((n + 1))
done
reached() { # was the limit hit at all
	awk '/^max / {print $2} /^[0-9]+$/' "$LIMITED/memory.failcnt" "$LIMITED/memory.events" 2>/dev/null
}
echo "  $refused of 6000 sockets and $n of 8 programs were refused; $(reached) times there was no memory"
[ "$(reached)" -gt 0 ] && pass "the limit was hit" || fail "there was memory left: $(usage)"
echo $NONE >"$LIMITED/$FILE"
exec 8>&-
until_ok 20 sh -c "'$CGWALL' status >/dev/null"
counted=0
for c in table no_proc proc_full path; do counted=$((counted + $(counter $c))); done
[ $((refused + n)) -le $((counted * 2)) ] && pass "what was refused is counted" || fail "only $counted are counted"
probe OK tcp $GOOD $AT
probe EPERM tcp $BAD $AT
agent_end
finish
