"""`import-kcl`: a group goes on where an application of the Kinesis Client Library has stopped."""

import contextlib
import http.server
import json
import os
import pty
import re
import select
import subprocess
import sys
import threading
import uuid

import boto3
import pytest
from aws_kinesis_agg.aggregator import RecordAggregator
from botocore.config import Config

from harness.records import make_stream
from harness.resharding import merge, split
from harness.sidecar import PROGRAM, ROOT, clean_environment
from harness.waiting import eventually
from test_aggregates import put_aggregate, told

QUERY = "pollDelay=20&noRecordsPollDelay=250&initialPositionInStream=LATEST&consumerGroup=g"
FIRST, SECOND = "shardId-000000000000", "shardId-000000000001"


def recorded(name, moment):
    """The rows that the KCL left in its table, as boto3 has them."""
    recording = json.loads((ROOT / f"Tests/Recordings/kcl/{name}.json").read_text())
    [rows] = [entry["items"] for entry in recording["items"] if entry["moment"] == moment]
    return rows


class Application:
    """The stream `s` of an embedded Kinesis, a lease table, and sidecars of the group `g`: alone, or by a table of groups."""

    def __init__(self, sidecars, dynamodb_url, folder, is_shared):
        self.sidecars, self.url, self.folder, self.is_shared = sidecars, dynamodb_url, folder, is_shared
        suffix = uuid.uuid4().hex[:8]
        self.table, self.groups = f"kcl-{suffix}", f"groups-{suffix}"
        self.host = sidecars.start("--local-limits", "off")
        self.kinesis = self.host.boto3()
        self.dynamodb = boto3.client(
            "dynamodb", endpoint_url=dynamodb_url, region_name="us-east-1", aws_access_key_id="local",
            aws_secret_access_key="local", config=Config(retries={"total_max_attempts": 1}))
        self.data = folder / "data"
        self.environment = {
            "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "us-east-1",
            "NO_PROXY": "127.0.0.1"}

    @property
    def flags(self):
        """What sidecar and import are told alike."""
        config = self.folder / "config.yaml"
        # JSON is YAML.
        config.write_text(json.dumps({
            "consumerGroup": "g", "leaseDuration": 5000,
            "dynamoDb": {"endpoint": self.url, "enabled": self.is_shared, "tableName": self.groups}}))
        return ["--config", str(config), "--kinesis-endpoint", self.host.kinesis_url]

    # MARK: The KCL's table

    def fill(self, rows, checkpoints):
        """The recorded rows, with the numbers of this stream: sequence number, or with its user record's number."""
        self.dynamodb.create_table(
            TableName=self.table, KeySchema=[{"AttributeName": "leaseKey", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "leaseKey", "AttributeType": "S"}], BillingMode="PAY_PER_REQUEST")
        for row in rows:
            row = dict(row)
            shard = row["leaseKey"]["S"]
            if shard in checkpoints:
                number, sub = checkpoints[shard] if isinstance(checkpoints[shard], tuple) else (checkpoints[shard], 0)
                row |= {"checkpoint": {"S": number}, "checkpointSubSequenceNumber": {"N": str(sub)}}
            self.put_row(row)

    def put_row(self, row):
        self.dynamodb.put_item(TableName=self.table, Item=row)

    def rows(self):
        rows = self.dynamodb.scan(TableName=self.table, ConsistentRead=True)["Items"]
        return sorted(rows, key=lambda row: row["leaseKey"]["S"])

    def renew(self, shard):
        self.dynamodb.update_item(
            TableName=self.table, Key={"leaseKey": {"S": shard}}, UpdateExpression="ADD leaseCounter :one",
            ExpressionAttributeValues={":one": {"N": "1"}})

    # MARK: Import and sidecar

    def command(self, *more):
        return [
            str(PROGRAM), "import-kcl", "--table", self.table, "--stream", "s", *self.flags, "--failover-time", "300ms",
            "--data-dir", str(self.data), *map(str, more)]

    def run(self, *more, env=None):
        return subprocess.run(
            self.command(*more), env=clean_environment(self.folder, {**self.environment, **(env or {})}),
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)

    def start(self):
        return self.sidecars.start(*self.flags, local=False, data_dir=self.data, env=self.environment)

    def item(self):
        """The group's; None while there is none."""
        try:
            key = {"consumerGroup": {"S": "g"}, "streamName": {"S": "s"}}
            return self.dynamodb.get_item(TableName=self.groups, Key=key, ConsistentRead=True).get("Item")
        except self.dynamodb.exceptions.ResourceNotFoundException:
            return None

    def number(self, n, shard=0, shards=1):
        """Puts a record; returns its sequence number."""
        return self.kinesis.put_record(
            StreamName="s", Data=json.dumps({"n": n}).encode(), PartitionKey=str(n),
            ExplicitHashKey=str(2**128 // shards * shard + 1))["SequenceNumber"]


@pytest.fixture(params=["alone", "shared"])
def application(request, sidecars, moto, tmp_path):
    return Application(sidecars, moto.url, tmp_path, is_shared=request.param == "shared")


@pytest.fixture
def alone(sidecars, moto, tmp_path):
    return Application(sidecars, moto.url, tmp_path, is_shared=False)


@pytest.fixture
def shared(sidecars, moto, tmp_path):
    return Application(sidecars, moto.url, tmp_path, is_shared=True)


def one_shard(application, count=5):
    """A stream of one shard whose lease stands at the third of its records."""
    make_stream(application.kinesis, "s", 1)
    numbers = [application.number(n) for n in range(count)]
    rows = recorded("06-prepared-checkpoint", "end")
    application.fill(rows, {FIRST: numbers[2]})
    return numbers


def put_aggregate_into_first(kinesis, numbers):
    """As put_aggregate, with user records that all belong to the first shard."""
    aggregator = RecordAggregator()
    for n in numbers:
        aggregator.add_user_record(f"key-{n}", json.dumps({"n": n}), "1")
    key, _, data = aggregator.clear_and_get().get_contents()
    return kinesis.put_record(StreamName="s", PartitionKey=key, Data=data, ExplicitHashKey="1")["SequenceNumber"]


def read(sidecar, count):
    return told(sidecar.follow("s", QUERY).wait_records(count))


@contextlib.contextmanager
def renewing(application, shard=FIRST):
    """A worker that is alive: it renews its lease until the end."""
    ended = threading.Event()

    def renew():
        while not ended.wait(0.02):
            application.renew(shard)

    worker = threading.Thread(target=renew)
    worker.start()
    try:
        yield
    finally:
        ended.set()
        worker.join()


def test_reading_goes_on_behind_records_and_inside_an_aggregate(application):
    make_stream(application.kinesis, "s", 2)
    inside = put_aggregate_into_first(application.kinesis, range(5))
    application.number(5, shard=0, shards=2)
    plain = application.number(6, shard=1, shards=2)
    application.number(7, shard=1, shards=2)
    rows = recorded("05-aggregated-subsequence", "worker-2 has shut down without ever having had a lease")
    [lease] = [row for row in rows if row["leaseKey"]["S"] == FIRST]
    application.fill(
        [*rows, {**lease, "leaseKey": {"S": SECOND}}], {FIRST: (inside, 2), SECOND: plain})
    before = application.rows()
    done = application.run()
    assert done.returncode == 0, done.stderr
    assert re.search(rf"{FIRST} +{inside}/2 +worker-1 +behind {inside}/2", done.stdout), done.stdout
    assert re.search(rf"{SECOND} +{plain} +worker-1 +behind {plain}", done.stdout), done.stdout
    assert "written into" in done.stderr and "Leader" not in done.stdout
    assert application.rows() == before
    # 0 to 2 are done, and so is 6: a record that is not aggregated is its own user record 0.
    assert sorted(read(application.start(), 4)) == [3, 4, 5, 7]


def test_user_record_0_of_an_aggregate_is_not_all_of_it(application):
    make_stream(application.kinesis, "s", 1)
    number = put_aggregate(application.kinesis, range(3))
    application.fill(recorded("06-prepared-checkpoint", "end"), {FIRST: (number, 0)})
    assert application.run().returncode == 0
    assert read(application.start(), 2) == [1, 2]


def test_after_a_split_and_a_merge_only_what_is_left_is_read(application):
    make_stream(application.kinesis, "s", 2)
    early = [application.number(n, shard=n, shards=2) for n in range(2)]
    left, right = split(application.kinesis, "s", FIRST)
    for n in (2, 3):
        application.number(n, shard=n - 2, shards=4)
    child = merge(application.kinesis, "s", left, right)
    assert child == "shardId-000000000004"
    at = application.number(4, shard=0, shards=2)
    application.number(5, shard=0, shards=2)
    application.number(6, shard=1, shards=2)
    # The leases of 0, 2 and 3 were deleted.
    application.fill(recorded("04-split-merge", "after lease clean-up ran"), {SECOND: early[1], child: at})
    done = application.run()
    assert done.returncode == 0, done.stderr
    for shard in (FIRST, left, right):
        assert re.search(rf"{shard} +no lease +- +done: its descendants have begun", done.stdout), done.stdout
    sidecar = application.start()
    assert sorted(read(sidecar, 2)) == [5, 6]
    shards = sidecar.get("/streams/s/checkpoints?consumerGroup=g").json["shards"]
    assert {shard["shardId"] for shard in shards if shard["depleted"]} == {FIRST, left, right}


def test_children_without_leases_are_read_from_their_beginning(application):
    make_stream(application.kinesis, "s", 2)
    first = [application.number(n, shard=n, shards=2) for n in range(2)]
    application.number(2, shard=0, shards=2)
    split(application.kinesis, "s", FIRST)
    application.number(3, shard=0, shards=4)
    application.fill(recorded("04-split-merge", "two shards"), {FIRST: first[0], SECOND: first[1]})
    done = application.run()
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"no lease +- +at its oldest record", done.stdout)) == 2
    assert read(application.start(), 2) == [2, 3]


