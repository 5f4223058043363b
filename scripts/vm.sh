#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs a command under another kernel, in a QEMU machine whose root is this host's, read-only below a
# scratch overlay. Needs no root and no hardware support.
#
#   vm.sh fetch SET|SUITE:REGEX ...    Debian's kernels into the cache; prints a folder for each
#   vm.sh list                         what is in the cache
#   vm.sh run KERNEL [-t SECONDS] [-c CPUS] [-M MEMORY] [-m "module ..."] [-a CMDLINE] [-i] -- COMMAND ...
#
# SET is 5.10, 6.1, 6.12 or newest; those are Debian's kernels for virtual machines, small and fast. SET-full is
# the one for hardware, which has what is left out there (Wi-Fi). KERNEL is a folder as printed, or the name of
# one in the cache. One CPU is emulated unless -c says otherwise: with more, a program starts half as fast, and under
# QEMU 7.2 guests died of an int3 that one CPU executed when another had patched it away already (6.12 and 7.3).
# With -i the command is the machine's first process, and whoever ends it writes the exit code to /dev/ttyS2.
# `run` ends with the command's exit code; 124: time is up, 125: the machine died, 126: it did not start.
set -u
here=$(dirname "$(realpath "$0")")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/cgwall/kernels

die() { echo "vm.sh: $*" >&2; exit 126; }
first() { local f; for f in "$@"; do [ -e "$f" ] && { echo "$f"; return; }; done; return 1; }

# ---- fetch ----

# What a set may be found under; the newest kernel of all of them is taken.
set_specs() {
	case $1 in
	5.10) echo bullseye:linux-image-cloud-amd64 ;;
	6.1) echo bookworm:linux-image-cloud-amd64 ;;
	6.12) echo 'trixie:linux-image-cloud-amd64 bookworm-backports:linux-image-6\.12.*-cloud-amd64' ;;
	newest) echo 'forky:linux-image-cloud-amd64 trixie-backports:linux-image-cloud-amd64' ;;
	*-full) set_specs "${1%-full}" | sed 's/cloud-//g; s/\.\*-amd64/.*[0-9]-amd64/' ;; # not the real-time ones
	*:*) echo "$1" ;;
	*) die "'$1' is neither 5.10, 6.1, 6.12, newest, one of these with -full, nor SUITE:REGEX" ;;
	esac
}

# apt-get or apt-cache with a state of its own: the host's lists and packages stay as they are.
private() {
	local tool=$1 state=$cache/apt/$suite
	shift
	"$tool" -qq -o Dir::State::Lists="$state/lists" -o Dir::Etc::SourceList="$state/sources.list" \
		-o Dir::Etc::SourceParts=/nonexistent -o Dir::Cache="$state/cache" -o Dir::State::status=/dev/null \
		-o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none -o Acquire::Retries=2 \
		-o Acquire::http::Timeout=30 "$@"
}

