"""What was acknowledged is there after a crash; what was said about a stream is still true."""

import sqlite3
import threading

import botocore.exceptions

from harness.waiting import eventually
from local_kinesis import Kinesis

SHARD = "shardId-000000000000"
WRITERS = 8
KILL_AFTER = 400


def test_every_acknowledged_put_is_there_after_kill_9(sidecars, tmp_path):
    sidecar = sidecars.start("--local-limits", "off", data_dir=tmp_path / "data")
    kinesis = Kinesis(sidecar.kinesis_url)
    kinesis.create("s", 4)
    acknowledged, lock, enough = {}, threading.Lock(), threading.Event()

    def write(writer):
        mine = Kinesis(sidecar.kinesis_url).boto
        for index in range(1_000_000):
            data = [b"%d/%d/%d" % (writer, index, part) for part in range(3)]
            try:
                if index % 2:
                    answers = [mine.put_record(StreamName="s", Data=data[0], PartitionKey="%d" % writer)]
                else:
                    answers = mine.put_records(StreamName="s", Records=[
                        {"Data": one, "PartitionKey": "%d-%d" % (writer, index)} for one in data])["Records"]
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, OSError):
                return
            with lock:
                for one, answer in zip(data, answers):
                    acknowledged[answer["ShardId"], answer["SequenceNumber"]] = one
                if len(acknowledged) >= KILL_AFTER:
                    enough.set()

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    for writer in writers:
        writer.start()
    assert enough.wait(40)
    sidecar.kill()
    for writer in writers:
        writer.join()
    sidecar.restart()
    after = Kinesis(sidecar.kinesis_url)
    found = {
        (shard, record["SequenceNumber"]): record["Data"]
        for shard, records in after.read_all("s").items() for record in records}
    missing = {key: data for key, data in acknowledged.items() if found.get(key) != data}
    assert not missing, "%d of %d acknowledged records are gone" % (len(missing), len(acknowledged))


def test_numbers_and_iterators_go_on_after_a_restart(sidecars, tmp_path):
    sidecar = sidecars.start("--local-limits", "off", data_dir=tmp_path / "data")
    kinesis = Kinesis(sidecar.kinesis_url)
    kinesis.create("s", 2)
    kinesis.boto.add_tags_to_stream(StreamName="s", Tags={"a": "b"})
    kinesis.boto.increase_stream_retention_period(StreamName="s", RetentionPeriodHours=48)
    kinesis.wait_active("s")
    before = kinesis.boto.put_record(StreamName="s", Data=b"1", PartitionKey="k", ExplicitHashKey="0")
    kinesis.boto.split_shard(StreamName="s", ShardToSplit="shardId-000000000001", NewStartingHashKey=str(3 * 2**126))
    kinesis.wait_active("s")
    described = kinesis.shards("s")
    iterator = kinesis.iterator("s", SHARD)
    sidecar.restart()
    after = Kinesis(sidecar.kinesis_url)
    assert after.shards("s") == described
    assert after.wait_active("s")["RetentionPeriodHours"] == 48
    assert after.boto.list_tags_for_stream(StreamName="s")["Tags"] == [{"Key": "a", "Value": "b"}]
    later = after.boto.put_record(StreamName="s", Data=b"2", PartitionKey="k", ExplicitHashKey="0")
    assert int(later["SequenceNumber"]) > int(before["SequenceNumber"])
    page = after.boto.get_records(ShardIterator=iterator)
    assert [r["Data"] for r in page["Records"]] == [b"1", b"2"]
    tail = after.read_shard("s", SHARD, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=before["SequenceNumber"])
    assert [r["Data"] for r in tail] == [b"2"]


def test_a_deleted_stream_leaves_nothing_to_one_of_its_name(sidecars, tmp_path):
    sidecar = sidecars.start("--local-limits", "off", data_dir=tmp_path / "data")
    kinesis = Kinesis(sidecar.kinesis_url)
    kinesis.create("s")
    number = kinesis.boto.put_record(StreamName="s", Data=b"old", PartitionKey="k")["SequenceNumber"]
    iterator = kinesis.iterator("s", SHARD)
    kinesis.boto.delete_stream(StreamName="s")

    def created():
        try:
            kinesis.boto.create_stream(StreamName="s", ShardCount=1)
            return True
        except kinesis.boto.exceptions.ResourceInUseException:
            return False

    eventually(created, 30, why="the name is free again")
    kinesis.wait_active("s")
    assert kinesis.read_shard("s", SHARD) == []
    assert kinesis.fails("GetRecords", ShardIterator=iterator)[0] in (
        "ResourceNotFoundException", "InvalidArgumentException", "ExpiredIteratorException")
    code, message = kinesis.fails(
        "GetShardIterator", StreamName="s", ShardId=SHARD, ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=number)
    assert code == "InvalidArgumentException", message
    sidecar.restart()
    assert Kinesis(sidecar.kinesis_url).read_shard("s", SHARD) == []


def test_a_newer_data_folder_is_refused_with_a_reason(sidecars, tmp_path):
    folder = tmp_path / "data"
    sidecar = sidecars.start(data_dir=folder)
    assert sidecar.terminate() == 0
    with sqlite3.connect(folder / "kinesis.db") as database:
        known = database.execute("PRAGMA user_version").fetchone()[0]
        database.execute("PRAGMA user_version = 99")
    try:
        sidecar.start()
    except RuntimeError as error:
        assert "schema version 99" in str(error)
    else:
        raise AssertionError("a newer schema was opened")
    finally:
        with sqlite3.connect(folder / "kinesis.db") as database:
            database.execute("PRAGMA user_version = %d" % known)
        sidecar.start()
