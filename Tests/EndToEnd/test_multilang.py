"""Record processors of the Kinesis Client Library under the sidecar: what they are told, where they begin, how they end."""

import base64
import json
import os
import signal
import time

import pytest
from aws_kinesis_agg.aggregator import RecordAggregator

from harness.multilang import Application, Notes, children, is_alive, positions, processor, properties, sample
from harness.resharding import merge, shards_of, split
from harness.sidecar import run_program
from harness.waiting import eventually

SHARD = "shardId-000000000000"
# What a child is told and asks for from its start to its end, of one batch.
ONE_BATCH = ["initialize", "processRecords", "checkpoint", "checkpointed"]
LAST = ["shutdownRequested", "checkpoint", "checkpointed", "leaseLost", "end"]


@pytest.fixture
def service(sidecars):
    return sidecars.start("--local-limits", "off")


@pytest.fixture
def application(sidecars, service, tmp_path):
    """Of one shard."""
    return Application(sidecars, service, tmp_path)


@pytest.fixture
def wide(sidecars, service, tmp_path):
    """Of two shards."""
    return Application(sidecars, service, tmp_path, shards=2)


def put_aggregate(kinesis, numbers):
    """Puts one record with these numbers; returns its sequence number."""
    aggregator = RecordAggregator()
    for n in numbers:
        assert aggregator.add_user_record(f"key-{n}", '{"n": %d}' % n) is None
    key, _, data = aggregator.clear_and_get().get_contents()
    return kinesis.put_record(StreamName="s", PartitionKey=key, Data=data)["SequenceNumber"]


# The sample of amazon_kclpy, as it is


@pytest.mark.parametrize("way", ["properties", "yaml"])
def test_the_sample_of_amazon_kclpy_is_told_what_the_daemon_tells_it(application, way):
    """As in the recording 01-sample-processor: the sample checkpoints at its first batch, and at the end."""
    command = sample(application.notes.folder)
    if way == "properties":
        sidecar = application.start(command=command)
    else:
        sidecar = application.start_with("--config", application.configuration(command))
    application.put(range(2))
    application.notes.wait_met("checkpointed")
    application.put(range(2, 4))
    assert application.notes.wait_numbers(range(4)) == list(range(4))
    last = application.notes.records()[-1]
    assert sidecar.terminate() == 0
    kinds = application.notes.kinds(SHARD)
    assert kinds[:4] == ONE_BATCH and kinds[-5:] == LAST and set(kinds[4:-5]) == {"processRecords"}
    first = application.notes.met("initialize")[0]
    assert (first["sequenceNumber"], first["subSequenceNumber"]) == ("TRIM_HORIZON", 0)
    assert application.notes.met("end")[-1]["status"] == 0
    assert [entry["error"] for entry in application.notes.met("checkpointed")] == [None, None]

    # Its last checkpoint was without a number: behind the last batch. Nothing comes again.
    sidecar.start()
    begun = application.notes.wait_met("initialize", 2)[1]
    assert [begun["sequenceNumber"], begun["subSequenceNumber"]] == last[:2]
    application.put([4])
    assert application.notes.wait_numbers([4]) == list(range(5))


def test_what_the_sample_of_a_killed_process_had_not_checkpointed_comes_again(application):
    application.start(command=sample(application.notes.folder))
    application.put(range(5))
    first = application.notes.wait_met("checkpointed")[0]
    done = len(application.notes.numbers())
    application.put(range(5, 10))
    application.notes.wait_numbers(range(10))
    os.kill(application.notes.newest(SHARD), signal.SIGKILL)
    begun = application.notes.wait_met("initialize", 2)[1]
    assert begun["sequenceNumber"] == first["sequenceNumber"]
    eventually(lambda: application.notes.numbers()[10:] == list(range(done, 10)), 10, why="what had no checkpoint")


