#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Rules that hold at some times: the clock runs, is set, jumps with the season; the time zone changes; the machine
# sleeps. All of that is the host's, so it is tried only in a virtual machine.
if [ -z "${IN_VM:-}" ]; then
	echo "skip: sets the clock: only in a virtual machine"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
. "$(dirname "$0")/lib.sh"

rules_in_force() { json "' '.join(str(r['rule']) for r in d if r['rule'] and r['in_force'])" "$CGWALL" rules --json; }
in_force_is() { [ "$(rules_in_force)" = "$1" ]; }
in_force() { if until_ok 30 in_force_is "$2"; then pass "$1"; else fail "$1: expected '$2', got '$(rules_in_force)' at $(date)"; fi; }
zone() { ln -sfn "/usr/share/zoneinfo/$1" /etc/localtime; }
clock() { date -s "$1" >/dev/null; }

zone Europe/Berlin
clock "2026-03-27 12:00:00" # a Friday
policy <<END
default out pass
condition office = time 08:00-18:00 and days mon-fri
block out to 192.0.2.1 unless office
block out to 192.0.2.2 if time 02:30-04:00
block out to 192.0.2.2 until 2026-03-28T00:00
block out to 192.0.2.2 if days sat
END
agent_start || finish
in_force "Friday noon" "3"
probe OK tcp 192.0.2.1 $PORT

# ---- it runs ----
clock "2026-03-27 17:59:57"
in_force "the end of the day" "1 3"
probe EPERM tcp 192.0.2.1 $PORT
clock "2026-03-27 23:59:57"
in_force "the end of the week" "1 4"

# ---- it is set ----
clock "2026-03-27 09:00:00"
in_force "back to the morning" "3"
probe OK tcp 192.0.2.1 $PORT
clock "2026-03-30 09:00:00"
in_force "on to Monday" ""

# ---- the time zone ----
zone Asia/Tokyo # seven hours later
in_force "another time zone" ""
clock "2026-03-30 17:30:00"
in_force "half an hour before the end" ""
zone Pacific/Auckland # four hours later still
in_force "it has come already" "1"
zone Europe/Berlin
in_force "and is far away" ""

# ---- the clock is put forward from 2:00 to 3:00 ----
clock "2026-03-29 01:59:56"
in_force "a Sunday night" "1"
in_force "an hour is left out" "1 2"
clock "2026-03-29 03:59:57"
in_force "and is over at four" "1"
# back from 3:00 to 2:00
clock "2026-10-25 02:59:56 CEST"
in_force "in October" "1 2"
sleep 6
is "the hour that comes again: 2:00 is before 2:30" "1" "$(rules_in_force)"

log=$("$CGWALL" log)
like "the log tells of times" '^state time 08:00-18:00 false: rules out 1 on$' "$log"
like "of days" '^state days sat true: rules out 4 on$' "$log"
like "of ends" '^state until 2026-03-28T00:00 passed: rules out 3 off$' "$log"

# ---- sleep: everything stands still while the clock and the world go on ----
ip link add wg0 type veth peer name p-wg0
ip addr add 10.9.0.1/24 dev wg0
policy <<END
default out pass
block out to 192.0.2.1 unless time 08:00-18:00
block out to 192.0.2.2 if active "wg0"
END
clock "2026-03-30 17:59:50"
reload
in_force "before it sleeps" ""
kill -STOP "$AGENT"
clock "2026-03-30 22:00:00"
ip link set p-wg0 up
ip link set wg0 up
until_ok 5 sh -c "ip link show wg0 | grep -q 'state UP'"
kill -CONT "$AGENT"
in_force "it slept over the end of the day, and woke in another network" "1 2"
clock "2026-03-31 07:59:50"
# where devices can sleep (not this machine's root, but the tasks are frozen until that turns out)
if [ -w /sys/power/state ]; then
	rtcwake -m freeze -s 20 >/dev/null 2>&1
	in_force "after a suspend" "2"
else
	skip "no suspend here"
fi
agent_end
finish
