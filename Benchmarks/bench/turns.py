"""How long one client's or consumer's work keeps others waiting: a second reader joins, and half of the shards move to it;
one packet brings hundreds of requests.

A client of its own asks for `/livez`, one request after the other, from before the second reader comes until it has been
told of its shards, or until all responses have come. Every response waits for the turn of the loop that is under way, so the longest wait is the longest
turn and what a response takes by itself. The floor is the longest wait of as many requests right before.
"""

import json
import socket
import time

from harness.records import make_stream

from .streams import start_service

SHARDS = (500, 2000, 4000)
# Between two requests: the loop is to be met at its own work.
PAUSE = 0.001
# Each shard is polled once, and then not again while this lasts.
OPTIONS = "initialPositionInStream=TRIM_HORIZON&noRecordsPollDelay=600000"
# Of the floor's requests, at least.
FLOOR_SECONDS = 2
# As many as fit into 16 KB.
METRICS_REQUEST = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
PACKET_REQUESTS = 380
CONSUMERS = 40
STATUS_LINE = b"HTTP/1.1 200 OK\r\n"


def turns(bench):
    print("a second reader joins: how long others wait")
    service = start_service(bench)
    for shards in SHARDS:
        floor, longest = waits_of_others(bench, service, shards)
        name = f"a second reader joins {shards:,} shards, longest wait of others"
        bench.table.add(f"{name}, floor", floor * 1e3, "ms")
        # A turn of 1 ms, behind another one.
        bench.table.add(name, longest * 1e3, "ms", 2, at_least=False)
    service.close()


def waits_of_others(bench, service, shards):
    """In seconds: the longest wait before the second reader comes, and from then on until it has its shards."""
    stream = f"wide-{shards}"
    make_stream(service.boto3(), stream, shards)
    sidecar = bench.sidecars.start_against(service.kinesis_url)
    first = ShardReader(sidecar, stream)
    first.wait(shards)
    wait_polled(sidecar, stream, shards)
    with Probe(sidecar) as probe:
        until = time.monotonic() + FLOOR_SECONDS
        floor = probe.longest(lambda: time.monotonic() > until)
        second = ShardReader(sidecar, stream)
        longest = probe.longest(lambda: second.has(shards // 2))
    for reader in (first, second):
        reader.close()
    sidecar.close()
    return floor, longest


def wait_polled(sidecar, stream, shards):
    """Until every shard was asked for once."""
    while True:
        [consumer] = sidecar.get(f"/streams/{stream}/stats").json["consumers"]
        polled = sum(shard.get("millisBehindLatest") is not None for shard in consumer["shards"])
        if polled == shards:
            return
        time.sleep(0.2)  # the pause between two looks


class Probe:
    """One kept connection that asks for `/livez`."""

    REQUEST = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"

    def __init__(self, sidecar):
        self.socket = socket.create_connection(("127.0.0.1", sidecar.ports["http"]), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def longest(self, is_over):
        """The longest wait for a response until then, in seconds."""
        longest = 0
        while True:
            asked = time.monotonic()
            self.socket.sendall(self.REQUEST)
            assert self.socket.recv(65536).startswith(b"HTTP/1.1 200")
            longest = max(longest, time.monotonic() - asked)
            if is_over():
                return longest
            time.sleep(PAUSE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


class ShardReader:
    """A reader that counts the shards that it was told to have."""

    def __init__(self, sidecar, stream):
        self.socket = socket.create_connection(("127.0.0.1", sidecar.ports["http"]), timeout=60)
        self.socket.sendall(f"GET /streams/{stream}/records?{OPTIONS} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        self.assigned = 0
        self.rest = b""

    def has(self, shards):
        """Whether it was told of so many by now. Waits for nothing."""
        self.socket.setblocking(False)
        try:
            while part := self.socket.recv(1 << 20):
                self._take(part)
        except BlockingIOError:
            pass
        return self.assigned >= shards

    def wait(self, shards):
        self.socket.setblocking(True)
        self.socket.settimeout(60)
        while self.assigned < shards:
            part = self.socket.recv(1 << 20)
            assert part, "the stream ended"
            self._take(part)

    def _take(self, part):
        *lines, self.rest = (self.rest + part).split(b"\n")
        self.assigned += sum(
            line.startswith(b"data: ") and json.loads(line[6:]).get("change") == "assigned" for line in lines)

    def close(self):
        self.socket.close()


def packet(bench):
    """One client sends hundreds of requests for the metrics in one packet, beside consumers that fill them."""
    print("one packet of pipelined requests: how long others wait")
    service = start_service(bench)
    sidecar = bench.sidecars.start_against(service.kinesis_url)
    for n in range(CONSUMERS):
        make_stream(service.boto3(), f"packet-{n}", 1)
        assert sidecar.post(f"/streams/packet-{n}/start", None).status == 200
    with Probe(sidecar) as probe:
        until = time.monotonic() + FLOOR_SECONDS
        floor = probe.longest(lambda: time.monotonic() > until)
        with socket.create_connection(("127.0.0.1", sidecar.ports["http"]), timeout=60) as client:
            client.sendall(METRICS_REQUEST * PACKET_REQUESTS)
            responses = Responses(client)
            longest = probe.longest(lambda: responses.count() == PACKET_REQUESTS)
    name = f"{PACKET_REQUESTS} requests for the metrics in one packet, {CONSUMERS} consumers"
    bench.table.add(f"{name}, longest wait of others, floor", floor * 1e3, "ms")
    bench.table.add(f"{name}, longest wait of others", longest * 1e3, "ms", 2, at_least=False)
    sidecar.close()
    service.close()


class Responses:
    """Counts the responses that come on a connection, without waiting for any."""

    def __init__(self, connection):
        connection.setblocking(False)
        self.connection = connection
        self.heads = 0
        self.end = b""

    def count(self):
        try:
            while part := self.connection.recv(1 << 20):
                # A head that is cut in two is in one piece with the end of what came before it.
                text = self.end + part
                self.heads += text.count(STATUS_LINE)
                self.end = text[-(len(STATUS_LINE) - 1):]
        except BlockingIOError:
            pass
        return self.heads
