#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""dns.h's reading of messages held against dnspython's: differential.py DNS_READ [MESSAGES [SEED]].

Messages are what name servers say (chains of aliases in any order, many addresses, EDNS, unrelated records),
written by dnspython, with bytes changed, cut and doubled in three of four. What counts is that nothing is learned
from what dnspython cannot read or reads otherwise, and that everything is learned from what it reads as a good
answer."""
import random
import subprocess
import sys

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

# What other records hold is nobody's business here: they are read as so many bytes.
READ_RDATA = dns.rdata.from_wire_parser


def read_rdata(rdclass, rdtype, parser, origin=None):
    if rdclass == 1 and rdtype in (1, 5, 28):
        return READ_RDATA(rdclass, rdtype, parser, origin)
    return dns.rdata.GenericRdata(rdclass, rdtype, parser.get_remaining())


dns.rdata.from_wire_parser = read_rdata

# After a name dnspython goes on behind the furthest byte that it has looked at. A label that a pointer leads to may
# reach over that pointer, and what follows the name stands behind its first pointer all the same (RFC 1035, 4.1.4).
READ_NAME = dns.name.from_wire_parser


def read_name(parser):
    at = parser.current
    name = READ_NAME(parser)
    while 0 < parser.wire[at] < 64:
        at += 1 + parser.wire[at]
    parser.current = parser.furthest = at + (2 if parser.wire[at] else 1)
    return name


dns.name.from_wire_parser = read_name

WORDS = ["www", "a", "cdn", "x1", "deepl", "example", "com", "net", "test", "Mixed", "_tcp", "a-b", "l" * 63]


def some_name(r):
    return ".".join(r.choice(WORDS[:-1] if r.random() < .95 else WORDS) for _ in range(r.randint(1, 5))) + "."


def some_address(r, kind):
    if kind == "A":
        return ".".join(str(r.randint(0, 255)) for _ in range(4))
    return ":".join("%x" % r.randint(0, 65535) for _ in range(8))


def some_message(r):
    kind = r.choice(["A", "A", "A", "AAAA", "AAAA", "ANY", "TXT"])
    asked = some_name(r)
    m = dns.message.make_response(dns.message.make_query(asked, kind, use_edns=r.random() < .5))
    records, at = [], asked
    for _ in range(r.choice([0, 0, 0, 1, 1, 2, 3, 5])):
        to = some_name(r)
        records.append((at, "CNAME", to))
        at = to
    wanted = kind if kind in ("A", "AAAA") else "A"
    for _ in range(r.choice([0, 1, 1, 1, 2, 4, 30])):
        records.append((at, wanted, some_address(r, wanted)))
    if r.random() < .1:
        records.append((some_name(r), "A", some_address(r, "A")))
    if r.random() < .1:
        records.append((some_name(r), "CNAME", some_name(r)))
    if r.random() < .1:
        records.append((at, "TXT", '"x"'))
    if r.random() < .3:
        r.shuffle(records)
    for owner, rtype, data in records:
        if r.random() < .2:
            owner = owner.swapcase()
        # one rrset for each record, so that the order is kept
        rrset = dns.rrset.from_text(dns.name.from_text(owner), r.choice([0, 1, 60, 300, 86400]), "IN", rtype, data)
        m.answer.append(rrset)
    for section in (m.authority, m.additional):
        for _ in range(r.choice([0, 0, 1, 2])):
            section.append(dns.rrset.from_text(dns.name.from_text(some_name(r)), 60, "IN", "A", some_address(r, "A")))
    if r.random() < .05:
        m.set_rcode(r.choice([dns.rcode.NXDOMAIN, dns.rcode.SERVFAIL]))
    if r.random() < .05:
        m.flags |= dns.flags.TC
    return bytearray(m.to_wire(max_size=65535))


def spoil(r, b):
    for _ in range(r.choice([1, 1, 2, 5])):
        how = r.random()
        at = r.randrange(len(b))
        if how < .5:
            b[at] = r.choice([0, 1, 2, 12, 63, 64, 0x80, 0xc0, 0xff, r.randint(0, 255), b[at] ^ 1 << r.randint(0, 7)])
        elif how < .6:
            del b[r.randrange(1, len(b) + 1):]
        elif how < .75:
            del b[at:at + r.randint(1, 8)]
        elif how < .9:
            b[at:at] = b[at:at + r.randint(1, 8)]
        else:
            b[at:at + 2] = bytes([0xc0 | r.randint(0, 1), r.randint(0, 255)])
        if not b:
            b += b"\0"
    return b


def text(name):
    return b".".join(label.lower() for label in name.labels if label).decode("latin1")


def odd(name):
    return name == dns.name.root or any(c <= 32 or c in (46, 127) for label in name.labels for c in label)


def expected(wire):
    """`good ...`, or the reason why nothing is learned."""
    if len(wire) > 16384:
        return "huge"
    try:
        m = dns.message.from_wire(wire, ignore_trailing=True, one_rr_per_rrset=True, question_only=False)
    except (dns.message.BadEDNS, dns.message.BadTSIG, dns.message.UnknownTSIGKey):
        return "either"  # records about the transport in the wrong section: nobody learns from them
    except Exception:  # whatever it is, it is not read
        return "not read"
    if not m.flags & dns.flags.QR or m.opcode() != dns.opcode.QUERY or len(m.question) != 1:
        return "no answer"
    q = m.question[0]
    if wire[3] & 15 or q.rdclass != dns.rdataclass.IN or q.rdtype not in (1, 28, 255):
        return "nothing"
    aliases, addresses, names = [], [], [q.name]
    for rrset in m.answer:
        if rrset.rdclass != dns.rdataclass.IN:
            continue
        for rd in rrset:
            if rrset.rdtype == 5:
                if (rrset.name, rd.target) not in [(o, t) for o, t, _ in aliases]:
                    aliases.append((rrset.name, rd.target, rrset.ttl))
                    names.append(rd.target)
            elif rrset.rdtype in (1, 28) and q.rdtype in (rrset.rdtype, 255):
                addresses.append((rrset.name, rd.address, rrset.ttl))
    chain, at, left, ttl = [q.name], q.name, list(aliases), -1
    while True:
        following = [x for x in left if x[0] == at]
        if not following:
            break
        left.remove(following[0])
        at = following[0][1]
        if at in chain:
            return "circle"
        chain.append(at)
        ttl = following[0][2] if ttl < 0 else min(ttl, following[0][2])
    if left or any(owner != at for owner, _, _ in addresses):
        return "unrelated"
    if not addresses or any(odd(n) for n in names):
        return "nothing"
    if len(chain) > 16 or len(addresses) > 256:
        return "huge"
    return "good %s | %d %s" % (" ".join(text(n) for n in chain), ttl,
                                " ".join("%s/%d" % (a, t) for _, a, t in addresses))


def main():
    tool, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 32)
    r = random.Random(seed)
    wires = []
    for i in range(count):
        b = some_message(r)
        wires.append(bytes(b if i % 4 == 0 else spoil(r, b)))
    out = subprocess.run([tool], input="".join(w.hex() + "\n" for w in wires), text=True, encoding="latin1",
                         capture_output=True, check=True).stdout.split("\n")
    good = bad = stricter = 0
    for w, line in zip(wires, out):
        want = expected(w)
        if want.startswith("good"):
            good += 1
            same = line == want
        else:
            same = want == "either" or not line.startswith("good")
        if not same:
            bad += 1
            if bad <= 10:
                print("differ: %s\n  dnspython: %s\n  dns.h:     %s" % (w.hex(), want, line))
        stricter += want == "not read" and not line.startswith("good")
    print("dns: %d messages, %d of them good, %d not to be read, seed %d: %d differ"
          % (count, good, stricter, seed, bad))
    print("%d passed, %d failed" % (bad == 0 and good > count // 20, bad != 0 or good <= count // 20))
    return bad != 0


sys.exit(main())
