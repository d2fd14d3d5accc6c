"""GetRecords in JSON against CBOR: the hot path on the same records, and records to one reader."""

import json
import statistics
import subprocess
import time

from . import RELEASE, ROUNDS
from .puts import thread_nanoseconds
from .readers import discard, open_reader
from .streams import FullStream, start_service

FORMATS = ("json", "cbor")


def wire_formats(bench):
    print("GetRecords in CBOR against JSON")
    for payload in (200, 1000):
        hot_path(bench, payload)
    service = start_service(bench)
    stream = FullStream(service, "formats", 4, (1000, 160_000_000))
    rounds = [[read(bench, service, stream, name) for name in FORMATS] for _ in range(ROUNDS)]
    ratios = [(cbor["rate"] / json_["rate"], json_["cost"] / cbor["cost"]) for json_, cbor in rounds]
    rate, cost = (statistics.median(column) for column in zip(*ratios))
    bench.table.add("one SSE reader, CBOR to JSON", rate, "×")
    bench.table.add("the sidecar's processor time, JSON to CBOR", cost, "×")
    costs = [statistics.median(pair[n]["cost"] for pair in rounds) for n in (0, 1)]
    print(f"    {costs[0]:,.2f} and {costs[1]:,.2f} ms of processor time for a MB of payload")
    service.close()


def hot_path(bench, payload):
    """Records a second on one core, in pairs."""
    answers = {}
    for name in FORMATS:
        answers[name] = bench.folder / f"answer-{payload}.{name}"
        subprocess.run([RELEASE / "HotPath", "generate", answers[name], str(payload), name], check=True)
    ratios = []
    for _ in range(ROUNDS):
        rates = [json.loads(subprocess.check_output([RELEASE / "HotPath", "measure", answers[name], "2"]))["recordsPerSecond"]
                 for name in FORMATS]
        ratios.append(rates[1] / rates[0])
    bench.table.add(f"hot path, {payload} B payloads, CBOR to JSON", statistics.median(ratios), "×")
    smaller = 1 - answers["cbor"].stat().st_size / answers["json"].stat().st_size
    bench.table.add(f"bytes of the answer that CBOR saves, {payload} B payloads", 100 * smaller, "%")


def read(bench, service, stream, name):
    """MB of payload a second, and ms of the sidecar's thread for each MB."""
    sidecar = bench.sidecars.start_against(service.kinesis_url, "--wire-format", name)
    before = thread_nanoseconds(sidecar.process.pid)
    started = time.monotonic()
    reader = open_reader(sidecar, stream.name)
    count, last = discard([reader])
    cost = thread_nanoseconds(sidecar.process.pid) - before
    sidecar.close()
    assert count > stream.bytes, f"{count} bytes came of {stream.bytes}"
    return {"rate": stream.bytes / (last - started) / 1e6, "cost": cost / stream.bytes}
