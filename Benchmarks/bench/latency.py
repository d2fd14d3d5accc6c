"""Added latency: what the sidecar adds between a client and Kinesis, one record at a time, seen from outside.

Two parts, each `SAMPLES` times a round on a sidecar that has nothing else to do:

- put: from just before a put is sent (one `send`) to the arrival of the last byte of its PutRecords at the service;
- event: from just before a GetRecords answer is sent (one `send`, one record) to the arrival of the last byte of the
  record's event at the reader.

A proxy in this process stands between the sidecar and an embedded Kinesis in another one, and the client is this
process too, so that both stamps of a sample are of one clock. Neither the wait for the next poll nor the service's own
time is in a figure: an answer is taken whole from the service, held until everything is quiet, and then sent. In the
figures are what the two passes through the kernel's loopback and the wake-up of this process take. The floor says how
much that is: the same way with a process in the sidecar's place that only passes the bytes on. The target is held to
what was measured, floor included.
"""

import json
import multiprocessing
import queue
import select
import socket
import statistics
import threading
import time

from harness.records import make_stream

from . import ROUNDS
from .streams import start_service

SAMPLES = 500
# Of the stream that is read: each is polled five times a second, so that a round of events takes four seconds.
SHARDS = 25
# For everybody to fall asleep between two samples: a lone put finds a loop that waits.
QUIET = 0.003
FILL = "x" * 960


def added_latency(bench):
    print("added latency: a lone put to its PutRecords, a GetRecords answer to its event")
    bench.table.add("added latency, floor, p99", show("floor", floor())[1], "ms")
    service = start_service(bench)
    proxy = Proxy(service.ports["kinesis"])
    sidecar = bench.sidecars.start_against(proxy.url)
    puts = show("put", [put_latencies(service, sidecar, proxy, round) for round in range(ROUNDS)])
    events = show("event", [event_latencies(service, sidecar, proxy, round) for round in range(ROUNDS)])
    for name, (median, p99) in (("put → PutRecords", puts), ("GetRecords → event", events)):
        bench.table.add(f"added latency, {name}, p50", median, "ms")
        bench.table.add(f"added latency, {name}, p99", p99, "ms")
    bench.table.add("added latency, both, p99", puts[1] + events[1], "ms", 2, at_least=False)
    sidecar.close()
    proxy.close()
    service.close()


def show(name, rounds):
    """The medians, in milliseconds, of the rounds' p50 and p99."""
    ranks = [[sorted(samples)[int(len(samples) * share)] / 1e6 for share in (0.5, 0.99)] for samples in rounds]
    print(f"    {name}: p50 and p99 of each round, ms:", "; ".join(f"{p50:.3f} {p99:.3f}" for p50, p99 in ranks))
    return [statistics.median(column) for column in zip(*ranks)]


# MARK: The three ways


def floor():
    """Through a process that passes bytes on and does nothing else."""
    (client, near), (far, service) = tcp_pair(), tcp_pair()
    relay = multiprocessing.get_context("fork").Process(target=pass_on, args=(near, far), daemon=True)
    relay.start()
    rounds = [[one_way(client, service) for _ in range(SAMPLES)] for _ in range(ROUNDS)]
    relay.kill()
    relay.join()
    return rounds


def one_way(client, service, message=b"x" * 1200):
    time.sleep(QUIET)
    sent = time.monotonic_ns()
    client.sendall(message)
    left = len(message)
    while left > 0:
        left -= len(service.recv(65536))
    return time.monotonic_ns() - sent


def pass_on(near, far):
    while data := near.recv(65536):
        far.sendall(data)


def put_latencies(service, sidecar, proxy, round):
    stream = f"puts-{round}"
    make_stream(service.boto3(), stream)
    body = json.dumps({"data": {"fill": FILL}, "partitionKey": "k"})
    request = (
        f"POST /streams/{stream}/put HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}").encode()
    samples = []
    with socket.create_connection(("127.0.0.1", sidecar.ports["http"]), timeout=10) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The first ones open connections.
        for _ in range(10 + SAMPLES):
            time.sleep(QUIET)
            sent = time.monotonic_ns()
            client.sendall(request)
            answer = read_message(client)
            assert answer.startswith(b"HTTP/1.1 200"), answer
            samples.append(proxy.puts.get(timeout=1) - sent)
    return samples[10:]


