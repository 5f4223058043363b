#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Policies that are made and not kept: what is no text, has no end or is very large. Run by run.sh in its copy.
set -eu

repeat() { # TEXT N
	awk -v text="$1" -v n="$2" 'BEGIN { for (i = 0; i < n; i++) printf "%s", text }'
}

printf 'pass out\npass \0in\n' >bad/made-nul.conf
printf 'pass out # fine: \303\244\npass in # not fine: \344\n' >bad/made-latin1.conf
printf '# overlong \300\257\n' >bad/made-overlong.conf
printf '# surrogate \355\240\200\n' >bad/made-surrogate.conf
printf '# cut off \342\202' >bad/made-cut-off.conf
printf '\377\376p\0a\0s\0s\0' >bad/made-utf16.conf
printf 'pass out to "a\001b"\npass\001out\npass out label "\033[2J" nonsense\n' >bad/made-control.conf
mkdir bad/made-directory.conf
mkdir bad/folder
printf 'include "folder"\ninclude "/dev/null"\n' >bad/made-include-directory.conf
ln -s /nonexistent bad/made-missing.conf
ln -s /dev/zero bad/made-endless.conf
mkfifo bad/made-pipe.conf
truncate -s 68157440 bad/made-large.conf
repeat 'pass out to nowhere
' 60 >bad/made-many.conf
{
	repeat 'group g = { 192.0.2.1 }
group g = { 192.0.2.1 }
' 1
	printf 'group long = { '
	repeat '192.0.2.1, ' 5000
	printf 'nowhere, '
	repeat '192.0.2.1, ' 5000
	printf '}\n'
} >bad/made-long-line.conf
{
	printf 'app a = '
	repeat '(' 100000
	printf 'any\napp b = '
	repeat 'not ' 100000
	printf 'any\napp c = '
	repeat '{ ' 100000
	printf 'any\npass out nonsense\n'
} >bad/made-deep.conf
{
	printf 'group g0 = { 192.0.2.1 }\n'
	awk 'BEGIN { for (i = 1; i < 70; i++) printf "group g%d = { g%d }\n", i, i - 1 }'
} >bad/made-deep-names.conf
{
	printf 'group g0 = { 192.0.2.1, 192.0.2.2 }\n'
	awk 'BEGIN { for (i = 1; i < 26; i++) printf "group g%d = { g%d, g%d }\n", i, i - 1, i - 1 }'
} >bad/made-exploding-names.conf
mkdir bad/chain
awk 'BEGIN { for (i = 0; i < 70; i++) printf "include \"%d.conf\"\n", i + 1 >("bad/chain/" i ".conf") }'
printf 'include "chain/0.conf"\n' >bad/made-deep-include.conf
mkdir bad/many
awk 'BEGIN { for (i = 0; i < 4200; i++) { f = "bad/many/" i ".conf"; printf "" >f; close(f) } }'
printf 'include "many/*.conf"\n' >bad/made-many-files.conf
{
	printf 'app '
	repeat a 300
	printf ' = any\npass out label "'
	repeat x 5000
	printf '"\npass out exe "/'
	repeat x 1100
	printf '"\npass out user '
	repeat x 300
	printf '\npass out to host "'
	repeat a. 150
	printf '"\npass out to host "'
	repeat a 64
	printf '"\n'
} >bad/made-long-words.conf
printf '\357\273\277pass out\r\ngroup g = {\r\n\t192.0.2.1,\r\n\t192.0.2.2 }\r\npass in \\\r\n\tlog # end\r\npass out to g' \
	>good/made-windows.conf
