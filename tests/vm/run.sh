#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# run.sh [--quick] [-j N] [-o STEP]... [SET ...]   the kernel-side tests under other kernels: 5.10, 6.1, 6.12 and the
# newest that can be had, or the sets named (vm.sh fetch). A line for each step, and for each kernel a sum.
#
#   kernel    tests/kernel: on 6.12 all that a kernel can make a difference to, elsewhere half of these. TESTS="name ..."
#             picks others
#   bypass    tests/bypass; BYPASS="name ..." picks some
#   lsm       sockets without a cgroup hook, with and without BPF among the security modules
#   whole     the whole host is guarded, and forwards for others; and its kernel uses the network itself: tunnels,
#             mounts, servers, VRFs; PARTS="nfs ..." picks some of that
#   boot      it boots under systemd, and OpenRC, with a good policy, a broken one, none; on 6.12; CASES="good ..."
#             picks some
#   wifi      simulated radios; on the kernel for hardware
#
# -j N: so many machines side by side. --quick is what CI runs: of each kernel what it could see differently, as far as
# CGWALL_DEADLINE lets it. A kernel that cannot be fetched is a skip. VERBOSE=1 shows what the steps print.
cd "$(dirname "$0")/../.." || exit 1
. tests/vm/openrc.sh
# what tests/kernel/exhaust_test.sh tries there: still more than the tables of flows and the ring buffer hold
exhaust="SOCKETS=5000 CONNECTIONS=5000 DATAGRAMS=70000 PATHS=200 PROCESSES=500 SHARERS=30 LINES_LOGGED=30000"
STEPS="kernel bypass lsm whole boot wifi"
# where only programs of ours are looked at, and a kernel makes no difference
SAME="answers ask_agent ask_change ask_desktop ask_lastgood ask_live ask_many ask_screen background boot control host metrics nasty refuse suggest takeover"
# what the kernel side does differently on different kernels shows in these
HOOKS="ask_tcp ask_udp cgroup dns errno established exe flows inbound join names outside poison sockets spoof state swap"
quick=0 only='' machines=''
while [ $# -gt 0 ]; do
	case $1 in
	--quick) quick=1; shift ;;
	-j) machines=$2; shift 2 ;;
	-o) only+=" $2"; shift 2 ;;
	-*) sed -n '3,17s/^# \{0,1\}//p' "$0"; exit 2 ;;
	*) break ;;
	esac
done
[ $# -gt 0 ] || set -- 6.12 newest 6.1 5.10
[ -z "${TESTS:-}" ] || only=${only:- kernel}
machines=${machines:-$(nproc)}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

left() { echo $((${CGWALL_DEADLINE:-9999999999} - EPOCHSECONDS)); }
say() { flock "$work" cat; } # whole paragraphs
count() { echo "$2 $3 $4 $5" >>"$work/$1.counts"; } # SET PASSED FAILED SKIPPED SECONDS
skip() { # SET WHY
	echo "      skip: $2" | say
	count "$1" 0 0 1 0
}

# The kernel's folder into $kernel.
get() { # SET
	kernel=$(scripts/vm.sh fetch "$1" 2>"$work/errors")
	[ -n "$kernel" ] || { skip "$1" "kernel $1 cannot be fetched: $(tail -1 "$work/errors")"; return 1; }
}

# What is shown of a step while it runs.
progress() { # SET
	grep --line-buffered -E "^(ok|FAIL) ${VERBOSE:+|^}" | sed -u "s/^/      $1: /"
}

# step SET NAME SECONDS "OPTIONS OF vm.sh" COMMAND ...: in a machine with $kernel
step() {
	local set=$1 name=$2 seconds=$3 options=$4 start=$EPOCHSECONDS cut='' rc p f s out
	shift 4
	if [ "$(left)" -lt 120 ]; then
		skip "$set" "$set, $name: no time is left for it"
		return
	fi
	out=$(mktemp "$work/out.XXXXXX")
	if [ "$(left)" -lt $((seconds + 30)) ]; then
		seconds=$(($(left) - 30))
		cut=1
	fi
	# emulation is slow: fewer rounds of what is repeated
	# shellcheck disable=SC2086
	scripts/vm.sh run "$kernel" -t "${VM_TIMEOUT:-$seconds}" $options -- \
		env O="${O:-build}" JOBS=2 SWAPS=30 KILLS=3 $exhaust TEST_TIMEOUT=1200 SKIP="${SKIP:-}" VERBOSE="${VERBOSE:-}" "$@" 2>&1 |
		tee "$out" | progress "$set"
	rc=${PIPESTATUS[0]}
	read -r p _ f _ s _ <<<"$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$out" | tail -1)"
	# what stopped because CI's time is up has not failed by that
	if [ "$rc" != 0 ] && [ -n "$cut" ] && [ $((EPOCHSECONDS - start)) -ge "$seconds" ] && ! grep -qE "^ *FAIL" "$out"; then
		skip "$set" "$set, $name: begun, and not done when the time was up"
		return
	fi
	[ "$rc" = 0 ] && [ -n "$p" ] || [ "${f:-0}" != 0 ] || f=1
	count "$set" "${p:-0}" "${f:-0}" "${s:-0}" $((EPOCHSECONDS - start))
	{
		if [ "${f:-0}" = 0 ]; then
			echo "ok    vm/${kernel##*/} $name: $p checks, $((EPOCHSECONDS - start)) s"
			grep -E "^ *(skip|early): " "$out" | sed "s|^ *|      |"
		else
			echo "FAIL  vm/${kernel##*/} $name: $f failed, ${p:-0} passed, exit code $rc, $((EPOCHSECONDS - start)) s"
			grep -vE '^ok ' "$out" | tail -100 | sed 's/^/      /'
		fi
	} | say
}

