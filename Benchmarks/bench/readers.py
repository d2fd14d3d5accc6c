"""Payload bytes a second from the embedded Kinesis in another process to readers that discard them."""

import selectors
import socket
import statistics
import time

from . import ROUNDS
from .streams import FullStream, start_service

# Quiet for longer than a poll takes: everything is here.
QUIET = 1.5
GROUPS = 10


def one_reader(bench):
    print("records from the embedded Kinesis in another process to one reader")
    service = start_service(bench)
    # A second of reading at the target and half another.
    stream = FullStream(service, "reads", 4, (4000, 160_000_000))
    rate = statistics.median(rate_of(bench, service, stream, [""]) for _ in range(ROUNDS))
    bench.table.add("one SSE reader", rate, "MB/s of payload", 100)
    service.close()


def many_readers(bench):
    """No targets: readers of one consumer share its shards, readers of several groups read everything each."""
    print("records of 100 shards to many readers")
    service = start_service(bench)
    stream = FullStream(service, "wide", 100, (4000, 200_000_000))
    for count in (1, 10, 100):
        rate = statistics.median(rate_of(bench, service, stream, [""] * count) for _ in range(ROUNDS))
        bench.table.add(f"100 shards shared by readers: {count}", rate, "MB/s of payload")
    groups = [f"group-{n}" for n in range(GROUPS)]
    rate = rate_of(bench, service, stream, groups)
    bench.table.add(f"100 shards for each of {GROUPS} groups", rate, "MB/s of payload")
    service.close()


def rate_of(bench, service, stream, groups):
    """MB of payload a second with a reader in each of the groups (the same one may stand there several times), from
    the first request to the last byte, on a sidecar of its own."""
    sidecar = bench.sidecars.start_against(service.kinesis_url)
    started = time.monotonic()
    readers = [open_reader(sidecar, stream.name, group) for group in groups]
    count, last = discard(readers)
    sidecar.close()
    expected = stream.bytes * len(set(groups))
    assert count > expected, f"{count} bytes came of {expected}"
    return expected / (last - started) / 1e6


def open_reader(sidecar, stream, group="", options="initialPositionInStream=TRIM_HORIZON&pollDelay=0"):
    """A connection on which the stream's records have been asked for, and nothing has been read."""
    query = "&".join(part for part in (options, f"consumerGroup={group}" if group else "") if part)
    connection = socket.create_connection(("127.0.0.1", sidecar.ports["http"]), timeout=10)
    connection.sendall(f"GET /streams/{stream}/records?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return connection


def discard(connections):
    """Reads until all are quiet, and closes them: how many bytes came, and when the last one did."""
    buffer = bytearray(1 << 20)
    count, last = 0, time.monotonic()
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection, selectors.EVENT_READ)
        while ready := selector.select(QUIET):
            for key, _ in ready:
                got = key.fileobj.recv_into(buffer)
                assert got, "a stream ended"
                count += got
            last = time.monotonic()
    for connection in connections:
        connection.close()
    return count, last
