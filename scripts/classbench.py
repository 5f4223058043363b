#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""ClassBench filter sets to cgwall policies.

A line `@SRC/LEN DST/LEN LO : HI LO : HI PROTO/MASK FLAGS` becomes an `out` rule. In ClassBench the first
line that matches decides: --quick keeps the order and makes every rule quick, --reverse (the default) turns
the order around, so that the last match is ClassBench's first. Both give every flow the same verdict.
"""
import argparse
import gzip
import random
import re
import sys

LINE = re.compile(
    r"@(\S+)\s+(\S+)\s+(\d+)\s*:\s*(\d+)\s+(\d+)\s*:\s*(\d+)\s+0x([0-9a-fA-F]+)/0x([0-9a-fA-F]+)"
)
WITH_PORTS = {6, 17, 33, 132, 136}


def ports(lo, hi):
    if (lo, hi) == (0, 65535):
        return ""
    return f" port {lo}" if lo == hi else f" port {lo}-{hi}"


def rule(line, action, quick):
    m = LINE.match(line)
    if not m:
        raise ValueError(f"not a ClassBench line: {line!r}")
    src, dst = m.group(1), m.group(2)
    sport = ports(int(m.group(3)), int(m.group(4)))
    dport = ports(int(m.group(5)), int(m.group(6)))
    proto, mask = int(m.group(7), 16), int(m.group(8), 16)
    words = [action, "out"] + (["quick"] if quick else [])
    if mask:
        words.append(f"proto {proto}")
        if proto not in WITH_PORTS:
            sport = dport = ""
    return " ".join(words) + f" from {src}{sport} to {dst}{dport}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", help="a .rules file, gzip or plain")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--quick", action="store_true", help="every rule quick, order kept")
    mode.add_argument("--reverse", action="store_true", help="no rule quick, order reversed (default)")
    parser.add_argument("--seed", type=int, default=1, help="of the rules' actions")
    parser.add_argument("--limit", type=int, default=0, help="only so many lines")
    args = parser.parse_args()

    opener = gzip.open if args.file.endswith(".gz") else open
    with opener(args.file, "rt", encoding="ascii") as f:
        lines = [line.strip() for line in f if line.strip()]
    if args.limit:
        lines = lines[: args.limit]
    rng = random.Random(args.seed)
    rules = [rule(line, rng.choice(("pass", "block")), args.quick) for line in lines]
    if not args.quick:
        rules.reverse()
    print("default out block")
    print("\n".join(rules))


if __name__ == "__main__":
    sys.exit(main())
