# SPDX-License-Identifier: GPL-2.0-only
"""What programs pay that are not guarded at all, while somebody else on the host is: without an agent and with one, by
turns. A part of run.py."""
import statistics
import subprocess


def value(b, cgroup, ns, command):
    p = b.enter(cgroup, ns, command, stdout=subprocess.PIPE, text=True)
    out, _ = p.communicate()
    if p.returncode:
        raise SystemExit("%s failed" % command[0])
    return float(out)


def beside(b, gen):
    rounds = 3 if b.quick else 9
    cgroup, ns, policy = b.cgroup("beside"), b.ns("beside"), gen(b.tmp, "policy", 1000)
    b.servers.append(b.enter(b.cgroup("server"), ns, [b.build + "/tests/bench/bench_calls", "serve"]))
    # ns each: of CPU time for a datagram, of the clock for a call
    tests = {
        "64-byte datagrams on lo, there and back": lambda: 1e9 / value(
            b, cgroup, ns, [b.build + "/tests/bench/bench_packets", "500"]),
        "UDP connect": lambda: value(b, cgroup, ns, [b.build + "/tests/bench/bench_calls", "udp", "5000"]),
        "TCP connect and close": lambda: value(b, cgroup, ns, [b.build + "/tests/bench/bench_calls", "tcp", "300"]),
    }
    got = {name: ([], []) for name in tests}
    for i in range(rounds):
        for there in (0, 1) if i % 2 else (1, 0):
            if there:
                b.agent("beside-%d" % i, policy)
            for name, test in tests.items():
                got[name][there].append(test())
            if there:
                b.agent_end()
    print("\nWithout a guard, beside somebody who has one, ns (median of %d rounds; ratio: median of the rounds' ratios)"
          % rounds)
    print("%42s %12s %12s %8s" % ("", "no agent", "agent", "ratio"))
    b.result["beside"] = {}
    for name, (without, with_agent) in got.items():
        row = {"bare": statistics.median(without), "agent": statistics.median(with_agent),
               "ratio": statistics.median(y / x for x, y in zip(without, with_agent))}
        b.result["beside"][name] = row
        print("%42s %12.0f %12.0f %8.3f" % (name, row["bare"], row["agent"], row["ratio"]))
