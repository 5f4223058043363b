# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The ways to have a name believed that was not asked for: tests/kernel/poison_test.sh tries each, in a network
# namespace of its own, and tells of each whether a call by that name got through. run.sh sources this.

# names_report: a line for each technique, and what came of them into `passed` and `failed`
names_report() {
	local out name result why
	out=$(env -u CGWALL_TEST_NETNS -u CGWALL_RUN_DIR POISON_LIST=1 "$TOP/tests/kernel/poison_test.sh" 2>&1) ||
		fail "names: $(grep -E 'FAILED|passed' <<<"$out" | head -5)"
	grep -q '^dns-' <<<"$out" || fail "no name was tried: $(tail -5 <<<"$out")"
	while read -r name result why; do
		case $result in closed) passed=$((passed + 1)) ;; *) failed=$((failed + 1)) ;; esac
		if [ -n "$TABLE" ]; then
			echo "| \`$name\` | ${result/open/LEAK} | $why |"
		else
			echo "  $name: ${result/open/LEAK}${why:+ ($why)}"
		fi
	done < <(grep '^dns-' <<<"$out")
}
