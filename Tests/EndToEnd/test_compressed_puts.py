"""`compression: LZ-UTF8`, as the configuration says it of a stream, in every way of putting."""

import base64
import hashlib
import json

import pytest

from harness.lz_utf8 import decompress
from harness.records import make_stream, read_stream

ORDER = {"id": 7, "items": [{"sku": "A-1", "note": "größer als 10 €"}] * 20}
TEXT = json.dumps(ORDER, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.fixture
def sidecar(sidecars, tmp_path):
    (tmp_path / "config.yaml").write_text("consumers:\n- streamName: s\n  compression: LZ-UTF8\n  shardCount: 1\n")
    sidecar = sidecars.start("--config", str(tmp_path / "config.yaml"))
    make_stream(sidecar.boto3(), "plain")
    return sidecar


def test_what_is_put_is_compressed(sidecar):
    sidecar.post("/streams/s/put", b'{"data": %s}' % TEXT)
    sidecar.post("/put", b'{"streamName": "s", "records": [{"data": %s, "partitionKey": "k"}]}' % TEXT)
    sidecar.post("/streams/s/put", TEXT, headers={"Content-Type": "text/csv"})
    lines = b'{"data": %s}\n' % TEXT * 2
    assert sidecar.post("/streams/s/put", lines, headers={"Content-Type": "application/x-ndjson"}).status == 200
    records = read_stream(sidecar.boto3(), "s")
    assert len(records) == 5
    for record in records:
        assert len(record["Data"]) < len(TEXT) / 4
        assert decompress(record["Data"]) == TEXT
        key = base64.b64encode(hashlib.sha1(record["Data"]).digest()).decode()
        assert record["PartitionKey"] in ("k", key)
    # Another stream's are as they were.
    sidecar.post("/streams/plain/put", b'{"data": %s}' % TEXT)
    assert [record["Data"] for record in read_stream(sidecar.boto3(), "plain")] == [TEXT]


def test_bytes_that_are_no_text_are_refused(sidecar):
    answer = sidecar.post("/streams/s/put", {"data": base64.b64encode(b"\xc3(").decode(), "dataEncoding": "base64"})
    assert (answer.status, answer.json["code"]) == (400, "badField")
    assert "not UTF-8" in answer.json["detail"] and "LZ-UTF8" in answer.json["detail"]
    assert read_stream(sidecar.boto3(), "s") == []