def test_records_of_a_killed_sidecar_come_again_from_the_last_checkpoint_on_and_no_child_is_left(application):
    sidecar = application.start(command=sample(application.notes.folder))
    application.put(range(5))
    application.notes.wait_met("checkpointed")
    done = len(application.notes.numbers())
    application.put(range(5, 10))
    application.notes.wait_numbers(range(10))
    old = application.notes.newest(SHARD)
    sidecar.kill()
    eventually(lambda: not is_alive(old), 5, why="the child has gone with it")
    sidecar.start()
    application.put(range(10, 12))
    eventually(lambda: application.notes.numbers()[10:] == list(range(done, 12)), 20, why="what had no checkpoint")


def test_a_killed_sidecar_begins_each_of_its_shards_at_its_checkpoint(wide):
    """However much more the other one was sent."""
    notes = wide.notes
    sidecar = wide.start()
    for n in range(0, 40, 2):
        wide.put([n], pad="x" * 20_000)
        wide.put([n + 1])
        notes.wait_numbers([n, n + 1])
    eventually(lambda: all(
        positions(sidecar)[shard][0] == notes.records(shard)[-1][0] for shard in (SHARD, "shardId-000000000001")), 10)
    sidecar.kill()
    sidecar.start()
    wide.put([40, 41])
    assert sorted(notes.wait_numbers([40, 41])) == list(range(42))


# What is told


def test_a_record_has_the_fields_of_the_protocol_and_the_batch_its_lag(application):
    application.start()
    before = int(time.time() * 1000)
    data, key = bytes(range(256))[:140], 'a "key", \\ with \n\t\x01, é, \U0001f600 and \u2028'
    number = application.kinesis.put_record(StreamName="s", PartitionKey=key, Data=data)["SequenceNumber"]
    [batch] = application.notes.wait_met("processRecords")
    assert batch["millisBehindLatest"] == 0
    arrival = batch["first"].pop("approximateArrivalTimestamp")
    assert isinstance(arrival, int) and before - 1000 <= arrival <= time.time() * 1000 + 1000
    assert batch["first"] == {
        "action": "record", "data": base64.b64encode(data).decode(), "partitionKey": key, "sequenceNumber": number,
        "subSequenceNumber": 0}


def test_a_record_as_large_as_they_come_is_told(application):
    application.start()
    application.kinesis.put_record(StreamName="s", PartitionKey="k", Data=b'{"n": 0, "pad": "%s"}' % (b"x" * 1_000_000))
    application.put([1])
    assert application.notes.wait_numbers([0, 1]) == [0, 1]


def test_batches_hold_max_records_at_most(application):
    application.put(range(95))
    application.start(maxRecords=10)
    assert application.notes.wait_numbers(range(95)) == list(range(95))
    assert max(len(entry["records"]) for entry in application.notes.met("processRecords")) == 10


@pytest.mark.parametrize("asked", [False, True])
def test_empty_batches_come_to_who_asks_for_them(application, asked):
    application.start(callProcessRecordsEvenForEmptyRecordList=str(asked).lower())
    application.put(range(2))
    application.notes.wait_numbers(range(2))
    if asked:
        eventually(lambda: any(not entry["records"] for entry in application.notes.met("processRecords")), 10)
    else:
        application.put([2])
        application.notes.wait_numbers([2])
        assert all(entry["records"] for entry in application.notes.met("processRecords"))


def test_user_records_of_an_aggregate_come_each_and_reading_begins_inside_it(application):
    application.start("checkpoint=middle")
    number = put_aggregate(application.kinesis, range(9))
    plain = application.kinesis.put_record(StreamName="s", PartitionKey="k", Data=b'{"n": 9}')["SequenceNumber"]
    application.notes.wait_numbers(range(10))
    assert application.notes.records() == [[number, n, n] for n in range(9)] + [[plain, 0, 9]]
    [stored] = application.notes.wait_met("checkpointed")
    assert (stored["sequenceNumber"], stored["error"]) == (number, None)
    os.kill(application.notes.newest(SHARD), signal.SIGKILL)
    begun = application.notes.wait_met("initialize", 2)[1]
    assert (begun["sequenceNumber"], begun["subSequenceNumber"]) == (number, stored["subSequenceNumber"])
    eventually(
        lambda: application.notes.numbers()[10:] == list(range(stored["subSequenceNumber"] + 1, 10)), 10,
        why="what lies behind the checkpoint")


