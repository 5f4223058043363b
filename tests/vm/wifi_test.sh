#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Wi-Fi as it is: a station that joins, roams, leaves, has a wrong key, meets networks of the same name that are
# open, pretend, or encrypt for anybody; access points that vanish, drivers that are taken away and come back. The
# agent knows where it is, and real connections over the air and beside it are allowed and refused by that. Only in a
# virtual machine with the radios of air.sh: see run.sh.
[ -n "${IN_VM:-}" ] || { echo "only in a virtual machine"; exit 2; }
export CGWALL_TEST_NETNS=1 # radios live in the machine's own
. "$(dirname "$0")/../kernel/lib.sh"
. "$TOP/tests/vm/air.sh"
FLOW=$O/tests/kernel/flow
FLOOD=$O/tests/vm/flood
test_cleanup() { kill "${AP_PID[@]}" "${WPA_PID[@]}" 2>/dev/null; }

AP0=$(bssid_of 0) AP1=$(bssid_of 1) AP2=$(bssid_of 2)
policy <<P
condition at-home = ssid "home-net" secured
default out block
default in  block log
pass out to 10.0.0.1 port 7001-7003 if at-home
pass out to 127.0.0.1 if ssid "home-net"
pass out to 127.0.0.2 if ssid "home-net" secured bssid "$AP0"
pass out to 192.0.2.1 unless at-home
pass out to 192.0.2.2 if ssid "cafe"
pass out to ::1 if ssid "home-net" bssid "$AP0"
pass in  proto tcp to any port 7011 if at-home
P

# ---- what the agent says, and what it does ----

networks() { "$CGWALL" status | sed -n 's/^  \(Wi-Fi \|      \) *\([a-z]*[0-9] ".*\) since .*/\2/p' | paste -sd'|'; }
network_is() { [ "$(networks)" = "$1" ]; }
# at WHAT NETWORKS: the agent comes to know of these, "IFACE "NAME" HOW ADDRESS|..."
at() {
	if until_ok 30 network_is "$2"; then pass "$1: $2"; else fail "$1: expected '$2', got '$(networks)'"; fi
}
changes() { "$CGWALL" log | grep '^state'; }
# what holds, of the facts in the order of the verdicts below
facts() {
	"$CGWALL" status | awk '/ since / && /(fact|^) +(yes|no) +ssid "/ {
			fact = $0; sub(/.* (yes|no) +ssid /, "", fact); sub(/ since .*/, "", fact)
			holds[fact] = $1 == "fact" ? $2 : $1
		}
		END {print holds["\"home-net\" secured"], holds["\"home-net\""], holds["\"home-net\" secured bssid \"'$AP0'\""],
			holds["\"cafe\""], holds["\"home-net\" bssid \"'$AP0'\""]}'
}
facts_are() { [ "$(facts)" = "$1" ]; }
# verdicts HOME NAMED AP0-SECURED AWAY CAFE AP0: yes or no for each rule; at once when status has the facts
verdicts() {
	local v=("$@") n=0 line out=
	until_ok 10 facts_are "$1 $2 $3 $5 $6" || fail "facts: expected '$1 $2 $3 $5 $6', got '$(facts)'"
	for line in "tcp 10.0.0.1 7001" "tcp 127.0.0.1 7001" "tcp 127.0.0.2 7001" "tcp 192.0.2.1 7001" "tcp 192.0.2.2 7001" \
		"tcp ::1 7001"; do
		if [ "${v[n]}" = yes ]; then out+="OK $line"$'\n'; else out+="EPERM $line"$'\n'; fi
		n=$((n + 1))
	done
	probes <<<"$out"
}
from_air() { ip netns exec air "$FLOW" call <<<"${1:-}tcp 10.0.0.2 7011"; } # with + what comes of it is waited for

# ---- before there is Wi-Fi ----

