"""What a reader gets again, and what it does not: connections that end without order, Last-Event-ID, a killed sidecar."""

import json

import pytest

from harness.records import assert_in_order, first_arrivals, make_stream, numbers
from harness.sidecar import fetch
from harness.waiting import eventually

QUICK = "pollDelay=20&noRecordsPollDelay=250"
FROM_START = QUICK + "&initialPositionInStream=TRIM_HORIZON"


def put_numbers(sidecar, stream, count, first=0, fill=0, key="k"):
    for start in range(first, first + count, 100):
        records = [
            {"data": {"n": n, "fill": "x" * fill}, "partitionKey": f"{key}{n % 7}"}
            for n in range(start, min(start + 100, first + count))]
        answer = sidecar.post(f"/streams/{stream}/put", {"records": records}, timeout=60)
        assert answer.status == 200, answer


def unread_bytes(sidecar):
    """What the sidecar has sent and counts as delivered, of all shards."""
    stats = sidecar.get("/streams/s/stats").json
    return sum(shard["bytes"] for consumer in stats["consumers"] for shard in consumer["shards"])


@pytest.fixture
def pair(sidecars, tmp_path):
    """An embedded Kinesis and a sidecar in a process of its own, which can be killed."""
    service = sidecars.start("--local-limits", "off")
    make_stream(service.boto3(), "s", 4)
    return service, sidecars.start_against(service.kinesis_url, data_dir=tmp_path / "data")


def test_a_reader_that_is_killed_with_megabytes_unread_loses_nothing(pair):
    service, sidecar = pair
    stuck = sidecar.follow_by_socket("s", FROM_START)
    put_numbers(service, "s", 3000, fill=2000)
    # Megabytes lie in the socket, checkpointed, and nobody has read them.
    eventually(lambda: unread_bytes(sidecar) > 2_000_000, 20, why="the socket has taken megabytes")
    stuck.reset()
    eventually(lambda: sidecar.get("/streams").json["consumers"][0]["readers"] == [], 10, why="its end is noticed")
    again = sidecar.follow("s", FROM_START)
    again.wait(lambda r: len(first_arrivals(r.records)) >= 3000, 40, "every record")
    assert sorted(numbers(first_arrivals(again.records))) == list(range(3000))
    assert_in_order(again.records)


def test_service_and_sidecar_that_are_stopped_together_lose_nothing(pair):
    """A deploy: the service ends with bytes in its socket while the sidecar drains."""
    service, sidecar = pair
    stuck = sidecar.follow_by_socket("s", FROM_START)
    put_numbers(service, "s", 200, fill=2000)
    eventually(lambda: unread_bytes(sidecar) >= 200 * 2000, 20, why="the socket has taken everything")
    sidecar.process.terminate()
    eventually(lambda: "draining" in sidecar.log, 10, why="it drains")
    stuck.reset()
    assert sidecar.process.wait(30) == 0, sidecar.log
    sidecar.start()
    again = sidecar.follow("s", QUICK)
    again.wait(lambda r: len(r.records) >= 200, 30, "every record")
    assert sorted(numbers(again.records)) == list(range(200))


def test_a_reader_that_was_stopped_by_ctrl_c_gets_nothing_twice(pair):
    """curl reads what comes at once: its close says that it has read everything."""
    service, sidecar = pair
    first = sidecar.follow("s", FROM_START)
    put_numbers(service, "s", 300)
    first.wait_records(300)
    first.close()
    put_numbers(service, "s", 50, first=300)
    second = sidecar.follow("s", QUICK)
    second.wait(lambda r: len(r.records) >= 50, 20, "the new records")
    assert sorted(numbers(second.records)) == list(range(300, 350))


@pytest.mark.parametrize("how", ["connection", "sidecar"])
def test_last_event_id_goes_on_right_behind_that_event(pair, how):
    service, sidecar = pair
    reader = sidecar.follow_by_socket("s", FROM_START)
    put_numbers(service, "s", 1000, fill=2000)
    reader.read_some(lambda r: len(r.records) >= 200)
    # The rest lies in the socket, checkpointed, and is never read.
    eventually(lambda: unread_bytes(sidecar) >= 1000 * 2000, 20, why="the socket has taken everything")
    # What it has asked the store for is answered behind what it has told it before: an unknown id is looked for there.
    assert sidecar.post("/streams/s/checkpoints", {"id": "00000000-1", "force": True}).status == 404
    if how == "sidecar":
        sidecar.kill()
        sidecar.start()
    else:
        reader.reset()
    seen = reader.records
    again = sidecar.follow("s", FROM_START, headers={"Last-Event-ID": reader.ids[-1]})
    again.wait(lambda r: len(r.records) >= 1000 - len(seen), 30, "the rest")
    assert sorted(numbers(seen) + numbers(again.records)) == list(range(1000))
    assert_in_order(seen + again.records)


def test_last_event_id_brings_back_what_was_checkpointed_since_also_when_shards_have_moved(pair):
    service, sidecar = pair
    first = sidecar.follow("s", FROM_START)
    put_numbers(service, "s", 100)
    first.wait_records(100)
    id_of_first_event = first.ids[0]
    known = len(next(event for event in first.events if event.name == "records").data["records"])
    first.close()
    other = sidecar.follow("s", QUICK)
    put_numbers(service, "s", 100, first=100)
    other.wait_records(100)
    again = sidecar.follow("s", QUICK, headers={"Last-Event-ID": id_of_first_event})
    again.wait(lambda r: len({n for n in numbers(r.records) if n < 100}) >= 100 - known, 20, "what it had not got")
    assert_in_order(again.records)
    # The shards that it took are told to both.
    assert any(event.name == "shard" and event.data["change"] == "revoked" for event in other.events)


