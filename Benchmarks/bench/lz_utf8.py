"""LZ-UTF8 both ways, on one core, in bytes of text."""

import json
import statistics
import subprocess

from . import RELEASE, ROUNDS


def lz_utf8(bench):
    print("LZ-UTF8: records of JSON, one core")
    for payload in (200, 1000, 100_000):
        rounds = [
            json.loads(subprocess.check_output([RELEASE / "HotPath", "lz-utf8", str(payload), "1"]))
            for _ in range(ROUNDS)
        ]
        for way, target in (("compress", 50), ("decompress", 200)):
            rate = statistics.median(figures[f"{way}MBPerSecond"] for figures in rounds)
            bench.table.add(f"LZ-UTF8, {way}, {payload:,} B", rate, "MB/s of text", target)
