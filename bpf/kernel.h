/* SPDX-License-Identifier: GPL-2.0-only */
/* The fields of the kernel's own structs that are read here, and nothing else. libbpf finds where they
 * really are on the running kernel (CO-RE), so order and neighbours do not matter. */
#ifndef CGWALL_BPF_KERNEL_H
#define CGWALL_BPF_KERNEL_H

#include <linux/types.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct user_namespace {
	struct ns_common ns;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
};

typedef struct {
	unsigned int val;
} kuid_t;

typedef struct {
	unsigned int val;
} kgid_t;

struct cred {
	kuid_t euid;
	kgid_t egid;
	struct user_namespace *user_ns;
};

struct super_block {
	unsigned int s_dev;
};

struct inode {
	unsigned long i_ino;
	unsigned int i_nlink;
	__u32 i_generation;
	struct super_block *i_sb;
};

struct file_system_type {
	const char *name;
};

enum fs_context_purpose {
	FS_CONTEXT_FOR_MOUNT,
};

struct fs_context {
	struct file_system_type *fs_type;
	enum fs_context_purpose purpose : 8;
};

struct qstr {
	__u32 len;
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
};

struct mm_struct {
	struct file *exe_file;
};

struct kernfs_node {
	const char *name;
	__u64 id;
};

struct cgroup {
	int level;
	struct kernfs_node *kn;
	struct cgroup *ancestors[];
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
};

struct thread_info {
	unsigned long flags;
	unsigned int status; /* x86 */
};

struct pt_regs___x86 {
	unsigned long orig_ax;
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	int pid;
	int tgid;
	__u64 start_boottime;
	__u64 self_exec_id;
	struct task_struct *group_leader;
	struct mm_struct *mm;
	const struct cred *cred;
	struct nsproxy *nsproxy;
	struct css_set *cgroups;
	struct signal_struct *signal;
	char comm[16];
};

struct linux_binprm;
struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
};

struct list_head {
	struct list_head *next;
};

struct netns_ipv4 {
	__u8 sysctl_ip_nonlocal_bind;
};

struct netns_sysctl_ipv6 {
	__u8 ip_nonlocal_bind;
};

struct netns_ipv6 {
	struct netns_sysctl_ipv6 sysctl;
};

struct net {
	__u64 net_cookie;
	struct list_head dev_base_head;
	struct netns_ipv4 ipv4;
	struct netns_ipv6 ipv6;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	possible_net_t skc_net;
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	int skc_bound_dev_if;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct socket;

struct net_device;

struct dst_entry {
	struct net_device *dev;
};

struct msghdr {
	void *msg_name;
};

struct udp_sock {
	int pending;
};

typedef struct {
	int owned;
} socket_lock_t;

struct sock_cgroup_data {
	struct cgroup *cgroup;
};

struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
	__u8 sk_kern_sock : 1;
	__u8 sk_userlocks : 4;
	__u16 sk_type;
	__u16 sk_protocol;
	kuid_t sk_uid;
	struct socket *sk_socket;
	void *sk_user_data;
	void *sk_reuseport_cb;
	unsigned long sk_pacing_rate;
	struct dst_entry *sk_dst_cache;
	struct sock_cgroup_data sk_cgrp_data;
};

struct socket {
	struct file *file;
	struct sock *sk;
};

struct socket_alloc {
	struct socket socket;
	struct inode vfs_inode;
};

/* From 6.6 on; before, as below. */
struct inet_sock {
	unsigned long inet_flags;
};

struct inet_sock___bits {
	__u8 freebind : 1;
	__u8 transparent : 1;
};

struct request_sock {
	struct request_sock *dl_next;
	struct sock *sk;
};

struct request_sock_queue {
	struct request_sock *rskq_accept_head;
};

struct inet_connection_sock {
	struct request_sock_queue icsk_accept_queue;
	__u8 icsk_retransmits;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u64 bytes_received;
	__u64 bytes_acked;
	bool is_mptcp;
	bool syn_smc;
};

struct mptcp_sock {
	struct sock *first; /* subflow */
};

struct in_ifaddr {
	struct in_ifaddr *ifa_next;
	__be32 ifa_local;
};

struct in_device {
	struct in_ifaddr *ifa_list;
};

struct inet6_ifaddr {
	struct in6_addr addr;
	struct list_head if_list;
};

struct inet6_dev {
	struct list_head addr_list;
};

enum netdev_priv_flags {
	IFF_L3MDEV_MASTER = 1 << 18,
};

struct net_device {
	unsigned long priv_flags;
	int ifindex;
	struct list_head dev_list;
	struct in_device *ip_ptr;
	struct inet6_dev *ip6_ptr;
};

struct nf_conn {
	unsigned long status;
};

struct sk_buff {
	struct net_device *dev;
	unsigned long _nfct;
	char cb[48]; /* begins with the interface, in both versions of IP */
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
};

#pragma clang attribute pop

#define PF_KTHREAD 0x00200000
#define PF_WQ_WORKER 0x00000020
#define PF_MEMALLOC 0x00000800

/* uapi values that clang's BPF target has no libc header for */
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_NETLINK 16
#define AF_ALG 38
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_DCCP 33
#define IPPROTO_ICMPV6 58
#define IPPROTO_SCTP 132
#define IPPROTO_ESP 50
#define IPPROTO_AH 51
#define IPPROTO_UDPLITE 136
#define IPPROTO_MPTCP 262
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_CLOSE_WAIT 8
#define TCP_LISTEN 10
#define TCP_SYNCNT 7
#define TCP_ZEROCOPY_RECEIVE 35
#define SOL_SOCKET 1
#define SO_ERROR 4
#define EPERM 1
#define ECONNABORTED 103
#define ECONNREFUSED 111

#endif
