"""NDJSON puts: a record a line of one long request."""

import json
import socket
import statistics
import threading
import time

from harness.records import make_stream

from . import ROUNDS, SECONDS
from .streams import start_service

# Lines that are written at once, about 1 MB.
PIECE_BYTES = 1_000_000


def lines(bench):
    """No target: a record a line, for `SECONDS` a round, in one request a connection."""
    print("NDJSON puts, a record a line, the embedded Kinesis in another process")
    service = start_service(bench)
    sidecar = bench.sidecars.start_against(service.kinesis_url)
    for size in (200, 1000):
        for connections in (1, 4):
            stream = f"lines-{size}-{connections}"
            make_stream(service.boto3(), stream, 4)
            rate = statistics.median(put_lines(sidecar, stream, size, connections) for _ in range(ROUNDS))
            bench.table.add(f"NDJSON puts of {size:,} B, {connections} connections", rate / 1e3, "thousand records/s")
    sidecar.close()
    service.close()


def put_lines(sidecar, stream, size, connections):
    """Records a second, from the first byte sent to the last answer."""
    writers = [LineWriter(sidecar, stream, size) for _ in range(connections)]
    started = time.monotonic()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    seconds = time.monotonic() - started
    for writer in writers:
        assert (writer.counts["accepted"], writer.counts["failed"]) == (writer.sent, 0), writer.counts
    return sum(writer.sent for writer in writers) / seconds


class LineWriter(threading.Thread):
    """One request whose body is sent for `SECONDS`, in chunks, as fast as it is taken."""

    def __init__(self, sidecar, stream, size):
        super().__init__(daemon=True)
        self.connection = socket.create_connection(("127.0.0.1", sidecar.ports["http"]), timeout=60)
        self.head = (
            f"POST /streams/{stream}/put HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
            "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n").encode()
        fill = "x" * (size - len('{"fill":""}'))
        self.piece = [
            json.dumps({"data": {"fill": fill}, "partitionKey": f"key-{n}"}, separators=(",", ":")) + "\n"
            for n in range(PIECE_BYTES // size)]
        self.sent = 0
        self.counts = None

    def run(self):
        body = "".join(self.piece).encode()
        chunk = b"%x\r\n%b\r\n" % (len(body), body)
        with self.connection:
            self.connection.sendall(self.head)
            until = time.monotonic() + SECONDS
            while time.monotonic() < until:
                self.connection.sendall(chunk)
                self.sent += len(self.piece)
            self.connection.sendall(b"0\r\n\r\n")
            answer = b"".join(iter(lambda: self.connection.recv(65536), b""))
        last = next(line for line in reversed(answer.splitlines()) if line.startswith(b'{"lines"'))
        self.counts = json.loads(last)