def test_a_killed_sidecar_goes_on_inside_an_aggregate(application):
    sidecar = application.start("checkpoint=middle")
    number = put_aggregate(application.kinesis, range(9))
    [stored] = application.notes.wait_met("checkpointed")
    application.notes.wait_numbers(range(9))
    sidecar.kill()
    sidecar.start()
    begun = application.notes.wait_met("initialize", 2)[1]
    assert (begun["sequenceNumber"], begun["subSequenceNumber"]) == (number, stored["subSequenceNumber"])
    eventually(
        lambda: application.notes.numbers()[9:] == list(range(stored["subSequenceNumber"] + 1, 9)), 10,
        why="what lies behind the checkpoint")


def test_an_application_may_begin_at_the_tip(application):
    notes = application.notes
    application.put(range(3))
    application.start(initialPositionInStream="LATEST")
    [begun] = notes.wait_met("initialize")
    # The tip is fixed as the moment of the first start: a child that comes later begins there too.
    assert (begun["sequenceNumber"], begun["subSequenceNumber"]) == ("AT_TIMESTAMP", 0)
    application.put(range(3, 6))
    assert notes.wait_numbers(range(3, 6)) == [3, 4, 5]


def test_records_may_be_pushed(application):
    notes = application.notes
    sidecar = application.start(retrievalMode="FANOUT")
    number = put_aggregate(application.kinesis, range(5))
    application.put(range(5, 10))
    assert notes.wait_numbers(range(10)) == list(range(10))
    assert notes.records()[:5] == [[number, n, n] for n in range(5)]
    assert len(application.service.subscriptions()) == 1
    assert sidecar.terminate() == 0
    assert notes.kinds(SHARD)[-5:] == LAST


# Checkpoints


def test_checkpoints_that_may_not_be_are_refused_and_the_session_goes_on(application):
    """As in the recording 02-checkpoint-variants."""
    application.put(range(3))
    number = put_aggregate(application.kinesis, range(3, 6))
    sidecar = application.start("checkpoint=variants")
    answers = application.notes.wait_met("checkpointed", 10)
    refused = "IllegalArgumentException"
    assert [answer["error"] for answer in answers] == [
        None, None, refused, refused, refused, refused, refused, refused, refused, None]
    asked = application.notes.met("checkpoint")
    places = [[(one["sequenceNumber"], one["subSequenceNumber"]) for one in each] for each in (asked, answers)]
    assert places[0] == places[1], "an answer says what was asked for"
    application.put([6])
    assert application.notes.wait_numbers([6]) == list(range(7))
    assert children(sidecar)[0]["restarts"] == 0
    assert int(positions(sidecar)[SHARD][0]) >= int(number)


def test_a_checkpoint_without_a_number_is_the_end_of_what_was_delivered(application):
    sidecar = application.start("checkpoint=batch")
    application.put(range(20))
    application.notes.wait_numbers(range(20))
    last = application.notes.records()[-1][0]
    eventually(lambda: positions(sidecar)[SHARD][0] == last, 10, why="the checkpoint")


def test_a_checkpoint_at_leaseLost_is_an_invalid_state(application):
    sidecar = application.start("lost=checkpoint")
    application.put([0])
    application.notes.wait_numbers([0])
    assert sidecar.terminate() == 0
    assert application.notes.kinds(SHARD)[-4:] == ["leaseLost", "checkpoint", "checkpointed", "end"]
    assert application.notes.met("checkpointed")[-1]["error"] == "InvalidStateException"


