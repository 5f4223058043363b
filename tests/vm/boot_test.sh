#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# boot_test.sh first CASE   a machine that boots with cgwall enabled: CASE is good, killed, broken, nothing, or refused
# (by 5.10, which does not take the programs), under systemd, or with openrc- before it under OpenRC. A unit without any
# dependency, which systemd starts beside the very first ones, calls a peer without pause, into a network that is up
# before. What comes to the peer is counted there. Only in a virtual machine, as its first process: see run.sh.
#
# The same file is that unit (`early`), and the one that looks at the end (`look CASE`).
cd "$(dirname "$(realpath "$0")")/../.." || exit 1
STATE=/run/boot-test
. tests/vm/openrc.sh

received() { ip netns exec peer cat /proc/net/dev | awk '$1 == "peer0:" {print $3}'; }

# A network that is up and entered by hand, so that nothing but calls is on the line.
network() {
	ip netns add peer
	ip link add wall0 address 02:00:00:00:51:01 type veth peer name peer0 address 02:00:00:00:51:02 netns peer
	for c in "sysctl -qw net.ipv6.conf.wall0.disable_ipv6=1" "ip addr add 198.51.100.1/24 dev wall0" "ip link set wall0 up"; do $c; done
	ip netns exec peer sh -c 'sysctl -qw net.ipv6.conf.peer0.disable_ipv6=1; ip link set lo up; ip link set peer0 up
		ip addr add 198.51.100.2/24 dev peer0; ip addr add 198.51.100.3/24 dev peer0
		ip neigh replace 198.51.100.1 lladdr 02:00:00:00:51:01 dev peer0 nud permanent'
	for a in 2 3; do ip neigh replace 198.51.100.$a lladdr 02:00:00:00:51:02 dev wall0 nud permanent; done
}

unit() { # NAME, its text on standard input
	cat >"/etc/systemd/system/$1"
}

first() { # CASE
	local case=${1#openrc-} u
	mkdir -p $STATE /etc/cgwall /var/lib/cgwall /etc/systemd/system/service.d /etc/systemd/system/sysinit.target.wants
	network
	received >$STATE/before
	# does the line work at all?
	echo x >/dev/udp/198.51.100.2/9
	received >$STATE/works
	printf 'default out block\npass out to 198.51.100.3\npass out to 10.9.0.1 if active "cond0"\n' >/etc/cgwall/policy.conf
	case $case in
	broken) # what was in force on the machine's last day
		printf 'default out block\npass out to 198.51.100.3\n' >/etc/cgwall/policy.conf
		"$O/cgwall" load --policy /etc/cgwall/policy.conf --state-dir /var/lib/cgwall --run-dir /run/kept >$STATE/kept 2>&1
		"$O/cgwall" detach --run-dir /run/kept >/dev/null
		echo 'pass owt to any' >>/etc/cgwall/policy.conf
		;;
	nothing) echo 'pass owt to any' >>/etc/cgwall/policy.conf ;;
	esac
	received >$STATE/count
	[ "$1" = "$case" ] || openrc_exec "$1"
	cp scripts/50-cgwall.conf /etc/systemd/system/service.d/
	for u in cgwall.service cgwall-boot.service; do
		sed "s|/usr/sbin/cgwall|$O/cgwall|" scripts/$u >/etc/systemd/system/$u
		ln -sf ../$u /etc/systemd/system/sysinit.target.wants/$u
	done
	unit boot-test-early.service <<U
[Unit]
DefaultDependencies=no
[Service]
ExecStart=/bin/bash $PWD/tests/vm/boot_test.sh early
U
	unit boot-test-look.service <<U
[Unit]
DefaultDependencies=no
After=sysinit.target cgwall.service cgwall-boot.service boot-test-early.service
[Service]
Type=oneshot
Environment=O=$O IN_VM=1 HOME=/root PATH=$PATH
ExecStart=/bin/bash -c 'cd $PWD; tests/vm/boot_test.sh look $case >/dev/ttyS1 2>&1; echo \$\$? >/dev/ttyS2; /run/busybox poweroff -f'
U
	unit boot-test.target <<U
