"""gRPC on the sidecar's port, by Python's grpcio with stubs from reflection."""

import base64
import contextlib
import hashlib
import re
import shutil
import sqlite3
import subprocess
import sys
import threading

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from harness.http2 import Http2
from harness.records import make_stream
from harness.rpc import Rpc, problem
from harness.sidecar import ROOT, fetch
from harness.waiting import eventually

TRIM = {"initialPositionInStream": "TRIM_HORIZON"}
MANUAL = {"useAutoCheckpoints": "false"}


@pytest.fixture
def connect():
    """`connect(sidecar)`: a client that is closed after the test."""
    clients = []

    def make(sidecar, **options):
        clients.append(Rpc(sidecar.ports["http"], **options))
        return clients[-1]
    yield make
    for client in clients:
        client.close()


@pytest.fixture
def rpc(sidecar, connect):
    return connect(sidecar)


@pytest.fixture
def stream(kinesis):
    make_stream(kinesis, "s", 1)
    return "s"


@pytest.fixture
def pair(sidecars, tmp_path):
    """An embedded Kinesis, and a sidecar that can be killed without it."""
    service = sidecars.start("--local-limits", "off")
    make_stream(service.boto3(), "s", 2)
    return service, sidecars.start_against(service.kinesis_url, data_dir=tmp_path / "data")


def put(rpc, count, first=0, stream="s"):
    records = [rpc.make("PutRecord", data=str(n).encode(), partition_key=str(n)) for n in range(first, first + count)]
    response = rpc.PutRecords(stream_name=stream, records=records)
    assert all(result.sequence_number for result in response.records), response


def numbers(follower):
    return [int(record.data) for record in follower.records]


def refusal(call):
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value


# MARK: Each method

def test_a_put_answers_where_the_record_is(rpc, stream):
    answer = rpc.Put(stream_name=stream, data=b"\x00\xff", partition_key="k")
    assert (answer.shard_id, answer.encryption_type) == ("shardId-000000000000", "NONE")
    follower = rpc.follow(stream)
    eventually(lambda: follower.records)
    record = follower.records[0]
    assert (record.data, record.partition_key, record.encryption_type) == (b"\x00\xff", "k", "NONE")
    assert record.sequence_number == answer.sequence_number
    assert record.approximate_arrival_timestamp.seconds > 1_600_000_000
    event = follower.of("records")[0]
    assert (event.stream_name, event.shard_id) == (stream, "shardId-000000000000") and "-" in event.id
    follower.close()


def test_without_a_partition_key_it_is_the_digest_of_the_data(rpc, stream):
    rpc.Put(stream_name=stream, data=b"x")
    rpc.Put(stream_name=stream, data=b"", explicit_hash_key="0")
    follower = rpc.follow(stream)
    eventually(lambda: len(follower.records) == 2)
    assert [record.partition_key for record in follower.records] == [
        base64.b64encode(hashlib.sha1(data).digest()).decode() for data in (b"x", b"")]
    follower.close()


def test_each_record_of_many_has_its_result(rpc, stream):
    records = [rpc.make("PutRecord", data=b"x" * n, partition_key="k") for n in range(500)]
    response = rpc.PutRecords(stream_name=stream, records=records, ordered=True)
    places = [int(result.sequence_number) for result in response.records]
    assert len(places) == 500 and places == sorted(places)


def test_the_other_methods_say_what_their_routes_say(rpc, stream, sidecar):
    put(rpc, 3)
    started = rpc.Start(stream_name=stream, consumer_group="g", options={**TRIM, "limit": "7", **MANUAL})
    assert (started.consumer_group, started.phase, started.options["limit"]) == ("g", "idle", "7")
    assert started.options["useAutoCheckpoints"] == "false" and started.shards[0].shard_id == "shardId-000000000000"
    shards = rpc.ListShards(stream_name=stream).shards
    expected = sidecar.get(f"/streams/{stream}/shards").json["shards"]
    assert [shard.shard_id for shard in shards] == [shard["shardId"] for shard in expected]
    assert shards[0].hash_key_range.ending_hash_key == expected[0]["hashKeyRange"]["endingHashKey"]
    follower = rpc.follow(stream, consumer_group="g")
    eventually(lambda: len(follower.records) == 3)
    event = follower.of("records")[-1]
    stored = rpc.Checkpoint(stream_name=stream, consumer_group="g", id=event.id)
    assert stored.checkpoints[0].sequence_number == follower.records[2].sequence_number
    assignments = rpc.GetAssignments(stream_name=stream, consumer_group="g").streams[stream].consumers
    (assignment,) = assignments.values()
    assert list(assignment.shards) == ["shardId-000000000000"] and assignment.started_on.seconds > 0
    assert [list(reader.shard_ids) for reader in assignment.readers.values()] == [["shardId-000000000000"]]
    assert rpc.GetAssignments().streams.keys() == {stream}
    stats = rpc.GetStats(stream_name=stream)
    assert stats.puts.records == 3 and stats.consumers[0].shards[0].records == 3
    whole = rpc.GetStats()
    assert whole.streams[stream].puts.records == 3 and whole.version == stats.version != ""
    assert whole.streams[stream].last_record_sent.seconds > 0
    assert rpc.Stop(stream_name=stream, consumer_group="g").phase == "stopped"
    assert follower.is_over.wait(10) and follower.error is None
    assert follower.of("end")[0].reason == "stopped"


