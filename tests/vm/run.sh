#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# run.sh [--quick] [-o STEP]... [SET ...]   the kernel-side tests under other kernels: 5.10, 6.1, 6.12 and the newest
# that can be had, or the sets named (vm.sh fetch). A line for each step, and for each kernel a sum.
#
#   kernel    tests/kernel          TESTS="name ..." picks some
#   bypass    tests/bypass
#   lsm       sockets without a cgroup hook, with and without BPF among the security modules
#   whole     the whole host is guarded, and forwards for others
#   boot      it boots under systemd, with a good policy, a broken one, none
#   wifi      simulated radios; on the kernel for hardware
#
# --quick is what CI runs: of each kernel what it could see differently, as far as CGWALL_DEADLINE lets it. A kernel
# that cannot be fetched is a skip. VERBOSE=1 shows what the steps print.
cd "$(dirname "$0")/../.." || exit 1
STEPS="kernel bypass lsm whole boot wifi"
quick='' only=''
while [ $# -gt 0 ]; do
	case $1 in
	--quick) quick=1; shift ;;
	-o) only+=" $2"; shift 2 ;;
	-*) sed -n '3,15s/^# \{0,1\}//p' "$0"; exit 2 ;;
	*) break ;;
	esac
done
[ $# -gt 0 ] || set -- 5.10 6.1 newest 6.12
[ -z "${TESTS:-}" ] || only=${only:- kernel}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

skip() { echo "      skip: $*"; skipped=$((skipped + 1)); }
left() { echo $((${CGWALL_DEADLINE:-9999999999} - EPOCHSECONDS)); }

# The kernel's folder into $kernel.
get() { # SET
	kernel=$(scripts/vm.sh fetch "$1" 2>"$work/errors")
	[ -n "$kernel" ] || { skip "kernel $1 cannot be fetched: $(tail -1 "$work/errors")"; return 1; }
}

# What a step prints while it runs: the lines of its own parts.
progress() { if [ -n "${VERBOSE:-}" ]; then sed -u 's/^/      /'; else grep --line-buffered -E '^(ok|FAIL) ' | sed -u 's/^/      /'; fi; }

# step NAME SECONDS "OPTIONS OF vm.sh" COMMAND ...: in a machine with $kernel
step() {
	local name=$1 seconds=$2 options=$3 start=$SECONDS rc p f s
	shift 3
	if [ "$(left)" -lt 150 ]; then
		skip "$name: no time is left for it"
		return
	fi
	[ "$(left)" -gt "$seconds" ] || seconds=$(left)
	# emulation is slow: fewer rounds of what is repeated
	# shellcheck disable=SC2086
	scripts/vm.sh run "$kernel" -t "${VM_TIMEOUT:-$seconds}" $options -- \
		env O="${O:-build}" JOBS=2 SWAPS=30 KILLS=3 TEST_TIMEOUT=400 VERBOSE="${VERBOSE:-}" "$@" 2>&1 | tee "$work/out" | progress
	rc=${PIPESTATUS[0]}
	read -r p _ f _ s _ <<<"$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$work/out" | tail -1)"
	[ "$rc" = 0 ] && [ -n "$p" ] || [ "${f:-0}" != 0 ] || f=1
	if [ "${f:-0}" = 0 ]; then
		echo "ok    vm/${kernel##*/} $name: $p checks, $((SECONDS - start)) s"
		grep -E '^ *(skip|early): ' "$work/out" | sed "s|^ *|      |"
	else
		echo "FAIL  vm/${kernel##*/} $name: $f failed, ${p:-0} passed, exit code $rc, $((SECONDS - start)) s"
		[ -n "${VERBOSE:-}" ] || grep -vE '^ok ' "$work/out" | tail -100 | sed 's/^/      /'
	fi
	passed=$((passed + ${p:-0})) failed=$((failed + ${f:-0})) skipped=$((skipped + ${s:-0}))
}

wanted() { # STEP
	case " ${only:-$STEPS} " in *" $1 "*) ;; *) return 1 ;; esac
}

# Emulation is too slow for all of it on all of them within CI's time.
quick_tests() { # SET
	case $1 in
	6.1) echo errno cgroup exe spoof sockets dns state ;;
	6.12) echo errno outside pair protocols poison ;;
	*) echo errno cgroup exe spoof dns clock ;;
	esac
}

run_set() { # SET
	local set=$1 case cases
	get "$set" || return
	if [ "$set" = 5.10 ]; then
		# it does not take the programs, and has to say so
		! wanted kernel || step refuse 200 '' tests/kernel/run.sh refuse
	else
		# shellcheck disable=SC2046,SC2086
		! wanted kernel || step kernel 3600 '' tests/kernel/run.sh ${TESTS:-${quick:+$(quick_tests "$set")}}
		if wanted bypass && [ -z "$quick" ]; then step bypass 1800 '' tests/bypass/run.sh; fi
		if wanted lsm && { [ -z "$quick" ] || [ "$set" = 6.12 ]; }; then
			if grep -q '^CONFIG_BPF_LSM=y' "$kernel/config"; then
				step "lsm with bpf" 300 '-a lsm=lockdown,capability,bpf' tests/vm/lsm_test.sh present
				step "lsm without bpf" 300 '-a lsm=lockdown,capability' tests/vm/lsm_test.sh absent
			else
				skip "lsm: this kernel has no BPF security module"
			fi
		fi
		if wanted whole && [ -z "$quick" ]; then step whole 900 '' tests/vm/whole_test.sh; fi
	fi
	if wanted boot; then
		case $quick$set in 1newest | 16.1) cases='' ;; 16.12) cases=broken ;; *5.10) cases=refused ;; *) cases="good killed broken nothing" ;; esac
		if [ -n "$cases" ] && [ ! -x /lib/systemd/systemd ]; then
			skip "boot: there is no systemd here"
			cases=''
		fi
		for case in $cases; do step "boot $case" 300 '-i -m veth' tests/vm/boot_test.sh first "$case"; done
	fi
	if [ "$set" != 5.10 ] && wanted wifi && { [ -z "$quick" ] || [ "$set" = 6.12 ]; }; then
		# shellcheck disable=SC2015
		get "$set-full" && step wifi 900 '' tests/vm/wifi_test.sh
	fi
}

for set in "$@"; do
	p0=$passed f0=$failed s0=$skipped start=$SECONDS
	run_set "$set"
	summary+=("$(printf '%-10s %6d passed, %d failed, %d skipped, %d s' "$set" $((passed - p0)) $((failed - f0)) \
		$((skipped - s0)) $((SECONDS - start)))")
done
printf '      kernel %s\n' "${summary[@]}"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
