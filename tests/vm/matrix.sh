#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# matrix.sh [-o STEP]... [SET ...]   the kernel-side tests under other kernels: 5.10, 6.1, 6.12 and the newest
# that can be had, or the sets named (vm.sh fetch). A line for each step, and for each kernel a sum.
#
#   kernel    tests/kernel          TESTS="name ..." picks some
#   bypass    tests/bypass
#   lsm       sockets without a cgroup hook, with and without BPF among the security modules
#   whole     the whole host is guarded, and forwards for others
#   boot      machines that boot under systemd with cgwall enabled
#   wifi      simulated radios; on the kernel for hardware
#
# All of it takes hours, since machines are emulated; run.sh beside this is what CI runs. A kernel that cannot be
# fetched is a skip. VERBOSE=1 shows what the steps print.
cd "$(dirname "$0")/../.." || exit 1
STEPS="kernel bypass lsm whole boot wifi"
only=''
while [ $# -gt 0 ]; do
	case $1 in
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

# step NAME SECONDS CMDLINE COMMAND ...: in a machine with $kernel
step() {
	local name=$1 seconds=$2 cmdline=$3 start=$SECONDS rc p f s
	shift 3
	if [ "$(left)" -lt 150 ]; then
		skip "$name: no time is left for it"
		return
	fi
	[ "$(left)" -gt "$seconds" ] || seconds=$(left)
	# emulation is slow: fewer rounds of what is repeated
	scripts/vm.sh run "$kernel" -t "${VM_TIMEOUT:-$seconds}" -a "$cmdline" -- \
		env O="${O:-build}" JOBS=2 SWAPS=30 KILLS=3 TEST_TIMEOUT=400 VERBOSE="${VERBOSE:-}" "$@" 2>&1 | tee "$work/out" | progress
	rc=${PIPESTATUS[0]}
	read -r p _ f _ s _ <<<"$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$work/out" | tail -1)"
	[ "$rc" = 0 ] && [ -n "$p" ] || [ "${f:-0}" != 0 ] || f=1
	if [ "${f:-0}" = 0 ]; then
		echo "ok    vm/${kernel##*/} $name: $p checks, $((SECONDS - start)) s"
		grep -E '^ *skip: ' "$work/out" | sed "s|^ *|      |"
	else
		echo "FAIL  vm/${kernel##*/} $name: $f failed, ${p:-0} passed, exit code $rc, $((SECONDS - start)) s"
		[ -n "${VERBOSE:-}" ] || grep -vE '^ok ' "$work/out" | tail -100 | sed 's/^/      /'
	fi
	passed=$((passed + ${p:-0})) failed=$((failed + ${f:-0})) skipped=$((skipped + ${s:-0}))
}

# machines COMMAND ...: a test that starts machines of its own
machines() {
	local p f s
	"$@" 2>&1 | tee "$work/out" | grep -E '^(ok|FAIL|      )'
	read -r p _ f _ s _ <<<"$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$work/out" | tail -1)"
	passed=$((passed + ${p:-0})) failed=$((failed + ${f:-1})) skipped=$((skipped + ${s:-0}))
}

wanted() { # STEP
	case " ${only:-$STEPS} " in *" $1 "*) ;; *) return 1 ;; esac
}

run_set() { # SET
	local set=$1
	get "$set" || return
	if [ "$set" = 5.10 ]; then
		step refuse 200 '' tests/kernel/run.sh refuse # it does not take the programs, and has to say so
		! wanted boot || machines tests/vm/boot_test.sh "$set"
		return
	fi
	# shellcheck disable=SC2086
	! wanted kernel || step kernel 2400 '' tests/kernel/run.sh ${TESTS:-}
	if wanted bypass; then step bypass 1800 '' tests/bypass/run.sh; fi
	if wanted lsm && [ "$set" = 6.12 ]; then machines tests/vm/lsm_test.sh; fi
	if wanted whole; then step whole 900 '' tests/vm/whole_test.sh; fi
	if wanted boot && [ "$set" = 6.12 ]; then machines tests/vm/boot_test.sh "$set"; fi
	if wanted wifi; then
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
