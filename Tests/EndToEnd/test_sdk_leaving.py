"""How clients were recorded to leave a subscription (Tests/Recordings/sdk), and that the embedded Kinesis goes on for none of
them: nobody is subscribed any more, and the next call is answered as the rules say."""

import json
import socket
import time

import pytest

from harness.http2 import DATA, GOAWAY, HEADERS, RST_STREAM, frame
from harness.http2_frames import JAVASCRIPT, JSON, Frames, request
from harness.sdk_recordings import messages
from harness.waiting import eventually
from local_kinesis import Kinesis

SHARD = "shardId-000000000000"
PROTECTION = 5  # seconds after a call that succeeded


class Subscribed:
    """A stream of one shard, a consumer, and what is asked for it."""

    def __init__(self, sidecar):
        self.sidecar, self.port = sidecar, sidecar.ports["kinesis"]
        self.kinesis = Kinesis(sidecar.kinesis_url, read_timeout=20).boto
        stream = Kinesis(sidecar.kinesis_url).create("s")["StreamARN"]
        self.consumer = self.kinesis.register_stream_consumer(StreamARN=stream, ConsumerName="c")["Consumer"]["ConsumerARN"]
        eventually(self.is_active, why="the consumer is active")
        self.body = json.dumps({
            "ConsumerARN": self.consumer, "ShardId": SHARD, "StartingPosition": {"Type": "TRIM_HORIZON"}}).encode()
        self.called = time.monotonic()

    def is_active(self):
        described = self.kinesis.describe_stream_consumer(ConsumerARN=self.consumer)
        return described["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE"

    def put(self, data):
        self.kinesis.put_record(StreamName="s", Data=data, PartitionKey="k")

    def begin(self):
        """Over HTTP/2 as JavaScript begins, up to the first record."""
        self.put(b"first")
        frames = Frames(self.port)
        self.called = time.monotonic()
        frames.send(JAVASCRIPT + request(self.port, "SubscribeToShard", self.body))
        frames.until(lambda f: f[0] == DATA and b'"Data"' in f[3])
        return frames

    def call(self):
        """boto3's, which is refused as long as the rules say."""
        try:
            return self.kinesis.subscribe_to_shard(**json.loads(self.body))["EventStream"]
        except self.kinesis.exceptions.ResourceInUseException:
            return None

    def is_taken_over(self):
        """The next call gets what comes."""
        stream = eventually(self.call, 3 * PROTECTION, why="the next call is accepted")
        assert time.monotonic() - self.called >= PROTECTION, "the last one is protected"
        self.put(b"last")
        records = (record["Data"] for event in stream for record in event["SubscribeToShardEvent"]["Records"])
        assert b"last" in records
        assert len(self.sidecar.subscriptions()) == 1
        stream.close()
        self.is_nobodys()

    def is_nobodys(self):
        eventually(lambda: self.sidecar.subscriptions() == [], why="nobody is subscribed")


@pytest.fixture
def subscribed(sidecars):
    return Subscribed(sidecars.start("--local-limits", "off"))


def test_java_leaves_by_resetting_the_stream(subscribed):
    frames = subscribed.begin()
    assert subscribed.sidecar.subscriptions() == [{"stream": "s", "consumer": "c", "shardId": SHARD}]
    # Sometimes it resets the stream that it has closed once more.
    for code in (8, 5):
        frames.send(frame(RST_STREAM, 0, 1, code.to_bytes(4, "big")))
    subscribed.is_nobodys()
    frames.send(request(subscribed.port, "ListStreams", b"{}", stream=3))
    answer = frames.until(lambda f: f[0] == DATA and f[2] == 3)
    assert b'"s"' in answer[-1][3], "the connection lives on"
    assert all(f[2] != 1 for f in answer)
    subscribed.is_taken_over()


def test_javascript_leaves_by_closing_after_goaway(subscribed):
    frames = subscribed.begin()
    frames.send(frame(GOAWAY, 0, 0, bytes(8)))
    subscribed.put(b"second")
    frames.until(lambda f: f[0] == DATA and b'"Data"' in f[3])
    frames.send(frame(GOAWAY, 0, 0, bytes(8)))
    frames.socket.close()
    subscribed.is_nobodys()
    subscribed.is_taken_over()


@pytest.mark.parametrize("is_reset", [False, True])
def test_http1_is_closed_in_the_middle_of_a_chunk(subscribed, is_reset):
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    client.settimeout(20)
    client.connect(("127.0.0.1", subscribed.port))
    for _ in range(8):
        subscribed.put(b"x" * 1_000_000)
    subscribed.called = time.monotonic()
    client.sendall(
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nX-Amz-Target: Kinesis_20131202.SubscribeToShard\r\n"
        b"Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host, "
        b"Signature=%s\r\nContent-Length: %d\r\n\r\n%s" % (JSON.encode(), b"0" * 64, len(subscribed.body), subscribed.body))
    received = b""
    while len(received) < 50_000:
        received += client.recv(16384)
    assert received.startswith(b"HTTP/1.1 200 ")
    if is_reset:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1] + [0] * 7))
    client.close()
    subscribed.is_nobodys()
    subscribed.is_taken_over()


def test_javascript_does_not_leave_at_all(subscribed):
    frames = subscribed.begin()
    frames.send(frame(GOAWAY, 0, 0, bytes(8)))
    # It reads on and forgets what it reads.
    subscribed.put(b"second")
    frames.until(lambda f: f[0] == DATA and b'"Data"' in f[3])
    assert len(subscribed.sidecar.subscriptions()) == 1
    subscribed.is_taken_over()
    rest = frames.until(lambda f: f[0] == DATA and f[1] & 1)
    (headers, _) = messages(b"".join(f[3] for f in rest if f[0] == DATA and f[2] == 1))[-1]
    assert headers[":exception-type"] == "ResourceInUseException"
    assert all(f[0] != HEADERS for f in rest)
