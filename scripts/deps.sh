#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# deps.sh GROUP ...   installs what is missing to build, demo or test; at once done where nothing is.
# Debian's, Fedora's and Alpine's packages are known. Without root it says what to install.
set -eu

if command -v apt-get >/dev/null; then
	kind=apt
	build="gcc libc6-dev make clang bpftool|linux-tools-generic libbpf-dev libelf-dev zlib1g-dev libev-dev libjson-c-dev libidn2-dev libdbus-1-dev pkg-config"
	demo="curl iproute2 python3 procps"
	test="$demo clang-format-14|clang-format clang-tidy-14|clang-tidy libclang-rt-14-dev|libclang-rt-dev cppcheck shellcheck
		mandoc tmux nftables gdb qemu-system-x86 qemu-system-common virtiofsd|qemu-system-common busybox-static cpio
		xz-utils zstd kmod debian-archive-keyring hostapd wpasupplicant iw python3-dnspython
		dnsmasq-base unbound bind9-dnsutils iptables openssh-client dbus-daemon wireguard-tools"
elif command -v apk >/dev/null; then
	kind=apk
	build="gcc musl-dev linux-headers make bash clang bpftool libbpf-dev elfutils-dev zlib-dev libev-dev json-c-dev libidn2-dev dbus-dev pkgconf"
	demo="curl iproute2 python3 procps"
	test="$demo clang-extra-tools compiler-rt cppcheck shellcheck mandoc nftables gdb qemu-system-x86_64 virtiofsd
		tmux busybox-static cpio xz zstd kmod coreutils util-linux hostapd wpa_supplicant iw py3-dnspython
		dnsmasq unbound bind-tools iptables openssh-client dbus wireguard-tools"
elif command -v dnf >/dev/null; then
	kind=dnf
	build="gcc glibc-devel make clang bpftool libbpf-devel elfutils-libelf-devel zlib-devel libev-devel json-c-devel libidn2-devel dbus-devel pkgconf"
	demo="curl iproute python3 procps-ng"
	test="$demo clang-tools-extra compiler-rt libasan libubsan cppcheck ShellCheck mandoc nftables gdb qemu-system-x86-core
		virtiofsd tmux busybox cpio xz zstd kmod hostapd wpa_supplicant iw python3-dns
		dnsmasq unbound bind-utils iptables-nft openssh-clients dbus-daemon wireguard-tools"
else
	echo "deps.sh: knows apt-get, apk and dnf, and finds none of them: nothing is installed" >&2
	exit 0
fi

have() {
	case $kind in
	apt) [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ] ;;
	apk) apk info -e "$1" >/dev/null 2>&1 ;;
	dnf) rpm -q --whatprovides "$1" >/dev/null 2>&1 ;;
	esac
}

offered() {
	case $kind in
	apt) apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [^(]' ;;
	*) true ;;
	esac
}

# Of `a|b`, either will do; the first that is to be had is taken.
missing() {
	for wanted in "$@"; do
		found=
		for p in $(echo "$wanted" | tr '|' ' '); do have "$p" && found=1 && break; done
		[ -n "$found" ] || printf '%s ' "$wanted"
	done
}

choose() {
	for wanted in "$@"; do
		for p in $(echo "$wanted" | tr '|' ' '); do offered "$p" && break; done
		printf '%s ' "$p"
	done
}

groups=
for g in "${@:-build}"; do
	case $g in
	build) groups="$groups $build" ;;
	demo) groups="$groups $demo" ;;
	test) groups="$groups $test" ;;
	*) echo "deps.sh: the groups are build, demo, test" >&2; exit 2 ;;
	esac
done

# shellcheck disable=SC2086
lacking=$(missing $groups)
[ -n "$lacking" ] || exit 0
if [ "$(id -u)" != 0 ]; then
	# shellcheck disable=SC2086
	echo "deps.sh: please install (or run this as root): $(choose $lacking)" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
[ $kind != apt ] || apt-get -qq -o DPkg::Lock::Timeout=300 update || echo "deps.sh: the package lists are old" >&2
# shellcheck disable=SC2086
lacking=$(choose $lacking)
echo "installing: $lacking"
# what is installed for tests starts no service on this host
if [ $kind = apt ] && [ ! -e /usr/sbin/policy-rc.d ]; then
	trap 'rm -f /usr/sbin/policy-rc.d' EXIT INT TERM
	printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
	chmod 755 /usr/sbin/policy-rc.d
fi
# shellcheck disable=SC2086
case $kind in
apt) apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install --no-install-recommends $lacking >/dev/null ;;
apk) apk add --quiet $lacking ;;
dnf) dnf -q -y install $lacking ;;
esac
