"""What README's first screen says, and what a user takes for granted right after it."""

import base64
import http.client
import json
import os
import signal
import socket
import subprocess

import pytest

from harness.records import make_stream, numbers, read_stream
from harness.waiting import eventually

QUICK = "pollDelay=20&noRecordsPollDelay=250"


def test_a_record_put_with_curl_arrives_at_curl(sidecar):
    reader = sidecar.follow("s")
    answer = subprocess.run(
        ["curl", "-sS", "-d", '{"data": {"hello": "world"}}', f"{sidecar.url}/streams/s/put"],
        capture_output=True, text=True, timeout=20)
    put = json.loads(answer.stdout)
    [record] = reader.wait_records(1)
    assert record["data"] == {"hello": "world"}
    assert (record["shardId"], record["sequenceNumber"]) == (put["shardId"], put["sequenceNumber"])
    assert put["encryptionType"] == record["encryptionType"] == "NONE"


def test_an_event_has_the_shape_of_the_contract(sidecar):
    reader = sidecar.follow("s", QUICK)
    sidecar.put("s", [1, "two"], partitionKey="k")
    reader.wait_records(1)
    assert reader.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert reader.headers["cache-control"] == "no-store, no-transform" and reader.headers["x-accel-buffering"] == "no"
    assert reader.parser.retry == 1000
    assert "1 shard" in reader.comments[0]
    [event] = [event for event in reader.events if event.name == "records"]
    reader_id, _, number = event.id.partition("-")
    assert reader_id and number == "1"
    assert set(event.data) == {"streamName", "shardId", "millisBehindLatest", "records"}
    [record] = event.data["records"]
    assert set(record) == {
        "sequenceNumber", "partitionKey", "approximateArrivalTimestamp", "encryptionType", "data"}
    assert record["data"] == [1, "two"] and record["partitionKey"] == "k"
    assert record["approximateArrivalTimestamp"].endswith("Z")


def test_one_line_on_stdout_says_every_address_and_the_log_is_json(sidecar):
    [line] = sidecar.out_path.read_text().splitlines()
    assert sidecar.url in line and sidecar.kinesis_url in line and "memory" in line
    for entry in sidecar.log.splitlines():
        assert {"time", "level", "message"} <= set(json.loads(entry))


def test_records_of_one_request_are_answered_in_its_order(sidecar):
    reader = sidecar.follow("s", QUICK)
    records = [{"data": {"n": n}, "partitionKey": str(n % 7)} for n in range(1200)]
    answer = sidecar.post("/streams/s/put", {"records": records})
    assert answer.status == 200, answer
    results = answer.json["records"]
    assert len(results) == 1200 and all("errorCode" not in result for result in results)
    arrived = {record["sequenceNumber"]: record["data"]["n"] for record in reader.wait_records(1200)}
    assert [arrived[result["sequenceNumber"]] for result in results] == list(range(1200))


def test_put_takes_the_stream_from_the_body_too(sidecar):
    answer = sidecar.post("/put", {"streamName": "other", "data": "text"})
    assert answer.status == 200, answer
    [record] = read_stream(sidecar.boto3(), "other")
    assert record["Data"] == b"text"


@pytest.mark.parametrize("size", [1, 2, 3, 1000, 100_000])
def test_binary_data_comes_out_as_it_went_in(sidecar, size):
    data = b"\xff" + os.urandom(size - 1)
    reader = sidecar.follow("s", QUICK)
    sidecar.put("s", base64.b64encode(data).decode(), dataEncoding="base64", partitionKey="b")
    [record] = reader.wait_records(1)
    assert record["dataEncoding"] == "base64"
    assert base64.b64decode(record["data"], validate=True) == data
    assert read_stream(sidecar.boto3(), "s")[0]["Data"] == data


def test_bytes_that_boto3_put_come_out_as_they_are(sidecar, kinesis):
    reader = sidecar.follow("s", QUICK)
    for data in (b'{"a":  1}', b"plain \xc3\xa9", b"\x00\xff", b'"quoted"', b"[1,\n2]"):
        kinesis.put_record(StreamName="s", Data=data, PartitionKey="k")
    records = reader.wait_records(5)
    assert [record["data"] for record in records] == [{"a": 1}, "plain é", "AP8=", '"quoted"', [1, 2]]
    assert [record.get("dataEncoding") for record in records] == [None, None, "base64", None, None]


def test_should_parse_json_false_keeps_text(sidecar):
    reader = sidecar.follow("s", QUICK + "&shouldParseJson=false")
    sidecar.put("s", {"a": 1})
    assert reader.wait_records(1)[0]["data"] == '{"a":1}'


def test_latest_means_everything_after_the_head_has_arrived(sidecar):
    sidecar.put("s", {"n": -1})
    for n in range(5):
        reader = sidecar.follow("s", f"{QUICK}&consumerGroup=g{n}")
        sidecar.put("s", {"n": n})
        assert numbers(reader.wait_records(1)) == [n]


def test_trim_horizon_means_from_the_beginning(sidecar):
    for n in range(3):
        sidecar.put("s", {"n": n})
    reader = sidecar.follow("s", QUICK + "&initialPositionInStream=TRIM_HORIZON")
    assert numbers(reader.wait_records(3)) == [0, 1, 2]


def test_a_reconnecting_reader_goes_on_where_the_last_one_was(sidecar):
    first = sidecar.follow("s", QUICK)
    sidecar.put("s", {"n": 0})
    first.wait_records(1)
    first.close()
    sidecar.put("s", {"n": 1})
    # The connection's end is noticed in its own time; until then the group has a reader.
    second = _follow_when_free(sidecar, "s", QUICK)
    second.wait(lambda r: 1 in numbers(r.records), 20, "the record that was put between the two readers")