[ ! -d /sys/module/cfg80211 ] || fail "there is Wi-Fi already"
agent_start || finish
verdicts no no no yes no no
[ ! -d /sys/module/cfg80211 ] && pass "looking for Wi-Fi does not load it" || fail "cfg80211 was loaded"
air_up || { fail "no simulated radios"; finish; }
air_serve() {
	ip netns exec air "$CLIENT" serve 7001 >"$W/serve.air" 2>&1 &
	SERVERS+=($!)
}
air_serve
in_cgroup "$GUARD" "$FLOW" serve 7011 >"$W/serve.in" 2>&1 &
SERVERS+=($!)
ap_start 0 home-net wpa2 || fail "no access point: $(tail -3 "$W/ap0.log")"
ap_start 1 home-net wpa2 || fail "no access point"
at "nobody has joined" ""

# ---- home ----

home=('ssid="home-net"' 'psk="correct-horse"' "scan_freq=$(frequency_of 0) $(frequency_of 1)")
sta_start $STA "${home[@]}" "bssid=$AP0"
at "home" "$STA \"home-net\" secured $AP0"
verdicts yes yes yes no no yes
is "from the air, at home" OK "$(from_air +)"
like "the log tells it" "^state ssid $STA \"home-net\" secured $AP0: rules out 1-3,6 and in 1 on, out 4 off$" "$(changes)"
like "status has the fact" 'yes +ssid "home-net" secured ' "$("$CGWALL" status)"
like "status has the condition" 'yes +at-home ' "$("$CGWALL" status)"
agent_kill
agent_start
is "known as soon as it enforces" "$STA \"home-net\" secured $AP0" "$(networks)"
verdicts yes yes yes no no yes
agent_stop
agent_start
verdicts yes yes yes no no yes

sta_stop $STA
at "left" ""
verdicts no no no yes no no
is "from the air, not at home" TIMEOUT "$(from_air)"

# ---- roaming ----

sta_start $STA "${home[@]}"
until_ok 30 grep -q CTRL-EVENT-CONNECTED "$W/$STA.log"
wpa $STA roam "$AP0" >/dev/null
at "home again" "$STA \"home-net\" secured $AP0"
stream() { # NAME PORT
	ip netns exec air "$FLOW" tcp listen - "$2" both "$W/$1.far" >"$W/$1.out" 2>&1 &
	SERVERS+=($!)
	until_ok 10 grep -q ready "$W/$1.out"
	in_cgroup "$GUARD" "$FLOW" tcp connect 10.0.0.1 "$2" both "$W/$1.near" >"$W/$1.out" 2>&1 &
	SERVERS+=($!)
	until_ok 10 grep -q ready "$W/$1.out" || fail "no connection: $(cat "$W/$1.out")"
}
got() { od -An -tu8 -j8 -N8 "$1" | tr -d ' '; }
more() { [ "$(got "$1")" -gt "$2" ]; }
streams() { # WHAT FILE: more comes at both ends
	local file
	for file in "$2.near" "$2.far"; do
		if until_ok 30 more "$W/$file" $(($(got "$W/$file") + 20)); then pass "$1: $file"; else fail "$1: $file: nothing comes"; fi
	done
}
is_cut() { # FILE: its program has been told
	if until_ok 10 sh -c "[ \"\$(od -An -tu8 -j24 -N8 '$W/$1.near' | tr -d ' ')\" != 0 ]"; then
		pass "the connection over the air is cut: $1"
	else
		fail "the connection over the air is not cut: $1"
	fi
}
stream roaming 7002
streams "connected" roaming
wpa $STA roam "$AP1" >/dev/null
at "roamed" "$STA \"home-net\" secured $AP1"
verdicts yes yes no no no no
streams "roamed" roaming
wpa $STA roam "$AP0" >/dev/null
at "roamed back" "$STA \"home-net\" secured $AP0"
verdicts yes yes yes no no yes
streams "roamed back" roaming
is "the connection that roamed: gaps and errors" "0 0" "$(od -An -tu8 -j16 -N16 "$W/roaming.near" | xargs)"

# ---- leaving, in every way ----