[Unit]
Wants=sysinit.target boot-test-early.service boot-test-look.service
After=sysinit.target
U
	# emulation is slow: what has nothing to do with it is left out
	for u in systemd-{udev-settle,udev-trigger,udevd,random-seed,hwdb-update,binfmt,firstboot,tmpfiles-setup,tmpfiles-setup-dev} \
		systemd-{update-utmp,journal-flush,journald,sysusers,modules-load,machine-id-commit,pcrphase-sysinit} ldconfig; do
		ln -sf /dev/null /etc/systemd/system/$u.service
	done
	export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	exec /lib/systemd/systemd --system --unit=boot-test.target --show-status=no --log-target=kmsg --log-level=warning
}

# Calls without pause, as soon as anything runs; what became of them, with the time since the machine started.
early() {
	local n=0 refused=0
	echo "began $(cut -d' ' -f1 /proc/uptime)" >$STATE/early
	while [ ! -e $STATE/stop ]; do
		{ echo x >/dev/udp/198.51.100.2/9; } 2>/dev/null || refused=$((refused + 1))
		n=$((n + 1))
		echo "$n $refused" >$STATE/calls
	done
}

# A connection without traffic in a network namespace of somebody else's, as a container's is. It may be while cond0 is
# up. The agent ends it from within its unit's sandbox.
box() {
	local flow=$O/tests/kernel/flow pid n
	install -d -m 777 $STATE/box
	ip link add cond0 type veth peer name cond1 && ip link set cond1 up && ip addr add 10.8.0.1/24 dev cond0 && ip link set cond0 up
	for ((n = 0; n < 100; n++)); do [ "$(status 'd["facts"][0]["holds"]')" != True ] || break; sleep 0.1; done
	is "the condition holds" True "$(status 'd["facts"][0]["holds"]')"
	setpriv --reuid 65534 --regid 65534 --clear-groups unshare --user --map-root-user --net /bin/bash -c "
		ip link set lo up; ip addr add 10.9.0.1/24 dev lo
		'$flow' tcp listen 10.9.0.1 7001 recv $STATE/box/far >$STATE/box/listen 2>&1 &
		until grep -q ready $STATE/box/listen; do sleep 0.1; done
		exec '$flow' tcp connect 10.9.0.1 7001 recv $STATE/box/near" >$STATE/box/connect 2>&1 &
	pid=$!
	for ((n = 0; n < 100; n++)); do ! grep -q ready $STATE/box/connect || break; sleep 0.1; done
	is "a connection in a namespace of its own" "ready 0" "$(grep -o ready $STATE/box/connect) $(ended near)"
	is "another namespace" yes "$([ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/self/ns/net)" ] && echo yes)"
	ip link del cond0
	for ((n = 0; n < 100; n++)); do [ "$(ended near)" = 0 ] || break; sleep 0.1; done
	is "the connection there is cut" 103 "$(ended near)"
	kill $pid 2>/dev/null
}
ended() { od -An -tu8 -j24 -N8 $STATE/box/"$1" | tr -d ' '; } # by which errno; 103 is ECONNABORTED

# The emergency exit lasts: no service manager puts the policy in force again by itself.
emergency() { # CASE
	local ended="active inactive" again="systemctl start cgwall" n
	if [ "$1" != good ]; then
		ended="started started" again="rc-service cgwall restart"
	fi
	is "detach" 0 "$("$O/cgwall" detach >/dev/null; echo $?)"
	sleep 5 # as long as it takes some managers to start it again
	for ((n = 0; n < 100; n++)); do [ "$(units)" != "$ended" ] || break; sleep 0.1; done
	is "the units after detach" "$ended" "$(units)"
	is "detached" "False False" "$(status 'd["enforcing"], d["agent"]' | tr -d '(),')"
	n=$(received)
	{ echo x >/dev/udp/198.51.100.2/9; } 2>/dev/null
	is "everything passes" $((n + 1)) "$(received)"
	$again >/dev/null 2>&1
	for ((n = 0; n < 300; n++)); do [ "$(status 'd["agent"]')" != True ] || break; sleep 0.1; done
	is "started again" True "$(status 'd["enforcing"]')"
}

