# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Access points and stations on simulated radios (mac80211_hwsim), for a virtual machine of one's own.
#
#   netns air     wlan0 wlan1 wlan2 … access points (ap_start), all on a bridge with 10.0.0.1, a server there
#   here          the last two radios: $STA and $STA2, with 10.0.0.2 and 10.0.0.3
#
# Radio N has the address 02:00:00:00:0N:00.
AIR_RADIOS=6
STA=wlan4 STA2=wlan5
declare -A AP_PID WPA_PID

air_up() {
	local n
	modprobe mac80211_hwsim radios=$AIR_RADIOS || return 1
	until_ok 10 test -e /sys/class/net/wlan$((AIR_RADIOS - 1)) || return 1
	ip netns add air
	for ((n = 0; n < AIR_RADIOS - 2; n++)); do
		iw phy "$(cat /sys/class/net/wlan$n/phy80211/name)" set netns name air || return 1
	done
	ip -n air link set lo up
	ip -n air link add br0 address 02:00:00:00:ff:01 type bridge
	ip -n air addr add 10.0.0.1/24 dev br0
	ip -n air link set br0 up
	ip addr add 10.0.0.2/24 dev $STA
	ip addr add 10.0.0.3/24 dev $STA2
	# who has which address is nothing to wait for
	ip neigh replace 10.0.0.1 lladdr 02:00:00:00:ff:01 dev $STA nud permanent
	ip -n air neigh replace 10.0.0.2 lladdr "$(cat /sys/class/net/$STA/address)" dev br0 nud permanent
}

bssid_of() { printf '02:00:00:00:%02x:00' "$1"; }
channel_of() { echo $((1 + 5 * ($1 % 3))); } # 1, 6, 11
frequency_of() { echo $((2407 + 5 * $(channel_of "$1"))); }

# ap_start RADIO SSID [LINE ...]: LINEs of hostapd's configuration; `wpa2` stands for a passphrase
ap_start() {
	local n=$1 conf=$W/ap$1.conf line
	{
		printf '%s\n' "interface=wlan$n" "driver=nl80211" "bridge=br0" "hw_mode=g" "channel=$(channel_of "$n")"
		case $2 in 0x*) echo "ssid2=${2#0x}" ;; *) echo "ssid2=\"$2\"" ;; esac
		shift 2
		for line in "$@"; do
			if [ "$line" = wpa2 ]; then
				printf '%s\n' wpa=2 wpa_key_mgmt=WPA-PSK rsn_pairwise=CCMP wpa_passphrase=correct-horse
			else
				echo "$line"
			fi
		done
	} >"$conf"
	ip netns exec air hostapd "$conf" >"$W/ap$n.log" 2>&1 &
	AP_PID[$n]=$!
	until_ok 20 grep -qE 'AP-ENABLED|AP-DISABLED|errors found' "$W/ap$n.log"
	grep -q AP-ENABLED "$W/ap$n.log"
}

# ap_stop RADIO: says goodbye; ap_vanish RADIO: does not
ap_stop() { { kill "${AP_PID[$1]}" && wait "${AP_PID[$1]}"; } 2>/dev/null; }
ap_vanish() {
	{ kill -9 "${AP_PID[$1]}" && wait "${AP_PID[$1]}"; } 2>/dev/null
	ip -n air link set "wlan$1" down
}

# sta_start INTERFACE LINE ...: wpa_supplicant with one network of these lines
sta_start() {
	local dev=$1
	shift
	{ echo "ctrl_interface=$W/wpa"; echo 'network={'; printf '\t%s\n' "$@"; echo '}'; } >"$W/$dev.conf"
	rm -f "$W/$dev.log"
	wpa_supplicant -D nl80211 -i "$dev" -c "$W/$dev.conf" -f "$W/$dev.log" >/dev/null 2>&1 &
	WPA_PID[$dev]=$!
}
sta_stop() {
	{ kill "${WPA_PID[$1]}" && wait "${WPA_PID[$1]}"; } 2>/dev/null
	ip link set "$1" up
}
wpa() { wpa_cli -p "$W/wpa" -i "$@"; } # INTERFACE COMMAND ...
