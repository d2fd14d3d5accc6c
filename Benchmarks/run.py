#!/usr/bin/env python3
"""`make bench`: figures of the design's section 11 against their targets, in one run on this machine.

`make bench LINES="latency puts"` takes only these lines. `BENCH_ROUNDS` (default 3) and `BENCH_SECONDS` (default 4, of
each wrk run) make it shorter or longer.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import ROOT
from bench.deaggregation import deaggregation
from bench.fan_out import fan_out
from bench.fan_out_reads import fan_out_reads
from bench.fan_out_shards import fan_out_shards
from bench.group_costs import group_costs
from bench.group_deploy import group_deploy
from bench.group_takeover import group_takeover
from bench.grpc import grpc
from bench.hot_path import hot_path
from bench.http2_memory import http2_memory
from bench.http_load import Nginx, http2, server_alone
from bench.latency import added_latency
from bench.lines import lines
from bench.local_puts import local_puts
from bench.lz_utf8 import lz_utf8
from bench.memory import at_rest, full_load, idle_connections
from bench.multilang import multilang
from bench.one_shard import one_shard
from bench.put_bodies import put_bodies
from bench.puts import puts
from bench.readers import many_readers, one_reader
from bench.table import Table
from bench.tls import tls
from bench.turns import packet, turns
from bench.wire_formats import wire_formats
from harness.sidecar import Sidecars

# In this order: what is quiet first.
LINES = {
    "rest": at_rest,
    "connections": idle_connections,
    "http2-memory": http2_memory,
    "latency": added_latency,
    "turns": turns,
    "packet": packet,
    "fan-out-shards": fan_out_shards,
    "fan-out-reads": fan_out_reads,
    "one-shard": one_shard,
    "multilang": multilang,
    "group-takeover": group_takeover,
    "group-deploy": group_deploy,
    "group-costs": group_costs,
    "load": full_load,
    "bodies": put_bodies,
    "reader": one_reader,
    "readers": many_readers,
    "puts": puts,
    "lines": lines,
    "grpc": grpc,
    "fan-out": fan_out,
    "server": server_alone,
    "http2": http2,
    "tls": tls,
    "hot-path": hot_path,
    "lz-utf8": lz_utf8,
    "wire-formats": wire_formats,
    "deaggregation": deaggregation,
    "local-puts": local_puts,
}


class Bench:
    """What the lines share."""

    def __init__(self, folder):
        self.folder = folder
        self.table = Table()
        self.sidecars = Sidecars(folder)
        self.nginx = Nginx(folder)

    def close(self):
        self.nginx.close()
        self.sidecars.close()


def build():
    """The benchmark's own programs; the product is built by make."""
    environment = dict(os.environ, BENCH="1")
    for product in ("bench-server", "HotPath"):
        subprocess.run(
            ["swift", "build", "-c", "release", "--static-swift-stdlib", "--product", product], cwd=ROOT, check=True,
            env=environment)
    subprocess.run(["swift", "build", "-c", "release"], cwd=ROOT / "Benchmarks/Foundation", check=True)


def main(names):
    if unknown := [name for name in names if name not in LINES]:
        sys.exit(f"no such line: {', '.join(unknown)}; there are {', '.join(LINES)}")
    build()
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)  # nginx's worker gives root up
        bench = Bench(Path(name))
        try:
            for line in names or LINES:
                LINES[line](bench)
        finally:
            bench.close()
            # Also what was measured before a line failed.
            bench.table.show()


if __name__ == "__main__":
    main(sys.argv[1:])