look() { # CASE
	local passed=0 failed=0 n i refused good=active bad=failed case=${1#openrc-}
	units() { systemctl is-active cgwall-boot cgwall | paste -sd' '; }
	if [ "$1" != "$case" ]; then
		good=started bad=stopped
		units() { openrc_services; }
	fi
	is() { if [ "$2" = "$3" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "  FAILED: $1: expected '$2', got '$3'"; fi; }
	# n, refused: it writes them anew after each call
	called() {
		for ((i = 0; i < 300; i++)); do
			n='' refused=''
			[ ! -s $STATE/calls ] || read -r n refused <$STATE/calls
			[ -z "$refused" ] || break
			sleep 0.1
		done
	}
	status() { "$O/cgwall" status --json | /usr/bin/python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"; }
	is "the line carries packets" 1 "$(($(cat $STATE/works) - $(cat $STATE/before)))"
	called
	is "the early unit has called" yes "$([ "${n:-0}" -gt 0 ] && echo yes)"
	is "packets that came to the peer" 0 "$(($(received) - $(cat $STATE/count)))"
	case $case in
	good | killed)
		is "enforcing" "True False False" "$(status 'd["enforcing"], d["last_good"], d["closed"]' | tr -d '(),')"
		is "the units" "$good $good" "$(units)"
		;;
	broken)
		is "the last good policy" "True True" "$(status 'd["enforcing"], d["last_good"]' | tr -d '(),')"
		is "the units" "$bad $good" "$(units)"
		;;
	nothing | refused)
		is "closed" "False True" "$(status 'd["enforcing"], d["closed"]' | tr -d '(),')"
		is "the units" "$bad" "$(units | cut -d' ' -f1)"
		is "status" 1 "$("$O/cgwall" status >/dev/null; echo $?)"
		;;
	esac
	[ "$1" != good ] || box
	if [ "$case" = killed ]; then
		for ((n = 0; n < 3; n++)); do
			for ((i = 0; i < 300; i++)); do [ "$(status 'd["agent"]')" != True ] || break; sleep 0.1; done
			kill -9 "$(status 'd["pid"]')"
			sleep 0.3
		done
		for ((n = 0; n < 300; n++)); do [ "$(status 'd["agent"]')" != True ] || break; sleep 0.1; done
		is "an agent is back" True "$(status 'd["agent"]')"
		is "packets that came to the peer meanwhile" 0 "$(($(received) - $(cat $STATE/count)))"
	fi
	: >$STATE/stop
	# what is allowed is allowed
	n=$(received)
	{ echo x >/dev/udp/198.51.100.3/9; } 2>/dev/null
	case $case in nothing | refused) is "the allowed one is closed, too" "$n" "$(received)" ;; *) is "the allowed one passes" $((n + 1)) "$(received)" ;; esac
	called
	echo "  early: $(cat $STATE/early) s after the start, $n calls, $refused refused"
	is "all of its calls were refused" "$n" "$refused"
	[ "$case" != good ] || emergency "$1"
	[ $failed = 0 ] || { systemctl --failed --no-pager || rc-status --all; tail -20 /var/log/cgwall.log; dmesg | grep -i cgwall | tail -20; "$O/cgwall" status; }
	echo "$passed passed, $failed failed, 0 skipped"
	[ $failed = 0 ]
}

case ${1:-} in
first | early | look)
	case ${O:=build} in /*) ;; *) O=$PWD/$O ;; esac
	export O
	"$@"
	;;
*) echo "only in a virtual machine"; exit 2 ;;
esac
