"""Bodies of puts that are not one envelope: the data itself, gzip; and what `ordered=true` promises."""

import gzip
import json
import subprocess
from pathlib import Path

import pytest

from harness.lines import line
from harness.records import make_stream, read_stream


def test_a_put_whose_connection_is_cut_is_sent_again_openly(sidecar):
    def puts():
        return sidecar.get("/streams/s/stats").json["puts"]

    sidecar.put("s", {"n": 0})  # the connection to Kinesis is kept
    before = puts()
    sidecar.fault(operation="PutRecords", kind="cutAfter", count=1)
    sidecar.put("s", {"n": 1})
    assert puts()["retries"] == before["retries"] + 1 and puts()["calls"] == before["calls"] + 2


def put_with_curl(sidecar, path, file, content_type):
    answer = subprocess.run(
        ["curl", "-sS", "--data-binary", f"@{file}", "-H", f"Content-Type: {content_type}", sidecar.url + path],
        capture_output=True, text=True, timeout=30)
    return json.loads(answer.stdout)


def test_bytes_go_in_as_they_are(sidecar, kinesis, tmp_path):
    make_stream(kinesis, "s")
    data = bytes(range(256)) * 1000 + b"\r\n\x00"
    (tmp_path / "data").write_bytes(data)
    put = put_with_curl(sidecar, "/streams/s/put?partitionKey=customer%207", tmp_path / "data", "image/jpeg")
    assert put["shardId"] == "shardId-000000000000"
    [record] = read_stream(kinesis, "s")
    assert record["Data"] == data
    assert record["PartitionKey"] == "customer 7"
    assert record["SequenceNumber"] == put["sequenceNumber"]


def test_an_explicit_hash_key_chooses_the_shard(sidecar, kinesis, tmp_path):
    make_stream(kinesis, "s", shards=2)
    (tmp_path / "data").write_text('{"data": "of an envelope, but text"}')
    shards = [
        put_with_curl(
            sidecar, f"/streams/s/put?partitionKey=k&explicitHashKey={key}", tmp_path / "data", "text/csv")["shardId"]
        for key in [0, 2**128 - 1]
    ]
    assert shards == ["shardId-000000000000", "shardId-000000000001"]
    assert {record["Data"] for record in read_stream(kinesis, "s")} == {(tmp_path / "data").read_bytes()}


def test_data_over_the_stream_s_size_is_refused(sidecar, kinesis, tmp_path):
    make_stream(kinesis, "s")
    (tmp_path / "data").write_bytes(bytes(1 << 20))
    put = put_with_curl(sidecar, "/streams/s/put?partitionKey=k", tmp_path / "data", "application/octet-stream")
    assert (put["status"], put["code"]) == (413, "recordTooLarge")
    assert read_stream(kinesis, "s") == []


def test_an_ordered_put_keeps_the_order_of_each_key(sidecar, kinesis, tmp_path):
    make_stream(kinesis, "s", shards=2)
    records = [{"data": number, "partitionKey": f"k{number % 10}"} for number in range(200)]
    (tmp_path / "body").write_text(json.dumps({"records": records}))
    answer = put_with_curl(sidecar, "/streams/s/put?ordered=true", tmp_path / "body", "application/json")
    assert len(answer["records"]) == 200 and all("sequenceNumber" in record for record in answer["records"])
    written = read_stream(kinesis, "s")
    assert len(written) == 200
    for key in {record["partitionKey"] for record in records}:
        numbers = [int(record["Data"]) for record in written if record["PartitionKey"] == key]
        assert numbers == [record["data"] for record in records if record["partitionKey"] == key]


def zipped_with_curl(sidecar, path, file, *more):
    answer = subprocess.run(
        ["curl", "-sS", "-X", "POST", "-T", str(file), "-H", "Content-Encoding: gzip", *more, sidecar.url + path],
        capture_output=True, timeout=60, check=True)
    return [json.loads(line) for line in answer.stdout.splitlines()]


def test_gzip_of_other_implementations_is_read(sidecar, kinesis, tmp_path):
    make_stream(kinesis, "s")
    records = [{"data": {"n": number}} for number in range(300)]
    (tmp_path / "envelope").write_bytes(gzip.compress(json.dumps({"records": records}).encode()))
    [put] = zipped_with_curl(sidecar, "/streams/s/put", tmp_path / "envelope", "-H", "Content-Type: application/json")
    assert len(put["records"]) == 300
    # Lines of members that were written one after the other, as log writers do; cut anywhere.
    lines = b"".join(gzip.compress(line(number).encode()) for number in range(2000))
    (tmp_path / "lines").write_bytes(lines)
    [end] = zipped_with_curl(sidecar, "/streams/s/put", tmp_path / "lines", "-H", "Content-Type: application/jsonl")
    assert (end["lines"], end["accepted"]) == (2000, 2000)
    assert sorted(record["Data"] for record in read_stream(kinesis, "s")) == sorted(
        [b'{"n":%d}' % number for number in range(300)] + [b"%d" % number for number in range(2000)])


@pytest.mark.parametrize("content_type", ["application/json", "application/octet-stream", "application/x-ndjson"])
def test_a_gzip_bomb_is_refused_in_little_memory(sidecar, kinesis, tmp_path, content_type):
    make_stream(kinesis, "s")
    # 1 GiB of one line, in 1 MB.
    (tmp_path / "bomb").write_bytes(gzip.compress(b'{"data":"') + gzip.compress(b"x" * (16 << 20)) * 64)
    before = peak_kilobytes(sidecar)
    answers = zipped_with_curl(sidecar, "/streams/s/put", tmp_path / "bomb", "-H", f"Content-Type: {content_type}")
    # The limit is 16 MiB, and a buffer grows by doubling.
    assert peak_kilobytes(sidecar) < before + 64 * 1024
    if content_type == "application/x-ndjson":
        # Of 16 MiB of a line that is too long the rest is passed over as it comes.
        assert answers[0]["errorCode"] == "bodyTooLarge" and answers[-1]["failed"] == 1
    else:
        assert [answer["code"] for answer in answers] == ["bodyTooLarge"]


def peak_kilobytes(sidecar):
    status = Path(f"/proc/{sidecar.process.pid}/status").read_text()
    [peak] = [field for field in status.splitlines() if field.startswith("VmHWM:")]
    return int(peak.split()[1])
