#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A program that forges the answer to its own question.

    forger.py raw|share RESOLVER NAME ADDRESS
    forger.py wait RESOLVER NAME -
    forger.py send RESOLVER NAME ADDRESS OWN PORT IDENT

It asks RESOLVER for NAME, and then says itself that the answer is ADDRESS: HOW is `raw` (a raw socket, from the
resolver's address to its own) or `share` (a datagram socket that shares the resolver's address and port). It prints
`got` where the forged answer arrived, `nothing` where it did not (in FORGER_SECONDS, .3), `cannot ERROR` where it
could not be sent.
`wait` asks, prints `asked OWN PORT IDENT` and waits; `send` is somebody else who forges that answer, as raw does.
"""
import os
import socket
import struct
import sys


def question(ident, name):
    q = struct.pack(">HHHHHH", ident, 0x0100, 1, 0, 0, 0)
    for label in name.split("."):
        q += bytes([len(label)]) + label.encode()
    return q + b"\0" + struct.pack(">HH", 1, 1)


def checksum(b):
    s = sum(struct.unpack(">%dH" % (len(b) // 2), b))
    while s >> 16:
        s = (s & 0xFFFF) + (s >> 16)
    return ~s & 0xFFFF


def reply(ident, name, addr):
    q = question(ident, name)
    return q[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0) + q[12:] + b"\xc0\x0c" + \
        struct.pack(">HHIH", 1, 1, 300, 4) + socket.inet_aton(addr)


def send_raw(resolver, own, port, answer):
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    udp = struct.pack(">HHHH", 53, port, 8 + len(answer), 0) + answer
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, socket.inet_aton(resolver),
                       socket.inet_aton(own))
    s.sendto(head[:10] + struct.pack(">H", checksum(head)) + head[12:] + udp, (own, 0))


def send_shared(resolver, own, port, answer):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((resolver, 53))
    s.sendto(answer, (own, port))


def main():
    how, resolver, name, addr = sys.argv[1:5]
    if how == "send":
        send_raw(resolver, sys.argv[5], int(sys.argv[6]), reply(int(sys.argv[7]), name, addr))
        return
    ident = struct.unpack(">H", os.urandom(2))[0]
    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asking.settimeout(3 if how == "wait" else float(os.environ.get("FORGER_SECONDS", .3)))
    asking.connect((resolver, 53))
    asking.send(question(ident, name))
    own, port = asking.getsockname()
    try:
        if how == "wait":
            print("asked", own, port, ident, flush=True)
        elif how == "share":
            send_shared(resolver, own, port, reply(ident, name, addr))
        else:
            send_raw(resolver, own, port, reply(ident, name, addr))
    except OSError as e:
        print("cannot", e.strerror)
        return
    try:
        print("got" if struct.unpack(">H", asking.recv(512)[:2])[0] == ident else "nothing")
    except TimeoutError:
        print("nothing")


main()