def test_polling_goes_on_when_it_is_said(rpc, stream):
    put(rpc, 4)
    follower = rpc.follow(stream, options={"usePausedPolling": "true", "limit": "1"})
    eventually(lambda: numbers(follower) == [0])
    follower.say(**{"continue": rpc.make("Continue", id=follower.of("records")[0].id)})
    eventually(lambda: numbers(follower) == [0, 1])
    assert rpc.Continue(stream_name=stream, shard_id="shardId-000000000000").continued
    eventually(lambda: numbers(follower) == [0, 1, 2])
    follower.close()


def test_the_lines_of_the_page_that_need_no_stubs(sidecar):
    page = (ROOT / "docs/clients.md").read_text()
    code = re.search(r"### A call of gRPC without stubs.*?```python\n(.*?)```", page, re.DOTALL)[1]
    code = code.replace("localhost:8700", f"127.0.0.1:{sidecar.ports['http']}")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=40)
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("shardId-000000000000") == 2 and "sequence_number" in run.stdout


def test_health(rpc, sidecar):
    health = health_pb2_grpc.HealthStub(rpc.channel)
    serving = health_pb2.HealthCheckResponse.SERVING
    for service in ("", "kinesis_sidecar.v1.KinesisSidecar"):
        assert health.Check(health_pb2.HealthCheckRequest(service=service), timeout=10).status == serving
    error = refusal(lambda: health.Check(health_pb2.HealthCheckRequest(service="other"), timeout=10))
    assert error.code() == grpc.StatusCode.NOT_FOUND and "other" in error.details()
    watch = health.Watch(health_pb2.HealthCheckRequest())
    assert next(watch).status == serving
    sidecar.process.terminate()
    assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert list(watch) == []


def test_reflection_lists_every_service(rpc):
    stub = reflection_pb2_grpc.ServerReflectionStub(rpc.channel)
    requests = [reflection_pb2.ServerReflectionRequest(list_services=""),
                reflection_pb2.ServerReflectionRequest(file_containing_symbol="kinesis_sidecar.v1.KinesisSidecar.Put"),
                reflection_pb2.ServerReflectionRequest(file_by_filename="nowhere.proto")]
    services, file, missing = stub.ServerReflectionInfo(iter(requests), timeout=10)
    names = [service.name for service in services.list_services_response.service]
    assert names == [
        "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
        "kinesis_sidecar.v1.KinesisSidecar"]
    assert len(file.file_descriptor_response.file_descriptor_proto) == 2
    assert missing.error_response.error_code == 5
    assert file.original_request == requests[1]
    # By the name of the newer version too, whose messages are the same.
    v1 = rpc.channel.stream_stream(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString)
    (answer,) = v1(iter(requests[:1]), timeout=10)
    assert answer.list_services_response == services.list_services_response


def test_a_call_of_reflection_that_stays_open_does_not_hold_the_end_up(rpc, sidecar):
    gate = threading.Event()

    def requests():
        yield reflection_pb2.ServerReflectionRequest(list_services="")
        gate.wait(30)

    call = reflection_pb2_grpc.ServerReflectionStub(rpc.channel).ServerReflectionInfo(requests(), timeout=40)
    next(call)
    assert sidecar.terminate(within=10) == 0
    error = refusal(lambda: next(call))
    assert (error.code(), problem(error)[0]) == (grpc.StatusCode.UNAVAILABLE, "draining")
    gate.set()


