"""A stream that is deleted and made again while a reader follows it."""

import pytest

from harness.records import make_stream, numbers
from harness.waiting import eventually

SHARD = "shardId-000000000000"


@pytest.mark.seconds(120)
def test_a_reader_is_told_that_its_stream_is_another_one(sidecars):
    service = sidecars.start("--local-limits", "off")
    kinesis = service.boto3()
    make_stream(kinesis, "s", 1)
    sidecar = sidecars.start_against(service.kinesis_url)
    reader = sidecar.follow("s", "pollDelay=20&noRecordsPollDelay=250&initialPositionInStream=TRIM_HORIZON")
    for n in range(3):
        service.put("s", {"n": n})
    reader.wait_records(3)
    kinesis.delete_stream(StreamName="s")
    eventually(lambda: "s" not in kinesis.list_streams()["StreamNames"], 15, why="the stream is gone")
    make_stream(kinesis, "s", 1)
    for n in range(3, 6):
        service.put("s", {"n": n})
    assert numbers(reader.wait_records(6, within=60)) == list(range(6))
    events = [event for event in reader.events if event.name in ("shard", "records")]
    seen = [event.data.get("change") or "records" for event in events]
    assert [change for change in seen if change != "records"] == ["assigned", "revoked", "assigned"]
    assert seen.index("revoked") > seen.index("records")
    problems = [event.data for event in reader.events if event.name == "problem" and event.data["code"] != "shardDegraded"]
    assert [problem["code"] for problem in problems] == ["streamRecreated"], problems
    assert "trimmed" not in problems[0]["detail"]