def test_an_answered_checkpoint_outlives_a_kill_right_behind_it(application):
    sidecar = application.start("checkpoint=record", "at=checkpointed:7:hang")
    application.put(range(12))
    application.notes.wait_met("checkpointed", 7)
    sidecar.kill()
    sidecar.start()
    eventually(lambda: len(application.notes.met("processRecords")) > 1 and 11 in application.notes.numbers(), 20)
    begun = application.notes.met("initialize")[1]
    assert begun["sequenceNumber"] == application.notes.records()[6][0]
    eventually(lambda: application.notes.count("checkpointed") == 12, 10)
    assert {entry["error"] for entry in application.notes.met("checkpointed")} == {None}


# Resharding


def test_children_shards_begin_once_their_parents_are_checkpointed(application):
    notes = application.notes
    sidecar = application.start(command=sample(notes.folder))
    application.put(range(5))
    notes.wait_numbers(range(5))
    first, second = split(application.kinesis, "s")
    application.kinesis.put_records(StreamName="s", Records=[
        {"Data": b'{"n": %d}' % n, "PartitionKey": str(n)} for n in range(5, 25)])
    notes.wait_numbers(range(25))
    assert notes.kinds(SHARD)[-4:] == ["shardEnded", "checkpoint", "checkpointed", "end"]
    ended = notes.met("checkpointed", shard=SHARD)[-1]
    assert ended["error"] is None
    assert all(notes.met("initialize", shard=shard)[0]["at"] > ended["at"] for shard in (first, second))
    assert not is_alive(notes.newest(SHARD))

    third = merge(application.kinesis, "s", first, second)
    application.put(range(25, 30))
    notes.wait_numbers(range(30))
    assert sorted(notes.numbers()) == list(range(30))
    last = max(notes.met("checkpointed", shard=shard)[-1]["at"] for shard in (first, second))
    assert notes.met("initialize", shard=third)[0]["at"] > last
    assert sidecar.terminate() == 0
    sidecar.start()
    application.put(range(30, 33))
    notes.wait_numbers(range(33))
    assert sorted(notes.numbers()) == list(range(33)), "what has ended is not begun again"


def test_shardEnded_without_a_checkpoint_is_asked_anew_and_the_children_shards_wait(application):
    notes = application.notes
    sidecar = application.start("ended=not")
    application.put([0])
    notes.wait_numbers([0])
    split(application.kinesis, "s")
    notes.wait_met("shardEnded", 3)
    assert [path.stem for path in notes.folder.glob("shardId*")] == [SHARD], "nothing is begun behind it"
    assert sidecar.get("/livez").status == 200
    # It is the shard's own: whoever looks sees which one waits.
    assert children(sidecar)[0]["shardId"] == SHARD
    assert "shardEnded" in sidecar.log


def test_a_checkpoint_at_the_second_shardEnded_lets_the_children_shards_begin(application):
    notes = application.notes
    application.start("ended=late")
    application.put([0])
    notes.wait_numbers([0])
    shards = split(application.kinesis, "s")
    for shard in shards:
        notes.wait_met("initialize", shard=shard)
    assert notes.count("shardEnded", SHARD) == 2
    application.put([1])
    assert notes.wait_numbers([1]) == [0, 1]


# Ends


def test_a_terminated_sidecar_asks_its_children_for_a_last_checkpoint_and_leaves_none(wide):
    sidecar = wide.start("checkpoint=never")
    wide.put(range(10))
    wide.notes.wait_numbers(range(10))
    assert sidecar.terminate() == 0
    for shard in (SHARD, "shardId-000000000001"):
        assert wide.notes.kinds(shard)[-5:] == LAST
    assert wide.notes.living() == []
    sidecar.start()
    wide.put([10])
    assert wide.notes.wait_numbers([10])[10:] == [10]


def test_a_batch_in_hand_is_finished_before_shutdownRequested(application):
    go = application.folder / "go"
    sidecar = application.start(f"until={go}")
    application.put([0])
    application.notes.wait_met("processRecords")
    sidecar.process.send_signal(signal.SIGTERM)
    eventually(lambda: sidecar.get("/readyz").status == 503, 5)
    go.touch()
    assert sidecar.process.wait(20) == 0
    assert application.notes.kinds(SHARD) == [*ONE_BATCH, *LAST]