wpa $STA disconnect >/dev/null
at "disconnected" ""
verdicts no no no yes no no
is_cut roaming
ap_stop 1
wpa $STA reconnect >/dev/null
at "back" "$STA \"home-net\" secured $AP0"
ip link set $STA down
at "switched off" ""
ip link set $STA up
at "switched on" "$STA \"home-net\" secured $AP0"
ap_vanish 0
at "the access point is gone" ""
verdicts no no no yes no no
sta_stop $STA
# an open one with its very address
ip -n air link set wlan3 address "$AP0"
ap_start 3 home-net || fail "no twin of the same address"
iw dev $STA connect home-net "$(frequency_of 3)"
at "open twin of the same address" "$STA \"home-net\" open $AP0"
verdicts no yes no yes no yes
iw dev $STA disconnect
ap_stop 3
ip -n air link set wlan0 up
ap_start 0 home-net wpa2 || fail "no access point again"

# ---- a wrong key ----

before=$(changes | wc -l)
sta_start $STA 'ssid="home-net"' 'psk="wrong-horse-"' "scan_freq=$(frequency_of 0)"
until_ok 60 grep -q WRONG_KEY "$W/$STA.log" || fail "no wrong key: $(tail -3 "$W/$STA.log")"
verdicts no no no yes no no
is "a wrong key changes nothing" "$before" "$(changes | wc -l)"
sta_stop $STA

# ---- others of the same name ----

ap_start 2 home-net || fail "no twin"
iw dev $STA connect home-net "$(frequency_of 2)"
at "open twin" "$STA \"home-net\" open $AP2"
verdicts no yes no yes no no
iw dev $STA disconnect
ap_stop 2
ap_start 2 home-net vendor_elements=30140100000fac040100000fac040100000fac020000 || fail "no twin that pretends"
iw dev $STA connect home-net "$(frequency_of 2)"
at "open twin that claims to be protected" "$STA \"home-net\" open $AP2"
verdicts no yes no yes no no
iw dev $STA disconnect
ap_stop 2
# ap_kind WHAT HOW STATION-LINES -- ACCESS-POINT-LINES: a twin of that kind, if the tools here can build it
ap_kind() {
	local what=$1 how=$2 lines=()
	shift 2
	while [ "$1" != -- ]; do
		lines+=("$1")
		shift
	done
	shift
	if ! ap_start 2 home-net "$@"; then
		skip "$what: hostapd cannot do it: $(grep -m1 -iE 'error|invalid|unknown|fail' "$W/ap2.log")"
		return
	fi
	sta_start $STA 'ssid="home-net"' "bssid=$AP2" "scan_freq=$(frequency_of 2)" "${lines[@]}"
	at "$what" "$STA \"home-net\" $how $AP2"
	if [ "$how" = secured ]; then verdicts yes yes no no no no; else verdicts no yes no yes no no; fi
	sta_stop $STA
	ap_stop 2
	at "$what, left" ""
}
ap_kind "encrypts for anybody (OWE)" unauthenticated key_mgmt=OWE ieee80211w=2 -- \
	wpa=2 wpa_key_mgmt=OWE rsn_pairwise=CCMP ieee80211w=2
ap_kind "TKIP" weak 'psk="correct-horse"' proto=WPA pairwise=TKIP group=TKIP -- \
	wpa=1 wpa_key_mgmt=WPA-PSK wpa_pairwise=TKIP wpa_passphrase=correct-horse
ap_kind "WEP" weak key_mgmt=NONE wep_key0=0102030405 wep_tx_keyidx=0 -- wep_default_key=0 wep_key0=0102030405
ap_kind "WPA3 (SAE)" secured 'sae_password="correct-horse"' key_mgmt=SAE ieee80211w=2 -- \
	wpa=2 wpa_key_mgmt=SAE rsn_pairwise=CCMP sae_password=correct-horse ieee80211w=2
ap_kind "hidden, WPA2" secured 'psk="correct-horse"' scan_ssid=1 -- wpa2 ignore_broadcast_ssid=1
# names are bytes: this one ends in a zero
ap_start 2 0x686f6d652d6e657400 wpa2 || fail "no access point with a zero in its name"
sta_start $STA ssid=686f6d652d6e657400 'psk="correct-horse"' "scan_freq=$(frequency_of 2)"
at "a name that only begins like it" "$STA \"home-net\\x00\" secured $AP2"
verdicts no no no yes no no
sta_stop $STA

# ---- two at once ----

