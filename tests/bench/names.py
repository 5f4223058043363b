# SPDX-License-Identifier: GPL-2.0-only
"""Names: what an answer costs, what a call to an address with a name costs, and what a name takes in memory."""
import json
import os
import statistics
import subprocess
import sys
import time

RESOLVER = "192.0.2.53"
SIZES = (0, 100, 200000)
LONG = ".".join("x" * 60 for _ in range(4))  # the longest question that fits
QUESTIONS = (("1 address", "one.bench.test"), ("32 addresses", "many.bench.test"), ("hostile", LONG))


def policy(b, n):
    """n names, and by one of them, or by its address, what the servers answer."""
    path = os.path.join(b.tmp, "names%d" % n)
    listed = os.path.join(b.tmp, "names%d.txt" % n)
    with open(listed, "w") as f:
        f.writelines("0.0.0.0 host%d.ads%d.example\n" % (i, i % 997) for i in range(n - 1))
        f.write("one.bench.test\n" if n else "")
    with open(path, "w") as f:
        f.write("set resolvers { %s }\ndefault out block\npass out to %s port 53\n" % (RESOLVER, RESOLVER))
        f.write('pass out to { file "%s" }\n' % listed if n else "pass out to 192.0.2.0/24\n")
    return path


def maps():
    return {m["id"]: m for m in json.loads(subprocess.run(["bpftool", "-j", "map", "show"], stdout=subprocess.PIPE,
                                                          check=True).stdout)}


def median(b, where, count, *args):
    """By place: ns, and the ratio to `bare`, medians of the rounds."""
    rounds, got = (3 if b.quick else 7), {k: [] for k in where}
    for _ in range(rounds):
        for k, (cgroup, ns) in where.items():
            p = b.enter(cgroup, ns, [b.build + "/tests/bench/bench_names", *args, str(count)], stdout=subprocess.PIPE,
                        text=True)
            out, _ = p.communicate()
            if p.returncode:
                sys.exit("bench_names failed in " + k)
            got[k].append(float(out))
    return {k: {"ns": statistics.median(v), "more": statistics.median(x - y for x, y in zip(v, got["bare"])),
                "ratio": statistics.median(x / y for x, y in zip(v, got["bare"]))} for k, v in got.items()}


def show(title, rows):
    print("\n" + title)
    for k, r in rows.items():
        print("%22s %10.0f ns %8.3f %+10.0f ns" % (k, r["ns"], r["ratio"], r["more"]))


def names(b):
    ns = b.ns("names")
    for addr in [RESOLVER] + ["192.0.2.%d" % i for i in range(100, 160)]:
        subprocess.run(["ip", "-n", ns, "addr", "add", addr + "/32", "dev", "lo"], check=True)
    where, memory = {"bare": (b.cgroup("names-bare"), ns)}, {}
    for n in SIZES:
        before = maps()
        guard, p = b.agent("names%d" % n, policy(b, n))
        where["cgwall, %d names" % n] = (guard, ns)
        rss = next(int(line.split()[1]) for line in open("/proc/%d/status" % p.pid) if line.startswith("VmRSS"))
        new = [m for i, m in maps().items() if i not in before]
        table = [m["bytes_memlock"] for m in new if n and m["type"] == "hash" and n <= m["max_entries"] < 2 * n + 1000]
        learned = {m["name"]: m["bytes_memlock"] for m in new if m["name"] in ("names", "bound")}
        memory[n] = {"agent_kb": rss, "table_bytes": max(table, default=0), **learned}
    b.servers.append(b.enter(b.cgroup("server"), ns, [b.build + "/tests/bench/bench_names", "serve", RESOLVER]))
    time.sleep(.3)
    b.result["names"] = {"memory": memory}
    for title, name in QUESTIONS:
        rows = b.result["names"][title] = median(b, where, 400, "ask", RESOLVER, name)
        show("A question and its answer, %s (medians; ratio to bare; what it adds)" % title, rows)
    rows = b.result["names"]["connect"] = median(b, where, 5000, "connect", "192.0.2.100")
    show("UDP connect() to an address with a name", rows)
    print("\nMemory: the tables of what was learned %.1f MB, 16,384 names and as many addresses; for each name that the "
          "policy mentions" % (sum(memory[0].get(k, 0) for k in ("names", "bound")) / 1e6))
    most = memory[SIZES[-1]]
    print("%.0f bytes in the kernel and %.0f in the agent (%d kB with %d names, %d kB without)" % (
        most["table_bytes"] / SIZES[-1], 1024 * (most["agent_kb"] - memory[0]["agent_kb"]) / SIZES[-1], most["agent_kb"],
        SIZES[-1], memory[0]["agent_kb"]))
