#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Who by cgroup, unit, user and group.
. "$(dirname "$0")/lib.sh"

base=${GUARD#"$CGROOT"/}
mkdir -p "$GUARD/web/workers/one" "$GUARD/webs" "$GUARD/nginx.service/sub" "$GUARD/other.service"
policy <<P
default out block
pass out cgroup "$base/web" to 192.0.2.1
pass out cgroup "$base/pool-*" to 192.0.2.1
pass out unit "nginx.service" to 192.0.2.2
pass out unit "later@7.service" to 192.0.2.2
P
agent_start || finish

probe EPERM tcp 192.0.2.1 7001
probes -c "$GUARD/webs" <<<'EPERM tcp 192.0.2.1 7001'
probes -c "$GUARD/other.service" <<<'EPERM tcp 192.0.2.2 7001'
probes -c "$GUARD/web" <<'P'
EPERM tcp 192.0.2.2 7001
OK tcp 192.0.2.1 7001
P
probes -c "$GUARD/web/workers/one" <<'P'
EPERM tcp 192.0.2.2 7001
OK tcp 192.0.2.1 7001
OK fork tcp 192.0.2.1 7001
P
probes -c "$GUARD/nginx.service" <<'P'
EPERM tcp 192.0.2.1 7001
OK tcp 192.0.2.2 7001
P
probes -c "$GUARD/nginx.service/sub" <<<'OK tcp 192.0.2.2 7001'

# Cgroups that were made a moment ago, and made again under the same name.
for i in 1 2 3 4 5; do
	mkdir "$GUARD/pool-$i" "$GUARD/lool-$i" "$GUARD/pool-$i/deep"
	probes -c "$GUARD/lool-$i" <<<'EPERM tcp 192.0.2.1 7001'
	probes -c "$GUARD/pool-$i" <<<'OK tcp 192.0.2.1 7001'
	probes -c "$GUARD/pool-$i/deep" <<<'OK tcp 192.0.2.1 7001'
	until_ok 5 rmdir "$GUARD/pool-$i/deep"
	until_ok 5 rmdir "$GUARD/pool-$i"
	until_ok 5 rmdir "$GUARD/lool-$i"
	mkdir "$GUARD/lool-$i"
	probes -c "$GUARD/lool-$i" <<<'EPERM tcp 192.0.2.1 7001'
done
mkdir "$GUARD/later@7.service"
probes -c "$GUARD/later@7.service" <<'P'
EPERM tcp 192.0.2.1 7001
OK tcp 192.0.2.2 7001
P

# Who opened the socket must be allowed, and so must who uses it.
is "moved out of the web" EPERM "$(in_cgroup "$GUARD/web" "$W/bin/client" inherit "$GUARD" 192.0.2.1 7001)"
is "moved into the web" EPERM "$(in_cgroup "$GUARD" "$W/bin/client" inherit "$GUARD/web" 192.0.2.1 7001)"

# Moved by somebody else, but in another hierarchy: who then leaves by himself has still left by himself.
v1=$(awk '$3 == "cgroup" && $4 !~ /cpuset/ {print $2; exit}' /proc/mounts)
if [ -z "$v1" ] && [ -n "${IN_VM:-}" ]; then
	v1=$W/v1
	mkdir "$v1" && mount -t cgroup -o none,name=cgwall-test cgroup "$v1" 2>/dev/null || v1=''
fi
if [ -n "$v1" ]; then
	other=$v1/cgwall-test-$TEST-$$
	mkdir "$other"
	mkfifo "$W/go"
	in_cgroup "$GUARD/web" bash -c 'echo "$BASHPID" >"$0" && read -r _ && echo 0 >"$1/cgroup.procs" && exec "$2" tcp 192.0.2.2 7001' \
		"$W/mover" "$OUTSIDE" "$W/bin/client" <>"$W/go" >"$W/moved" 2>&1 &
	mover=$!
	until_ok 10 grep -q . "$W/mover"
	cat "$W/mover" >"$other/cgroup.procs"
	echo go >"$W/go"
	wait "$mover"
	is "left by himself after somebody else moved him in a hierarchy of version 1" EPERM "$(cat "$W/moved")"
	# he has left by himself, and is moved in that hierarchy afterwards
	in_cgroup "$GUARD/web" bash -c 'echo 0 >"$1/cgroup.procs" && echo "$BASHPID" >"$0" && read -r _ && exec "$2" tcp 192.0.2.2 7001' \
		"$W/left" "$OUTSIDE" "$W/bin/client" <>"$W/go" >"$W/moved" 2>&1 &
	mover=$!
	until_ok 10 grep -q . "$W/left"
	cat "$W/left" >"$other/cgroup.procs"
	echo go >"$W/go"
	wait "$mover"
	is "moved in a hierarchy of version 1 after he left by himself" EPERM "$(cat "$W/moved")"
	until_ok 5 rmdir "$other"
	[ "$v1" != "$W/v1" ] || umount "$v1"
else
	skip "no cgroup hierarchy of version 1"
fi

# Users and groups.
command -v setpriv >/dev/null || { skip "users: no setpriv"; agent_end; finish; }
as() { # UID GID PROBE ...
	local uid=$1 gid=$2
	shift 2
	guarded setpriv --reuid "$uid" --regid "$gid" --clear-groups "$W/bin/client" "$@" 2>&1
}
policy <<'P'
default out block
pass out user nobody to 192.0.2.1
pass out user 12345 to 192.0.2.2
pass out group 54321 to 2001:db8::1
block out user 12346
app picky = user 12346 and not group 777
pass out app picky to 2001:db8::2
P
reload
nobody=$(id -u nobody)
T1="tcp 192.0.2.1 7001" T2="tcp 192.0.2.2 7001" T3="tcp 2001:db8::1 7001" T4="tcp 2001:db8::2 7001"
is "root" EPERM "$(as 0 0 $T1)"
is "nobody elsewhere" EPERM "$(as "$nobody" 0 $T2)"
is "nobody" OK "$(as "$nobody" 0 $T1)"
is "a number without a name" OK "$(as 12345 0 $T2)"
is "not a group" EPERM "$(as 12345 12345 $T3)"
is "a group" OK "$(as 99 54321 $T3)"
is "a user, but not in that group" EPERM "$(as 12346 777 $T4)"
is "a user" OK "$(as 12346 778 $T4)"
agent_end
finish
