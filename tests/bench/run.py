#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Speed, side by side with the alternatives, interleaved in one run, as ratios of medians. Needs root; scratch cgroups
and network namespaces only."""
import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # nothing is left in the tree
import ask
import beside
import names
import state
import stream

HERE = os.path.dirname(os.path.abspath(__file__))
SIZES = (10, 1000, 10000)
LISTED = 1000000


def cgroup_root():
    for line in open("/proc/self/mounts"):
        f = line.split()
        if f[2] == "cgroup2":
            return f[1]
    sys.exit("no cgroup v2 hierarchy is mounted")


def gen(tmp, *args):
    path = os.path.join(tmp, "-".join(os.path.basename(str(a)) for a in args))
    with open(path, "w") as f:
        subprocess.run([sys.executable, os.path.join(HERE, "gen.py"), *map(str, args)], stdout=f, check=True)
    return path


class Bench:
    def __init__(self, build, quick):
        self.build, self.quick = build, quick
        self.tmp = tempfile.mkdtemp(prefix="cgwall-bench.")
        self.root = os.path.join(cgroup_root(), "cgwall-bench")
        self.netns, self.agents, self.servers, self.links = [], [], [], []
        self.result = {}

    # ---- surroundings ----

    def cgroup(self, name):
        path = os.path.join(self.root, name)
        os.makedirs(path, exist_ok=True)
        return path

    def ns(self, name):
        name = "cgw-bench-" + name
        subprocess.run(["ip", "netns", "add", name], check=True)
        self.netns.append(name)
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        return name

    def enter(self, cgroup, ns, command, **kw):
        """The command inside a cgroup and a network namespace."""
        inner = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
        nsenter = ["nsenter", "--net=/run/netns/" + ns] if ns else []
        return subprocess.Popen(nsenter + ["sh", "-c", inner, cgroup, *command], **kw)

    def agent(self, name, policy):
        run = os.path.join(self.tmp, "run-" + name)
        os.makedirs(run)
        attach, guard = self.cgroup(name), self.cgroup(name + "/guarded")
        log = open(os.path.join(self.tmp, name + ".log"), "w")
        p = subprocess.Popen([self.build + "/cgwall", "run", "--policy", policy, "--cgroup", guard, "--attach", attach,
                              "--run-dir", run], stdout=log, stderr=subprocess.STDOUT)
        self.agents.append((p, run))
        subprocess.run([self.build + "/cgwall", "status", "--wait", "30"], env={**os.environ, "CGWALL_RUN_DIR": run},
                       check=True, stdout=subprocess.DEVNULL)
        return guard, p

    def agent_end(self):
        """The last one, and what it left in the kernel."""
        p, run = self.agents.pop()
        if p.poll() is None:
            p.send_signal(signal.SIGTERM)
            p.wait()
        subprocess.run([self.build + "/cgwall", "detach", "--run-dir", run], stdout=subprocess.DEVNULL)

    def close(self):
        while self.agents:
            self.agent_end()
        for path in self.links:
            if os.path.exists(path):
                os.unlink(path)
        for p in self.servers:
            p.kill()
            p.wait()
        for name in self.netns:
            subprocess.run(["ip", "netns", "del", name])
        for d, _, _ in os.walk(self.root, topdown=False):
            for _ in range(50):
                try:
                    os.rmdir(d)
                    break
                except OSError:
                    time.sleep(.02)
        shutil.rmtree(self.tmp, ignore_errors=True)

    # ---- deciding ----

    def decide(self):
        rows = []
        cases = [(n, 1000, None) for n in SIZES] + [(10000, 1000, LISTED), (10000, 16384, LISTED)]
        listfile = gen(self.tmp, "list", LISTED)
        for n, destinations, listed in cases:
            extra = [listfile] if listed else []
            policy, queries = gen(self.tmp, "policy", n, *extra), gen(self.tmp, "queries", n, destinations, *extra)
            name = "decide-%d-%d-%d" % (n, destinations, listed or 0)
            run = os.path.join(self.tmp, "run-" + name)
            os.makedirs(run)
            attach, guard = self.cgroup(name), self.cgroup(name + "/guarded")
            out = subprocess.run([self.build + "/tests/bench/bench_decide", guard, attach, run, policy, queries],
                                 stdout=subprocess.PIPE, text=True)
            subprocess.run([self.build + "/cgwall", "detach", "--run-dir", run], stdout=subprocess.DEVNULL)
            if out.returncode:
                sys.exit("bench_decide failed")
            rows.append({"rules": n, "destinations": destinations, "listed": listed or 0, **json.loads(out.stdout)})
        self.result["decide"] = rows
        base = rows[0]["ns"]
        print("\nDeciding in the kernel (median of 15 x 400,000 decisions)")
        print("%8s %13s %10s %10s %10s %12s %12s %12s" % ("rules", "destinations", "listed", "ns", "ratio", "parse ms",
                                                        "compile ms", "publish ms"))
        for r in rows:
            print("%8d %13d %10d %10.1f %10.2f %12.1f %12.1f %12.1f" % (
                r["rules"], r["destinations"], r["listed"], r["ns"], r["ns"] / base, r["parse_ms"], r["compile_ms"],
                r["publish_ms"]))

    # ---- calls ----

    def nft(self, ns, cgroup, n, as_set):
        """The same addresses and ports for this cgroup: as rules, or as one set."""
        sys.path.insert(0, HERE)
        import gen as generator
        rel = os.path.relpath(cgroup, cgroup_root())
        level = rel.count("/") + 1
        lines = ["table inet bench {", "  chain out { type filter hook output priority 0; policy accept;"]
        match = 'socket cgroupv2 level %d "%s"' % (level, rel)
        rules = ["    %s ip daddr %s tcp dport %d drop" % (match, x["address"], x["port"])
                 for x in generator.rules(n)]
        if as_set:
            elements = ", ".join(sorted({"%s . %d" % (x["address"], x["port"]) for x in generator.rules(n)}))
            lines.insert(1, "  set s { type ipv4_addr . inet_service; elements = { %s } }" % elements)
            rules = ["    %s ip daddr . tcp dport @s drop" % match]
        lines += rules + ["  }", "}"]
        path = os.path.join(self.tmp, "nft-%d-%d" % (n, as_set))
        with open(path, "w") as f:
            f.write("\n".join(lines) + "\n")
        # nft looks cgroups up below /sys/fs/cgroup: bind the hierarchy there in a mount namespace of its own
        script = 'mount --bind "$1" /sys/fs/cgroup && exec nsenter --net="/run/netns/$2" nft -f "$3"'
        subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", cgroup_root(), ns, path], check=True)

    def calls(self):
        bench = self.build + "/tests/bench/bench_calls"
        where = {}
        bare = self.ns("bare")
        where["bare"] = (self.cgroup("bare"), bare)
        empty = self.cgroup("empty")
        where["empty hook"] = (empty, bare)
        self.links.append("/sys/fs/bpf/cgwall-bench-empty")
        subprocess.run(["bpftool", "prog", "load", self.build + "/tests/bench/bench_empty.bpf.o", self.links[0], "type",
                        "cgroup/connect4"], check=True)
        subprocess.run(["bpftool", "cgroup", "attach", empty, "connect4", "pinned", self.links[0]], check=True)
        self.memory = {}
        for n in SIZES:
            guard, p = self.agent("cgwall%d" % n, gen(self.tmp, "policy", n))
            where["cgwall %d" % n] = (guard, bare)
            for line in open("/proc/%d/status" % p.pid):
                if line.startswith("VmRSS"):
                    self.memory[n] = int(line.split()[1])
            ns = self.ns("nft%d" % n)
            where["nft %d rules" % n] = (self.cgroup("nft%d" % n), ns)
            self.nft(ns, where["nft %d rules" % n][0], n, False)
            ns = self.ns("nfts%d" % n)
            where["nft set of %d" % n] = (self.cgroup("nfts%d" % n), ns)
            self.nft(ns, where["nft set of %d" % n][0], n, True)
        server = self.cgroup("server")
        for ns in self.netns:
            self.servers.append(self.enter(server, ns, [bench, "serve"]))
        time.sleep(.3)
        rounds, self.result["calls"] = (3 if self.quick else 9), {}
        for proto, count in (("tcp", 300), ("udp", 5000)):
            got = {k: [] for k in where}
            for _ in range(rounds):
                for k, (cgroup, ns) in where.items():
                    slow = k == "nft 10000 rules" and proto == "tcp"
                    p = self.enter(cgroup, ns, [bench, proto, str(count // 10 if slow else count)],
                                   stdout=subprocess.PIPE, text=True)
                    out, _ = p.communicate()
                    if p.returncode:
                        sys.exit("bench_calls failed in " + k)
                    got[k].append(float(out))
            print("\n%s, ns a call (median of %d rounds; ratio: median of the rounds' ratios)" % (
                "TCP connect and close" if proto == "tcp" else "UDP connect", rounds))
            rows = {}
            for k, v in got.items():
                ratio = statistics.median(a / b for a, b in zip(v, got["bare"]))
                rows[k] = {"ns": statistics.median(v), "ratio": ratio}
                print("%20s %12.0f %8.3f" % (k, rows[k]["ns"], ratio))
            self.result["calls"][proto] = rows
        print("\nResident memory of the agent, kB: " + ", ".join("%d rules %d" % x for x in self.memory.items()))
        self.result["memory_kb"] = self.memory


PARTS = {
    "decide": ("one decision in the kernel", lambda b: b.decide()),
    "calls": ("connections, beside nftables", lambda b: b.calls()),
    "beside": ("what programs pay that are not guarded", lambda b: beside.beside(b, gen)),
    "stream": ("established connections, packets, reloads", lambda b: stream.stream(b, gen, LISTED)),
    "state": ("a change of the surroundings, until it is in force", lambda b: state.state(b, gen, SIZES)),
    "names": ("answers of resolvers, and calls to addresses with names", lambda b: names.names(b)),
    "ask": ("an answer, until the call that waits for it returns", lambda b: ask.ask(b)),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, epilog="All parts, or those named.")
    parser.add_argument("build", nargs="?", default="build", help="the build folder (build)")
    parser.add_argument("--quick", action="store_true", help="a third of the rounds")
    parser.add_argument("--json", metavar="FILE", help="writes the numbers there, too")
    for name, (what, _) in PARTS.items():
        parser.add_argument("--" + name, action="append_const", const=name, dest="parts", help=what)
    args = parser.parse_args()
    b = Bench(os.path.abspath(args.build), args.quick)
    try:
        for name in args.parts or PARTS:
            PARTS[name][1](b)
    finally:
        b.close()
    if args.json:
        with open(args.json, "w") as f:
            json.dump(b.result, f, indent=1)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main()
