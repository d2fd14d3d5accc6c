"""Memory of large puts: many bodies come at once, more than there is room for.

Every client sends its whole body, with its length ahead or in chunks, whatever it is answered. Those that were refused put
nothing.
"""

import json
import socket
import threading

from harness.records import make_stream

from .memory import peak_bytes
from .streams import start_service

BODIES = 48
BODY_BYTES = int(13.5 * (1 << 20))
RECORDS = 20
CHUNK_BYTES = 64 << 10


def put_bodies(bench):
    print(f"{BODIES} put bodies of {BODY_BYTES / (1 << 20)} MiB at once")
    service = start_service(bench)
    make_stream(service.boto3(), "bodies", 4)
    body = put_body()
    for framing, head, framed in (
            ("with a length", f"Content-Length: {len(body)}", body),
            ("in chunks", "Transfer-Encoding: chunked", chunked(body))):
        put_all(bench, service, framing, head, framed)
    service.close()


def put_all(bench, service, framing, head, framed):
    """On a sidecar of its own."""
    sidecar = bench.sidecars.start_against(service.kinesis_url)
    puts = [LargePut(sidecar, "bodies", head, framed) for _ in range(BODIES)]
    for put in puts:
        put.start()
    for put in puts:
        put.join()
    statuses = [put.status for put in puts]
    counts = {status: statuses.count(status) for status in sorted(set(statuses))}
    print(f"    {framing}, responses: {counts}")
    assert counts.get(200), "none was stored"
    bench.table.add(
        f"{BODIES} put bodies of {BODY_BYTES / 1e6:.0f} MB at once, {framing}", peak_bytes(sidecar) / 1e6,
        "MB resident at most", 150, at_least=False)
    sidecar.close()


def put_body():
    fill = "x" * (BODY_BYTES // RECORDS - 64)
    records = [{"data": {"fill": fill}, "partitionKey": f"key-{n}"} for n in range(RECORDS)]
    return json.dumps({"records": records}).encode()


def chunked(body):
    parts = [body[at:at + CHUNK_BYTES] for at in range(0, len(body), CHUNK_BYTES)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in [*parts, b""])


class LargePut(threading.Thread):
    """One put on a connection of its own; `status` once it has ended, 0 where the connection ended without one."""

    def __init__(self, sidecar, stream, framing, body):
        super().__init__(daemon=True)
        self.connection = socket.create_connection(("127.0.0.1", sidecar.ports["http"]), timeout=120)
        self.head = (
            f"POST /streams/{stream}/put HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"{framing}\r\n\r\n").encode()
        self.body = body
        self.status = 0

    def run(self):
        with self.connection:
            try:
                self.connection.sendall(self.head)
                self.connection.sendall(self.body)
                self.status = int(self.connection.recv(64).split()[1])
            except (OSError, IndexError):
                pass  # refused, and closed before all of the body was sent