@pytest.mark.parametrize("method", ["kinesis_sidecar.v1.KinesisSidecar/Follow", "kinesis_sidecar.v1.KinesisSidecar/Put",
                                    "kinesis_sidecar.v1.KinesisSidecar/PutStream", "grpc.health.v1.Health/Watch"])
def test_a_call_without_a_message_is_told_of_the_end(sidecar, method):
    client = Http2(sidecar.ports["http"])
    call = client.request("POST", f"/{method}", content_type="application/grpc", ends=False)
    client.ping()
    assert sidecar.terminate(within=10) == 0
    client.wait(lambda c: call in c.ended)
    fields = {**client.headers[call], **client.trailers.get(call, {})}
    assert (fields["grpc-status"], client.goaway) == ("14", 0), fields
    client.close()


# MARK: What goes wrong

@pytest.mark.parametrize("method, fields, code, reason, metadata", [
    ("Put", {"stream_name": "no stream"}, "INVALID_ARGUMENT", "badStreamName", {"field": "streamName"}),
    ("Put", {}, "INVALID_ARGUMENT", "badStreamName", {}),
    ("Put", {"stream_name": "s", "partition_key": "k" * 257}, "INVALID_ARGUMENT", "badField", {"field": "partitionKey"}),
    ("Put", {"stream_name": "s", "explicit_hash_key": "x"}, "INVALID_ARGUMENT", "badField",
     {"field": "explicitHashKey"}),
    ("PutRecords", {"stream_name": "s"}, "INVALID_ARGUMENT", "noRecords", {}),
    ("ListShards", {"stream_name": "nowhere"}, "NOT_FOUND", "streamMissing", {}),
    ("Checkpoint", {"stream_name": "s"}, "INVALID_ARGUMENT", "missingField", {"field": "id"}),
    ("Checkpoint", {"stream_name": "s", "id": "x"}, "INVALID_ARGUMENT", "badField", {"field": "id"}),
    ("Checkpoint", {"stream_name": "s", "id": "5f2c81d0-41"}, "FAILED_PRECONDITION", "shardsNotHeld", {}),
    ("Continue", {"stream_name": "s", "id": "5f2c81d0-41", "shard_id": "shardId-000000000000"}, "INVALID_ARGUMENT",
     "conflictingFields", {}),
    ("Start", {"stream_name": "s", "options": {"limitt": "1"}}, "INVALID_ARGUMENT", "unknownOption",
     {"option": "limitt"}),
    ("Start", {"stream_name": "s", "options": {"limit": "0"}}, "INVALID_ARGUMENT", "badOption", {"option": "limit"}),
])
def test_a_problem_has_its_code_and_its_members(rpc, stream, method, fields, code, reason, metadata):
    error = refusal(lambda: getattr(rpc, method)(**fields))
    assert error.code().name == code, error
    found, members = problem(error)
    assert found == reason
    assert metadata.items() <= members.items(), members


def test_a_record_is_named_by_its_index(rpc, stream):
    records = [rpc.make("PutRecord", data=b"x"), rpc.make("PutRecord", data=b"x", partition_key="k" * 300)]
    reason, members = problem(refusal(lambda: rpc.PutRecords(stream_name=stream, records=records)))
    assert (reason, members["index"]) == ("badField", "1")


def test_a_message_over_the_limit_is_refused_and_the_connection_goes_on(rpc, stream):
    error = refusal(lambda: rpc.Put(stream_name=stream, data=b"x" * (17 << 20)))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, error
    assert problem(error) == ("bodyTooLarge", {"limit": str(16 << 20)})
    assert rpc.Put(stream_name=stream, data=b"y").sequence_number


def test_a_watch_of_health_ends_at_its_deadline(rpc):
    watch = health_pb2_grpc.HealthStub(rpc.channel).Watch(health_pb2.HealthCheckRequest(), timeout=1)
    assert refusal(lambda: list(watch)).code() == grpc.StatusCode.DEADLINE_EXCEEDED


def test_many_empty_records_are_refused_before_they_are_held(rpc, stream, sidecar):
    records = [rpc.make("PutRecord")] * 2_000_000
    error = refusal(lambda: rpc.PutRecords(stream_name=stream, records=records, timeout=60))
    assert problem(error)[0] == "putTooLarge"
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", open(f"/proc/{sidecar.process.pid}/status").read())[1]) / 1024
    assert peak < 120, f"{peak:.0f} MB at the peak"