ap_stop 2
ap_start 2 cafe || fail "no café"
sta_start $STA "${home[@]}"
at "one" "$STA \"home-net\" secured $AP0"
ip link set $STA2 up
iw dev $STA2 connect cafe "$(frequency_of 2)"
at "two" "$STA \"home-net\" secured $AP0|$STA2 \"cafe\" open $AP2"
verdicts yes yes yes no yes yes
ip link set $STA2 down && ip link set $STA2 name air0 && ip link set air0 up && iw dev air0 connect cafe "$(frequency_of 2)"
at "under another name" "$STA \"home-net\" secured $AP0|air0 \"cafe\" open $AP2"
ip link set air0 down && ip link set air0 name $STA2 && ip link set $STA2 up && iw dev $STA2 connect cafe "$(frequency_of 2)"
wpa $STA disconnect >/dev/null
at "the other one" "$STA2 \"cafe\" open $AP2"
verdicts no no no yes yes no
wpa $STA reconnect >/dev/null
at "both again" "$STA \"home-net\" secured $AP0|$STA2 \"cafe\" open $AP2"

# what falls is cut while another one comes and goes without end
stream beside 7003
flap() {
	while :; do
		iw dev $STA2 disconnect
		iw dev $STA2 connect cafe "$(frequency_of 2)"
		sleep .1
	done >/dev/null 2>&1
}
flaps() { changes | grep -c "ssid $STA2"; }
flap &
FLAP=$!
SERVERS+=("$FLAP")
before=$(flaps)
flapped() { [ "$(flaps)" -ge $((before + 4)) ]; }
until_ok 30 flapped || fail "nothing flaps"
before=$(flaps)
wpa $STA disconnect >/dev/null
is_cut beside
kill $FLAP
wait $FLAP 2>/dev/null
[ "$(flaps)" -gt "$before" ] && pass "the other one came and went meanwhile" || fail "nothing flapped meanwhile"
iw dev $STA2 disconnect 2>/dev/null
iw dev $STA2 connect cafe "$(frequency_of 2)"
wpa $STA reconnect >/dev/null
at "both once more" "$STA \"home-net\" secured $AP0|$STA2 \"cafe\" open $AP2"

# ---- events that are lost ----

# datagrams that found no room at the agent's sockets
lost() { # the last columns are how many, and the socket
	find "/proc/$AGENT/fd" -lname 'socket:*' -printf '%l\n' | tr -dc '0-9\n' | awk 'NR == FNR {mine[$1] = 1; next}
		$NF in mine {n += $(NF - 1)} END {print n + 0}' - /proc/net/netlink
}
is "nothing was lost so far" 0 "$(lost)"
kill -STOP "$AGENT"
wpa $STA disconnect >/dev/null
"$FLOOD" $STA2 150 || fail "flood"
iw dev $STA2 disconnect
kill -CONT "$AGENT"
at "after a flood of events" ""
[ "$(lost)" -gt 0 ] && pass "events were lost" || fail "no events were lost: $(cat /proc/net/netlink)"
verdicts no no no yes no no
kill -STOP "$AGENT"
wpa $STA reconnect >/dev/null
until_ok 30 sh -c "wpa_cli -p '$W/wpa' -i $STA status | grep -q COMPLETED"
"$FLOOD" $STA2 150 || fail "flood"
kill -CONT "$AGENT"
at "after another" "$STA \"home-net\" secured $AP0"
verdicts yes yes yes no no yes

# ---- without a driver ----

kill "${AP_PID[@]}" 2>/dev/null
wait "${AP_PID[@]}" 2>/dev/null
# the station's driver goes while it is connected
rmmod mac80211_hwsim || fail "the driver cannot be removed"
at "the driver is gone" ""
verdicts no no no yes no no
sta_stop $STA 2>/dev/null
ip netns del air
rmmod mac80211 cfg80211 && [ ! -d /sys/module/cfg80211 ] && pass "no Wi-Fi any more" || fail "cfg80211 cannot be removed"
air_up || { fail "no radios again"; finish; }
air_serve
ap_start 0 home-net wpa2 || fail "no access point with the new driver"
sta_start $STA "${home[@]}"
at "the driver is back" "$STA \"home-net\" secured $AP0"
verdicts yes yes yes no no yes
agent_end
finish
