#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A program that forges the answer to its own question.

    forger.py HOW RESOLVER NAME ADDRESS

It asks RESOLVER for NAME, and then says itself that the answer is ADDRESS: HOW is `raw` (a raw socket, from the
resolver's address to its own) or `share` (a datagram socket that shares the resolver's address and port). It prints
`got` where the forged answer arrived, `nothing` where it did not, `cannot ERROR` where it could not be sent.
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


def main():
    how, resolver, name, addr = sys.argv[1:]
    ident = struct.unpack(">H", os.urandom(2))[0]
    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asking.settimeout(1)
    asking.connect((resolver, 53))
    q = question(ident, name)
    asking.send(q)
    own, port = asking.getsockname()
    answer = q[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0) + q[12:] + b"\xc0\x0c" + \
        struct.pack(">HHIH", 1, 1, 300, 4) + socket.inet_aton(addr)
    try:
        if how == "share":
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((resolver, 53))
            s.sendto(answer, (own, port))
        else:
            s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
            udp = struct.pack(">HHHH", 53, port, 8 + len(answer), 0) + answer
            head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, socket.inet_aton(resolver),
                               socket.inet_aton(own))
            head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
            s.sendto(head + udp, (own, 0))
    except OSError as e:
        print("cannot", e.strerror)
        return
    try:
        print("got" if asking.recv(512)[:2] == q[:2] else "nothing")
    except TimeoutError:
        print("nothing")


main()
