# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# For run.sh and boot_test.sh, which source it: machines whose first process is OpenRC's, with nothing in its runlevels but
# control groups, cgwall, and what the test needs.
OPENRC=${XDG_CACHE_HOME:-$HOME/.cache}/cgwall/openrc

# Debian's packages of it, into the cache.
openrc_fetch() {
	ls "$OPENRC"/openrc_*.deb >/dev/null 2>&1 && return
	mkdir -p "$OPENRC" && (cd "$OPENRC" && apt-get -qq download openrc librc1 libeinfo1) >&2
}

# service NAME RUNLEVEL, its text on standard input
openrc_service() {
	cat >"/etc/init.d/$1"
	chmod 755 "/etc/init.d/$1"
	mkdir -p "/etc/runlevels/$2"
	ln -sf "/etc/init.d/$1" "/etc/runlevels/$2/$1"
}

openrc_exec() { # CASE
	local deb u
	rm -rf /etc/init.d /etc/runlevels
	for deb in "$OPENRC"/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar x -C / --keep-directory-symlink || exit 126; done
	rm -f /etc/runlevels/*/*
	mkdir -p /run/openrc /lib/rc/cache
	rm -f /.dockerenv /run/.containerenv # of where the tests run: this is a machine
	: >/etc/insserv.conf
	ln -s /etc/init.d/cgroups /etc/runlevels/sysinit/
	for u in cgwall-boot:sysinit cgwall:boot; do
		sed "s|/usr/sbin/cgwall|$O/cgwall|" "scripts/${u%:*}.initd" | openrc_service "${u%:*}" "${u#*:}"
	done
	# needs nothing, and its name is before all others
	openrc_service aaa-early sysinit <<S
#!/sbin/openrc-run
start() {
	/bin/bash $PWD/tests/vm/boot_test.sh early >/dev/null 2>&1 &
}
S
	openrc_service look default <<S
#!/sbin/openrc-run
start() {
	cd $PWD && env O=$O IN_VM=1 HOME=$HOME PATH=$PATH tests/vm/boot_test.sh look $1 >/dev/ttyS1 2>&1
	echo \$? >/dev/ttyS2
	/run/busybox poweroff -f
}
S
	umount /sys/fs/bpf /sys/fs/cgroup
	export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	exec /sbin/openrc-init
}

# How the two services are: started, stopped, ...
openrc_services() {
	local s
	for s in cgwall-boot cgwall; do rc-service $s status 2>&1 | grep -oE 'started|stopped|crashed|unsupervised' | head -1; done | paste -sd' '
}
