"""Groups of one process that read one shard: the service's five reads a second and shard are theirs together."""

import re
import threading
import time

from harness.records import make_stream

from .readers import open_reader

GROUPS = 3
SECONDS = 8
# Between two puts.
PAUSE = 0.05


def one_shard(bench):
    print(f"{GROUPS} groups on one shard, default options, steady puts")
    # With the service's limits, which is what this is about.
    service = bench.sidecars.start("--local-limits", "on")
    make_stream(service.boto3(), "shared")
    sidecar = bench.sidecars.start_against(service.kinesis_url)
    readers = [open_reader(sidecar, "shared", f"group-{n}", "") for n in range(GROUPS)]
    taking = [threading.Thread(target=take, args=(reader,), daemon=True) for reader in readers]
    for thread in taking:
        thread.start()
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        service.put("shared", {"fill": "x" * 200})
        time.sleep(PAUSE)
    throttled = throttles(sidecar)
    for reader in readers:
        reader.close()
    sidecar.close()
    service.close()
    bench.table.add(f"{GROUPS} groups on one shard, throttled reads in {SECONDS} s", throttled, "reads", 0, at_least=False)


def take(reader):
    try:
        while reader.recv(1 << 16):
            pass
    except OSError:
        pass  # closed


def throttles(sidecar):
    """Reads that Kinesis throttled, as the sidecar has counted them."""
    text = sidecar.get("/metrics").body.decode()
    counts = re.findall(r'^kinesis_sidecar_throttles_total\{.*operation="GetRecords".*\} (\d+)$', text, re.MULTILINE)
    return sum(map(int, counts))
