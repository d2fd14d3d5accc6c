"""Readers with the narrowest limits that client libraries have (harness/strict.py) get every record."""

import json

import httpx
import pytest

from harness.records import make_stream, numbers
from harness.strict import StrictLines, StrictReader, TooLong
from harness.waiting import eventually

SPLITTERS = "a\u2028b\u2029c\u0085d Å 😀"
FOLLOW = "initialPositionInStream=TRIM_HORIZON&pollDelay=20&noRecordsPollDelay=250"


def put(kinesis, count):
    """Records of 1 to 30 KB, as JSON, whose texts and partition keys hold what ends a line for some."""
    for first in range(0, count, 50):
        kinesis.put_records(StreamName="s", Records=[
            {"Data": json.dumps({"n": n, "text": SPLITTERS + "x" * (n * 97 % 30_000)}, ensure_ascii=False).encode(),
             "PartitionKey": f"{n} \u2028"} for n in range(first, first + 50)])


@pytest.mark.seconds(120)
@pytest.mark.parametrize("kind, accept", [(StrictReader, "text/event-stream"), (StrictLines, "application/jsonl")])
def test_a_strict_reader_gets_every_record_and_nothing_empty(sidecars, kind, accept):
    sidecar = sidecars.start("--local-limits", "off")
    make_stream(sidecar.boto3(), "s", 4)
    put(sidecar.boto3(), 600)
    reader = kind(f"{sidecar.url}/streams/s/records?{FOLLOW}&heartbeatInterval=100", {"Accept": accept})
    reader.read(lambda r: len(r.records) >= 600)
    comments = len(reader.comments)
    reader.read(lambda r: len(r.comments) >= comments + 3)
    assert sorted(numbers(reader.records)) == list(range(600))
    for record in reader.records:
        assert record["data"]["text"].startswith(SPLITTERS) and record["partitionKey"].endswith(" \u2028")
    assert reader.empty_events == 0
    assert 50_000 < reader.longest <= 60_000
    reader.close()


def test_a_record_that_a_client_never_takes_is_told_once_in_the_log(sidecar):
    sidecar.put("s", {"n": 0})
    sidecar.put("s", {"fill": "x" * 300_000})
    last = None
    for attempt in range(1, 6):
        headers = {"Last-Event-ID": last} if last else {}
        reader = StrictReader(f"{sidecar.url}/streams/s/records?{FOLLOW}", headers)
        with pytest.raises(TooLong):
            reader.read(lambda r: False)
        reader.reset()
        last = reader.last_id
        eventually(lambda: sidecar.log.count("reader detached") == attempt, 10, why="the sidecar has noticed")
    lines = [json.loads(line) for line in sidecar.log.splitlines() if "lost again and again" in line]
    assert len(lines) == 1, lines
    assert lines[0]["bytes"] > 300_000 and lines[0]["times"] == 3


def test_the_default_time_out_of_httpx_is_no_limit(sidecar):
    """5 s without a byte; LaunchDarkly's and okhttp's clients have the like."""
    with httpx.stream("GET", f"{sidecar.url}/streams/s/records", trust_env=False) as response:
        beats = (line for line in response.iter_lines() if line == ":")
        assert next(beats) == next(beats) == ":"


def test_a_refused_reader_leaves_a_line_in_the_log(sidecar):
    for _ in range(3):
        assert sidecar.get("/streams/s/records?limt=5").status == 400
    assert sidecar.get("/streams/s/records?polDelay=5").status == 400
    assert sidecar.get("/streams/s/records", headers={"Host": "elsewhere"}).status == 421
    eventually(lambda: "foreignHost" in sidecar.log, why="the log is written")
    lines = [json.loads(line) for line in sidecar.log.splitlines() if "/streams/s/records" in line]
    assert [line["code"] for line in lines] == ["unknownOption", "unknownOption", "foreignHost"]
    assert "limt" in lines[0]["error"] and "polDelay" in lines[1]["error"]