def test_a_request_without_records_is_small(rpc, stream):
    """However many entries fit, nobody else waits for them."""
    options = {f"o{n}": "" for n in range(1000)}
    error = refusal(lambda: rpc.Start(stream_name=stream, options=options))
    assert (error.code(), problem(error)[0]) == (grpc.StatusCode.INVALID_ARGUMENT, "unknownOption")
    options = {f"o{n}": "" for n in range(100_000)}
    error = refusal(lambda: rpc.Start(stream_name=stream, options=options))
    assert (error.code(), problem(error)[0]) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "bodyTooLarge")
    follower = rpc.follow(stream, options=options)
    assert follower.is_over.wait(10) and problem(follower.error)[0] == "bodyTooLarge"


def test_a_record_of_megabytes_goes_both_ways(sidecar, connect, kinesis):
    make_stream(kinesis, "big")
    rpc = connect(sidecar, **{"grpc.max_receive_message_length": 16 << 20})
    data = bytes(range(256)) * 4000
    rpc.Put(stream_name="big", data=data, partition_key="k")
    follower = rpc.follow("big")
    eventually(lambda: follower.records)
    assert follower.records[0].data == data
    follower.close()


def test_what_is_no_protobuf_and_what_is_no_method(rpc):
    def raw(path, request=b"", **options):
        call = rpc.channel.unary_unary(path, request_serializer=None, response_deserializer=None)
        return refusal(lambda: call(request, timeout=10, **options))

    error = raw("/kinesis_sidecar.v1.KinesisSidecar/Put", b"\x0a\x7f")
    assert (error.code(), problem(error)[0]) == (grpc.StatusCode.INVALID_ARGUMENT, "malformedMessage")
    error = raw("/kinesis_sidecar.v1.KinesisSidecar/Get")
    assert (error.code(), problem(error)[0]) == (grpc.StatusCode.UNIMPLEMENTED, "unknownRoute")
    error = raw("/kinesis_sidecar.v1.KinesisSidecar/Put", b"\x0a\x01s", compression=grpc.Compression.Gzip)
    assert (error.code(), problem(error)[0]) == (grpc.StatusCode.UNIMPLEMENTED, "unsupportedContentCoding")


def test_heads_that_no_good_client_sends(sidecar):
    path = "/kinesis_sidecar.v1.KinesisSidecar/Put"
    client = Http2(sidecar.ports["http"])

    def ask(body=b"\x00\x00\x00\x00\x00", method="POST", path=path, **headers):
        stream = client.request(method, path, body, **{"content_type": "application/grpc", "te": "trailers", **headers})
        client.wait(lambda c: stream in c.ended or stream in c.resets)
        fields = {**client.headers[stream], **client.trailers.get(stream, {})}
        assert fields[":status"] == "200"
        return fields["grpc-status"], fields["grpc-message"], fields

    assert "grpc-timeout" in ask(grpc_timeout="1x")[1]
    assert ask(grpc_timeout="123456789S")[0] == "3"
    assert ask(content_type="application/grpc+json")[0] == "12"
    assert ask(method="PUT")[0] == "12"
    assert ask(b"\x01\x00\x00\x00\x00")[0] == "3"
    assert ask(b"\x00\x00\x00\x00\x09abc")[0] == "3"
    assert ask(b"")[0] == "13"
    assert ask(b"\x00\xff\xff\xff\xff")[0] == "8"
    assert ask(grpc_encoding="gzip")[2]["grpc-accept-encoding"] == "identity"
    assert ask(origin="https://evil.example")[0] == "7"
    status, message, _ = ask(path="/kinesis_sidecar.v1.KinesisSidecar/%C3%A4")
    assert status == "12"
    client.close()


