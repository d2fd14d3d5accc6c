"""What enhanced fan-out brings a reader of the sidecar: how soon after its put a record is there, and records a second beside
polling."""

import json
import socket
import statistics
import time

from harness.records import make_stream

from . import ROUNDS
from .latency import FILL, QUIET, SAMPLES, floor, read_event, read_message, show
from .pushed import PUSHED, wait_subscribed
from .readers import discard, open_reader
from .streams import FullStream, start_service

SHARDS = 8
BYTES = 120_000_000
POLLED = {}


def fan_out_reads(bench):
    service = start_service(bench)
    latencies(bench, service)
    rates(bench, service)
    service.close()


def latencies(bench, service):
    print("a lone put to its event, pushed: both through the sidecar")
    bench.table.add("put → event, floor of one way, p99", show("floor", floor())[1], "ms")
    make_stream(service.boto3(), "lone")
    sidecar = bench.sidecars.start_against(service.kinesis_url, env=PUSHED)
    with open_reader(sidecar, "lone", options="") as reader:
        wait_subscribed(service, "lone")
        with socket.create_connection(("127.0.0.1", sidecar.ports["http"]), timeout=10) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # The first ones open connections.
            put_alone(client, reader, 10)
            median, p99 = show("put → event", [put_alone(client, reader, SAMPLES) for _ in range(ROUNDS)])
    bench.table.add("put → event, pushed, p50", median, "ms")
    bench.table.add("put → event, pushed, p99", p99, "ms", 10, at_least=False)
    sidecar.close()


def put_alone(client, reader, count):
    """From just before each put is sent to the last byte of its event, in ns."""
    body = json.dumps({"data": {"fill": FILL}, "partitionKey": "k"})
    request = (
        "POST /streams/lone/put HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}").encode()
    samples = []
    for _ in range(count):
        time.sleep(QUIET)
        sent = time.monotonic_ns()
        client.sendall(request)
        read_event(reader)
        samples.append(time.monotonic_ns() - sent)
        answer = read_message(client)
        assert answer.startswith(b"HTTP/1.1 200"), answer
    return samples


def rates(bench, service):
    """By turns, so that both have the machine as it is: what is compared is of one round."""
    print(f"{BYTES / 1e6:.0f} MB of {SHARDS} shards to one reader, pushed and polled")
    stream = FullStream(service, "full", SHARDS, (4000, BYTES))
    rounds = []
    for number in range(ROUNDS):
        # Each under a name of its own: no call follows one for the same consumer within 5 s.
        pushed, polled = (read(bench, service, stream, f"round-{number}", way) for way in (PUSHED, POLLED))
        rounds.append((*pushed, pushed[0] / polled[0], pushed[1] / polled[1]))
    rate, seconds, rate_ratio, seconds_ratio = (statistics.median(column) for column in zip(*rounds))
    bench.table.add("one SSE reader, pushed", rate, "MB/s of payload")
    bench.table.add("one SSE reader, pushed, beside polling", rate_ratio, "×")
    bench.table.add("processor time of the sidecar, pushed", seconds / (stream.bytes / 1e9), "s/GB")
    bench.table.add("processor time of the sidecar, pushed, beside polling", seconds_ratio, "×")


def read(bench, service, stream, group, way):
    """MB of payload a second from the first event on, and what the sidecar took of a processor, in seconds."""
    sidecar = bench.sidecars.start_against(service.kinesis_url, env=way)
    reader = open_reader(sidecar, stream.name, group)
    # Registering a consumer takes as long as the service likes.
    first = b""
    while b"event: records" not in first:
        first = reader.recv(65536)
    started = time.monotonic()
    count, last = discard([reader])
    seconds = sidecar.cpu_seconds()
    sidecar.close()
    count += len(first)
    assert count > stream.bytes, f"{count} bytes came of {stream.bytes}"
    return stream.bytes / (last - started) / 1e6, seconds
