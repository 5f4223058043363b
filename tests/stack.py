#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""stack.py OBJECT   the deepest chain of calls of every BPF program, as Linux 6.1 counts it.

A verifier lets a chain of calls have 512 bytes of stack, each frame rounded up to 32; up to 6.7 callbacks and global
functions count as well (check_max_stack_depth() in kernel/bpf/verifier.c). What later kernels take, 6.1 may refuse, so
it is counted here, where nothing has to be booted; so are its calls, of which every kernel lets 8 be nested. Prints
the deepest chain; fails where one is too deep."""
import struct
import sys

LIMIT, ROUND, FRAMES = 512, 32, 8
SHT_SYMTAB, SHT_REL, SHF_EXEC, STT_FUNC = 2, 9, 4, 2
CALL, LD_IMM64, MOV, ADD_IMM, PSEUDO_CALL, FP = 0x85, 0x18, 0xBF, 0x07, 1, 10


class Object:
    def __init__(self, data):
        self.data = data
        at, size, n = (struct.unpack_from("<Q", data, 0x28)[0], *struct.unpack_from("<HH", data, 0x3A))
        self.sections = [struct.unpack_from("<IIQQQQIIQQ", data, at + i * size) for i in range(n)]
        table = next(s for s in self.sections if s[1] == SHT_SYMTAB)
        names = self.sections[table[6]][4]
        self.symbols = []
        for i in range(table[5] // 24):
            name, info, _, section, value, length = struct.unpack_from("<IBBHQQ", data, table[4] + 24 * i)
            end = data.index(b"\0", names + name)
            self.symbols.append((data[names + name:end].decode(), info & 15, section, value, length))
        # (section, place of the instruction) -> (section, value) of what it refers to
        self.refers = {}
        for s in self.sections:
            if s[1] != SHT_REL:
                continue
            for i in range(s[5] // 16):
                place, info = struct.unpack_from("<QQ", data, s[4] + 16 * i)
                symbol = self.symbols[info >> 32]
                self.refers[(s[7], place)] = (symbol[2], symbol[3])
        self.functions = {(s[2], s[3]): s for s in self.symbols if s[1] == STT_FUNC}

    def code(self, function):
        """Places and instructions: opcode, destination, source, offset, immediate."""
        _, _, section, value, length = function
        start = self.sections[section][4]
        for place in range(value, value + length, 8):
            op, regs, off, imm = struct.unpack_from("<BBhi", self.data, start + place)
            yield place, op, regs & 15, regs >> 4, off, imm

    def frame(self, function):
        """Bytes of stack, and the functions that it calls or hands over."""
        section, deep, copies, calls = function[2], 0, set(), set()
        for place, op, dst, src, off, imm in self.code(function):
            kind, target = op & 7, None
            if (kind == 1 and src == FP) or (kind in (2, 3) and dst == FP):
                deep = max(deep, -off)
            if op == ADD_IMM and dst in copies and imm < 0:
                deep = max(deep, -imm)
            if op == MOV and src == FP:
                copies.add(dst)
            elif kind in (0, 1, 4, 7):
                copies.discard(dst)
            ref = self.refers.get((section, place))
            if op == CALL and src == PSEUDO_CALL:
                target = (ref[0], ref[1] + (imm + 1) * 8) if ref else (section, place + (imm + 1) * 8)
            elif op == LD_IMM64 and ref and ref[0] < len(self.sections) and self.sections[ref[0]][2] & SHF_EXEC:
                target = (ref[0], ref[1] + imm)
            if target:
                calls.add(target)
        return deep, [self.functions[c] for c in calls if c in self.functions]


def deepest(obj, function, known):
    if function not in known:
        deep, calls = obj.frame(function)
        below = max((deepest(obj, c, known) for c in calls), default=(0, ()))
        known[function] = (-(-max(deep, 1) // ROUND) * ROUND + below[0], (f"{function[0]} {deep}",) + below[1])
    return known[function]


def longest(obj, function, known):
    """The chain with the most calls."""
    if function not in known:
        below = max((longest(obj, c, known) for c in obj.frame(function)[1]), key=len, default=())
        known[function] = (function[0],) + below
    return known[function]


def main():
    with open(sys.argv[1], "rb") as f:
        obj = Object(f.read())
    known = {}
    chains = sorted((deepest(obj, f, known) for f in obj.functions.values()), reverse=True)
    for depth, chain in [c for c in chains if c[0] > LIMIT] or chains[:1]:
        print(f"{depth} bytes of stack (of {LIMIT}): {' > '.join(chain)}")
    known = {}
    longer = [c for c in (longest(obj, f, known) for f in obj.functions.values()) if len(c) > FRAMES]
    for chain in longer:
        print(f"{len(chain)} calls (of {FRAMES}): {' > '.join(chain)}")
    return not chains or chains[0][0] > LIMIT or bool(longer)


sys.exit(main())
