#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Programs that pretend to be another one.
. "$(dirname "$0")/lib.sh"

T="tcp 192.0.2.1 7001"
bin=$W/bin
copy "$bin/allowed"
copy "$bin/evil"
policy <<P
default out block
pass out exe "$bin/allowed"
P
agent_start || finish
is "evil" EPERM "$(guarded "$bin/evil" $T)"
is "allowed" OK "$(guarded "$bin/allowed" $T)"

# Another file over the path, in a mount namespace of its own.
is "bind mount over the path" EPERM \
	"$(guarded unshare -m sh -c "mount --bind '$bin/evil' '$bin/allowed' && exec '$bin/allowed' $T")"
is "bind mount over the folder" EPERM \
	"$(guarded unshare -m sh -c "mkdir -p '$W/fake' && cp '$bin/evil' '$W/fake/allowed' && mount --bind '$W/fake' '$bin' && exec '$bin/allowed' $T")"
is "tmpfs over the folder" EPERM \
	"$(guarded unshare -m sh -c "cp '$bin/evil' '$W/evil' && mount -t tmpfs none '$bin' && cp '$W/evil' '$bin/allowed' && exec '$bin/allowed' $T")"
if unshare -r true 2>/dev/null; then
	is "bind mount in a user namespace" EPERM \
		"$(guarded unshare -rm sh -c "mount --bind '$bin/evil' '$bin/allowed' && exec '$bin/allowed' $T")"
	is "the genuine one in a user namespace" OK "$(guarded unshare -r "$bin/allowed" $T)"
fi
mkdir -p "$W/jail$bin"
cp "$bin/evil" "$W/jail$bin/allowed"
if ldd "$bin/evil" >/dev/null 2>&1; then
	for lib in $(ldd "$bin/evil" | grep -oE '/[^ ]+'); do mkdir -p "$W/jail$(dirname "$lib")"; cp -L "$lib" "$W/jail$lib"; done
fi
is "the path below a chroot" EPERM "$(guarded chroot "$W/jail" "$bin/allowed" $T)"
is "the path in a pivoted root" EPERM "$(guarded unshare -m sh -c "mount --bind '$W/jail' '$W/jail' && cd '$W/jail' && mkdir -p old && pivot_root . old && exec '$bin/allowed' $T")"

# The genuine one passes wherever it is run.
is "the genuine one in a mount namespace" OK "$(guarded unshare -m "$bin/allowed" $T)"
is "the genuine one with /tmp private elsewhere" OK "$(guarded unshare -m sh -c "mount -t tmpfs none /mnt; exec '$bin/allowed' $T")"
is "the genuine one in every namespace but net" OK "$(guarded unshare -m -u -i -p -f "$bin/allowed" $T)"

# /proc/self/exe can be made to name another file.
case $(guarded "$bin/evil" swap "$bin/allowed" socket 1 1 0) in
OK)
	is "swapped link" EPERM "$(guarded "$bin/evil" swap "$bin/allowed" $T)"
	is "swapped link, then fork" EPERM "$(guarded "$bin/evil" swap "$bin/allowed" fork $T)"
	# who swaps it is refused, whoever he was
	is "swapped link, away from the allowed one" EPERM "$(guarded "$bin/allowed" swap "$bin/evil" $T)"
	;;
*) skip "PR_SET_MM_MAP: not possible here" ;;
esac

# Programs without a file.
is "memfd" EPERM "$(guarded "$bin/evil" memfd "$bin/allowed" $T)"
is "memfd, by the allowed one" EPERM "$(guarded "$bin/allowed" memfd "$bin/allowed" $T)"
is "executed after its removal" EPERM "$(guarded sh -c "cp '$bin/evil' '$bin/gone' && exec 9<'$bin/gone' && rm '$bin/gone' && exec /proc/self/fd/9 $T")"
is "removed, with the allowed one's name" EPERM "$(guarded sh -c "cp '$bin/evil' '$W/allowed' && exec 9<'$W/allowed' && rm '$W/allowed' && exec /proc/self/fd/9 $T")"
is "another name in /proc" OK "$(guarded sh -c "exec 9<'$bin/allowed' && exec /proc/self/fd/9 $T")"

# What was the allowed program when it was executed stays it when its file goes (an upgrade).
is "allowed, its file removed since" OK "$(guarded "$bin/allowed" unlink $T)"
copy "$bin/allowed"
is "back again" OK "$(guarded "$bin/allowed" $T)"

# An odd name is not another program.
printf 'evil' >"$bin/x" # not executable at all
is "argv[0] says nothing" EPERM "$(guarded bash -c "exec -a '$bin/allowed' '$bin/evil' $T")"
copy "$bin/allowed (deleted)"
is "a name ending in (deleted)" EPERM "$(guarded "$bin/allowed (deleted)" $T)"
copy "$bin/allowed
"
is "a name ending in a new line" EPERM "$(guarded "$bin/allowed
" $T)"

# The loader run by hand is the loader.
loader=$(ls /lib64/ld-linux-x86-64.so.2 /lib/ld-linux-aarch64.so.1 2>/dev/null | head -1)
if [ -n "$loader" ]; then
	is "ld.so program" EPERM "$(guarded "$loader" "$bin/allowed" $T)"
else
	skip "ld.so: not glibc's"
fi
agent_end
finish
