#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# run.sh [SET ...]   the kernel tests under other kernels: 5.10, 6.1, 6.12 and the newest that can be had,
# or the sets named (vm.sh fetch). A kernel that cannot be fetched is a skip. TESTS="name ..." picks tests.
cd "$(dirname "$0")/../.." || exit 1
[ $# -gt 0 ] || set -- 5.10 6.1 newest 6.12
passed=0 failed=0 skipped=0
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
for set in "$@"; do
	kernel=$(scripts/vm.sh fetch "$set" 2>"$errors")
	if [ -z "$kernel" ]; then
		echo "      skip: kernel $set cannot be fetched: $(tail -1 "$errors")"
		skipped=$((skipped + 1))
		continue
	fi
	if [ $((${CGWALL_DEADLINE:-9999999999} - EPOCHSECONDS)) -lt 200 ]; then
		echo "      skip: kernel $set: no time is left for it"
		skipped=$((skipped + 1))
		continue
	fi
	# each kernel runs what it could see differently; emulation is too slow for all of it on all of them
	case $set in
	5.10) tests=refuse ;; # it does not take the programs, and has to say so
	6.1) tests="errno cgroup exe spoof sockets dns state" ;;
	6.12) tests="errno outside pair protocols poison" ;;
	*) tests="errno cgroup exe spoof dns clock" ;;
	esac
	tests=${TESTS:-$tests}
	# emulation is slow: fewer rounds of what is repeated
	# shellcheck disable=SC2086
	start=$SECONDS
	out=$(scripts/vm.sh run "$kernel" -t "${VM_TIMEOUT:-360}" -- \
		env O="${O:-build}" JOBS=2 SWAPS=30 KILLS=3 TEST_TIMEOUT=200 tests/kernel/run.sh $tests 2>&1)
	rc=$?
	read -r p _ f _ s _ <<<"$(grep -E '^[0-9]+ passed, [0-9]+ failed' <<<"$out" | tail -1)"
	[ $rc = 0 ] || [ "${f:-0}" != 0 ] || f=1
	if [ "${f:-0}" = 0 ]; then
		echo "ok    vm/${kernel##*/}: $p checks, $((SECONDS - start)) s"
		grep -E '^ *skip: ' <<<"$out" | sed "s|^ *|      |"
	else
		echo "FAIL  vm/${kernel##*/}: (exit code $rc)"
		sed 's/^/      /' <<<"$out"
	fi
	passed=$((passed + ${p:-0})) failed=$((failed + ${f:-0})) skipped=$((skipped + ${s:-0}))
done
if [ -z "${TESTS:-}" ]; then
	out=$(tests/vm/lsm_test.sh 2>&1)
	grep -E '^(ok|FAIL|      )' <<<"$out"
	read -r p _ f _ s _ <<<"$(grep -E '^[0-9]+ passed, [0-9]+ failed' <<<"$out" | tail -1)"
	passed=$((passed + ${p:-0})) failed=$((failed + ${f:-1})) skipped=$((skipped + ${s:-0}))
fi
# one boot that takes the policy and one that is refused; boot_test.sh alone does them all
if [ -z "${TESTS:-}" ]; then
	for boot in "broken 6.12" "refused 5.10"; do
		if [ $SECONDS -gt 750 ] || [ $((${CGWALL_DEADLINE:-9999999999} - EPOCHSECONDS)) -lt 200 ]; then
			echo "      skip: boot ${boot#* }: no time is left for it"
			skipped=$((skipped + 1))
			continue
		fi
		out=$(CASES=${boot% *} tests/vm/boot_test.sh "${boot#* }" 2>&1)
		grep -E '^(ok|FAIL|      )' <<<"$out"
		read -r p _ f _ s _ <<<"$(grep -E '^[0-9]+ passed, [0-9]+ failed' <<<"$out" | tail -1)"
		passed=$((passed + ${p:-0})) failed=$((failed + ${f:-1})) skipped=$((skipped + ${s:-0}))
	done
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
