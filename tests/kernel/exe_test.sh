#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Which program is asking: right on the first connect, however new the program, however it was started.
. "$(dirname "$0")/lib.sh"

T="tcp 192.0.2.1 7001"
bin=$W/bin
# before the agent: a program that runs already, and one that has been replaced on disk since it started
copy "$bin/early"
copy "$bin/early-other"
mkfifo "$W/early.in" "$W/other.in"
in_cgroup "$GUARD" "$bin/early" wait <"$W/early.in" >"$W/early.out" &
in_cgroup "$GUARD" "$bin/early-other" wait <"$W/other.in" >"$W/other.out" &
exec 7>"$W/early.in" 8>"$W/other.in"
until_ok 20 grep -q ready "$W/early.out"
until_ok 20 grep -q ready "$W/other.out"

mkdir -p "$W/opt/tool/deep/er" "$W/link"
ln -s "$W/opt" "$W/link/opt"
bash=$(realpath /bin/bash)
policy <<P
default out block
pass out exe "$bin/allowed"
pass out exe "$bin/early"
pass out exe "$bin/later"
pass out exe "$bin/tool-*"
pass out exe "$W/opt/*/prog"
pass out exe "$W/opt/**/deeper"
pass out exe "$W/link/opt/linked"
pass out exe "$bin/script"
P
agent_start || finish

# A program that appears now has nothing; the allowed one has it at once, on its very first call.
copy "$bin/refused"
is "a program that no rule names" EPERM "$(guarded "$bin/refused" $T)"
copy "$bin/allowed"
is "a program installed a moment ago" OK "$(guarded "$bin/allowed" $T)"
for i in 1 2 3 4 5 6 7 8 9 10; do
	copy "$bin/allowed" # a new inode renamed over it, as package managers do
	copy "$bin/refused"
	is "replaced $i times, not named" EPERM "$(guarded "$bin/refused" $T)"
	is "replaced $i times" OK "$(guarded "$bin/allowed" $T)"
done

# What has the content, but not the place, is another program; a second name of the same file is its own.
cp "$bin/allowed" "$bin/copied"
is "a copy elsewhere" EPERM "$(guarded "$bin/copied" $T)"
mv "$bin/allowed" "$bin/moved"
is "the same file under another name" EPERM "$(guarded "$bin/moved" $T)"
mv "$bin/moved" "$bin/allowed"
is "and back" OK "$(guarded "$bin/allowed" $T)"

# Globs: * stays within a component, ** does not.
copy "$bin/tool-a"; copy "$bin/tools"; copy "$W/opt/tool/prog"; copy "$W/opt/tool/deep/prog"
copy "$W/opt/tool/deep/er/deeper"; copy "$W/opt/tool/deep/er/deepest"
is "tools" EPERM "$(guarded "$bin/tools" $T)"
is "* does not cross" EPERM "$(guarded "$W/opt/tool/deep/prog" $T)"
is "** another name" EPERM "$(guarded "$W/opt/tool/deep/er/deepest" $T)"
is "tool-*" OK "$(guarded "$bin/tool-a" $T)"
is "opt/*/prog" OK "$(guarded "$W/opt/tool/prog" $T)"
is "** crosses" OK "$(guarded "$W/opt/tool/deep/er/deeper" $T)"

# A rule through a symbolic link means the file that it leads to.
copy "$W/opt/linked"
is "through a link, by its own name" OK "$(guarded "$W/opt/linked" $T)"
is "through a link, by the link" OK "$(guarded "$W/link/opt/linked" $T)"

# Started by other roads.
is "exec by a thread, not named" EPERM "$(guarded "$bin/allowed" exec "$bin/refused" $T)"
is "exec by a thread" OK "$(guarded "$bin/refused" exec "$bin/allowed" $T)"
is "fork without exec, not named" EPERM "$(guarded "$bin/refused" fork $T)"
is "fork without exec" OK "$(guarded "$bin/allowed" fork $T)"
is "another thread" OK "$(guarded "$bin/allowed" thread $T)"
is "another thread, not named" EPERM "$(guarded "$bin/refused" thread $T)"
is "a thread's child's thread" OK "$(guarded "$bin/allowed" thread fork thread $T)"

