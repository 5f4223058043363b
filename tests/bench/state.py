# SPDX-License-Identifier: GPL-2.0-only
"""The surroundings change: how long until that is in force, and what a link that flaps costs."""
import json
import os
import statistics
import subprocess
import sys

COUNT = 1000
STORM = 5000  # changes, a millisecond apart


def cpu(pid):
    f = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()
    return (int(f[11]) + int(f[12])) / os.sysconf("SC_CLK_TCK")


def agent(b, n, policy, ns):
    run = os.path.join(b.tmp, "run-state%d" % n)
    os.makedirs(run)
    attach, guard = b.cgroup("state%d" % n), b.cgroup("state%d/guarded" % n)
    log = open(os.path.join(b.tmp, "state%d.log" % n), "w")
    p = subprocess.Popen(["nsenter", "--net=/run/netns/" + ns, b.build + "/cgwall", "run", "--policy", policy, "--cgroup",
                          guard, "--attach", attach, "--run-dir", run], stdout=log, stderr=subprocess.STDOUT)
    b.agents.append((p, run))
    status = subprocess.run([b.build + "/cgwall", "status", "--json", "--wait", "30"], stdout=subprocess.PIPE,
                            env={**os.environ, "CGWALL_RUN_DIR": run}, check=True)
    return p, json.loads(status.stdout)["pins"] + "/map_ctl"


def run(b, ns, *args):
    out = subprocess.run(["nsenter", "--net=/run/netns/" + ns, b.build + "/tests/bench/bench_state", *map(str, args)],
                         stdout=subprocess.PIPE, text=True)
    if out.returncode:
        sys.exit("bench_state failed")
    return [int(x) / 1e6 for x in out.stdout.split()]


def state(b, gen, sizes):
    rows = []
    for n in sizes:
        ns = b.ns("state%d" % n)
        for words in ("add bench0 type veth peer name bench1", "set bench0 up", "set bench1 up"):
            subprocess.run(["ip", "-n", ns, "link", *words.split()], check=True)
        p, pin = agent(b, n, gen(b.tmp, "conditional", n), ns)
        row = {"rules": n}
        for name, pause in (("paused", 10000), ("back_to_back", 0)):
            both = run(b, ns, pin, "bench0", 100 if b.quick else COUNT, pause)
            for k, part in (("call", both[::2]), ("told", both[1::2])):
                times = sorted(part)
                row[name + "_" + k] = {"median": statistics.median(times), "p99": times[len(times) * 99 // 100],
                                       "max": times[-1]}
        before = cpu(p.pid)
        row["storm_last_ms"] = run(b, ns, pin, "bench0", STORM, 900, "x")[0]
        row["storm_cpu_s"] = cpu(p.pid) - before
        rows.append(row)
    b.result["state"] = rows
    print("\nAn address comes or goes, ms until the rules are in force, %d changes: from the call that changes it, and from\n"
          "the kernel's message" % COUNT)
    print("%8s %14s %10s %10s %10s %10s %10s %10s" % ("rules", "", "median", "p99", "max", "median", "p99", "max"))
    for r in rows:
        for name in ("paused", "back_to_back"):
            print("%8d %14s" % (r["rules"], name) + "".join(
                " %10.3f" % r[name + "_" + k][x] for k in ("call", "told") for x in ("median", "p99", "max")))
    for r in rows:
        print("%8d rules: %.3f ms after a storm of %d, which cost %.2f s of CPU" % (
            r["rules"], r["storm_last_ms"], STORM, r["storm_cpu_s"]))
