#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Golden tests of the policy language: run.sh TOOL, where TOOL is the built golden_tool.
#
#   good/NAME.conf   must be read; good/NAME.print is its canonical form, which must read and print the same
#                    again, good/NAME.ast its tree, good/NAME.warn what is said on standard error (none: nothing)
#   bad/NAME.conf    must fail; bad/NAME.err is what is said
#   made.sh          adds files of either kind that are no text to be kept (NUL bytes, endless files)
#
# All of it runs in a copy, so that messages name relative paths. UPDATE=1 writes what comes out as expected.
set -eu

tool=$(realpath "${1:?usage: run.sh TOOL}")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

LC_ALL=C
TZ=CET-1CEST,M3.5.0,M10.5.0/3 # times are local; no time zone files are needed for this form
export LC_ALL TZ

# compare KIND EXPECTED ACTUAL: counts, and prints what differs
compare() {
	if [ "${UPDATE:-0}" = 1 ]; then
		if [ -s "$3" ]; then
			cp "$3" "$2"
		else
			rm -f "$2"
		fi
	fi
	expected=$2
	[ -e "$expected" ] || expected=/dev/null
	if diff -u "$expected" "$3" >"$work/diff"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $1"
		cat "$work/diff"
	fi
}

# check KIND CONDITION...: counts one that is not about text
check() {
	what=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $what"
	fi
}

# ask MODE FILE: the tool's output with this copy's folder taken out, its exit code in $status
ask() {
	status=0
	timeout 120 "$tool" "$1" "$2" >"$work/raw.out" 2>"$work/raw.err" || status=$?
	sed "s|$work/||g" "$work/raw.out" >"$work/out"
	sed "s|$work/||g" "$work/raw.err" >"$work/err"
}

cp -R "$here/good" "$here/bad" "$work"
cd "$work"
sh "$here/made.sh"

for file in good/*.conf; do
	name=${file%.conf}
	ask print "$file"
	check "$file: is read" [ "$status" = 0 ]
	compare "$file: canonical form" "$here/$name.print" out
	compare "$file: warnings" "$here/$name.warn" err
	ask ast "$file"
	compare "$file: tree" "$here/$name.ast" out
	ask print "$file"
	cp raw.out again.conf
	cp out once
	ask print again.conf
	check "$file: canonical form is read" [ "$status" = 0 ]
	compare "$file: canonical form is stable" once out
done

for file in bad/*.conf; do
	name=${file%.conf}
	ask check "$file"
	check "$file: is refused" [ "$status" = 1 ]
	check "$file: prints nothing else" [ ! -s out ]
	compare "$file: messages" "$here/$name.err" err
done

# An expectation without its policy is a test that was forgotten.
for file in "$here"/good/*.print "$here"/bad/*.err; do
	name=${file#"$here"/}
	check "$name: has its policy" test -e "${name%.*}.conf" -o -L "${name%.*}.conf"
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
