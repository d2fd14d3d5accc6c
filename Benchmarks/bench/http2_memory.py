"""What an idle connection of HTTP/2 takes, and what an idle stream on it does."""

from harness.http2 import Http2
from harness.records import make_stream

from .streams import start_service

CONNECTIONS = 400
STREAMS = 2000
# A connection may have 128 (`http2Streams`).
STREAMS_EACH = 100
# That come before anything is measured: what is kept for whatever many do at a time is there once.
WARM_UP = 500


def http2_memory(bench):
    """What connections add that had one request answered, and readers that had a heartbeat each, `STREAMS_EACH` of them on a
    connection. The stream has four shards, so that nearly all readers have none."""
    print(f"memory of {CONNECTIONS} idle connections of HTTP/2, and of {STREAMS} readers, {STREAMS_EACH} on a connection")
    service = start_service(bench)
    make_stream(service.boto3(), "idle", 4)
    sidecar = bench.sidecars.start_against(
        service.kinesis_url, env={"KINESIS_SIDECAR_HEARTBEAT_INTERVAL": "2000"})
    warm = open_connections(sidecar, WARM_UP)
    idle, more = growth(sidecar, lambda: open_connections(sidecar, CONNECTIONS))
    assert all(is_answered(connection) for connection in [*warm, *idle]), "a connection did not stay"
    bench.table.add("an idle connection of HTTP/2", more / CONNECTIONS / 1e3, "KB more")
    # The others stay: what they leave would be taken by what is measured now.
    carriers = open_connections(sidecar, (WARM_UP + STREAMS) // STREAMS_EACH)
    first = carriers[:WARM_UP // STREAMS_EACH]
    follow_on(first)
    _, more = growth(sidecar, lambda: follow_on(carriers[len(first):]))
    bench.table.add("an idle SSE stream of HTTP/2", more / STREAMS / 1e3, "KB more")
    sidecar.close()
    service.close()


def growth(sidecar, work):
    """What the work returns, and how many bytes more are resident."""
    before = resident_bytes(sidecar)
    done = work()
    return done, resident_bytes(sidecar) - before


def resident_bytes(sidecar):
    """Without those of files: the kernel takes the program's own pages back when it likes."""
    for line in open(f"/proc/{sidecar.process.pid}/status"):
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no RssAnon")


def open_connections(sidecar, count):
    connections = [Http2(sidecar.ports["http"]) for _ in range(count)]
    assert all(is_answered(connection) for connection in connections)
    return connections


def is_answered(connection):
    return connection.answer(connection.request("GET", "/livez"))[0] == 200


def follow_on(connections):
    """Readers on each, one connection after the other, until all had a heartbeat (an empty comment)."""
    streams = [follow(connection) for connection in connections]
    for connection, its in zip(connections, streams):
        connection.wait(lambda c: all(b"\n:\n" in c.data.get(stream, b"") for stream in its))


def follow(connection):
    """Readers that have been answered."""
    streams = [connection.request("GET", "/streams/idle/records") for _ in range(STREAMS_EACH)]
    connection.wait(lambda c: all(stream in c.headers for stream in streams))
    return streams
