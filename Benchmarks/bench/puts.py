"""Puts a second, one a request, beside nginx; and what a put costs the sidecar's own thread."""

import json
import statistics
from pathlib import Path

from harness.records import make_stream

from . import ROUNDS
from .http_load import compare, post_script, wrk
from .streams import start_service

# µs of the sidecar's thread for each put, by connections.
PROCESSOR_TIME = {64: 14, 1: 90}


def puts(bench):
    print("POST put of 1 KB, 64 connections, the embedded Kinesis in another process")
    service = start_service(bench)
    make_stream(service.boto3(), "puts", 4)
    sidecar = bench.sidecars.start_against(service.kinesis_url)
    body = json.dumps({"data": {"fill": "x" * 960}, "partitionKey": "k"})
    script = post_script(bench.folder, "put.lua", body)
    plain = post_script(bench.folder, "plain.lua", "x" * len(body))
    url = f"{sidecar.url}/streams/puts/put"
    ratio = compare(url, bench.nginx.url, 64, script, plain)
    bench.table.add("POST put, 64 connections, to nginx", ratio, "×", 0.4)
    for connections, target in PROCESSOR_TIME.items():
        rounds = [processor_time(sidecar, url, connections, script) for _ in range(ROUNDS)]
        name = "alone" if connections == 1 else f"at {connections} connections"
        bench.table.add(f"a put's processor time {name}", statistics.median(rounds), "µs", target, at_least=False)
    sidecar.close()
    service.close()


def processor_time(sidecar, url, connections, script):
    """µs of the main thread, on which everything but DNS and SQLite runs, for each put of one wrk run."""
    before = thread_nanoseconds(sidecar.process.pid), records(sidecar)
    wrk(url, connections, script)
    after = thread_nanoseconds(sidecar.process.pid), records(sidecar)
    return (after[0] - before[0]) / (after[1] - before[1]) / 1000


def thread_nanoseconds(process):
    """Time of the process's main thread on a processor. Source: the kernel's Documentation/scheduler/sched-stats.rst."""
    return int(Path(f"/proc/{process}/task/{process}/schedstat").read_text().split()[0])


def records(sidecar):
    return sidecar.get("/streams/puts/stats").json["puts"]["records"]
