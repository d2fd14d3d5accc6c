"""What SDKs' ways with HTTP/2 ask of the embedded Kinesis, one rule a test; test_sdk_recordings.py plays whole conversations."""

import hashlib
import json
import socket
import time

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

from harness.http2 import DATA, GOAWAY, HEADERS, PING, PREFACE, SETTINGS, WINDOW_UPDATE, Http2, frame
from harness.http2_frames import JAVASCRIPT, JSON, WINDOW, Frames, request
from local_kinesis import Kinesis

ACK = 1
SHARD = "shardId-000000000000"


def of_stream(frames, kind):
    return [f for f in frames if f[0] == kind and f[2] == 1]


@pytest.fixture
def flow(sidecars):
    """A stream of 320 KB as JSON has it; the sidecar, and a GetRecords' body."""
    sidecar = sidecars.start("--local-limits", "off")
    kinesis = Kinesis(sidecar.kinesis_url)
    kinesis.create("flow")
    for _ in range(4):
        kinesis.boto.put_record(StreamName="flow", Data=b"x" * 60_000, PartitionKey="k")
    return sidecar, json.dumps({"ShardIterator": kinesis.iterator("flow", SHARD)}).encode()


def test_http1_and_http2_share_the_port(sidecar):
    client = Http2(sidecar.ports["kinesis"])
    kinesis = Kinesis(sidecar.kinesis_url)
    kinesis.create("s")
    stream = client.request(
        "POST", "/", b"{}", content_type=JSON, x_amz_target="Kinesis_20131202.ListStreams", **signed(
            sidecar.ports["kinesis"], b"{}", "ListStreams", "host"))
    status, body = client.answer(stream)
    assert status == 200 and json.loads(body)["StreamNames"] == ["s"]
    client.close()


def test_settings_come_first_and_wait_for_nothing(sidecar):
    frames = Frames(sidecar.ports["kinesis"])
    # Java's SDK sends no request before it has seen them.
    frames.send(PREFACE)
    kind, flags, stream, _ = frames.next()
    assert (kind, flags, stream) == (SETTINGS, 0, 0)


def test_each_settings_and_each_ping_has_one_ack(sidecar):
    port = sidecar.ports["kinesis"]
    frames = Frames(port)
    frames.send(JAVASCRIPT + frame(PING, 0, 0, b"firstone") + request(port, "ListStreams", b"{}"))
    answered = frames.until(lambda f: f[0] == DATA and f[1] & 1)
    frames.send(frame(GOAWAY, 0, 0, bytes(8)) + frame(PING, 0, 0, b"last one"))
    frames.socket.shutdown(socket.SHUT_WR)
    answered += frames.rest()
    acks = [(kind, payload) for kind, flags, stream, payload in answered if kind in (SETTINGS, PING) and flags & ACK]
    assert sorted(acks)[:3] == [(SETTINGS, b""), (SETTINGS, b""), (PING, b"firstone")]
    # The server is free to have closed before the last.
    assert acks[3:] in ([], [(PING, b"last one")])


def test_a_stream_goes_on_after_the_clients_goaway(flow):
    sidecar, body = flow
    port = sidecar.ports["kinesis"]
    frames = Frames(port)
    frames.send(JAVASCRIPT + request(port, "GetRecords", body))
    frames.until(lambda f: f[0] == HEADERS)
    # As soon as JavaScript's SDK has the head.
    frames.send(frame(GOAWAY, 0, 0, bytes(8)))
    received, room, is_last = 0, WINDOW, False
    while not is_last:
        _, flags, _, payload = frames.until(lambda f: f[0] == DATA)[-1]
        received, room, is_last = received + len(payload), room - len(payload), flags & 1
        if room == 0:
            frames.send(frame(PING, 0, 0, b"goes on?"))
            assert frames.until(lambda f: f[0] == PING)[-1][1:] == (ACK, 0, b"goes on?")
            room = WINDOW
            frames.send(b"".join(frame(WINDOW_UPDATE, 0, n, WINDOW.to_bytes(4, "big")) for n in (0, 1)))
    assert received > 320_000


def test_no_more_comes_than_the_windows_of_javascript(flow):
    sidecar, body = flow
    port = sidecar.ports["kinesis"]
    frames = Frames(port)
    frames.send(JAVASCRIPT + request(port, "GetRecords", body))
    data = b""
    while len(data) < WINDOW:
        data += frames.until(lambda f: f[0] == DATA)[-1][3]
    assert len(data) == WINDOW
    # Its answer stands behind whatever else the server has to say.
    frames.send(frame(PING, 0, 0, b"any more"))
    assert not of_stream(frames.until(lambda f: f[0] == PING), DATA)
    # Of the stream alone, while the connection's window is shut.
    frames.send(frame(WINDOW_UPDATE, 0, 1, (1000).to_bytes(4, "big")) + frame(PING, 0, 0, b"any more"))
    assert not of_stream(frames.until(lambda f: f[0] == PING), DATA)
    frames.send(frame(WINDOW_UPDATE, 0, 0, (1000).to_bytes(4, "big")))
    assert len(frames.until(lambda f: f[0] == DATA)[-1][3]) == 1000


def signed(port, body, operation, host_field, secret="local"):
    """Header fields of a signature over `:authority` (JavaScript's SDK) or `host` (Java's, which does not send it)."""
    date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    asked = botocore.awsrequest.AWSRequest("POST", f"http://127.0.0.1:{port}/", data=body)
    asked.context["timestamp"] = date
    auth = botocore.auth.SigV4Auth(botocore.credentials.Credentials("local", secret), "kinesis", "us-east-1")
    lines = {host_field: "localhost", "x-amz-date": date, "x-amz-target": "Kinesis_20131202." + operation}
    names = ";".join(sorted(lines))
    canonical = "\n".join(
        ["POST", "/", "", *(f"{name}:{lines[name]}" for name in sorted(lines)), "", names, hashlib.sha256(body).hexdigest()])
    signature = auth.signature(auth.string_to_sign(asked, canonical), asked)
    scope = auth.scope(asked)
    return {"x_amz_date": date, "authorization":
            f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names}, Signature={signature}"}


@pytest.mark.parametrize("host_field", [":authority", "host"])
@pytest.mark.parametrize("secret,expected", [("local", 200), ("wrong", 403)])
def test_signatures_over_authority_and_over_host_are_verified(sidecar, host_field, secret, expected):
    port = sidecar.ports["kinesis"]
    client = Http2(port)
    stream = client.request(
        "POST", "/", b"{}", content_type=JSON, x_amz_target="Kinesis_20131202.ListStreams",
        **signed(port, b"{}", "ListStreams", host_field, secret))
    status, body = client.answer(stream)
    assert status == expected, body
    client.close()
