# SPDX-License-Identifier: GPL-2.0-only
"""A question is answered: how long until the call that waits goes on, or fails."""
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import time

COUNT = 200
HOLD = 1.5  # seconds that a question stays open at most: TCP repeats itself meanwhile

SERVER = """
import select, socket
t = socket.create_server(("", 7100), backlog=64)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("", 7100))
print("ready", flush=True)
while True:
    for s in select.select([t, u], [], [])[0]:
        if s is t:
            s.accept()[0].close()
        else:
            u.sendto(*u.recvfrom(100))
"""
# Makes the call that a line names, and prints when it was over by the clock that both have.
CLIENT = """
import socket, sys, time
for line in sys.stdin:
    kind = line.strip()
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    try:
        s.connect(("127.0.0.1", 7100))
        if kind == "udp":
            s.send(b"x")
            s.recv(100)
        how = "pass"
    except OSError:
        how = "block"
    print(time.monotonic_ns(), how, flush=True)
    s.close()
"""


class Agent:
    """The control socket: one connection follows, the other one answers."""

    def __init__(self, run):
        self.stream, self.answers = self.connect(run), self.connect(run)
        self.send(self.stream, {"do": "questions", "follow": True})

    def connect(self, run):
        s = socket.socket(socket.AF_UNIX)
        s.connect(os.path.join(run, "control"))
        return s, s.makefile()

    def send(self, to, request):
        to[0].sendall(json.dumps(request).encode() + b"\n")

    def opened(self):
        while True:
            o = json.loads(self.stream[1].readline())
            if o.get("event") == "open":
                return o["question"]["id"]

    def answer(self, number, verdict):
        self.send(self.answers, {"do": "answer", "id": number, "verdict": verdict})
        if not json.loads(self.answers[1].readline()).get("ok"):
            sys.exit("an answer was refused")


def ask(b):
    policy = os.path.join(b.tmp, "ask.conf")
    with open(policy, "w") as f:
        f.write("default out pass\nask timeout 60s out to 127.0.0.1 port 7100\n")
    guard, _ = b.agent("ask", policy)
    ns = b.ns("ask")
    server = b.enter(b.cgroup("server"), ns, [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    b.servers.append(server)
    server.stdout.readline()
    client = b.enter(guard, ns, [sys.executable, "-c", CLIENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                     bufsize=1)
    b.servers.append(client)
    agent, rows = Agent(os.path.join(b.tmp, "run-ask")), {}
    for kind, verdict in (("tcp", "pass"), ("tcp", "block"), ("udp", "pass")):
        took = []
        for _ in range(COUNT // 10 if b.quick else COUNT):
            client.stdin.write(kind + "\n")
            number = agent.opened()
            time.sleep(random.random() * HOLD)
            start = time.monotonic_ns()
            agent.answer(number, verdict)
            end, how = client.stdout.readline().split()
            if how != verdict:
                sys.exit("ask: %s was answered %s and ended %s" % (kind, verdict, how))
            took.append((int(end) - start) / 1e6)
        took.sort()
        rows["%s %s" % (kind, verdict)] = {"median": statistics.median(took), "p99": took[len(took) * 99 // 100], "max": took[-1]}
    b.result["ask"] = rows
    print("\nms from an answer until what waited goes on (or fails), after up to %.1f s of waiting" % HOLD)
    print("%20s %10s %10s %10s" % ("", "median", "p99", "max"))
    for k, v in rows.items():
        print("%20s %10.2f %10.2f %10.2f" % (k, v["median"], v["p99"], v["max"]))