@pytest.mark.parametrize("part_bytes", [1, 40, 1000])
def test_a_unary_call_with_two_messages_does_nothing(sidecar, rpc, stream, part_bytes):
    """INTERNAL, as of grpc-java and grpc-go. It is known once the client has ended its requests."""
    client = Http2(sidecar.ports["http"])
    message = rpc.make("PutRequest", stream_name=stream, data=b"x").SerializeToString()
    one = b"\0" + len(message).to_bytes(4, "big") + message

    def ask(body, path="/kinesis_sidecar.v1.KinesisSidecar/Put"):
        call = client.request("POST", path, content_type="application/grpc", ends=False)
        for start in range(0, len(body), part_bytes):
            end = start + part_bytes
            client.connection.send_data(call, body[start:end], end_stream=end >= len(body))
            client.flush()
        client.wait(lambda c: call in c.ended)
        return {**client.headers[call], **client.trailers.get(call, {})}

    for rest in (one, one + b"x"):
        refused = ask(one + rest)
        assert (refused["grpc-status"], "more" in refused["grpc-message"]) == ("13", True), refused
    assert ask(one + b"x")["grpc-status"] == "3"
    empty = bytes(5)
    assert ask(empty + empty, "/grpc.health.v1.Health/Watch")["grpc-status"] == "13"
    assert sidecar.get("/stats").json["streams"].get(stream, {}).get("puts", {}).get("records", 0) == 0
    assert ask(one)["grpc-status"] == "0"
    client.close()


