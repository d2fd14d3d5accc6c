"""Memory of large puts: many bodies come at once, more than there is room for.

Every client sends its whole body, whatever it is answered. Those that were refused put nothing.
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


def put_bodies(bench):
    print(f"{BODIES} put bodies of {BODY_BYTES / (1 << 20)} MiB at once")
    service = start_service(bench)
    make_stream(service.boto3(), "bodies", 4)
    sidecar = bench.sidecars.start_against(service.kinesis_url)
    body = put_body()
    puts = [LargePut(sidecar, "bodies", body) for _ in range(BODIES)]
    for put in puts:
        put.start()
    for put in puts:
        put.join()
    statuses = [put.status for put in puts]
    counts = {status: statuses.count(status) for status in sorted(set(statuses))}
    print(f"    responses: {counts}")
    assert counts.get(200), "none was stored"
    bench.table.add(
        f"{BODIES} put bodies of {BODY_BYTES / 1e6:.0f} MB at once", peak_bytes(sidecar) / 1e6, "MB resident at most",
        150, at_least=False)
    sidecar.close()
    service.close()


def put_body():
    fill = "x" * (BODY_BYTES // RECORDS - 64)
    records = [{"data": {"fill": fill}, "partitionKey": f"key-{n}"} for n in range(RECORDS)]
    return json.dumps({"records": records}).encode()


class LargePut(threading.Thread):
    """One put on a connection of its own; `status` once it has ended, 0 where the connection ended without one."""

    def __init__(self, sidecar, stream, body):
        super().__init__(daemon=True)
        self.connection = socket.create_connection(("127.0.0.1", sidecar.ports["http"]), timeout=120)
        self.head = (
            f"POST /streams/{stream}/put HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode()
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
