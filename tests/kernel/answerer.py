#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A name server that says what a script tells it to, right or wrong.

    answerer.py SCRIPT ADDRESS ...

It listens on port 53 of the addresses, UDP and TCP, and prints `ready`. SCRIPT holds one JSON object, from names
(in lower case; "*.x" for those below x, "*" for all others) to what is answered:

    {"records": [[OWNER, TYPE, TTL, DATA], ...]   the answer section; "" as OWNER is the name that was asked
     "compress": false                            names in full instead of pointers
     "id": N, "name": NAME, "rcode": N            these instead of what was asked
     "cut": N                                     the message loses its last N bytes
     "hex": STRING                                behind id and flags, instead of everything
     "times": N                                   the same N times (UDP)
     "port": N, "from": ADDRESS                   sent from there (UDP)
     "before": {...}                              sent first, as described by this (UDP)
     "pieces": [N, ...], "pause": SECONDS         a TCP answer in segments of so many bytes, the rest in one
     "number": ADDRESS                            rN.anything has the address N behind this one (IPv4)
     "pad": N                                     N bytes of TXT records before the answer proper
    }
"""
import json
import socket
import struct
import sys
import threading
import time

TYPES = {"A": 1, "CNAME": 5, "TXT": 16, "AAAA": 28, "SRV": 33}


def wire_name(name):
    out = b""
    for label in name.rstrip(".").split("."):
        if label:
            out += bytes([len(label)]) + label.encode("latin1")
    return out + b"\0"


class Message:
    """Puts a message together, with pointers to names that stand in it."""

    def __init__(self, compress):
        self.b, self.seen, self.compress = b"", {}, compress

    def name(self, name):
        name = name.rstrip(".")
        while name:
            if self.compress and name in self.seen:
                self.b += struct.pack(">H", 0xC000 | self.seen[name])
                return
            if len(self.b) < 0x3FFF:
                self.seen.setdefault(name, len(self.b))
            label, _, name = name.partition(".")
            self.b += bytes([len(label)]) + label.encode("latin1")
        self.b += b"\0"

    def record(self, owner, kind, ttl, data):
        self.name(owner)
        self.b += struct.pack(">HHIH", TYPES[kind], 1, ttl, 0)
        start = len(self.b)
        if kind == "A":
            self.b += socket.inet_pton(socket.AF_INET, data)
        elif kind == "AAAA":
            self.b += socket.inet_pton(socket.AF_INET6, data)
        elif kind == "CNAME":
            self.name(data)
        elif kind == "SRV":
            self.b += struct.pack(">HHH", 0, 0, 443)
            self.name(data)
        else:
            self.b += data.encode("latin1")
        self.b = self.b[:start - 2] + struct.pack(">H", len(self.b) - start) + self.b[start:]


def read_question(q):
    at, labels = 12, []
    while q[at]:
        labels.append(q[at + 1:at + 1 + q[at]].decode("latin1"))
        at += 1 + q[at]
    return ".".join(labels), struct.unpack(">HH", q[at + 1:at + 5])


def answer(q, how):
    asked, (kind, klass) = read_question(q)
    ident = how.get("id", struct.unpack(">H", q[:2])[0])
    if isinstance(ident, str):
        ident = (struct.unpack(">H", q[:2])[0] + int(ident)) & 0xFFFF
    if "hex" in how:
        return struct.pack(">HH", ident, 0x8180) + bytes.fromhex(how["hex"])
    m = Message(how.get("compress", True))
    records = list(how.get("records", []))
    pad = how.get("pad", 0)
    fill = []
    while pad > 0:
        fill.append(["", "TXT", 60, chr(min(pad, 200)) + "x" * min(pad, 200)])
        pad -= 212
    records = fill + [r for r in records if r[1] not in ("A", "AAAA") or TYPES[r[1]] == kind or kind == 255 or
                      how.get("all")]
    m.b = struct.pack(">HHHHHH", ident, 0x8180 | how.get("flags", 0) | how.get("rcode", 0), 1, len(records), 0, 0)
    m.name(how.get("name", asked))
    m.b += struct.pack(">HH", how.get("type", kind), klass)
    for owner, rtype, ttl, data in records:
        m.record(owner or asked, rtype, ttl, data)
    return m.b[:len(m.b) - how.get("cut", 0)]


def script_for(script, q):
    name = read_question(q)[0].lower()
    how = script.get(name, script.get("*." + name.partition(".")[2], script.get("*", {"rcode": 3})))
    if "number" not in how:
        return how
    first = struct.unpack(">I", socket.inet_aton(how["number"]))[0]
    addr = socket.inet_ntoa(struct.pack(">I", first + int(name.split(".")[0][1:])))
    return {**how, "records": [["", "A", 300, addr]]}


def send_udp(sock, to, q, how):
    if "before" in how:
        send_udp(sock, to, q, how["before"])
    out = sock
    if "port" in how or "from" in how:
        out = socket.socket(sock.family, socket.SOCK_DGRAM)
        out.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        out.bind((how.get("from", sock.getsockname()[0]), how.get("port", 53)))
    for _ in range(how.get("times", 1)):
        out.sendto(answer(q, how), to)
    if out is not sock:
        out.close()


def udp(sock, script):
    while True:
        q, to = sock.recvfrom(65535)
        try:
            send_udp(sock, to, q, script_for(script, q))
        except (OSError, IndexError, ValueError) as e:
            print("udp:", repr(e), file=sys.stderr, flush=True)


def receive(conn, n):
    b = b""
    while len(b) < n:
        more = conn.recv(n - len(b))
        if not more:
            return None
        b += more
    return b


def serve(conn, script):
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        size = receive(conn, 2)
        q = size and receive(conn, struct.unpack(">H", size)[0])
        if not q:
            break
        how = script_for(script, q)
        a = answer(q, how)
        a = struct.pack(">H", how.get("length", len(a))) + a
        for n in how.get("pieces", []):
            conn.sendall(a[:n])
            a = a[n:]
            time.sleep(how.get("pause", 0.02))
        if a:
            conn.sendall(a)
    conn.close()


def tcp(sock, script):
    while True:
        conn, _ = sock.accept()
        threading.Thread(target=serve, args=(conn, script), daemon=True).start()


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        script = json.load(f)
    for addr in sys.argv[2:]:
        family = socket.AF_INET6 if ":" in addr else socket.AF_INET
        u = socket.socket(family, socket.SOCK_DGRAM)
        u.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        u.bind((addr, 53))
        t = socket.socket(family, socket.SOCK_STREAM)
        t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        t.bind((addr, 53))
        t.listen(64)
        threading.Thread(target=udp, args=(u, script), daemon=True).start()
        threading.Thread(target=tcp, args=(t, script), daemon=True).start()
    print("ready", flush=True)
    threading.Event().wait()


main()
