"""HTTP/2 by prior knowledge on the same port: curl, Python's h2, and frames that no good client sends."""

import json
import struct
import subprocess
import threading

import pytest

from harness.http2 import (
    CONTINUATION, DATA, ENHANCE_YOUR_CALM, FLOW_CONTROL_ERROR, HEADERS, PING, PRIORITY, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, Http2, RawFrames, frame)
from harness.waiting import eventually

# GET /livez of localhost in HPACK: static entries, the path and the authority as literals (RFC 7541, 6).
LIVEZ = b"\x82\x86\x04\x06/livez\x41\x09localhost"
END_STREAM, END_HEADERS = 1, 4
FLOOD = 110_000


def test_curl_speaks_http2(sidecar):
    def curl(*arguments, body=None):
        command = ["curl", "-sS", "--http2-prior-knowledge", "-w", "\n%{http_version} %{http_code}", *arguments]
        run = subprocess.run(command, input=body, capture_output=True, text=True, timeout=30)
        assert run.returncode == 0, run.stderr
        body, _, facts = run.stdout.rpartition("\n")
        return facts, body

    facts, body = curl(f"{sidecar.url}/streams/orders/put", "-d", '{"data": {"n": 1}}')
    assert facts == "2 200" and "sequenceNumber" in body
    for path in ("/", "/livez", "/readyz", "/metrics", "/stats", "/streams", "/openapi.yaml", "/streams/orders/shards"):
        facts, body = curl(sidecar.url + path)
        assert facts == "2 200" and body, path
    facts, body = curl(f"{sidecar.url}/nowhere")
    assert facts == "2 404" and json.loads(body)["code"] == "unknownRoute"
    assert curl("-I", f"{sidecar.url}/livez")[0] == "2 200"
    # 0.5 MB: many frames, several windows.
    big = json.dumps({"records": [{"data": "x" * 1000, "partitionKey": str(n)} for n in range(500)]})
    facts, body = curl(f"{sidecar.url}/streams/orders/put", "-d", "@-", body=big)
    assert facts == "2 200" and len(json.loads(body)["records"]) == 500


def test_a_stream_is_followed_and_a_slow_one_holds_up_only_itself(sidecar):
    sidecar.put("orders", {"n": 0})
    query = "initialPositionInStream=TRIM_HORIZON&pollDelay=20&noRecordsPollDelay=250"
    client = Http2(sidecar.ports["http"], opens_windows=False)
    slow = client.request("GET", f"/streams/orders/records?{query}", accept="text/event-stream")
    client.wait(lambda c: b'"n":0' in c.data.get(slow, b""))
    assert client.headers[slow]["content-type"].startswith("text/event-stream")
    for n in range(1, 200):
        sidecar.put("orders", {"n": n, "fill": "x" * 1000})
    # Nothing is read of it any more: its window of 64 KiB is full, and the connection's is opened for others alone.
    client.wait(lambda c: len(c.data[slow]) > 60_000)
    client.connection.increment_flow_control_window(1 << 20)
    client.flush()
    put = client.request("POST", "/streams/other/put", b'{"data": 1}', content_type="application/json")
    status, body = client.answer(put)
    assert status == 200, body
    seen = len(client.data[slow])
    client.connection.increment_flow_control_window(1 << 20, slow)
    client.flush()
    client.wait(lambda c: b'"n":199' in c.data[slow])
    assert len(client.data[slow]) > seen
    client.close()
    idle = {"idle"}
    eventually(lambda: phases(sidecar) == idle, 10, why="its reader has gone")


def phases(sidecar):
    return {shard["phase"] for shard in sidecar.get("/streams/orders/stats").json["consumers"][0]["shards"]}


def test_many_streams_at_a_time_and_one_that_is_reset(sidecar):
    client = Http2(sidecar.ports["http"])
    puts = [client.request("POST", "/streams/s/put", json.dumps({"data": n}).encode()) for n in range(100)]
    client.connection.reset_stream(puts[50], error_code=8)
    client.flush()
    answers = [client.answer(put) for put in puts if put != puts[50]]
    assert {status for status, _ in answers} == {200}
    client.close()


def test_a_stop_ends_streams_in_order_and_says_goaway(sidecar):
    client = Http2(sidecar.ports["http"])
    stream = client.request("GET", "/streams/orders/records?initialPositionInStream=TRIM_HORIZON")
    sidecar.put("orders", {"n": 1})
    client.wait(lambda c: b'"n":1' in c.data.get(stream, b""))
    ending = threading.Thread(target=sidecar.terminate)
    ending.start()
    client.wait(lambda c: stream in c.ended)
    assert b"event: end" in client.data[stream] and stream not in client.resets
    client.wait(lambda c: c.goaway is not None or c.is_closed)
    assert client.goaway == 0
    client.close()
    ending.join()


def test_heads_that_are_too_large_or_wrong_are_refused_and_the_connection_goes_on(sidecar):
    client = Http2(sidecar.ports["http"])
    status, body = client.answer(client.request("GET", "/livez", x_fill="x" * 17_000))
    assert status == 431 and json.loads(body)["code"] == "headerTooLarge"
    status, body = client.answer(client.request("POST", "/streams/s/put", b"{"))
    assert status == 400 and json.loads(body)["code"] == "malformedJSON"
    assert client.answer(client.request("GET", "/livez"))[0] == 200
    client.close()


def test_a_body_that_is_too_large_is_refused(sidecar):
    client = Http2(sidecar.ports["http"])
    put = client.connection.get_next_available_stream_id()
    client.connection.send_headers(put, [
        (":method", "POST"), (":path", "/streams/s/put"), (":scheme", "http"), (":authority", "localhost"),
        ("content-length", "20000000")])
    client.flush()
    client.wait(lambda c: put in c.headers)
    assert client.headers[put][":status"] == "413"
    client.wait(lambda c: put in c.resets or put in c.ended)
    client.close()