# The lists of $suite, at most a day old where the mirror can be reached.
refresh() {
	local state=$cache/apt/$suite mirror security key=/usr/share/keyrings/debian-archive-keyring.gpg
	[ -e $key ] || { echo "vm.sh: no $key: cannot check Debian's signatures" >&2; return 1; }
	mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -oE 'https?://[^ ]*/debian/?( |$)' | head -1)
	mirror=${mirror:-http://deb.debian.org/debian}
	case $mirror in */deb.debian.org/*) security=${mirror%/debian*}/debian-security ;; *) security=http://deb.debian.org/debian-security ;; esac
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
	{
		echo "deb [signed-by=$key] $mirror $suite main"
		case $suite in *-backports | sid | forky) ;; *) echo "deb [signed-by=$key] $security $suite-security main" ;; esac
	} >"$state/sources.list"
	[ -n "$(find "$state/stamp" -mtime -1 2>/dev/null)" ] && return 0
	if private apt-get update >&2; then touch "$state/stamp"; else [ -e "$state/stamp" ]; fi
}

# The kernel package that a spec means: metapackages are followed to the one with the release's name.
package_of() {
	local name=$1 next
	name=$(private apt-cache search --names-only "^$name\$" | awk '{print $1}' | grep -vE 'unsigned|dbg' | sort -V | tail -1)
	while [ -n "$name" ]; do
		case $name in linux-image-[0-9]*.[0-9]*.[0-9]*) echo "$name"; return ;; esac
		next=$(private apt-cache depends "$name" | awk '/Depends: linux-image/ {print $2; exit}')
		name=$next
	done
	return 1
}

unpack() {
	local package=$1 release=${1#linux-image-} dir=$cache/${1#linux-image-} tmp modules image config list
	[ -s "$dir/vmlinux" ] && return 0
	tmp=$(mktemp -d "$cache/unpack.XXXXXX") || return 1
	list=$package # from 6.19 on the image package is empty and needs three others
	private apt-cache depends "$package" | grep -q "linux-binary-$release" &&
		list="linux-binary-$release linux-modules-$release linux-base-$release"
	# shellcheck disable=SC2086
	if (cd "$tmp" && private apt-get download $list >&2 && for deb in *.deb; do dpkg -x "$deb" x || exit 1; done) &&
		modules=$(first "$tmp/x/lib/modules/$release" "$tmp/x/usr/lib/modules/$release") &&
		image=$(first "$tmp/x/boot/vmlinuz-$release" "$modules/vmlinuz") &&
		config=$(first "$tmp/x/boot/config-$release" "$modules/config") &&
		mkdir -p "$dir/lib/modules" && cp "$config" "$dir/config" &&
		"$here/extract-vmlinux" "$image" "$dir/vmlinux.new" && rm -rf "$dir/lib/modules/$release" &&
		mv "$modules" "$dir/lib/modules/" && PATH=$PATH:/sbin:/usr/sbin depmod -b "$dir" "$release"; then
		mv "$dir/vmlinux.new" "$dir/vmlinux"
	fi
	rm -rf "$tmp"
	[ -s "$dir/vmlinux" ]
}

fetch() {
	local want spec suite package best rc=0
	command -v apt-get >/dev/null && command -v dpkg >/dev/null || die "needs apt-get and dpkg to fetch Debian's kernels"
	mkdir -p "$cache" || die "cannot make $cache"
	exec 9>"$cache/lock" && flock 9
	for want in "$@"; do
		best=
		for spec in $(set_specs "$want"); do
			suite=${spec%%:*}
			refresh || { echo "vm.sh: cannot read Debian's lists of $suite" >&2; continue; }
			package=$(package_of "${spec#*:}") || { echo "vm.sh: $suite has no ${spec#*:}" >&2; continue; }
			best=$(printf '%s\n' "$best" "$suite $package" | sort -V -k2 | tail -1)
		done
		[ -n "$best" ] || { rc=1; continue; }
		suite=${best%% *}
		if unpack "${best#* }"; then echo "$cache/${best#* linux-image-}"; else echo "vm.sh: could not fetch ${best#* }" >&2; rc=1; fi
	done
	return $rc
}

# ---- run ----

# Module names -> the files to insert, in order, without doubles.
module_files() {
	local m
	for m in "$@"; do
		PATH=$PATH:/sbin:/usr/sbin modprobe -d "$kernel" -S "$release" --show-depends "$m" 2>/dev/null | awk '$1 == "insmod" {print $2}'
	done | awk '!seen[$0]++'
}

build_initramfs() {
	local root=$work/root file name
	mkdir -p "$root"/{bin,dev,proc,lib,lower,rw,new}
	cp "$(command -v busybox)" "$root/bin/busybox" || return 1
	ldd "$root/bin/busybox" >/dev/null 2>&1 && { echo "vm.sh: busybox must be static (busybox-static)" >&2; return 1; }
	# shellcheck disable=SC2086
	module_files $modules >"$work/modules"
	while read -r file; do
		name=$(basename "$file")
		case $name in *.xz) xz -dc "$file" ;; *.zst) zstd -dcq "$file" ;; *.gz) gzip -dc "$file" ;; *) cat "$file" ;; esac >"$root/lib/${name%%.ko*}.ko"
		echo "${name%%.ko*}.ko"
	done <"$work/modules" >"$root/lib/order"
	{ printf 'cd %q || exit 126\n' "$PWD"; printf 'exec'; printf ' %q' "$@"; echo; } >"$root/command"
	printf '%s\n' "$(realpath "$kernel")/lib/modules/$release" >"$root/modules"
	cat >"$root/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc; mount -t devtmpfs dev /dev
die() { echo "vm: $1" >/dev/ttyS0; echo 126 >/dev/ttyS2; poweroff -f; sleep 60; }
for m in $(cat /lib/order); do insmod "/lib/$m" || echo "vm: cannot load $m" >/dev/ttyS0; done
mount -t virtiofs -o ro root /lower || die "no virtiofs"
mount -t tmpfs -o mode=755 rw /rw; mkdir /rw/upper /rw/work
mount -t overlay -o lowerdir=/lower,upperdir=/rw/upper,workdir=/rw/work overlay /new || die "no overlay"
for d in proc dev; do mount --move /$d /new/$d; done
mount -t tmpfs -o mode=755 run /new/run
mkdir -p "/new/lib/modules/$(uname -r)"
mount --bind "/lower$(cat /modules)" "/new/lib/modules/$(uname -r)"
cp /bin/busybox /command /second /new/run/
[ ! -e /first ] || cp /first /new/run/
exec switch_root /new /run/second
INIT
	cat >"$root/second" <<'INIT'
#!/run/busybox sh
mount -t sysfs sys /sys
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts; mount -t tmpfs shm /dev/shm
ln -s /proc/self/fd /dev/fd; ln -s fd/0 /dev/stdin; ln -s fd/1 /dev/stdout; ln -s fd/2 /dev/stderr
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
for fs in tracefs:kernel/tracing securityfs:kernel/security; do mount -t ${fs%:*} ${fs%:*} /sys/${fs#*:} 2>/dev/null; done
/run/busybox ip link set lo up
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin IN_VM=1
[ ! -e /run/first ] || exec /bin/bash /run/command </dev/null >/dev/ttyS1 2>&1
/bin/bash /run/command </dev/null >/dev/ttyS1 2>&1
echo $? >/dev/ttyS2
/run/busybox poweroff -f
sleep 60
INIT
	[ -z "$first" ] || : >"$root/first"
	chmod +x "$root/init" "$root/second"
	(cd "$root" && find . | cpio -o -H newc --quiet -R 0:0) | gzip -1 >"$work/initrd.gz"
}

# The host's root over virtiofs, which cloud kernels have, too (9p they have not).
share_root() {
	local daemon i
	ulimit -n "$(ulimit -Hn)" # it keeps a file open for each that the guest knows
	daemon=$(first /usr/lib/qemu/virtiofsd /usr/libexec/virtiofsd /usr/lib/virtiofsd "$(command -v virtiofsd)") ||
		{ echo "vm.sh: no virtiofsd" >&2; return 1; }
	if "$daemon" --help 2>&1 | grep -q -- --shared-dir; then # the one in Rust
		"$daemon" --socket-path="$work/fs.sock" --shared-dir=/ --sandbox=none --cache=always >"$work/fs.log" 2>&1 &
	else
		"$daemon" --socket-path="$work/fs.sock" -o source=/ -o sandbox=chroot -o cache=always --rlimit-nofile=0 >"$work/fs.log" 2>&1 &
	fi
	fs_pid=$!
	for ((i = 0; i < 100; i++)); do [ -S "$work/fs.sock" ] && break; sleep 0.05; done
	[ -S "$work/fs.sock" ] || { cat "$work/fs.log" >&2; return 1; }
	share=(-chardev "socket,id=fs,path=$work/fs.sock" -device vhost-user-fs-pci,chardev=fs,tag=root
		-object "memory-backend-memfd,id=mem,size=$memory,share=on" -numa node,memdev=mem)
}

run() {
	local kernel=$1 release work fs_pid='' share=() modules='' limit=120 cpus=1 memory=2G cmdline='' first='' rc
	shift
	while [ $# -gt 0 ]; do
		case $1 in
		-i) first=1; shift; continue ;;
		-t) limit=$2 ;; -c) cpus=$2 ;; -M) memory=$2 ;; -m) modules=$2 ;; -a) cmdline=$2 ;;
		--) shift; break ;;
		*) die "unknown option $1" ;;
		esac
		shift 2
	done
	[ $# -gt 0 ] || die "no command given"
	[ -d "$kernel" ] || kernel=$cache/$kernel
	[ -s "$kernel/vmlinux" ] || die "no kernel in $kernel (vm.sh fetch, vm.sh list)"
	command -v qemu-system-x86_64 >/dev/null || die "no qemu-system-x86_64 ('sudo make deps' installs it)"
	release=$(ls "$kernel/lib/modules")
	work=$(mktemp -d "${TMPDIR:-/tmp}/cgwall-vm.XXXXXX") || die "no temporary folder"
	# shellcheck disable=SC2064
	trap "rm -rf '$work'" EXIT
	modules="virtio_pci virtiofs overlay $modules"
	share_root || die "cannot share / by virtiofs"
	# shellcheck disable=SC2064
	trap "kill $fs_pid 2>/dev/null; rm -rf '$work'" EXIT
	build_initramfs "$@" || die "cannot build the initramfs"

	# Three serial ports: the kernel's messages, the command's output, its exit code. norandmaps: the emulator
	# translates a program anew for each address that it is loaded at, and goes through a string instruction byte by byte.
	timeout -k 5 "$limit" qemu-system-x86_64 -machine q35 -accel "${VM_ACCEL:-tcg,thread=multi}" -cpu max,-erms -smp "$cpus" \
		-m "$memory" -display none -no-reboot -nodefaults -monitor none -nic none \
		-serial "file:$work/console" -serial stdio -serial "file:$work/code" "${share[@]}" \
		-kernel "$kernel/vmlinux" -initrd "$work/initrd.gz" \
		-append "console=ttyS0 panic=-1 loglevel=4 norandmaps $cmdline" </dev/null | sed -u 's|\r||'
	rc=${PIPESTATUS[0]}
	if [ "$rc" = 124 ] || [ "$rc" = 137 ]; then
		echo "vm.sh: not done within $limit s under $release"; rc=124
	elif [ -s "$work/code" ]; then
		rc=$(tr -dc 0-9 <"$work/code")
	else
		echo "vm.sh: the machine with $release died (qemu's exit code $rc)"; rc=125
	fi
	if [ "$rc" -ge 124 ] || grep -qE 'BUG:|WARNING:|Oops|KASAN' "$work/console"; then
		echo "--- the last of the console:"; tail -40 "$work/console" | sed -u 's|\r||'
	fi
	return "$rc"
}

verb=${1:-}
[ $# -gt 0 ] && shift
case $verb in
fetch) fetch "$@" ;;
list) for k in "$cache"/*/vmlinux; do [ -e "$k" ] && dirname "$k"; done; true ;;
run) [ $# -gt 0 ] || die "run what?"; run "$@" ;;
*) sed -n '3,15s/^# \{0,1\}//p' "$0"; exit 126 ;;
esac
