"""Memory: idle, under a load that nobody takes away, and with many connections that wait."""

import resource
import selectors
import socket
import statistics
import subprocess
import time

from harness.records import make_stream
from harness.sidecar import PROGRAM, clean_environment

from .http_load import BenchServer
from .readers import discard, open_reader
from .streams import FullStream, start_service

CONNECTIONS = 10_000
# Files of a process beside the connections.
OTHER_FILES = 400


def at_rest(bench):
    print("idle memory and start")
    service = bench.sidecars.start()
    make_stream(service.boto3(), "idle", 4)
    sidecar = bench.sidecars.start_against(service.kinesis_url)
    reader = sidecar.follow("idle")
    for n in range(20):
        service.put("idle", {"n": n}, partitionKey=str(n))
    reader.wait_records(20)
    time.sleep(5)
    bench.table.add(
        "idle, one stream of 4 shards", sidecar.resident_kilobytes() / 1024, "MiB resident", 20, at_least=False)
    bench.table.add(
        "start to listening", statistics.median(start_time(service) for _ in range(11)) * 1e3, "ms", 50,
        at_least=False)
    sidecar.close()
    service.close()


def start_time(service):
    environment = clean_environment("/nonexistent", {
        "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "us-east-1"})
    command = [PROGRAM, "--endpoint", service.kinesis_url, "--dynamodb", "off", "--listen", "127.0.0.1:0"]
    started = time.monotonic()
    with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert b"listens on" in process.stdout.readline()
        seconds = time.monotonic() - started
        process.kill()
    return seconds


def full_load(bench):
    """The most that was ever resident while one reader takes nothing of a stream of four times the budget, and other
    groups read all of it, one after the other."""
    print("memory under full load, with a reader that takes nothing")
    service = start_service(bench)
    stream = FullStream(service, "load", 8, (4000, 120_000_000), (300_000, 150_000_000))
    budget = 64 << 20
    sidecar = bench.sidecars.start_against(
        service.kinesis_url, env={"KINESIS_SIDECAR_MAX_BUFFERED_BYTES": str(budget)})
    stuck = open_reader(sidecar, stream.name, "stuck")
    time.sleep(1)
    for n in range(4):
        count, _ = discard([open_reader(sidecar, stream.name, f"reads-all-{n}")])
        assert count > stream.bytes, f"{count} bytes came of {stream.bytes}"
    print(f"    held for the one that takes nothing: {held_bytes(sidecar, 'stuck') / 1e6:.1f} MB")
    bench.table.add(
        "full load, a reader takes nothing", peak_bytes(sidecar) / 1e6, "MB resident at most", budget / 1e6 + 40,
        at_least=False)
    stuck.close()
    sidecar.close()
    service.close()


def held_bytes(sidecar, group):
    consumers = sidecar.get("/streams").json["consumers"]
    return sum(
        shard["bufferedBytes"] for consumer in consumers if consumer["consumerGroup"] == group
        for shard in consumer["shards"])


def peak_bytes(sidecar):
    for line in open(f"/proc/{sidecar.process.pid}/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


def idle_connections(bench):
    """What `CONNECTIONS` readers of one consumer add to a sidecar with one, after each has had a heartbeat. The stream
    has four shards, so that nearly all of them have none."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    count = min(CONNECTIONS, most - OTHER_FILES)
    print(f"memory of {count:,} idle readers")
    server = BenchServer()
    before = resident_bytes(server.process)
    connections = open_all(server.port, "/events", count)
    alone = resident_bytes(server.process) - before
    bench.table.add(f"{count:,} idle streams, the server alone", alone / 1e6, "MB more")
    server.close()
    close_all(connections)

    service = start_service(bench)
    make_stream(service.boto3(), "idle", 4)
    sidecar = bench.sidecars.start_against(
        service.kinesis_url, env={"KINESIS_SIDECAR_HEARTBEAT_INTERVAL": "4000"})
    sidecar.follow("idle")
    time.sleep(2)
    before = resident_bytes(sidecar.process)
    started = time.monotonic()
    connections = open_all(sidecar.ports["http"], "/streams/idle/records", count)
    bench.table.add(f"attaching {count:,} readers", time.monotonic() - started, "s")
    time.sleep(5)
    more = resident_bytes(sidecar.process) - before
    bench.table.add(
        f"{count:,} idle SSE connections", more / 1e6, "MB more", 10 * count / CONNECTIONS, at_least=False)
    sidecar.close()
    close_all(connections)
    service.close()


def resident_bytes(process):
    for line in open(f"/proc/{process.pid}/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def open_all(port, path, count, at_once=100):
    """So many streams, each of which has sent the head of its answer."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    opened = []
    with selectors.DefaultSelector() as selector:
        while len(opened) < count:
            while len(selector.get_map()) < min(at_once, count - len(opened)):
                # Addresses by turns: each has ports of its own.
                connection = socket.create_connection(
                    ("127.0.0.1", port), timeout=30, source_address=(f"127.0.0.{1 + len(opened) % 4}", 0))
                connection.sendall(request)
                selector.register(connection, selectors.EVENT_READ)
            ready = selector.select(60)
            assert ready, f"nobody has been answered for a minute; {len(opened)} were"
            for key, _ in ready:
                assert key.fileobj.recv(4096).startswith(b"HTTP/1.1 200")
                selector.unregister(key.fileobj)
                opened.append(key.fileobj)
    return opened


def close_all(connections):
    for connection in connections:
        connection.close()
