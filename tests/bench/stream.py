# SPDX-License-Identifier: GPL-2.0-only
"""What the packet hooks cost: throughput, packet rate; and how long a new policy takes. A part of run.py.

   client namespace        server namespace
   lo   127.0.0.1          eth0  10.77.0.2
   eth0 10.77.0.1 ──────── (veth)

Bare and cgwall share a pair, each nftables rule set has one of its own. The client's cgroup is guarded, the
server's is not. Nothing is said of established connections in the plain nftables rule sets: cgwall, too, judges
every packet by what is in force now. "ct" is 1,000 rules behind `ct state established accept`.
"""
import json
import os
import statistics
import subprocess
import sys
import time

RULES = 10000
IN_RULES = 1000
HERE, THERE = "10.77.0.1", "10.77.0.2"


def policy(b, listfile=None):
    """gen.py's rules, as many for what comes in as a host has, and at the end what lets the measurement through."""
    path = os.path.join(b.tmp, "stream-listed.conf" if listfile else "stream.conf")
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import gen
    command = [sys.executable, gen.__file__, "policy", str(RULES)] + ([listfile] if listfile else [])
    with open(path, "w") as f:
        subprocess.run(command, stdout=f, check=True)
    with open(path, "a") as f:
        f.write("default in block\n")
        for x in list(gen.rules(RULES))[:IN_RULES]:
            f.write("%s in proto %s from %s port %d\n" % (x["action"], x["proto"], x["address"], x["port"]))
        f.write("pass out quick to { 127.0.0.1, %s } port { 5201, 7777 }\n" % THERE)
        f.write("pass in quick proto udp from 127.0.0.1\n")
    return path


def pair(b, name):
    """A client's namespace; the servers run."""
    client, server = b.ns("c" + name), b.ns("s" + name)
    subprocess.run(["ip", "-n", client, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", server],
                   check=True)
    for ns, address in ((client, HERE), (server, THERE)):
        subprocess.run(["ip", "-n", ns, "addr", "add", address + "/24", "dev", "eth0"], check=True)
        subprocess.run(["ip", "-n", ns, "link", "set", "eth0", "up"], check=True)
        b.servers.append(b.enter(b.cgroup("server"), ns, ["iperf3", "-s"], stdout=subprocess.DEVNULL))
    return client


def places(b):
    bare = pair(b, "bare")
    where = {"bare": (b.cgroup("sbare"), bare)}
    guard, _ = b.agent("scgwall", policy(b))
    where["cgwall %d" % RULES] = (guard, bare)
    for name, n, as_set in (("nft set of 10000", 10000, True), ("nft 1000 rules", 1000, False),
                            ("nft 1000 rules, ct", 1000, False)):
        short = "s%d%s" % (n, "ct" if "ct" in name else "")
        where[name] = (b.cgroup(short), pair(b, short))
        b.nft(where[name][1], where[name][0], n, as_set)
    subprocess.run(["nsenter", "--net=/run/netns/" + where["nft 1000 rules, ct"][1], "nft", "insert", "rule", "inet",
                    "bench", "out", "ct", "state", "established,related", "accept"], check=True)
    return where


def measured(b, cgroup, ns, command, read):
    p = b.enter(cgroup, ns, command, stdout=subprocess.PIPE, text=True)
    out, _ = p.communicate()
    if p.returncode:
        sys.exit("%s failed in %s: %s" % (command[0], cgroup, out))
    return read(out)


def gigabits(out):
    """As the user sees it, and for each second of both ends' CPU time: that changes less with what else runs."""
    d = json.loads(out)["end"]
    cpu = d["cpu_utilization_percent"]
    rate = d["sum_received"]["bits_per_second"] / 1e9
    return rate, rate / ((cpu["host_total"] + cpu["remote_total"]) / 100)


def packets(out):
    return (float(out),)


def table(title, units, rounds, got):
    print("\n%s (median of %d rounds; ratio: median of the rounds' ratios)" % (title, rounds))
    print("%20s" % "" + "".join(" %16s %8s" % (u, "ratio") for u in units))
    rows = {}
    for k, v in got.items():
        rows[k] = {}
        for i, unit in enumerate(units):
            ratio = statistics.median(a[i] / bare[i] for a, bare in zip(v, got["bare"]))
            rows[k][unit] = {"value": statistics.median(a[i] for a in v), "ratio": ratio}
        print("%20s" % k + "".join(" %16.2f %8.3f" % (rows[k][u]["value"], rows[k][u]["ratio"]) for u in units))
    return rows


def reload_times(b, rounds, name, path, touch):
    """Wall clock of `cgwall reload`, in ms. touch(i) changes the policy before each."""
    b.agent(name, path)
    p, run = b.agents[-1]
    took = []
    for i in range(rounds):
        touch(i)
        start = time.monotonic()
        subprocess.run([b.build + "/cgwall", "reload"], env={**os.environ, "CGWALL_RUN_DIR": run}, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        took.append((time.monotonic() - start) * 1e3)
    p.terminate()  # a million addresses are not wanted in memory any longer
    p.wait()
    return {"ms": statistics.median(took), "worst": max(took)}


def reloads(b, gen, listed):
    def append(path, line):
        with open(path, "a") as f:
            f.write(line + "\n")

    rounds = 3 if b.quick else 7
    plain, listfile = policy(b), gen(b.tmp, "list", listed)
    more = policy(b, listfile)
    rows = {
        "%d rules" % RULES: reload_times(b, rounds, "reload", plain, lambda i: append(
            plain, "pass out quick to 127.0.0.1 port %d" % (8000 + i))),
        "%d listed, same list" % listed: reload_times(b, rounds, "reload-same", more, lambda i: append(
            more, "pass out quick to 127.0.0.1 port %d" % (8000 + i))),
        "%d listed, another list" % listed: reload_times(b, rounds, "reload-list", more, lambda i: append(
            listfile, "203.0.113.%d" % i)),
    }
    print("\nReload, text to in force, ms (median of %d)" % rounds)
    for k, r in rows.items():
        print("%32s %12.1f   worst %.1f" % (k, r["ms"], r["worst"]))
    return rows


def stream(b, gen, listed):
    b.result["stream"] = {}
    where = places(b)
    time.sleep(.5)
    rounds, seconds = 3 if b.quick else 11, "1"
    iperf = ["iperf3", "-J", "-t", seconds, "-c"]
    throughput = ("Gbit/s", "Gbit/CPU s")
    for title, units, command, read in (
            ("One TCP stream over veth", throughput, iperf + [THERE], gigabits),
            ("One TCP stream over lo", throughput, iperf + ["127.0.0.1"], gigabits),
            ("64-byte datagrams on lo, there and back", ("packets/CPU s",),
             [b.build + "/tests/bench/bench_packets", "500"], packets)):
        got = {k: [] for k in where}
        for _ in range(rounds):
            for k, (cgroup, ns) in where.items():
                got[k].append(measured(b, cgroup, ns, command, read))
        b.result["stream"][title] = table(title, units, rounds, got)
    b.result["reload"] = reloads(b, gen, listed)