def _follow_when_free(sidecar, stream, query):
    def attempt():
        try:
            return sidecar.follow(stream, query)
        except AssertionError:
            return None

    return eventually(attempt, 10, why="the group is free")


def test_a_restart_goes_on_where_the_last_reader_was(sidecars, tmp_path):
    sidecar = sidecars.start(data_dir=tmp_path / "data")
    reader = sidecar.follow("s", QUICK)
    for n in range(3):
        sidecar.put("s", {"n": n})
    reader.wait_records(3)
    assert sidecar.terminate() == 0, sidecar.log
    sidecar.start()
    sidecar.put("s", {"n": 3})
    reader = sidecar.follow("s", QUICK)
    assert numbers(reader.wait_records(1)) == [3]


def test_each_group_gets_its_own_copy(sidecar):
    readers = [sidecar.follow("s", f"{QUICK}&consumerGroup={group}") for group in ("a", "b", "c")]
    for n in range(10):
        sidecar.put("s", {"n": n})
    for reader in readers:
        assert numbers(reader.wait_records(10)) == list(range(10))


def test_several_streams_at_once(sidecar):
    readers = {stream: sidecar.follow(stream, QUICK) for stream in ("a", "b")}
    for stream in readers:
        sidecar.put(stream, {"of": stream})
    for stream, reader in readers.items():
        assert [record["data"] for record in reader.wait_records(1)] == [{"of": stream}]


def test_an_option_that_differs_from_the_running_consumer_gets_409(sidecar):
    sidecar.follow("s", QUICK + "&limit=7")
    answer = sidecar.get("/streams/s/records?limit=8")
    assert answer.status == 409 and answer.json["code"] == "optionConflict", answer
    assert "limit" in answer.json["detail"] and "7" in answer.json["detail"] and "8" in answer.json["detail"]


def test_streams_shards_and_summary_are_there(sidecar, kinesis):
    make_stream(kinesis, "three", 3)
    assert [shard["shardId"] for shard in sidecar.get("/streams/three/shards").json["shards"]] == [
        f"shardId-{n:012}" for n in range(3)]
    assert sidecar.get("/streams/three").json["streamName"] == "three"
    sidecar.follow("three", QUICK)
    assert "three" in json.dumps(sidecar.get("/streams").json)


def test_health_and_contract_are_there(sidecar):
    assert sidecar.get("/livez").status == 200
    assert sidecar.get("/readyz").status == 200
    contract = sidecar.get("/openapi.yaml")
    assert contract.status == 200 and contract.body.startswith(b"openapi:")


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/openapi.yaml", "/streams", "/streams/s/records"])
def test_head_is_get_without_a_body(sidecar, path):
    answer = sidecar.get(path, method="HEAD")
    assert answer.status == 200 and answer.body == b"", answer


def test_many_puts_on_one_connection(sidecar):
    connection = http.client.HTTPConnection("127.0.0.1", sidecar.ports["http"], timeout=20)
    numbers_put = []
    for n in range(200):
        connection.request("POST", "/streams/s/put", json.dumps({"data": {"n": n}, "partitionKey": "k"}))
        answer = connection.getresponse()
        body = json.loads(answer.read())
        assert answer.status == 200, body
        numbers_put.append(int(body["sequenceNumber"]))
    connection.close()
    assert numbers_put == sorted(numbers_put)
    assert [json.loads(record["Data"])["n"] for record in read_stream(sidecar.boto3(), "s")] == list(range(200))


def test_sigterm_ends_readers_in_order_and_exits_0(sidecars):
    sidecar = sidecars.start()
    reader = sidecar.follow("s", QUICK)
    assert sidecar.terminate(within=10) == 0, sidecar.log
    reader.wait_closed()
    assert reader.events[-1].name == "end"
    reader.process.wait(10)
    assert reader.process.returncode == 0, "the body was complete"


def test_a_reader_that_takes_nothing_cannot_hold_the_end_up(sidecars):
    sidecar = sidecars.start("--local-limits", "off", env={"KINESIS_SIDECAR_DRAIN_TIMEOUT": "1500"})
    stuck = sidecar.follow_by_socket("s", QUICK, receive_buffer=4096)
    for _ in range(24):
        sidecar.put("s", "x" * 900_000)
    assert sidecar.terminate(within=4) == 0, sidecar.log
    stuck.close()


def put_on_its_way(sidecar):
    """A connection whose put is with the sidecar and not answered for two seconds."""
    sidecar.put("s", "first")
    sidecar.fault("delay", operation="PutRecords", milliseconds=2000)
    connection = socket.create_connection(("127.0.0.1", sidecar.ports["http"]), timeout=20)
    body = b'{"data": "last"}'
    connection.sendall(b"POST /streams/s/put HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body))
    connection.sendall(body)
    # Whoever is answered after the put was sent shows that its bytes have been read.
    assert sidecar.get("/livez").status == sidecar.get("/livez").status == 200
    return connection


def test_a_second_signal_ends_it_at_once(sidecars):
    sidecar = sidecars.start()
    with put_on_its_way(sidecar):
        sidecar.process.send_signal(signal.SIGINT)
        eventually(lambda: "draining" in sidecar.log, 10, why="it drains")
        sidecar.process.send_signal(signal.SIGINT)
        assert sidecar.process.wait(5) == 128 + signal.SIGINT
    sidecar.process.returncode = 0  # an end that this test asked for


def test_a_put_that_is_on_its_way_is_answered_while_it_drains(sidecars):
    sidecar = sidecars.start()
    with put_on_its_way(sidecar) as connection:
        assert sidecar.terminate(within=15) == 0, sidecar.log
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
