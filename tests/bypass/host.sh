# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What some ways need on the host, which nobody guarded does for them: modules that the kernel does not load by
# itself, or too slowly, and a cluster that the host has joined. run.sh sources this.

host_modules() { # NAME
	case $1 in
	*rds*) echo rds_tcp ;;
	rxrpc*) echo rxrpc ;;
	tipc) echo tipc udp_tunnel ip6_udp_tunnel ;;
	old-pppoe) echo pppoe ;;
	pppoe | pptp | qrtr) echo "$1" ;;
	llc) echo llc2 macvlan ;;
	rdma*) echo rdma_rxe rdma_ucm macvlan ;;
	mount-nfs4*) echo nfs nfsv4 ;;
	mount-nfs3) echo nfs nfsv3 ;;
	mount-cifs | mount-ceph) echo "${1#mount-}" ;;
	mount-9p) echo 9p 9pnet_fd ;;
	mount-afs) echo kafs ;;
	nvme-tcp | netconsole | pktgen) echo "$1" ;;
	user-kcm) echo kcm ;;
	user-l2tp) echo l2tp_ppp ;;
	esac
}

# host_begin NAME: before each run of it
host_begin() {
	local module
	for module in $(host_modules "$1"); do modprobe -q "$module"; done 2>/dev/null
	# partitions would be looked for, and the other end's answer to that ends it
	[ "$1" != user-nbd ] || modprobe -q nbd max_part=0 2>/dev/null
	case $1 in
	tipc) tipc_up ;;
	llc) line_up ;;
	rdma*) line_up && nsenter -t 1 -n rdma link add bypass type rxe netdev bypass0 ;;
	mount-afs) [ ! -e /proc/fs/afs/cells ] || echo "add bypass $ELSE4" >/proc/fs/afs/cells ;;
	esac 2>/dev/null
}

# host_end NAME: what the kernel would go on sending for it is over
host_end() {
	case $1 in
	*rds*) rmmod rds_tcp ;;
	mount-afs) rmmod kafs ;;
	tipc)
		[ -z "${TIPC_SERVICE:-}" ] || kill "$TIPC_SERVICE"
		tipc bearer disable media udp name bypass
		at_peer tipc bearer disable media udp name bypass
		;;
	llc | rdma*) [ -z "${IN_VM:-}" ] || nsenter -t 1 -n ip link del bypass0 ;;
	esac 2>/dev/null
}

# Two nodes of a cluster, which talk by datagrams to port 6118, and a service at the other one.
tipc_up() {
	type -P tipc >/dev/null || return
	tipc node set address 1.1.1
	at_peer tipc node set address 1.1.2
	tipc bearer enable media udp name bypass localip "$HOST4" remoteip "$ELSE4"
	at_peer tipc bearer enable media udp name bypass localip "$ELSE4" remoteip "$HOST4"
	at_peer "$TRICK" receive-tipc / / >>"$FRAMES" 2>/dev/null &
	TIPC_SERVICE=$!
	SERVERS+=("$TIPC_SERVICE")
	until_ok 10 sh -c "tipc nametable show | grep -q '^7009 '"
}

# The line has a child in the first network namespace, for what lives only there; never the one of a host that is in use.
line_up() {
	[ -n "${IN_VM:-}" ] && ip link add bypass0 link wall0 type macvlan mode bridge && ip link set bypass0 netns 1 &&
		nsenter -t 1 -n sh -c "ip addr add 198.51.100.9/24 dev bypass0 && ip link set bypass0 up &&
			ip neigh replace $ELSE4 lladdr 02:00:00:00:51:02 dev bypass0 nud permanent"
}