def test_a_worker_that_is_alive_is_named_and_force_goes_on(application):
    numbers = one_shard(application)
    with renewing(application):
        refused = application.run()
        assert refused.returncode == 1
        assert "the application runs: worker-3 has written the leases of shardId-000000000000" in refused.stderr
        assert numbers[2] in refused.stdout and "written into" not in refused.stderr
        dry = application.run("--dry-run")
        assert dry.returncode == 1 and "worker-3" in dry.stderr
        assert application.item() is None
        forced = application.run("--force")
    assert forced.returncode == 0 and "--force goes on" in forced.stderr
    assert read(application.start(), 2) == [3, 4]


def test_a_dry_run_shows_all_and_changes_nothing(application):
    numbers = one_shard(application)
    before = application.rows()
    dry = application.run("--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert re.search(rf"{FIRST} +{numbers[2]} +worker-3 +behind {numbers[2]} +-", dry.stdout), dry.stdout
    assert "dry run: nothing is written" in dry.stderr
    assert application.rows() == before and application.item() is None and not application.data.exists()
    assert application.groups not in application.dynamodb.list_tables()["TableNames"]


def test_a_second_run_finds_nothing_to_do_and_a_third_says_what_would_be_lost(application):
    numbers = one_shard(application)
    assert application.run().returncode == 0
    again = application.run()
    assert again.returncode == 0 and "stands there already" in again.stderr, again.stderr
    sidecar = application.start()
    assert read(sidecar, 2) == [3, 4]
    eventually(
        lambda: numbers[4] in sidecar.get("/streams/s/checkpoints?consumerGroup=g").json["shards"][0]["position"], 10,
        why="the last record is checkpointed")
    assert sidecar.terminate() == 0
    refused = application.run()
    assert refused.returncode == 1
    assert "places of its own in 1 shard (GROUP HAD), which would be lost" in refused.stderr
    assert re.search(rf"behind {numbers[2]} +behind {numbers[4]}", refused.stdout), refused.stdout
    assert application.run("--force").returncode == 0
    assert read(application.start(), 2) == [3, 4]


def test_a_prepared_checkpoint_is_told_and_not_taken(alone):
    make_stream(alone.kinesis, "s", 1)
    number = alone.number(0)
    alone.fill(recorded("06-prepared-checkpoint", "pending checkpoint, then SIGKILL"), {FIRST: number})
    done = alone.run()
    assert done.returncode == 0, done.stderr
    assert f"{FIRST}: the checkpoint 49017956887278390000000000000000000600000000001795688764 is prepared" in done.stderr


def test_latest_and_moments(application):
    make_stream(application.kinesis, "s", 2)
    application.number(0, shard=0, shards=2)
    rows = [
        {"leaseKey": {"S": shard}, "leaseCounter": {"N": "1"}, "checkpoint": {"S": checkpoint}}
        for shard, checkpoint in ((FIRST, "AT_TIMESTAMP"), (SECOND, "LATEST"))]
    application.fill(rows, {})
    application.number(1, shard=1, shards=2)
    refused = application.run()
    assert refused.returncode == 1 and "--timestamp" in refused.stderr and FIRST in refused.stderr
    assert application.run("--timestamp", "2020-01-01T00:00:00Z").returncode == 0
    application.number(2, shard=1, shards=2)
    assert sorted(read(application.start(), 2)) == [0, 2]


@pytest.mark.parametrize("more", [[], ["--force"]])
def test_leases_at_latest_leave_the_place_of_an_earlier_import(application, more):
    make_stream(application.kinesis, "s", 2)
    done = application.number(0, shard=0, shards=2)
    application.fill([
        {"leaseKey": {"S": FIRST}, "leaseCounter": {"N": "1"}, "checkpoint": {"S": done}},
        {"leaseKey": {"S": SECOND}, "leaseCounter": {"N": "1"}, "checkpoint": {"S": "LATEST"}}], {})
    assert application.run().returncode == 0
    application.number(1, shard=1, shards=2)
    again = application.run(*more)
    assert again.returncode == 0 and "stands there already" in again.stderr, again.stderr
    assert re.search(rf"{SECOND} +LATEST +- +as before: at LATEST, and the group has a place +at ", again.stdout)
    # The other shard is put elsewhere: its neighbour stays where it is.
    moved = application.number(2, shard=0, shards=2)
    application.put_row({"leaseKey": {"S": FIRST}, "leaseCounter": {"N": "2"}, "checkpoint": {"S": moved}})
    assert application.run("--force").returncode == 0
    application.number(3, shard=0, shards=2)
    assert sorted(read(application.start(), 2)) == [1, 3]


def test_the_group_is_called_as_the_table_where_nobody_says_another(alone):
    one_shard(alone)
    config = alone.folder / "config.yaml"
    command = alone.command()
    config.write_text(json.dumps({"dynamoDb": {"endpoint": alone.url, "enabled": False}}))
    environment = clean_environment(alone.folder, alone.environment)

    def says(words, *more):
        done = subprocess.run([*command, *more], env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and words in done.stderr, done.stderr

    says(f"dry run: nothing is written; the group {alone.table} would go on there", "--dry-run")
    says(f"the group {alone.table} of s goes on there: written into the data folder {alone.data}\n")
    # Also where it is the sidecar's default.
    says("the group kinesis-sidecar of s goes on there", "--consumer-group", "kinesis-sidecar")
    config.write_text(json.dumps({
        "consumerGroup": "ours", "dynamoDb": {"endpoint": alone.url, "enabled": False}}))
    says("the group ours of s goes on there")


def test_a_sidecar_that_runs_on_the_folder_is_named(application):
    one_shard(application)
    sidecar = application.start()
    refused = application.run()
    assert refused.returncode == 1
    assert f"in use by another kinesis-sidecar: process {sidecar.process.pid} on host" in refused.stderr


def test_members_that_live_are_named_and_not_forced(shared):
    one_shard(shared)
    shared.data = shared.folder / "member"
    sidecar = shared.start()
    reader = sidecar.follow("s", QUERY)
    eventually(lambda: shared.item() and shared.item()["consumers"]["M"], 10, why="the member's record")
    shared.data = shared.folder / "data"
    for more in ([], ["--force"]):
        refused = shared.run(*more)
        assert refused.returncode == 1
        assert re.search(rf"in use by kinesis-sidecar \w+ \(host \S+, process {sidecar.process.pid}\)", refused.stderr)
    reader.close()
    assert sidecar.terminate() == 0
    # It began at LATEST: that place is given up.
    assert shared.run("--force").returncode == 0
    assert read(shared.start(), 2) == [3, 4]


def test_a_group_without_a_folder_is_written_into_its_table(shared):
    one_shard(shared)
    command = [word for word in shared.command() if word not in ("--data-dir", str(shared.data))]
    done = subprocess.run(
        command, env=clean_environment(shared.folder, shared.environment), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and f"written into the table {shared.groups}" in done.stderr, done.stderr
    assert read(shared.start(), 2) == [3, 4]


def test_the_applications_properties_file_names_table_stream_and_group(application):
    one_shard(application)
    properties = application.folder / "app.properties"
    properties.write_text(
        f"executableName = /bin/cat\nstreamName = s\napplicationName = g\ntableName = {application.table}\n"
        f"failoverTimeMillis = 200\nregionName = us-east-1\n")
    command = application.command()
    command = [word for word in command if word not in ("--table", application.table, "--stream", "s")]
    environment = clean_environment(application.folder, application.environment)
    done = subprocess.run(
        [*command, "--multilang", str(properties)], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "the group g of s goes on there" in done.stderr
    assert read(application.start(), 2) == [3, 4]


# A record processor that writes down what it is told, and checkpoints nothing.
PROCESSOR = """
import json, os, sys
heard = open(os.environ["HEARD"], "a")
for line in sys.stdin:
    heard.write(line)
    heard.flush()
    print(json.dumps({"action": "status", "responseFor": json.loads(line)["action"]}), flush=True)
"""


def test_record_processors_go_on_inside_the_aggregate(application):
    make_stream(application.kinesis, "s", 1)
    number = put_aggregate(application.kinesis, range(5))
    last = application.number(5)
    application.fill(
        recorded("05-aggregated-subsequence", "worker-2 has shut down without ever having had a lease"),
        {FIRST: (number, 2)})
    processor, properties = application.folder / "processor.py", application.folder / "app.properties"
    processor.write_text(PROCESSOR)
    properties.write_text(
        f"executableName = {sys.executable} {processor}\nstreamName = s\napplicationName = g\n"
        f"tableName = {application.table}\ninitialPositionInStream = LATEST\n")
    flags = ["--multilang", str(properties)]
    done = application.run(*flags)
    assert done.returncode == 0, done.stderr
    heard = application.folder / "heard"
    application.sidecars.start(
        *application.flags, *flags, local=False, data_dir=application.data,
        env={**application.environment, "HEARD": str(heard)})

    def messages():
        return [json.loads(line) for line in heard.read_text().splitlines()] if heard.exists() else []

    def records():
        return [record for message in messages() for record in message.get("records", [])]

    eventually(lambda: len(records()) >= 3, 20, why="records")
    first = messages()[0]
    assert first["action"] == "initialize" and first["shardId"] == FIRST
    assert (first["sequenceNumber"], first["subSequenceNumber"]) == (number, 2)
    assert [(record["sequenceNumber"], record["subSequenceNumber"]) for record in records()] == [
        (number, 3), (number, 4), (last, 0)]


def test_a_table_of_many_pages_is_read_whole(alone):
    numbers = one_shard(alone)
    # moto's pages have 1 MB as the service's.
    for n in range(30):
        alone.put_row({"leaseKey": {"S": f"worker-{n}"}, "entityType": {"S": "WORKER_METRIC_STATS"}, "x": {"S": "x" * 70_000}})
    done = alone.run()
    assert done.returncode == 0, done.stderr
    assert numbers[2] in done.stdout
    assert read(alone.start(), 2) == [3, 4]


def test_what_is_wrong_is_named(alone):
    numbers = one_shard(alone)

    def says(*words, command=(), env=None):
        refused = alone.run(*command, env=env)
        assert refused.returncode == 1
        for word in words:
            assert word in refused.stderr, refused.stderr

    alone.put_row({"leaseKey": {"S": FIRST}, "leaseCounter": {"N": "1"}, "checkpoint": {"S": "x"}})
    says(f'the row "{FIRST}"', 'checkpoint is {"S":"x"}, which no KCL writes')
    alone.put_row({"leaseKey": {"S": FIRST}, "leaseCounter": {"S": "5"}, "checkpoint": {"S": numbers[0]}})
    says(f'the row "{FIRST}"', 'leaseCounter is {"S":"5"}, which no KCL writes')
    alone.put_row({"leaseKey": {"S": FIRST}, "checkpoint": {"S": numbers[0]}})
    says(f'the row "{FIRST}"', "leaseCounter is missing")
    alone.put_row({"leaseKey": {"S": FIRST}, "leaseCounter": {"N": "1"}, "checkpoint": {"S": "17"}})
    says("has no record with the number 17", alone.table)
    alone.put_row({"leaseKey": {"S": FIRST}, "leaseCounter": {"N": "1"}, "checkpoint": {"S": numbers[0]}})
    table, alone.table = alone.table, "no-such-table"
    says("there is no table no-such-table in us-east-1", "--region")
    alone.table = table
    alone.dynamodb.delete_item(TableName=table, Key={"leaseKey": {"S": FIRST}})
    says("has no leases")
    alone.put_row({"leaseKey": {"S": "shardId-000000000007"}, "leaseCounter": {"N": "1"}, "checkpoint": {"S": "17"}})
    says("has leases of shardId-000000000007, none of which the stream s has")
    alone.put_row({
        "leaseKey": {"S": "123456789012:bills:1700000000:shardId-000000000000"}, "leaseCounter": {"N": "1"},
        "checkpoint": {"S": "17"}})
    says("the application reads 123456789012:bills:1700000000, and not s")


class Denying(http.server.BaseHTTPRequestHandler):
    """A DynamoDB whose rights are missing."""

    def do_POST(self):
        self.server.asked.append(self.headers["X-Amz-Target"])
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({
            "__type": "com.amazon.coral.service#AccessDeniedException",
            "Message": "User: arn:aws:iam::123456789012:user/u is not authorized to perform: dynamodb:Scan"}).encode()
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def test_a_right_that_is_missing_is_named_at_once(alone):
    make_stream(alone.kinesis, "s", 1)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Denying) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        alone.url = f"http://127.0.0.1:{server.server_address[1]}"
        refused = alone.run()
        server.shutdown()
        thread.join()
    assert refused.returncode == 1
    assert f"the table {alone.table} in us-east-1 may not be read; the right is dynamodb:Scan" in refused.stderr
    assert server.asked == ["DynamoDB_20120810.Scan"]


@pytest.mark.parametrize("arguments, words", [
    ([], ["--table is missing"]),
    (["--table", "t1x"], ["--stream is missing"]),
    (["--table", "!", "--stream", "s"], ['--table: "!" is not accepted; accepted: ']),
    (["--table", "t1x", "--stream", "a b"], ['--stream: "a b" is not accepted']),
    (["--table", "t1x", "--stream", "s", "--failover-time", "0"], ["--failover-time", "accepted: milliseconds from 1"]),
    (["--table", "t1x", "--stream", "s", "--timestamp", "2999-01-01T00:00:00Z"], ["--timestamp", "still to come"]),
    (["--table", "t1x", "--stream", "s", "--dynamodb", "off"], ["there is no place for the group's state: --data-dir"]),
    (["--table", "lifion-kinesis-state", "--stream", "s"], ["is the table of the sidecars' groups"]),
    (["--table", "t1x", "--stream", "s", "--config", "/nonexistent"], ["/nonexistent cannot be read"]),
    (["--table", "t1x", "--stream", "s", "more"], ['"more" is unexpected']),
])
def test_a_wrong_command_line_is_told(arguments, words, tmp_path):
    refused = subprocess.run(
        [str(PROGRAM), "import-kcl", *arguments], env=clean_environment(tmp_path), capture_output=True, text=True,
        timeout=20)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    for word in words:
        assert word in refused.stderr, refused.stderr


def test_a_standalone_consumer_is_refused_where_groups_are_shared(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"consumers": [
        {"streamName": "s", "consumerGroup": "g", "useAutoShardAssignment": False}]}))
    refused = subprocess.run(
        [str(PROGRAM), "import-kcl", "--table", "t1x", "--stream", "s", "-g", "g", "--config", str(config)],
        env=clean_environment(tmp_path), capture_output=True, text=True, timeout=20)
    assert refused.returncode == 1 and "useAutoShardAssignment: false" in refused.stderr


def test_the_wait_is_shown_on_a_terminal(alone):
    one_shard(alone)
    master, slave = pty.openpty()
    process = subprocess.Popen(
        alone.command(), env=clean_environment(alone.folder, alone.environment), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=slave)
    os.close(slave)
    shown = ""
    try:
        def has_ended():
            nonlocal shown
            while select.select([master], [], [], 0)[0]:
                try:
                    part = os.read(master, 65536)
                except OSError:  # EIO: the other end is closed
                    break
                if not part:
                    break
                shown += part.decode()
            return process.poll() is not None

        eventually(has_ended, 30, why="the command's end")
        has_ended()
    finally:
        process.kill()
        process.wait(10)
        os.close(master)
    assert process.returncode == 0, shown
    assert re.search(rf"watching the leases of {alone.table} for 300 ms: \d+ ms left", shown), shown
