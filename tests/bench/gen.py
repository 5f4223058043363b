#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Policies and questions for the benchmarks.

gen.py policy N [LISTFILE]   a policy of N rules: programs, units, users, addresses, prefixes, ports mixed
gen.py conditional N         the same, most of them under conditions
gen.py list N                a list of N random addresses
gen.py queries N D [LISTFILE] questions to the policy of N rules, over D destinations
"""
import random
import sys

SEED = 7
QUERIES = 16384


def address(r):
    return "%d.%d.%d.%d" % (r.randrange(1, 224), r.randrange(256), r.randrange(256), r.randrange(256))


def rules(n):
    r = random.Random(SEED)
    for i in range(n):
        a = address(r)
        bits = r.choice((32, 32, 32, 24, 16))
        port = r.choice((22, 53, 80, 443, 443, 993, 5432, 8443)) if r.random() < .7 else r.randrange(1, 65536)
        yield {
            "action": r.choice(("pass", "block")),
            "quick": " quick" if r.random() < .5 else "",
            "exe": "/opt/app%d/bin/app%d" % ((i * 7919) % 1000, (i * 7919) % 1000),
            "unit": "svc%d.service" % r.randrange(50) if r.random() < .1 else None,
            "user": r.randrange(1000, 1020) if r.random() < .1 else None,
            "proto": r.choice(("tcp", "tcp", "udp")),
            "address": a, "bits": bits, "port": port,
        }


def condition(i):
    """Most rules share a few conditions, some have one of their own."""
    if i % 4 == 0:
        return ""
    if i % 16 == 1:
        return ' if active "en%d" or not at-home' % i
    return (' if at-home', ' unless at-home', ' if active "bench*" and not (ssid "cafe" or time 23:00-05:00)')[i % 3]


def policy(n, listfile=None, conditional=False):
    print("default out block")
    if conditional:
        print('condition at-home = ssid "home" secured or active "bench0"')
    if listfile:
        print('group listed = { file "%s" }' % listfile)
    for i, x in enumerate(rules(n)):
        net = x["address"]
        if x["bits"] != 32:
            parts = [int(p) for p in net.split(".")]
            keep = x["bits"] // 8
            net = ".".join(str(p if i < keep else 0) for i, p in enumerate(parts)) + "/%d" % x["bits"]
        who = ' exe "%s"' % x["exe"]
        if x["unit"]:
            who += ' unit "%s"' % x["unit"]
        if x["user"]:
            who += " user %d" % x["user"]
        print("%s out%s%s proto %s to %s port %d%s" % (x["action"], x["quick"], who, x["proto"], net, x["port"],
                                                      condition(i) if conditional else ""))
    if listfile:
        print("block out to listed")
    print("pass out quick to 127.0.0.1 port 7777")


def queries(n, destinations, listfile=None):
    r = random.Random(SEED + 1)
    listed = open(listfile).read().split() if listfile else None
    pool = list(rules(n))
    known = [r.choice(pool)["address"] for _ in range(destinations // 2)]
    other = [r.choice(listed) if listed else address(r) for _ in range(destinations - len(known))]
    for _ in range(QUERIES):
        x = r.choice(pool)
        to = r.choice(known if r.random() < .5 else other)
        exe = x["exe"] if r.random() < .8 else "/usr/bin/other%d" % r.randrange(100)
        print("out exe=%s cgroup=system.slice/svc%d.service user=%d proto=%s to=%s:%d" % (
            exe, r.randrange(100), r.randrange(990, 1030), x["proto"], to, x["port"]))


if __name__ == "__main__":
    what, args = sys.argv[1], sys.argv[2:]
    if what == "policy":
        policy(int(args[0]), *args[1:])
    elif what == "conditional":
        policy(int(args[0]), conditional=True)
    elif what == "list":
        rand = random.Random(SEED + 2)
        print("\n".join(address(rand) for _ in range(int(args[0]))))
    else:
        queries(int(args[0]), int(args[1]), *args[2:])
