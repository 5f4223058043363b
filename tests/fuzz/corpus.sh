#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Makes the corpora of the fuzz targets out of the golden policies: corpus.sh DIR writes DIR/policy and DIR/query.
set -eu

golden=$(cd "$(dirname "$0")/../golden" && pwd)
dir=${1:?usage: corpus.sh DIR}
mkdir -p "$dir/policy" "$dir/query"

for file in "$golden"/good/*.conf "$golden"/bad/*.conf "$golden"/good/*.print; do
	cp "$file" "$dir/policy/$(basename "$(dirname "$file")")-$(basename "$file")"
done

# Each line of a policy is an input of its own, and so are the keys of each expectation.
n=0
cat "$golden"/good/*.conf "$golden"/bad/*.conf | while IFS= read -r line; do
	n=$((n + 1))
	printf '%s\n' "$line" >"$dir/policy/line-$n"
	case $line in
	expect*=*)
		printf '%s\n' "$line" | sed 's/^expect [a-z]* [a-z]*//' | tr ' ' '\n' >"$dir/query/line-$n"
		;;
	esac
done

# Words that the fuzzers put together.
grep -oh '[A-Za-z][A-Za-z0-9-]*' "$golden"/good/*.conf | sort -u | sed 's/.*/"&"/' >"$dir/words.dict"

# Answers of real name servers, as hexadecimal text: dns.txt says which asked what.
mkdir -p "$dir/dns"
n=0
grep -v '^#' "$(dirname "$0")/dns.txt" | while IFS= read -r line; do
	n=$((n + 1))
	printf '%s' "$line" >"$dir/dns/answer-$n"
done
