#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Judges held against each other: the naive evaluator, the tables in user space and, for root, those in the
# kernel. O: the build folder. DIFFERENTIAL=user leaves the kernel out and asks less (sanitizer builds).
# SEED: of the random policies, else another one each time. CGWALL_CLASSBENCH: the folder of filter sets.
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.." || exit 1
tool=${O:-build}/tests/differential/differential
seed=${SEED:-$(date +%s)}
classbench=${CGWALL_CLASSBENCH:-../shared/data/classbench}
passed=0 failed=0 skipped=0
work=$(mktemp -d) || exit 1
cgroup=
cleanup() {
	rm -rf "$work"
	[ -z "$cgroup" ] || rmdir "$cgroup"
}
trap cleanup EXIT

try() { # NAME ARGUMENT ...
	local name=$1
	shift
	if "$tool" "$@"; then
		passed=$((passed + 1))
		echo "ok: $name"
	else
		failed=$((failed + 1))
		echo "FAILED: $name: $tool $*"
	fi
}
skip() { skipped=$((skipped + 1)); echo "skip: $1"; }

small=1
kernel=()
if [ "${DIFFERENTIAL:-}" = user ]; then
	small=8
elif [ "$(id -u)" != 0 ]; then
	skip "three judges: only root can ask the kernel"
elif ! mount=$(findmnt -n -t cgroup2 -o TARGET | head -1) || [ -z "$mount" ]; then
	skip "three judges: no cgroup v2 hierarchy is mounted"
else
	cgroup=$mount/cgwall-differential-$$
	mkdir "$cgroup" || exit 1
	kernel=(--kernel "$cgroup")
fi

try "two judges" --found "$here/found" --seed "$seed" --policies $((600 / small)) --queries 500
if [ -n "$cgroup" ]; then
	# many questions for each policy, since publishing one takes as long as asking thousands
	try "three judges" --found "$here/found" --seed "$seed" --policies 360 --queries 3000 "${kernel[@]}"
fi

if [ -d "$classbench" ]; then
	for set in "$classbench"/*.rules.gz; do
		for mode in quick reverse; do
			name=$(basename "$set" .rules.gz)-$mode
			scripts/classbench.py --$mode "$set" >"$work/$name.conf" || failed=$((failed + 1))
		done
	done
	try ClassBench --seed "$seed" --queries $((4000 / small)) "${kernel[@]}" --classbench "$work"/*.conf
else
	skip "ClassBench: no filter sets in $classbench (set CGWALL_CLASSBENCH)"
fi
python=$([ -x /usr/bin/python3 ] && echo /usr/bin/python3 || echo python3)
if $python -c 'import dns.message' 2>/dev/null; then
	if $python tests/dns/differential.py "${O:-build}/tests/dns/dns_read" $((40000 / small)); then
		passed=$((passed + 1))
		echo "ok: DNS messages"
	else
		failed=$((failed + 1))
		echo "FAILED: DNS messages"
	fi
else
	skip "DNS messages: dnspython is not installed"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
