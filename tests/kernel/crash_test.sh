#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The wall outlives the agent: kill -9 leaves it enforcing, the next agent takes it over without a gap.
. "$(dirname "$0")/lib.sh"

kills=${KILLS:-50}
policy <<P
default out block
pass out exe "$W/bin/client" to 192.0.2.1
pass out cgroup "${GUARD#"$CGROOT"/}" to 192.0.2.2
P
agent_start || finish
probes <<<'EPERM tcp 127.0.0.1 7001
OK tcp 192.0.2.1 7001'

agent_kill
status "status: enforcing without its agent" 0 "$CGWALL" status
like "status says that no agent runs" "no agent" "$("$CGWALL" status)"
probes <<<'EPERM tcp 127.0.0.1 7001
EPERM sendto ::1 7001
EPERM socket 2 3 1
OK tcp 192.0.2.1 7001
OK tcp 192.0.2.2 7001'
# programs and cgroups that come while nobody is there are known all the same
copy "$W/bin/other"
mkdir "$GUARD/new"
probes -p "$W/bin/other" <<<'EPERM tcp 192.0.2.1 7001
OK tcp 192.0.2.2 7001'
copy "$W/bin/client"
probes -c "$GUARD/new" <<<'EPERM tcp 127.0.0.1 7001
OK tcp 192.0.2.1 7001
OK tcp 192.0.2.2 7001'

agent_start || finish
probes <<<'EPERM tcp 127.0.0.1 7001
OK tcp 192.0.2.1 7001'
probes -p "$W/bin/other" <<<'EPERM tcp 192.0.2.1 7001
OK tcp 192.0.2.2 7001'

# A policy with an error does not start an agent, and takes nothing away either.
agent_kill
cp "$W/policy.conf" "$W/good.conf"
echo 'pass owt to any' >>"$W/policy.conf"
status "a bad policy" 1 timeout $((60 * PATIENCE)) "$CGWALL" run --policy "$W/policy.conf" --cgroup "$GUARD" --attach "$PARENT" --run-dir "$CGWALL_RUN_DIR"
probes <<<'EPERM tcp 127.0.0.1 7001
OK tcp 192.0.2.1 7001'
cp "$W/good.conf" "$W/policy.conf"
agent_start || finish

# A stop by signal leaves it in force as well; only detach ends it.
agent_stop
is "stopped by a signal" 0 "$AGENT_CODE"
probes <<<'EPERM tcp 127.0.0.1 7001
OK tcp 192.0.2.1 7001'
agent_start || finish

# Again and again, while another process connects without pause.
fire_start EPERM 127.0.0.1 7001 OK 192.0.2.2 7001 EPERM ::1 7001
end=$((SECONDS + 120)) # of a busy machine ten are enough
for ((i = 0; i < kills && (i < 10 || SECONDS < end); i++)); do
	agent_kill
	agent_start || break
	# not every kill finds it idle: some come while it is starting
	if ((i % 5 == 4)); then
		agent_kill
		agent_spawn
		sleep "0.0$((RANDOM % 9))"
	fi
done
fire_end "$i kills"
[ -n "$AGENT" ] && until_ok 60 sh -c "'$CGWALL' status --json | grep -qE '\"pid\": *$AGENT\b'"
probes <<<'EPERM tcp 127.0.0.1 7001
OK tcp 192.0.2.1 7001'
agent_end
probe OK tcp 127.0.0.1 7001

# Ended in the middle of a start, by a tracer that counts its calls: what is in the kernel by then is half of it.
traced() { # OPTION ...
	strace -qq -o "$W/trace" "$@" "$CGWALL" load --policy "$W/policy.conf" --cgroup "$GUARD" --attach "$PARENT" \
		--run-dir "$CGWALL_RUN_DIR" >"$W/traced.out" 2>&1
}
if traced -e trace=bpf,rename && nth=$(grep '^bpf' "$W/trace" | grep -n -m 1 BPF_ITER_CREATE); then
	"$CGWALL" detach >/dev/null
	mkfifo "$W/old.in"
	in_cgroup "$GUARD" "$W/bin/client" - <>"$W/old.in" >"$W/old.out" 2>&1 6>&- &
	SERVERS+=($!)
	# the programs that follow processes are attached; who runs has not been written down
	{ traced -e trace=bpf -e inject=bpf:signal=KILL:when="${nth%%:*}"; } 2>/dev/null
	agent_start || finish
	echo "tcp 192.0.2.1 7001" >"$W/old.in"
	until_ok 10 test -s "$W/old.out"
	is "a program that ran before an agent was killed as it started" OK "$(cat "$W/old.out")"
	agent_end
	# the last programs cannot be attached: what was in force for a moment is not taken for what comes next
	traced -e trace=rename -e inject=rename:error=EIO:when=20
	like "a late failure" "cannot pin" "$(cat "$W/traced.out")"
	agent_start || finish
	is "its generation is not used again" 2 "$(json "d['generation']" "$CGWALL" status --json)"
	echo "tcp 192.0.2.1 7001" >"$W/old.in"
	until_ok 10 sh -c "[ \$(wc -l <'$W/old.out') = 2 ]"
	is "and programs are known" "OK OK" "$(paste -sd' ' "$W/old.out")"
	agent_end
else
	skip "no strace that can follow an agent's start"
fi
finish