@pytest.mark.parametrize("then", ["wait", "terminate"])
def test_POST_drain_lets_processors_checkpoint_and_end(application, then):
    go = application.folder / "go"
    sidecar = application.start(f"until={go}")
    application.put([0])
    application.notes.wait_met("processRecords")
    assert sidecar.post("/drain", b"").status == 202
    assert sidecar.get("/streams/s/records?consumerGroup=other").status == 503, "nobody begins to read here"
    if then == "terminate":
        sidecar.process.send_signal(signal.SIGTERM)
        eventually(lambda: '"draining"' in sidecar.log, 5)
    go.touch()
    if then == "wait":
        eventually(lambda: sidecar.post("/drain", b"").status == 200, 20, why="drained")
        assert application.notes.living() == []
        sidecar.process.send_signal(signal.SIGTERM)
    assert sidecar.process.wait(20) == 0
    assert application.notes.kinds(SHARD) == [*ONE_BATCH, *LAST]
    assert {entry["error"] for entry in application.notes.met("checkpointed")} == {None}


@pytest.mark.parametrize("times", [1, 2])
def test_a_batch_that_has_no_end_does_not_keep_the_sidecar(application, times):
    sidecar = application.start("at=processRecords:1:hang", shutdownGraceMillis=500)
    application.put([0])
    application.notes.wait_met("processRecords")
    pids = application.notes.living()
    sidecar.process.send_signal(signal.SIGTERM)
    eventually(lambda: "draining" in sidecar.log, 5)
    if times == 2:
        sidecar.process.send_signal(signal.SIGTERM)
    assert (sidecar.process.wait(15) == 0) == (times == 1)
    eventually(lambda: not any(map(is_alive, pids)), 5)
    sidecar.start()
    eventually(lambda: application.notes.numbers() == [0, 0], 20, why="it comes again")


def test_a_sidecar_is_terminated_while_it_waits_to_start_a_child_again(application):
    sidecar = application.start("at=start:1-1000:exit")
    application.notes.wait_met("start", 4)
    assert sidecar.terminate(within=10) == 0


def test_without_shutdown_grace_children_are_not_asked(application):
    sidecar = application.start("checkpoint=never", shutdownGraceMillis=0)
    application.put([0])
    application.notes.wait_numbers([0])
    assert sidecar.terminate() == 0
    assert "shutdownRequested" not in application.notes.kinds(SHARD)
    assert application.notes.living() == []


# Several at once, and beside HTTP


def test_an_application_waits_for_its_stream(application):
    other = Notes(application.folder / "other")
    file = properties(application.folder / "late.properties", processor(other.folder), streamName="late")
    sidecar = application.start_with("--multilang", file)
    eventually(lambda: "late" in sidecar.log, 10)
    assert sidecar.get("/livez").status == 200
    application.kinesis.create_stream(StreamName="late", ShardCount=1)
    other.wait_met("initialize", within=30)
    application.kinesis.put_record(StreamName="late", PartitionKey="k", Data=b'{"n": 1}')
    assert other.wait_numbers([1]) == [1]


def test_several_applications_and_readers_over_http_have_all_records_each(application):
    other = Notes(application.folder / "other")
    files = [
        properties(application.folder / f"{name}.properties", processor(notes.folder), applicationName=name)
        for name, notes in (("app", application.notes), ("second", other))]
    sidecar = application.start_with("--multilang", files[0], "--multilang", files[1])
    reader = sidecar.follow("s", "initialPositionInStream=TRIM_HORIZON&consumerGroup=third")
    for n in range(10):
        sidecar.put("s", {"n": n})
    for notes in (application.notes, other):
        assert notes.wait_numbers(range(10)) == list(range(10))
    assert [record["data"]["n"] for record in reader.wait_records(10)] == list(range(10))
    assert {one["consumerGroup"] for one in sidecar.get("/stats").json["processors"]} == {"app", "second"}


