"""A thousand shards that one sidecar is subscribed to: how long until they are, what an idle one takes, and how long one
record of each takes to its reader."""

import re
import statistics
import time

from harness.records import make_stream
from harness.waiting import eventually

from .http2_memory import growth
from .pushed import PUSHED, wait_subscribed
from .readers import open_reader
from .streams import start_service
from .tls_front import TLSFront

SHARDS = 1000
# That are subscribed to before anything is measured: what is there once is there.
WARM_UP = 50
# Of one record into each shard.
BURSTS = 5
TOP = 2**128


def fan_out_shards(bench):
    service = start_service(bench)
    make_stream(service.boto3(), "warm", WARM_UP)
    make_stream(service.boto3(), "wide", SHARDS)
    plain(bench, service)
    over_tls(bench, service)
    service.close()


def plain(bench, service):
    print(f"{SHARDS:,} shards subscribed to by one sidecar")
    sidecar = bench.sidecars.start_against(service.kinesis_url, env=PUSHED)
    reader, seconds, each = subscribe_warm(service, sidecar, "plain")
    bench.table.add(f"until {SHARDS:,} shards are subscribed to", seconds, "s")
    bench.table.add("an idle subscribed shard", each / 1e3, "KB more", 64, at_least=False)
    last = statistics.median(put_into_each(service, reader) for _ in range(BURSTS))
    bench.table.add(f"a record into each of {SHARDS:,} shards → the last event", last * 1e3, "ms")
    bench.table.add(f"{SHARDS:,} subscribed shards", sidecar.resident_kilobytes() / 1024, "MiB resident")
    sidecar.close()


def over_tls(bench, service):
    """As with AWS. No target: most of what is more belongs to OpenSSL."""
    print(f"{SHARDS:,} shards subscribed to over TLS")
    folder = bench.folder / "tls-front"
    folder.mkdir()
    front = TLSFront(folder, service.ports["kinesis"])
    try:
        sidecar = bench.sidecars.start_against(front.url, env={**PUSHED, **front.trust})
        _, seconds, each = subscribe_warm(service, sidecar, "tls")
        bench.table.add(f"until {SHARDS:,} shards are subscribed to over TLS", seconds, "s")
        bench.table.add("an idle shard subscribed to over TLS", each / 1e3, "KB more")
        sidecar.close()
    finally:
        front.close()


def subscribe_warm(service, sidecar, group):
    """A reader of all shards, after how many seconds they were subscribed to, and how many bytes more are resident for each."""
    # Stays open: what it would leave would be taken by what is measured.
    warm, _ = subscribe(service, sidecar, "warm", WARM_UP, group)
    with warm:
        (reader, seconds), more = growth(sidecar, lambda: subscribe(service, sidecar, "wide", SHARDS, group))
    return reader, seconds, more / SHARDS


def subscribe(service, sidecar, stream, shards, group):
    """A reader of the stream's shards, and after how many seconds they were subscribed to. Each has had a heartbeat then, which
    is an event without records."""
    started = time.monotonic()
    reader = open_reader(sidecar, stream, group, "")
    wait_subscribed(service, stream, shards)
    seconds = time.monotonic() - started
    eventually(lambda: pushed_shards(sidecar, stream) == shards, 30, every=0.5, why="a heartbeat of each shard")
    return reader, seconds


def pushed_shards(sidecar, stream):
    text = sidecar.get("/metrics").body.decode()
    name = r"^kinesis_sidecar_shard_pushed_bytes_total\{.*stream=\"%s\".*\} [1-9]" % stream
    return len(re.findall(name, text, re.MULTILINE))


def put_into_each(service, reader):
    """After how many seconds the reader has an event of each shard. The records are put without the sidecar, in one request."""
    records = [
        {"data": "x", "partitionKey": "k", "explicitHashKey": str((2 * shard + 1) * TOP // (2 * SHARDS))}
        for shard in range(SHARDS)]
    started = time.monotonic()
    answer = service.post("/streams/wide/put", {"records": records})
    assert answer.status == 200, answer
    events = b""
    while events.count(b"event: records") < SHARDS:
        events += reader.recv(1 << 20)
    return time.monotonic() - started