@pytest.mark.parametrize("reads", [True, False])
def test_what_a_stopped_reader_has_shown_to_have_got_does_not_come_again(sidecar, reads):
    """A PING behind the last data, which a client answers that has read it."""
    sidecar.put("s", {"n": 1})
    path = "/streams/s/records?initialPositionInStream=TRIM_HORIZON&pollDelay=20&noRecordsPollDelay=250"
    client = Http2(sidecar.ports["http"])
    stream = client.request("GET", path, accept="text/event-stream")
    client.wait(lambda c: b'"n":1' in c.data.get(stream, b""))
    stopping = threading.Thread(target=lambda: sidecar.post("/streams/s/stop", b""), daemon=True)
    stopping.start()
    if reads:
        client.wait(lambda c: stream in c.ended)
        eventually(lambda: "reader detached" in sidecar.log, 20, why="the PING is answered")
    client.socket.close()
    eventually(lambda: "reader detached" in sidecar.log, 20, why="the reader's end is seen")
    assert ("orderly" if reads else "lost") in next(
        line for line in sidecar.log.splitlines() if "reader detached" in line)
    stopping.join(20)
    assert sidecar.post("/streams/s/start", b"").status == 200
    sidecar.put("s", {"n": 2})
    again = sidecar.follow("s", path.partition("?")[2])
    again.wait_records(1 if reads else 2)
    assert [record["data"]["n"] for record in again.records] == ([2] if reads else [1, 2])


def floods():
    opened = frame(HEADERS, END_STREAM | END_HEADERS, 1, LIVEZ)
    yield "settings", b"".join(frame(SETTINGS, 0, 0) for _ in range(200))
    yield "ping", b"".join(frame(PING, 0, 0, b"12345678") for _ in range(5000))
    yield "rapid reset", b"".join(
        frame(HEADERS, END_STREAM | END_HEADERS, stream, LIVEZ) + frame(RST_STREAM, 0, stream, struct.pack(">I", 8))
        for stream in range(1, 6001, 2))
    # The server has to reset each of them: its window would have more than 2^31-1 (CVE-2025-8671).
    yield "made to reset", b"".join(
        frame(HEADERS, END_HEADERS, stream, LIVEZ) + frame(WINDOW_UPDATE, 0, stream, b"\x7f\xff\xff\xff")
        for stream in range(1, 6001, 2))
    yield "empty data", frame(HEADERS, END_HEADERS, 1, LIVEZ.replace(b"\x82", b"\x83", 1)) + b"".join(
        frame(DATA, 0, 1) for _ in range(1000))
    yield "continuation", frame(HEADERS, 0, 1, LIVEZ) + b"".join(frame(CONTINUATION, 0, 1, b"") for _ in range(1000))
    yield "priority", b"".join(frame(PRIORITY, 0, 1, b"\0\0\0\0\x10") for _ in range(2000))
    yield "window", opened + b"".join(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)) for _ in range(FLOOD))


@pytest.mark.parametrize("name,frames", floods(), ids=lambda value: value if isinstance(value, str) else "")
def test_a_flood_ends_its_connection_alone(sidecar, name, frames):
    other = Http2(sidecar.ports["http"])
    assert other.answer(other.request("GET", "/livez"))[0] == 200
    flood = RawFrames(sidecar.ports["http"])
    flood.send(frames)
    # nghttp2 ends some of them itself: at limits of its own it says nothing more, and a window that is too large is an error
    # of the connection to its newer versions.
    ends = (FLOW_CONTROL_ERROR, ENHANCE_YOUR_CALM) if name == "made to reset" else (ENHANCE_YOUR_CALM, None)
    assert flood.goaway() in ends, name
    assert other.answer(other.request("GET", "/livez"))[0] == 200
    other.close()


@pytest.mark.parametrize("part", [
    frame(HEADERS, END_STREAM, 1, LIVEZ),
    frame(HEADERS, END_STREAM | END_HEADERS, 1, LIVEZ)[:-5],
    frame(HEADERS, END_STREAM | END_HEADERS, 1, LIVEZ)[:9],
], ids=["without its end", "half of it", "its head alone"])
@pytest.mark.parametrize("is_busy", [False, True])
def test_a_request_that_does_not_come_to_its_end_is_cut_in_time(sidecars, tmp_path, part, is_busy):
    config = tmp_path / "config.yaml"
    config.write_text("headerTimeout: 500\n")
    sidecar = sidecars.start("--config", config)
    client = RawFrames(sidecar.ports["http"])
    if is_busy:
        # A stream of events, which alone would keep the connection.
        fields = b"\x82\x86\x04\x12/streams/s/records\x41\x09localhost"
        client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, fields))
        part = part[:5] + struct.pack(">I", 3) + part[9:]
    client.send(part)
    assert client.goaway() == 0
    assert sidecar.get("/livez").status == 200


@pytest.mark.parametrize("garbage", [
    b"\0" * 200, frame(DATA, 0, 0, b"x"), frame(HEADERS, 0, 1, b"\xff" * 50), frame(99, 0, 0), b"\xff" * 3000,
    frame(SETTINGS, 0, 0, b"123"), frame(RST_STREAM, 0, 0, b"1234"), frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\0"),
    frame(CONTINUATION, 4, 1, LIVEZ)], ids=range(9))
def test_nonsense_ends_its_connection_alone(sidecar, garbage):
    other = Http2(sidecar.ports["http"])
    raw = RawFrames(sidecar.ports["http"])
    raw.send(garbage)
    raw.socket.shutdown(1)
    raw.goaway()
    assert other.answer(other.request("GET", "/livez"))[0] == 200
    other.close()
