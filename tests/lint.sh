#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Formatting, clang-tidy, cppcheck, shellcheck, manual pages, licence lines, the programs' stack. A tool that is not
# installed is a skip. O: a build folder, for the BPF skeleton's header.
cd "$(dirname "$0")/.." || exit 1
O=${O:-build}
passed=0 failed=0 skipped=0
jobs=$(nproc)

# check NAME COMMAND ...: quiet where it is well
check() {
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then
		passed=$((passed + 1))
		echo "ok    lint/$name"
	else
		failed=$((failed + 1))
		echo "FAIL  lint/$name"
		tail -80 <<<"$out" | sed 's/^/      /'
	fi
}
skip() { skipped=$((skipped + 1)); echo "      skip: lint/$1: $2"; }
tool() { type -P "$1-14" || type -P "$1"; }

mapfile -t c_files < <(find bpf user include tests scripts -name '*.[ch]' | sort)
mapfile -t user_files < <(find user tests -name '*.c' ! -name '*.bpf.c' | sort)
mapfile -t shell_files < <(find scripts tests .ci -type f \( -name '*.sh' -o -name run \) | sort)
mapfile -t pages < <(find user/man -name '*.[1-8]' | sort)

formatted() {
	local out
	out=$("$(tool clang-format)" --dry-run -Werror "${c_files[@]}" 2>&1) && return
	grep -oE '^[^ ]+:[0-9]+:[0-9]+: error' <<<"$out" | cut -d: -f1 | sort | uniq -c
	echo "(places to be formatted in each: clang-format-14 -i does it)"
	return 1
}
tidy() { # of the project's own files; the skeleton that bpftool writes is not one
	local out own dbus
	own=$(git ls-files '*.c' '*.h' | sed 's/.*/{"name":"&"}/' | paste -sd,)
	dbus=$(pkg-config --exists dbus-1 2>/dev/null && echo "-DCGW_DBUS $(pkg-config --cflags dbus-1)")
	out=$(printf '%s\0' "${user_files[@]}" |
		DBUS=$dbus xargs -0 -n 1 -P "$jobs" sh -c 'tool=$1 o=$2 own=$3; shift 3; exec "$tool" --quiet --line-filter="[$own]" "$@" -- -std=gnu11 -D_GNU_SOURCE -Iinclude -isystem "$o" -isystem "$o/tests/bench" -isystem "$o/tests/kernel" $DBUS' \
			sh "$(tool clang-tidy)" "$O" "$own" 2>&1) && return
	grep -A2 -E ': (error|warning): ' <<<"$out" # without the analyser's long way there
	return 1
}
cpp() { # it cannot read a compound literal within ?:, has not seen libbpf's macro, and wants a cast for a promoted
	# uint16_t in printf(), which the compilers check better
	cppcheck -q -j "$jobs" --error-exitcode=1 --std=c11 --inline-suppr --enable=warning,performance,portability \
		--suppress=missingIncludeSystem --suppress=internalAstError --suppress=invalidPrintfArgType_uint -D__x86_64__ \
		'-DLIBBPF_OPTS(type,name,...)=struct type name = {__VA_ARGS__}' -Iinclude user
}
licences() {
	local bad
	bad=$(find bpf user include scripts tests Makefile .ci -type f \( -name '*.[chs]' -o -name '*.sh' -o -name Makefile -o -name run \) \
		-exec grep -L 'SPDX-License-Identifier: GPL-2.0-only' {} +)
	[ -z "$bad" ] || { echo "no licence line in:"; echo "$bad"; return 1; }
}
lengths() {
	local long
	long=$(wc -l "${c_files[@]}" | awk '$2 != "total" && $1 > 600')
	[ -z "$long" ] || { echo "over 600 lines:"; echo "$long"; return 1; }
}
man_pages() { mandoc -T lint -W warning "${pages[@]}"; }

if [ -n "$(tool clang-format)" ]; then
	case $("$(tool clang-format)" --version) in
	*'version 14.'*) check format formatted ;;
	*) skip format "clang-format is not version 14: other versions format differently" ;;
	esac
else
	skip format "no clang-format"
fi
check licences licences
if [ -f "$O/cgwall.bpf.o" ]; then check stack python3 tests/stack.py "$O/cgwall.bpf.o"; else skip stack "nothing is built in $O"; fi
check lengths lengths
if [ -n "$(tool clang-tidy)" ]; then check clang-tidy tidy; else skip clang-tidy "not installed"; fi
if type -P cppcheck >/dev/null; then check cppcheck cpp; else skip cppcheck "not installed"; fi
if type -P shellcheck >/dev/null; then
	check shellcheck shellcheck -S warning -e SC1091,SC2034,SC2054,SC2064 "${shell_files[@]}"
else
	skip shellcheck "not installed"
fi
if [ ${#pages[@]} = 0 ]; then
	skip man "there are no manual pages"
elif type -P mandoc >/dev/null; then
	check man man_pages
else
	skip man "no mandoc"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