def test_a_reader_over_http_may_join_the_application_and_leave_it(wide):
    notes = wide.notes
    sidecar = wide.start("checkpoint=never")
    wide.put(range(10))
    notes.wait_numbers(range(10))
    reader = sidecar.follow("s", "initialPositionInStream=TRIM_HORIZON&consumerGroup=app&useAutoCheckpoints=false")
    [moved] = eventually(lambda: shards_of(reader), 20)
    assert notes.kinds(moved)[-5:] == LAST
    wide.put(range(10, 20))
    eventually(lambda: len(notes.numbers()) + len(reader.records) == 20, 20)
    assert sorted(notes.numbers() + [record["data"]["n"] for record in reader.records]) == list(range(20))
    # It has acknowledged nothing: all that it got comes again.
    reader.close()
    assert sorted(notes.wait_numbers(range(20))) == list(range(20))


def test_a_seek_gives_the_shard_to_another_process_which_begins_there(application):
    notes = application.notes
    sidecar = application.start()
    application.put(range(10))
    notes.wait_numbers(range(10))
    answer = sidecar.post("/streams/s/seek?consumerGroup=app", {"to": "TRIM_HORIZON"})
    assert answer.status == 200, answer
    eventually(lambda: notes.numbers() == [*range(10), *range(10)], 20)
    assert notes.kinds(SHARD)[:len(ONE_BATCH)] == ONE_BATCH and "leaseLost" in notes.kinds(SHARD)
    assert len({entry["pid"] for entry in notes.met("initialize")}) == 2
    assert children(sidecar)[0]["restarts"] == 0


def test_the_same_stream_and_group_twice_is_refused(tmp_path):
    files = [properties(tmp_path / f"{n}.properties", ["true"]) for n in range(2)]
    refused = run_program("--multilang", files[0], "--multilang", files[1], "--region", "us-east-1")
    assert refused.returncode == 64
    assert "app" in refused.stderr and "s" in refused.stderr


def test_a_program_that_is_not_there_is_named(tmp_path):
    refused = run_program("--multilang", properties(tmp_path / "app.properties", ["/no/such/program"]), "--region", "us-east-1")
    assert refused.returncode == 64
    assert "app.properties" in refused.stderr and "/no/such/program" in refused.stderr


# What is seen of them


def test_statistics_and_metrics_show_each_child(wide):
    sidecar = wide.start()
    wide.put(range(10))
    wide.notes.wait_numbers(range(10))

    def shown():
        told = {child["shardId"]: child for child in children(sidecar)}
        assert told.keys() == {SHARD, "shardId-000000000001"}
        for shard, child in told.items():
            assert child["pid"] == wide.notes.newest(shard)
            assert (child["state"], child["restarts"], child["failuresInRow"]) == ("idle", 0, 0)
        return True

    eventually(shown, 10)
    [one] = sidecar.get("/stats").json["processors"]
    assert (one["streamName"], one["consumerGroup"], one["command"]) == ("s", "app", processor(wide.notes.folder))
    os.kill(wide.notes.newest(SHARD), signal.SIGKILL)
    wide.notes.wait_met("initialize", 2, shard=SHARD)
    eventually(lambda: {child["restarts"] for child in children(sidecar)} == {0, 1}, 10)
    assert "kinesis_sidecar_child_" in sidecar.get("/metrics").body.decode()


def test_standard_error_is_logged_with_shard_and_process(application):
    script = application.folder / "says.sh"
    script.write_text("echo hello >&2\nwhile read -r line; do :; done\n")
    sidecar = application.start(command=["sh", script])
    eventually(lambda: "hello" in sidecar.log, 10)
    [entry] = [json.loads(line) for line in sidecar.log.splitlines() if "hello" in line]
    assert entry["level"] == "notice"
    assert (entry["shard"], entry["stream"], entry["consumerGroup"]) == (SHARD, "s", "app") and int(entry["pid"]) > 0
