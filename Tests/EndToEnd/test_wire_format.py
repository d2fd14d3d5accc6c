"""GetRecords in CBOR (`wireFormat`): the same events as in JSON, and who does not speak it is told by name."""

import http.server
import threading
import time

import pytest

from harness.cbor import TYPE
from harness.records import make_stream
from harness.resharding import split
from harness.sidecar import fetch, run_program
from harness.waiting import eventually

QUERY = "initialPositionInStream=TRIM_HORIZON&pollDelay=20&noRecordsPollDelay=250"
DATA = [b'{"n": 1}', b'{\n"n":\r\n2}\n', b"text", b"", bytes(range(256)), "schl\u00fcssel \u2028".encode(), b"x" * 300_000,
        b'{"fill": "' + b"y" * 100_000 + b'"}']


class Passing:
    """A proxy before a Kinesis that notes the content types of GetRecords and of its answers."""

    def __init__(self, upstream):
        self.seen = set()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = fetch(upstream, "POST", body, dict(self.headers.items()))
                if self.headers["X-Amz-Target"].endswith(".GetRecords"):
                    proxy.seen.add((self.headers["Content-Type"], answer.headers["Content-Type"]))
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers["Content-Type"])
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # one of the two has ended
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def passing(sidecar):
    proxy = Passing(sidecar.kinesis_url)
    yield proxy
    proxy.close()


def test_events_are_the_same_in_both_formats(sidecars, sidecar, passing):
    kinesis = sidecar.boto3()
    make_stream(kinesis, "s", 2)
    for number, data in enumerate(DATA):
        kinesis.put_record(StreamName="s", Data=data, PartitionKey=f'key "{number}" \\ é', ExplicitHashKey=str(number << 125))
    events = {}
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    for name in ("json", "cbor"):
        remote = sidecars.start_against(passing.url, "--wire-format", name, env=keys)
        reader = remote.follow("s", QUERY)
        records = reader.wait_records(len(DATA), 20)
        events[name] = sorted(records, key=lambda record: record["sequenceNumber"])
    assert events["json"] == events["cbor"]
    assert passing.seen == {("application/x-amz-json-1.1",) * 2, (TYPE,) * 2}


def test_a_reader_goes_over_a_split_and_a_restart(sidecars, tmp_path):
    # Where the reader has used up a shard's five reads a second, its lag is asked for again a minute later.
    sidecar = sidecars.start("--local-limits", "off")
    kinesis = sidecar.boto3()
    make_stream(kinesis, "s", 1)
    remote = sidecars.start_against(sidecar.kinesis_url, data_dir=tmp_path / "data", env={"KINESIS_SIDECAR_WIRE_FORMAT": "cbor"})
    reader = remote.follow("s", QUERY)
    for n in range(20):
        remote.put("s", {"n": n}, partitionKey=str(n))
    reader.wait_records(20)
    split(kinesis, "s", "shardId-000000000000")
    for n in range(20, 40):
        remote.put("s", {"n": n}, partitionKey=str(n))
    reader.wait_records(40, 20)
    assert remote.terminate() == 0, remote.log
    remote.start()
    remote.put("s", {"n": 40}, partitionKey="k")
    assert [r["data"]["n"] for r in remote.follow("s", QUERY).wait_records(1, 20)] == [40]
    eventually(lambda: lags(remote) == [0, 0], 20, why="the split's shards are settled up to their tips")
    # Where nobody reads the service is asked how far a shard is behind.
    remote.restart()
    eventually(lambda: lags(remote) == [0, 0], 20, why="they are, also after a restart")


def lags(sidecar):
    shards = sidecar.get("/streams/s/stats").json["consumers"][0]["shards"]
    return [shard.get("checkpointMillisBehindLatest") for shard in shards if shard["shardId"] != "shardId-000000000000"]


def test_errors_in_cbor_are_understood(sidecars, sidecar):
    make_stream(sidecar.boto3(), "s", 1)
    remote = sidecars.start_against(sidecar.kinesis_url, "--wire-format", "cbor")
    reader = remote.follow("s", QUERY)
    remote.put("s", {"n": 0})
    reader.wait_records(1)
    sidecar.fault("expireIterators")
    sidecar.fault("throttle", operation="GetRecords", count=2)
    remote.put("s", {"n": 1})
    reader.wait_records(2, 20)
    assert "wireFormat" not in remote.log
    throttles = 'kinesis_sidecar_throttles_total{stream="s",operation="GetRecords"'
    assert throttles in remote.get("/metrics").body.decode(), remote.get("/metrics").body.decode()


def test_who_does_not_speak_it_is_told_by_name(sidecars, moto, moto_kinesis):
    stream = f"s-{time.monotonic_ns()}"
    make_stream(moto_kinesis, stream, 1)
    remote = sidecars.start_against(moto.url, "--wire-format", "cbor")
    reader = remote.follow(stream, QUERY)
    eventually(lambda: "set wireFormat to json" in remote.log or None, 20, why="the log names the option")
    reader.close()


def test_other_formats_are_refused():
    done = run_program("--wire-format", "xml", "--local")
    assert done.returncode == 64 and "json" in done.stderr and "cbor" in done.stderr, done.stderr