@pytest.mark.parametrize("last", ["00000000-1", "something of another server", "5f2c-41"])
def test_an_id_that_is_not_ours_is_told_and_reading_goes_on(pair, last):
    service, sidecar = pair
    reader = sidecar.follow("s", FROM_START, headers={"Last-Event-ID": last})
    reader.wait(lambda r: any(event.name == "problem" for event in r.events), 10, "the problem")
    [problem] = [event for event in reader.events if event.name == "problem"]
    assert problem.id is None and problem.data["code"] == "lastEventUnknown" and problem.data["lastEventId"] == last
    assert {place["shardId"] for place in problem.data["positions"]} == {f"shardId-{n:012}" for n in range(4)}
    put_numbers(service, "s", 10)
    assert sorted(numbers(reader.wait_records(10))) == list(range(10))


def test_a_degraded_shard_is_told_once(pair):
    service, sidecar = pair
    reader = sidecar.follow("s", FROM_START)
    service.fault("throttle", operation="GetRecords", shardId="shardId-000000000001", count=-1)
    reader.wait(lambda r: any(event.name == "problem" for event in r.events), 30, "the problem")
    fetch(service.kinesis_url + "/_faults", "DELETE")
    put_numbers(service, "s", 40)
    reader.wait_records(40)
    [problem] = [event.data for event in reader.events if event.name == "problem"]
    assert problem["code"] == "shardDegraded" and problem["shardId"] == "shardId-000000000001"
    assert "Throughput" in problem["detail"]


def test_lines_of_json(pair):
    service, sidecar = pair
    sidecar.terminate()
    sidecar.env["KINESIS_SIDECAR_HEARTBEAT_INTERVAL"] = "200"
    sidecar.start()
    put_numbers(service, "s", 20)
    with LineReader(sidecar, "s", FROM_START) as reader:
        assert reader.headers["content-type"] == "application/x-ndjson"
        lines = reader.until(lambda lines: sum(len(line.get("records", [])) for line in lines if line) >= 20)
        shards = [line for line in lines if line and line["event"] == "shard"]
        assert len(shards) == 4 and all("id" not in line for line in shards)
        records = [line for line in lines if line and line["event"] == "records"]
        assert sorted(record["data"]["n"] for line in records for record in line["records"]) == list(range(20))
        assert len({line["id"] for line in records}) == len(records)
        reader.until(lambda lines: None in lines)  # an empty line is the heartbeat
        sidecar.process.terminate()
        lines = reader.until(lambda lines: lines[-1] and lines[-1]["event"] == "end")
        assert lines[-1] == {"event": "end", "reason": "draining"}
    assert sidecar.process.wait(30) == 0


def test_stats_come_now_and_then(sidecar):
    reader = sidecar.follow("s", QUICK + "&statsInterval=1000")
    sidecar.put("s", {"n": 0})
    reader.wait(lambda r: sum(event.name == "stats" for event in r.events) >= 2, 10, "stats")
    stats = [event for event in reader.events if event.name == "stats"][-1]
    assert stats.id is None and stats.data["streamName"] == "s"
    assert stats.data["consumers"][0]["shards"][0]["records"] == 1
    answer = sidecar.get("/streams/s/stats").json
    assert set(answer) == set(stats.data) - {"streamName"}


def test_tail_watches_without_joining(sidecar):
    member = sidecar.follow("s", QUICK)
    watcher = sidecar.follow("s", "tail=true&pollDelay=20&noRecordsPollDelay=250")
    sidecar.put("s", {"n": 0})
    member.wait_records(1)
    watcher.wait_records(1)
    assert all(event.id is None for event in watcher.events)
    assert "watches without a group" in watcher.comments[0]
    [consumer] = sidecar.get("/streams").json["consumers"]
    assert len(consumer["readers"]) == 1
    late = sidecar.follow("s", "tail=true&initialPositionInStream=TRIM_HORIZON")
    late.wait_records(1)
    sidecar.follow("other", "tail=true")  # made, as for a reader of a group
    assert sidecar.get("/streams/other").status == 200


def test_a_second_reader_without_a_shard_is_told_who_has_them(sidecar):
    sidecar.follow("s", QUICK)
    second = sidecar.follow("s", QUICK)
    second.wait(lambda r: r.comments, 10, "the greeting")
    assert "has no shard: the 1 of the stream are with" in second.comments[0]
    assert "tail=true watches without joining" in second.comments[0]


class LineReader:
    """Reads `application/x-ndjson` over http.client; an empty line is None."""

    def __init__(self, sidecar, stream, query):
        import http.client

        self.connection = http.client.HTTPConnection("127.0.0.1", sidecar.ports["http"], timeout=20)
        self.connection.request(
            "GET", f"/streams/{stream}/records?{query}", headers={"Accept": "application/x-ndjson"})
        self.response = self.connection.getresponse()
        assert self.response.status == 200
        self.headers = {name.lower(): value for name, value in self.response.getheaders()}
        self.lines = []

    def until(self, holds):
        while not self.lines or not holds(self.lines):
            text = self.response.readline()
            assert text.endswith(b"\n"), f"the stream ended after {self.lines[-3:]}"
            self.lines.append(json.loads(text) if text.strip() else None)
        return self.lines

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.response.close()
        self.connection.close()