# A script is what its interpreter is.
printf '#!%s\nexec 3<>/dev/tcp/192.0.2.1/7001 && echo OK\n' "$bash" >"$bin/script"
chmod +x "$bin/script"
like "a script's own path is not its program" "not permitted" "$(guarded "$bin/script" 2>&1)"

# Programs that ran before the agent did.
ask() { local before; before=$(wc -l <"$2"); echo "$T" >&"$1"; until_ok 10 eval "[ \$(wc -l <'$2') -gt $before ]"; tail -1 "$2"; }
is "running before, not named" EPERM "$(ask 8 "$W/other.out")"
is "running before" OK "$(ask 7 "$W/early.out")"
copy "$bin/early"
copy "$bin/early-other"
is "running before, replaced since" OK "$(ask 7 "$W/early.out")"
is "running before, replaced since, not named" EPERM "$(ask 8 "$W/other.out")"

# A reload changes what running programs may, at once.
policy <<P
default out block
pass out exe "$bin/early-other"
pass out exe "$bash"
P
reload
is "a running program lost it" EPERM "$(ask 7 "$W/early.out")"
is "a running program got it" OK "$(ask 8 "$W/other.out")"
is "lost it" EPERM "$(guarded "$bin/allowed" $T)"
is "the script's interpreter has it" OK "$(guarded "$bin/script" 2>&1)"

# /bin may be a link to /usr/bin: either way of writing it means the program.
printf 'default out block\npass out exe "/bin/bash"\n' | policy
reload
is "/bin/bash" OK "$(guarded "$bin/script" 2>&1)"

# An agent that is started now knows what runs, too.
agent_stop
policy <<P
default out block
pass out exe "$bin/early"
P
agent_start || finish
is "running before the second agent, not named" EPERM "$(ask 8 "$W/other.out")"
is "running before the second agent" OK "$(ask 7 "$W/early.out")"

# and, or, not
policy <<P
app tools = { exe "$bin/tool-*", exe "$bin/allowed" }
app most = tools and not exe "$bin/tool-b"
default out block
pass out app most
P
reload
copy "$bin/tool-b"
is "not" EPERM "$(guarded "$bin/tool-b" $T)"
is "and" OK "$(guarded "$bin/tool-a" $T)"
is "or" OK "$(guarded "$bin/allowed" $T)"
exec 7>&- 8>&-

# Many that start at once on one processor: the kernel leaves out a tracing program that another task was
# interrupted in, and none of them may be left unknown by that.
cpu=$(taskset -cp $$ | grep -oE '[0-9]+' | sed -n 2p)
for round in 1 2 3 4 5 6 7 8 9 10; do
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		guarded taskset -c "$cpu" nice -n $((i % 2 * 5)) "$bin/allowed" $T >"$W/at-once.$round.$i" 2>&1 &
		started[i]=$!
	done
	wait "${started[@]}"
done
is "200 started at once" "200 OK" "$(cat "$W"/at-once.* | sort | uniq -c | sed 's/^ *//')"
agent_end

# A mount that cannot be written down at once, seen from yet another mount namespace.
printf '#!/bin/sh\nexec unshare -m "%s" "$@"\n' "$CGWALL" >"$W/apart"
chmod +x "$W/apart"
mkdir "$W/mounted"
printf 'default out block\npass out exe "%s" to 192.0.2.1\n' "$W/mounted/client" | policy
CGWALL=$W/apart agent_start || finish
inside() { nsenter -t "$AGENT" -m "$@"; }
prlimit --pid "$AGENT" --nofile=3: # it cannot open the table
inside sh -c "mount -t tmpfs none '$W/mounted' && cp '$CLIENT' '$W/mounted/client'"
until_ok 10 grep -q "mount table is not in force yet" "$W/agent.log" && pass "it says so" || fail "it does not say so"
prlimit --pid "$AGENT" --nofile=1024:
elsewhere() { [ "$(guarded nsenter -t "$AGENT" -m unshare -m "$W/mounted/client" tcp 192.0.2.1 7001)" = OK ]; }
until_ok 10 elsewhere && pass "and tries again" || fail "and does not try again"
agent_end
finish
