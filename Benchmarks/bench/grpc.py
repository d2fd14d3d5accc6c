"""gRPC beside what the same takes over HTTP: records to one reader, and puts of one record."""

import socket
import statistics
import struct
import time

import h2.config
import h2.connection
import h2.settings

from harness.records import make_stream

from . import ROUNDS
from .http_load import by_turns, h2load
from .readers import discard, open_reader
from .streams import FullStream, start_service

SERVICE = "/kinesis_sidecar.v1.KinesisSidecar/"
# The most that a window can be: nothing has to be said any more while records come.
WINDOW = (1 << 31) - 1


def grpc(bench):
    print("records to one reader of gRPC and to one of server-sent events, by turns")
    service = start_service(bench)
    for size, total in ((4000, 160_000_000), (100, 8_000_000)):
        stream = FullStream(service, f"reads-{size}", 4, (size, total))
        rates = [[rate_of(bench, service, stream, size, follow) for follow in (open_call, open_reader)]
                 for _ in range(ROUNDS)]
        calls, events = (statistics.median(column) for column in zip(*rates))
        bench.table.add(f"gRPC Follow, records of {size} bytes", calls, "records/s")
        bench.table.add(f"gRPC Follow to SSE, records of {size} bytes", calls / events, "×", 1.0)
    puts(bench, service)
    service.close()


def rate_of(bench, service, stream, size, follow):
    """Records a second from the first request to the last byte, on a sidecar of its own."""
    sidecar = bench.sidecars.start_against(service.kinesis_url)
    started = time.monotonic()
    count, last = discard([follow(sidecar, stream.name)])
    sidecar.close()
    assert count > stream.bytes, f"{count} bytes came of {stream.bytes}"
    return stream.bytes / size / (last - started)


def puts(bench, service):
    make_stream(service.boto3(), "puts", 4)
    sidecar = bench.sidecars.start_against(service.kinesis_url)
    data = b"x" * 960
    call = bench.folder / "put-message"
    call.write_bytes(framed(field(1, b"puts") + field(2, data) + field(3, b"k")))
    body = bench.folder / "put-body"
    body.write_text('{"data": {"fill": "%s"}, "partitionKey": "k"}' % ("x" * 949))
    ratio = by_turns(
        lambda: h2load(sidecar.url + SERVICE + "Put", 2, call, "content-type: application/grpc", "te: trailers"),
        lambda: h2load(f"{sidecar.url}/streams/puts/put", 2, body))
    bench.table.add("gRPC Put to POST put over HTTP/2, 64 at once", ratio, "×")
    sidecar.close()


def open_call(sidecar, stream):
    """A connection on which Follow was called, and nothing has been read."""
    options = b"".join(
        field(3, field(1, name) + field(2, value))
        for name, value in ((b"initialPositionInStream", b"TRIM_HORIZON"), (b"pollDelay", b"0")))
    message = framed(field(1, field(1, stream.encode()) + options))
    connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    connection.local_settings = h2.settings.Settings(
        client=True, initial_values={h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: WINDOW})
    connection.initiate_connection()
    connection.increment_flow_control_window(WINDOW - 65_535)
    connection.send_headers(1, [
        (":method", "POST"), (":path", SERVICE + "Follow"), (":scheme", "http"), (":authority", "localhost"),
        ("content-type", "application/grpc"), ("te", "trailers")])
    connection.send_data(1, message)
    opened = socket.create_connection(("127.0.0.1", sidecar.ports["http"]), timeout=10)
    opened.sendall(connection.data_to_send())
    return opened


def field(number, content):
    """A length-delimited field."""
    length, rest = b"", len(content)
    while rest > 127:
        length, rest = length + bytes([rest & 127 | 128]), rest >> 7
    return bytes([number << 3 | 2]) + length + bytes([rest]) + content


def framed(message):
    return b"\0" + struct.pack(">I", len(message)) + message