wanted() { # STEP
	case " ${only:-$STEPS} " in *" $1 "*) ;; *) return 1 ;; esac
}

# The next step, when fewer machines than allowed are running.
go() {
	while [ "$(jobs -pr | wc -l)" -ge "$machines" ]; do wait -n; done
	step "$@" &
}

# Emulation is too slow for all of it on all of them within CI's time.
quick_set() { # SET
	case $1 in
	5.10) go 5.10 refuse 200 '' tests/kernel/run.sh refuse ;;
	6.1) go 6.1 kernel 400 '' tests/kernel/run.sh errno sockets state users ;;
	6.12)
		go 6.12 kernel 400 '' tests/kernel/run.sh errno outside dns
		go 6.12 "boot broken" 300 '-i -m veth' tests/vm/boot_test.sh first broken
		go 6.12 "lsm with bpf" 300 '-a lsm=lockdown,capability,bpf' tests/vm/lsm_test.sh present
		;;
	*) go "$1" kernel 400 '' tests/kernel/run.sh errno spoof users ;;
	esac
}

lsm_steps() { # SET
	if grep -q '^CONFIG_BPF_LSM=y' "$kernel/config"; then
		go "$1" "lsm with bpf" 300 '-a lsm=lockdown,capability,bpf' tests/vm/lsm_test.sh present
		go "$1" "lsm without bpf" 300 '-a lsm=lockdown,capability' tests/vm/lsm_test.sh absent
	else
		skip "$1" "lsm: this kernel has no BPF security module"
	fi
}

# whole_set SET: what there is for it; whoever names the set gets what is otherwise for 6.12 alone, too, by -o
whole_set() {
	local set=$1 case tests cases="good killed broken nothing" main=''
	[ "$set" != 6.12 ] && [ -z "$only" ] || main=1
	if [ "$set" = 5.10 ]; then
		# it does not take the programs, and has to say so
		! wanted kernel || go "$set" refuse 200 '' tests/kernel/run.sh refuse
		main=1 cases=refused
	else
		tests=${TESTS:-}
		[ -n "$tests" ] || [ "$set" = 6.12 ] || tests=$HOOKS
		# shellcheck disable=SC2086
		! wanted kernel || SKIP=$([ -n "$tests" ] || echo "$SAME") go "$set" kernel 7200 '' tests/kernel/run.sh $tests
		# shellcheck disable=SC2086
		! wanted bypass || go "$set" bypass 7200 '' tests/bypass/run.sh ${BYPASS:-}
		! wanted lsm || lsm_steps "$set"
		if wanted whole; then
			[ -n "${PARTS:-}" ] || go "$set" whole 1800 '' tests/vm/whole_test.sh
			# shellcheck disable=SC2086
			go "$set" "whole, its kernel" 1800 '' tests/vm/kern_test.sh ${PARTS:-}
		fi
	fi
	if wanted boot && [ -n "$main" ]; then
		if [ "$set" = 6.12 ] && openrc_fetch 2>"$work/errors"; then
			cases+=" openrc-good openrc-killed openrc-broken openrc-nothing"
		elif [ "$set" = 6.12 ]; then
			skip "$set" "boot under OpenRC: it cannot be fetched: $(tail -1 "$work/errors")"
		fi
		cases=${CASES:-$cases}
		if [ -x /lib/systemd/systemd ]; then
			for case in $cases; do go "$set" "boot $case" 300 '-i -m veth' tests/vm/boot_test.sh first "$case"; done
		else
			skip "$set" "boot: there is no systemd here"
		fi
	fi
	if wanted wifi && [ "$set" != 5.10 ]; then
		# shellcheck disable=SC2015
		get "$set-full" && go "$set" wifi 1800 '' tests/vm/wifi_test.sh
	fi
}

for set in "$@"; do
	: >"$work/$set.counts"
	get "$set" || continue
	if [ "$quick" = 1 ]; then quick_set "$set"; else whole_set "$set"; fi
done
wait
for set in "$@"; do
	awk -v set="$set" '{p += $1; f += $2; s += $3; t += $4}
		END {printf "      kernel %-10s %6d passed, %d failed, %d skipped, %d s\n", set, p, f, s, t}' "$work/$set.counts"
done
cat "$work"/*.counts | awk '{p += $1; f += $2; s += $3} END {
	printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f != 0}'