def test_a_request_that_stops_in_its_middle_is_waited_for_as_any_body_is(sidecars):
    """Between two requests a client may say nothing for as long as it likes."""
    sidecar = sidecars.start(env={"KINESIS_SIDECAR_BODY_TIMEOUT": "500"})
    client = Http2(sidecar.ports["http"])
    call = client.request(
        "POST", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", content_type="application/grpc", ends=False)
    client.connection.send_data(call, b"\0\0\0\0\x09abc")
    client.flush()
    client.wait(lambda c: call in c.ended)
    assert {**client.headers[call], **client.trailers.get(call, {})}["grpc-status"] == "4"
    client.close()


def test_over_http_1_the_answer_says_what_is_missing(sidecar):
    answer = fetch(
        f"{sidecar.url}/kinesis_sidecar.v1.KinesisSidecar/Put", "POST", b"", {"Content-Type": "application/grpc"})
    assert (answer.status, answer.json["code"]) == (505, "unsupportedVersion")
    assert "HTTP/2" in answer.json["detail"]


def test_calls_are_counted_by_how_they_end(rpc, sidecar, stream):
    rpc.Put(stream_name=stream, data=b"x")
    refusal(lambda: rpc.ListShards(stream_name="nowhere"))
    metrics = sidecar.get("/metrics").body.decode()
    for status in (200, 404):
        row = f'route="/kinesis_sidecar.v1.KinesisSidecar",status="{status}"'
        assert row in metrics


# MARK: Deadlines and cancellation

def test_a_put_that_waits_ends_at_its_deadline(sidecar, rpc, stream):
    sidecar.fault("delay", operation="PutRecords", milliseconds=3000, count=1)
    error = refusal(lambda: rpc.Put(stream_name=stream, data=b"x", timeout=0.5))
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    # By frames the sidecar's own answer is seen, which a client that has given up does not wait for.
    client = Http2(sidecar.ports["http"])
    sidecar.fault("delay", operation="PutRecords", milliseconds=3000, count=1)
    message = rpc.make("PutRequest", stream_name=stream, data=b"x").SerializeToString()
    call = client.request(
        "POST", "/kinesis_sidecar.v1.KinesisSidecar/Put", b"\0" + len(message).to_bytes(4, "big") + message,
        content_type="application/grpc", grpc_timeout="300m")
    client.wait(lambda c: call in c.ended)
    assert client.headers[call]["grpc-status"] == "4"
    client.close()


def test_a_follower_ends_at_its_deadline(rpc, stream):
    follower = rpc.follow(stream, timeout=1)
    assert follower.is_over.wait(10)
    assert follower.error.code() == grpc.StatusCode.DEADLINE_EXCEEDED


def test_a_follower_that_is_not_attached_by_its_deadline_never_is(sidecar, rpc, stream):
    def phase():
        (consumer,) = sidecar.get("/streams").json["consumers"]
        return consumer["phase"]

    put(rpc, 3)
    sidecar.fault("delay", operation="DescribeStreamSummary", milliseconds=3000, count=1)
    follower = rpc.follow(stream, timeout=0.3)
    assert follower.is_over.wait(10) and follower.error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    # By frames the sidecar's own answer is seen, which a client that has given up does not wait for.
    opening = rpc.make("FollowRequest", open=rpc.make("Open", stream_name=stream)).SerializeToString()
    client = Http2(sidecar.ports["http"])
    call = client.request(
        "POST", "/kinesis_sidecar.v1.KinesisSidecar/Follow", b"\0" + len(opening).to_bytes(4, "big") + opening,
        ends=False, content_type="application/grpc", grpc_timeout="300m")
    client.wait(lambda c: call in c.ended)
    assert client.headers[call]["grpc-status"] == "4"
    assert phase() == "starting"
    # What was begun goes on, for whoever comes next.
    eventually(lambda: phase() == "idle")
    assert "reader attached" not in sidecar.log
    follower = rpc.follow(stream)
    eventually(lambda: numbers(follower) == [0, 1, 2])
    follower.close()
    client.close()


def test_a_follower_that_says_nothing_ends_at_its_deadline(sidecar):
    client = Http2(sidecar.ports["http"])
    call = client.request(
        "POST", "/kinesis_sidecar.v1.KinesisSidecar/Follow", ends=False, content_type="application/grpc",
        grpc_timeout="300m")
    client.wait(lambda c: call in c.ended)
    assert client.headers[call]["grpc-status"] == "4"
    client.close()


def test_a_follower_that_cancels_makes_room(rpc, stream, sidecar):
    first = rpc.follow(stream)
    first.wait_open()
    first.close()

    def readers():
        consumers = sidecar.get("/streams").json["consumers"]
        return sum(len(consumer["readers"]) for consumer in consumers) == 0

    eventually(readers)


# MARK: Following

def test_a_client_that_ends_its_requests_reads_on(rpc, stream):
    follower = rpc.follow(stream)
    follower.end_requests()
    put(rpc, 5)
    eventually(lambda: numbers(follower) == [0, 1, 2, 3, 4])
    follower.close()


def test_what_is_put_after_the_metadata_is_read_at_latest(rpc, stream):
    put(rpc, 1)
    follower = rpc.follow(stream, options={"initialPositionInStream": "LATEST"}).wait_open()
    put(rpc, 2, first=1)
    eventually(lambda: numbers(follower) == [1, 2])
    follower.close()


def stored_checkpoints(folder):
    with contextlib.closing(sqlite3.connect(f"file:{folder}/state.db?mode=ro", uri=True)) as database:
        return database.execute("SELECT count(sequence_number) FROM shards").fetchone()[0]


def test_acknowledgements_count_over_a_kill(pair, connect, tmp_path):
    service, sidecar = pair
    put(connect(service), 40)
    follower = connect(sidecar).follow("s", options=MANUAL)
    eventually(lambda: sorted(numbers(follower)) == list(range(40)))
    done = follower.of("records")[0]
    assert stored_checkpoints(tmp_path / "data") == 0
    follower.acknowledge(id=done.id)
    # What memory has, as /streams tells it, is on its way to the file for a moment yet.
    eventually(lambda: stored_checkpoints(tmp_path / "data") == 1)
    assert sidecar.get("/streams").json["consumers"][0]["readers"]
    sidecar.kill()
    assert follower.is_over.wait(10)
    sidecar.start()
    again = connect(sidecar).follow("s", options=MANUAL)
    rest = sorted(set(range(40)) - {int(record.data) for record in done.records})
    eventually(lambda: sorted(numbers(again)) == rest)
    again.close()


def test_one_comes_back_with_its_last_event(pair, connect):
    service, sidecar = pair
    rpc = connect(service)
    put(rpc, 1)
    follower = connect(sidecar).follow("s")
    for n in range(1, 4):
        eventually(lambda: len(follower.records) == n)
        put(rpc, 1, first=n)
    eventually(lambda: len(follower.records) == 4)
    event = follower.of("records")[1]
    sidecar.kill()
    sidecar.start()
    again = connect(sidecar).follow("s", last_event_id=event.id)
    eventually(lambda: sorted(numbers(again)) == [2, 3])
    again.close()
    strange = connect(sidecar).follow("s", last_event_id="00000000-1")
    eventually(lambda: strange.of("problem"))
    told = strange.of("problem")[0]
    assert (told.code, told.status, told.metadata["lastEventId"]) == ("lastEventUnknown", 410, "00000000-1")
    strange.close()


def test_a_refused_acknowledgement_is_told_and_records_go_on(rpc, stream):
    follower = rpc.follow(stream, options=MANUAL)
    follower.acknowledge(id="00000000-1")
    eventually(lambda: follower.of("problem"))
    assert follower.of("problem")[0].code == "unknownEvent"
    put(rpc, 1)
    eventually(lambda: numbers(follower) == [0])
    # One that names nothing is no request: the call ends.
    follower.acknowledge()
    assert follower.is_over.wait(10)
    assert problem(follower.error) == ("missingField", {"field": "id"})


def test_the_first_request_opens_and_no_other(rpc, stream):
    requests = [rpc.make("FollowRequest", credit=rpc.make("Credit", records=1))]
    error = refusal(lambda: list(rpc.call("Follow")(iter(requests), timeout=10)))
    assert (error.code(), problem(error)[0]) == (grpc.StatusCode.INVALID_ARGUMENT, "malformedMessage")
    follower = rpc.follow(stream)
    follower.say(open=rpc.make("Open", stream_name=stream))
    assert follower.is_over.wait(10)
    assert problem(follower.error)[0] == "malformedMessage"


def test_credit_bounds_what_comes(rpc, stream):
    put(rpc, 30)
    follower = rpc.follow(stream, options={"limit": "5"}, credit=7)
    eventually(lambda: len(follower.records) == 10)
    follower.give(3)
    follower.give(1)
    eventually(lambda: len(follower.records) == 15)
    assert numbers(follower) == list(range(15))
    follower.give(100)
    eventually(lambda: numbers(follower) == list(range(30)))
    follower.close()


def test_a_reader_without_credit_hears_of_the_end(rpc, stream):
    put(rpc, 3)
    follower = rpc.follow(stream, credit=0)
    eventually(lambda: follower.of("shard"))
    rpc.Stop(stream_name=stream)
    assert follower.is_over.wait(10) and follower.error is None
    assert follower.of("end")[0].reason == "stopped" and not follower.records


def test_stats_come_as_an_event(rpc, stream):
    put(rpc, 2)
    follower = rpc.follow(stream, options={"statsInterval": "1000"})
    eventually(lambda: follower.of("stats"))
    stats = follower.of("stats")[-1]
    assert stats.stream_name == stream and stats.puts.records == 2
    follower.close()


def test_one_that_only_watches_has_no_ids(rpc, stream):
    put(rpc, 2)
    follower = rpc.follow(stream, tail=True)
    eventually(lambda: numbers(follower) == [0, 1])
    assert follower.of("records")[0].id == ""
    follower.close()
    error = refusal(lambda: list(rpc.call("Follow")(iter([rpc.make("FollowRequest", open=rpc.make(
        "Open", stream_name=stream, tail=True, consumer_group="g"))]), timeout=10)))
    assert problem(error)[0] == "conflictingOptions"


@pytest.mark.seconds(120)
def test_a_slow_reader_holds_up_only_itself(sidecars, connect):
    sidecar = sidecars.start("--local-limits", "off")
    for name in ("slow", "s"):
        make_stream(sidecar.boto3(), name)
    rpc = connect(sidecar)
    # 30 MB: more than any window and any socket holds.
    records = [rpc.make("PutRecord", data=b"x" * 10_000, partition_key="k") for _ in range(100)]
    for _ in range(30):
        rpc.PutRecords(stream_name="slow", records=records)
    slow = rpc.follow("slow", reads=False).wait_open()
    put(rpc, 100)
    quick = rpc.follow("s")
    eventually(lambda: numbers(quick) == list(range(100)), 20)
    slow.read()
    eventually(lambda: len(slow.records) == 3000, 60)
    slow.close()
    quick.close()


def test_ten_readers_share_the_shards(sidecar, connect, kinesis):
    make_stream(kinesis, "many", 10)
    rpc = connect(sidecar)
    followers = [connect(sidecar).follow("many", options=MANUAL).wait_open() for _ in range(10)]
    eventually(lambda: all(
        len(reader.shard_ids) == 1 for consumer in rpc.GetAssignments().streams["many"].consumers.values()
        for reader in consumer.readers.values()), 20)
    put(rpc, 500, stream="many")
    eventually(lambda: {n for follower in followers for n in numbers(follower)} == set(range(500)), 20)
    for follower in followers:
        assert follower.records
        follower.close()


def test_readers_of_both_ways_share_a_group(sidecar, connect, kinesis):
    make_stream(kinesis, "both", 4)
    rpc = connect(sidecar)
    events = sidecar.follow("both", "initialPositionInStream=TRIM_HORIZON&pollDelay=20&noRecordsPollDelay=250")
    follower = rpc.follow("both").wait_open()
    eventually(lambda: sum(shard.change == "assigned" for shard in follower.of("shard")) == 2)
    put(rpc, 200, stream="both")

    def all_came():
        # What is no object of JSON is a string there.
        return sorted(numbers(follower) + [int(record["data"]) for record in events.records]) == list(range(200))

    eventually(all_came, 20)
    assert follower.records and events.records
    # Who is alone has all shards.
    events.close()
    put(rpc, 50, first=200, stream="both")
    eventually(lambda: set(range(200, 250)) <= set(numbers(follower)), 30)
    follower.close()


def test_the_sidecar_ends_with_an_end(rpc, stream, sidecar):
    follower = rpc.follow(stream).wait_open()
    assert sidecar.terminate() == 0
    assert follower.is_over.wait(10) and follower.error is None, follower.error
    assert follower.of("end")[0].reason == "draining"


# MARK: PutStream

@pytest.mark.seconds(120)
def test_a_stream_of_puts_is_answered_in_order(sidecars, connect):
    sidecar = sidecars.start("--local-limits", "off")
    make_stream(sidecar.boto3(), "s", 4)
    rpc = connect(sidecar)
    Request = rpc.type("PutStreamRequest")

    def requests():
        for n in range(10_000):
            key = "k" * 300 if n % 1000 == 17 else str(n % 50)
            yield Request(stream_name="" if n else "s", data=str(n).encode(), partition_key=key, ordered=True)

    responses = list(rpc.call("PutStream")(requests(), timeout=100))
    assert len(responses) == 10_000
    failed = {n for n, response in enumerate(responses) if not response.result.sequence_number}
    assert failed == set(range(17, 10_000, 1000))
    assert responses[17].result.error_code == "badField"
    shards = [response.result.shard_id for response in responses]
    follower = rpc.follow("s")
    eventually(lambda: len(follower.records) == 10_000 - len(failed), 30)
    places = {record.sequence_number: int(record.data) for record in follower.records}
    for n, response in enumerate(responses):
        if n not in failed:
            assert places[response.result.sequence_number] == n
    # The records of a key keep their order.
    by_key = {}
    for record in follower.records:
        by_key.setdefault(record.partition_key, []).append(int(record.data))
    assert all(values == sorted(values) for values in by_key.values())
    assert len(set(shards)) > 2
    follower.close()


def test_requests_and_responses_of_a_stream_of_puts_take_turns(rpc, stream):
    asked, said = threading.Semaphore(1), []
    Request = rpc.type("PutStreamRequest")

    def requests():
        for n in range(20):
            asked.acquire()
            yield Request(stream_name=stream, data=str(n).encode())

    for response in rpc.call("PutStream")(requests(), timeout=50):
        said.append(response.result.sequence_number)
        asked.release()
    assert len(said) == 20 and all(said)


def test_a_stream_of_puts_needs_a_stream(rpc):
    error = refusal(lambda: list(rpc.call("PutStream")(iter([rpc.make("PutStreamRequest", data=b"x")]), timeout=10)))
    assert problem(error) == ("missingField", {"field": "streamName"})


def test_what_a_stream_of_puts_has_taken_is_answered_when_the_sidecar_ends(rpc, stream, sidecar):
    Request = rpc.type("PutStreamRequest")
    gate = threading.Event()

    def requests():
        yield Request(stream_name=stream, data=b"x")
        gate.wait(20)

    call = rpc.call("PutStream")(requests(), timeout=30)
    assert next(call).result.sequence_number
    sidecar.process.terminate()
    error = refusal(lambda: next(call))
    assert (error.code(), problem(error)[0]) == (grpc.StatusCode.UNAVAILABLE, "draining")
    gate.set()


# MARK: The descriptors

def test_stale_descriptors_are_found(tmp_path):
    parts = ("Scripts/descriptors", "proto/kinesis_sidecar/v1/sidecar.proto", "Sources/Gateway/GRPC/descriptors.binpb")
    for part in parts:
        (tmp_path / part).parent.mkdir(parents=True)
        shutil.copy(ROOT / part, tmp_path / part)

    def check():
        return subprocess.run(
            [sys.executable, tmp_path / parts[0], "--check"], capture_output=True, text=True, timeout=50)

    run = check()
    assert run.returncode == 0, run.stderr
    proto = tmp_path / parts[1]
    proto.write_text(proto.read_text().replace("string shard_id = 3;", "string shard_id = 33;", 1))
    run = check()
    assert run.returncode == 1 and "stale" in run.stderr
