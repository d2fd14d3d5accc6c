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
    assert [problem["code"] for problem in problems(reader)] == ["streamRecreated"]
    assert "trimmed" not in problems(reader)[0]["detail"]


@pytest.mark.seconds(120)
@pytest.mark.parametrize("initial", ["TRIM_HORIZON", "LATEST"])
def test_the_next_reader_is_told_of_a_stream_that_was_made_anew_while_the_sidecar_was_down(sidecars, tmp_path, initial):
    service = sidecars.start("--local-limits", "off")
    kinesis = service.boto3()
    make_stream(kinesis, "s", 1)
    sidecar = sidecars.start_against(service.kinesis_url, data_dir=tmp_path / "data")
    query = f"pollDelay=20&noRecordsPollDelay=250&initialPositionInStream={initial}"
    before = sidecar.follow("s", query)
    service.put("s", {"n": 0})
    before.wait_records(1)
    before.close()
    assert sidecar.terminate() == 0
    kinesis.delete_stream(StreamName="s")
    eventually(lambda: "s" not in kinesis.list_streams()["StreamNames"], 15, why="the stream is gone")
    make_stream(kinesis, "s", 1)
    service.put("s", {"n": 1})
    sidecar.start()
    reader = sidecar.follow("s", query)
    eventually(lambda: problems(reader), 20, why="the reader is told")
    service.put("s", {"n": 2})
    expected = [1, 2] if initial == "TRIM_HORIZON" else [2]
    assert numbers(reader.wait_records(len(expected))) == expected
    assert [problem["code"] for problem in problems(reader)] == ["streamRecreated"]
    told = problems(reader)[0]
    assert told["wasCreatedOn"] < told["createdOn"]
    assert ("from their beginning" if initial == "TRIM_HORIZON" else "from now on") in told["detail"]
    # Once: who comes next finds nothing new.
    reader.close()
    again = sidecar.follow("s", query)
    service.put("s", {"n": 3})
    assert numbers(again.wait_records(1)) == [3]
    assert problems(again) == []


def problems(reader):
    return [event.data for event in reader.events if event.name == "problem" and event.data["code"] != "shardDegraded"]