def event_latencies(service, sidecar, proxy, round):
    stream = f"events-{round}"
    make_stream(service.boto3(), stream, SHARDS)
    samples = []
    with socket.create_connection(("127.0.0.1", sidecar.ports["http"]), timeout=10) as reader:
        reader.sendall(
            f"GET /streams/{stream}/records?pollDelay=0&noRecordsPollDelay=250 HTTP/1.1\r\nHost: localhost\r\n\r\n"
            .encode())
        assert reader.recv(65536).startswith(b"HTTP/1.1 200")
        # The first empty answers teach the sidecar that answers are small.
        time.sleep(1.5)
        proxy.holds = True
        while len(samples) < SAMPLES:
            samples += events_of_all_shards(service, stream, proxy, reader)
    # The polls that are held end with their reader.
    proxy.holds = False
    proxy.held = queue.SimpleQueue()
    return samples


def events_of_all_shards(service, stream, proxy, reader):
    """Lets every shard's poll come, puts a record in each shard, and sends the answers one after the other."""
    polls = [proxy.held.get(timeout=10) for _ in range(SHARDS)]
    width = 2**128 // SHARDS
    records = [
        {"data": {"fill": FILL}, "partitionKey": "k", "explicitHashKey": str(i * width + width // 2)}
        for i in range(SHARDS)]
    answer = service.post(f"/streams/{stream}/put", {"records": records})
    assert answer.status == 200, answer
    answers = [(near, exchange(far, request)) for near, far, request in polls]
    drain(reader)
    samples = []
    for near, answer in answers:
        time.sleep(QUIET)
        sent = time.monotonic_ns()
        near.sendall(answer)
        read_event(reader)
        samples.append(time.monotonic_ns() - sent)
    return samples


# MARK: Sockets


class Proxy:
    """Passes the sidecar's requests on to the service, each connection on a thread of its own, which sleeps in `recv`
    while a sample is taken. Stamps each PutRecords; while it `holds`, gives GetRecords away instead of answering it."""

    def __init__(self, service_port):
        self.service_port = service_port
        # When the last byte of each PutRecords came, in ns.
        self.puts = queue.SimpleQueue()
        # (the sidecar's connection, the service's, the request) of each GetRecords that waits to be answered.
        self.held = queue.SimpleQueue()
        self.holds = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        try:
            while True:
                near, _ = self.listener.accept()
                near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()
        except OSError:
            pass  # closed

    def _serve(self, near):
        with near, socket.create_connection(("127.0.0.1", self.service_port)) as far:
            while request := read_message(near):
                arrived = time.monotonic_ns()
                if b"Kinesis_20131202.PutRecords" in request:
                    self.puts.put(arrived)
                if self.holds and b"Kinesis_20131202.GetRecords" in request:
                    self.held.put((near, far, request))
                else:
                    near.sendall(exchange(far, request))

    def close(self):
        self.listener.close()


def exchange(far, request):
    far.sendall(request)
    return read_message(far)


def read_message(connection):
    """A request or an answer with a Content-Length; empty at the connection's end."""
    message = b""
    try:
        while b"\r\n\r\n" not in message:
            part = connection.recv(65536)
            if not part:
                return b""
            message += part
        head, _, body = message.partition(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        while len(body) < length:
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body
    except ConnectionResetError:
        return b""


def read_event(reader):
    """One chunk with an event of records."""
    event = b""
    while not (b"event: records" in event and event.endswith(b"\n\n\r\n")):
        event += reader.recv(65536)


def drain(reader):
    """Takes what is there: comments, and what became of shards."""
    while select.select([reader], [], [], 0)[0]:
        assert reader.recv(65536), "the stream ended"


def tcp_pair():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    for end in (near, far):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return near, far
