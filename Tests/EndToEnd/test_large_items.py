"""Large items in S3, with moto as S3 in a process of its own, and what a service that fails makes of them."""

import base64
import http.server
import json
import threading
import time
import uuid

import boto3
import pytest
from aws_kinesis_agg.aggregator import RecordAggregator
from botocore.config import Config

from harness.lz_utf8 import compress, decompress
from harness.records import make_stream
from harness.rpc import Rpc
from harness.sidecar import fetch, run_program
from harness.waiting import eventually

READING = {"initialPositionInStream": "TRIM_HORIZON", "pollDelay": 20, "noRecordsPollDelay": 250}
LARGE = {"id": 7, "kind": "order", "text": "ä" * 5000, "lines": [1, 2]}


@pytest.fixture
def stream():
    return f"s-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def s3(moto):
    return boto3.client(
        "s3", endpoint_url=moto.url, region_name="us-east-1", aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}))


@pytest.fixture
def start(sidecars, moto, tmp_path, stream):
    """Starts a sidecar with the embedded Kinesis that lists the stream; more of `s3` as keywords."""

    def start(*arguments, consumer=None, uses=True, endpoint=moto.url, env=None, **more):
        path = tmp_path / f"{uuid.uuid4().hex}.yaml"
        # JSON is YAML.
        path.write_text(json.dumps({
            **READING, "useS3ForLargeItems": uses, "s3": {"endpoint": endpoint, "largeItemThreshold": 4, **more},
            "consumers": [{"streamName": stream, **(consumer or {})}]}))
        return sidecars.start("--config", path, "--local-limits", "off", *arguments, env=env)

    return start


def keys(s3, bucket):
    return [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def raw(sidecar, stream):
    """The records as Kinesis holds them."""
    kinesis = sidecar.boto3()
    eventually(lambda: is_active(kinesis, stream), 20, why="the stream")
    shard = kinesis.list_shards(StreamName=stream)["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    return [record["Data"] for record in kinesis.get_records(ShardIterator=iterator)["Records"]]


def warnings(sidecar):
    told = sidecar.get("/readyz").json["warnings"]
    return [cause["detail"] for cause in told if cause["component"] == "s3"]


def is_active(kinesis, stream):
    try:
        summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    except kinesis.exceptions.ResourceNotFoundException:
        return False
    return summary["StreamStatus"] == "ACTIVE"


def rules(s3, bucket):
    try:
        return s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    except s3.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] in ("NoSuchLifecycleConfiguration", "NoSuchBucket")
        return []


def test_a_large_item_goes_to_s3_and_comes_back(start, s3, stream):
    sidecar = start(nonS3Keys=["kind", "id"])
    reader = sidecar.follow(stream)
    sidecar.put(stream, {"small": 1}, partitionKey="k")
    sidecar.put(stream, LARGE, partitionKey="k")
    sidecar.put(stream, {"small": 2}, partitionKey="k")
    small, large, other = reader.wait_records(3)
    assert (small["data"], other["data"]) == ({"small": 1}, {"small": 2})
    assert large["data"] == LARGE and (large["kind"], large["id"]) == ("order", 7)
    assert large["partitionKey"] == "k" and "dataError" not in large
    [key] = keys(s3, stream)
    assert key.startswith(f"kinesis-sidecar/{stream}/") and key.endswith(".json")
    kept = s3.get_object(Bucket=stream, Key=key)
    assert kept["ContentType"] == "application/json" and json.loads(kept["Body"].read()) == LARGE
    pointer = json.loads(raw(sidecar, stream)[1])
    assert list(pointer) == ["@S3Item", "id", "kind"], "in the order of the item"
    assert pointer["@S3Item"] == {"bucket": stream, "eTag": kept["ETag"].strip('"'), "key": key}
    stats = sidecar.get("/stats").json["s3"]
    assert (stats["puts"], stats["gets"], stats["putFailures"], stats["getFailures"]) == (1, 1, 0, 0)
    assert stats["lastAwsResponse"] and stats["putBytes"] == stats["gotBytes"] > 10_000
    assert sidecar.metric('kinesis_sidecar_s3_items_total{direction="put"}') == 1
    assert sidecar.metric('kinesis_sidecar_s3_bytes_total{direction="get"}') == stats["gotBytes"]


def test_the_bucket_is_made_tagged_and_cleared_by_a_rule_that_matches_its_keys(start, s3, stream):
    sidecar = start(tags={"team": "orders", "env": "test"})
    rule = eventually(lambda: rules(s3, stream), 20, why="the rule")[0]
    # Of a stream that keeps records for a day.
    assert rule["Filter"]["Prefix"] == f"kinesis-sidecar/{stream}/" and rule["Expiration"]["Days"] == 2
    assert rule["Status"] == "Enabled"
    tags = s3.get_bucket_tagging(Bucket=stream)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "orders", "env": "test"}
    sidecar.put(stream, LARGE)
    assert keys(s3, stream)[0].startswith(rule["Filter"]["Prefix"])


def test_a_bucket_that_is_there_keeps_its_tags_and_rules(start, s3, stream):
    s3.create_bucket(Bucket=stream)
    s3.put_bucket_tagging(Bucket=stream, Tagging={"TagSet": [{"Key": "owner", "Value": "x"}]})
    logs = {"ID": "logs", "Filter": {"Prefix": "logs/"}, "Status": "Enabled", "Expiration": {"Days": 30}}
    s3.put_bucket_lifecycle_configuration(Bucket=stream, LifecycleConfiguration={"Rules": [logs]})
    start(tags={"team": "orders"}, itemExpiration=9)
    both = eventually(lambda: rules(s3, stream)[1:] and rules(s3, stream), 20, why="the rule beside the other")
    assert both[0] == logs and both[1]["Expiration"]["Days"] == 9
    tags = s3.get_bucket_tagging(Bucket=stream)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"owner": "x", "team": "orders"}


def test_several_streams_in_a_bucket_get_a_rule_each(sidecars, moto, s3, tmp_path, stream):
    bucket = f"b-{stream}"
    path = tmp_path / "many.yaml"
    path.write_text(json.dumps({
        "useS3ForLargeItems": True, "s3": {"endpoint": moto.url, "bucketName": bucket},
        "consumers": [{"streamName": f"{stream}-{n}"} for n in range(3)]}))
    sidecars.start("--config", path)
    found = eventually(lambda: len(rules(s3, bucket)) == 3 and rules(s3, bucket), 30, why="three rules")
    assert {rule["Filter"]["Prefix"] for rule in found} == {f"kinesis-sidecar/{stream}-{n}/" for n in range(3)}


def test_an_item_that_is_gone_is_its_pointer_with_an_error_and_the_shard_goes_on(start, s3, stream):
    sidecar = start(nonS3Keys=["id"])
    sidecar.put(stream, LARGE)
    [key] = keys(s3, stream)
    s3.delete_object(Bucket=stream, Key=key)
    sidecar.put(stream, {"small": 1})
    gone, small = sidecar.follow(stream).wait_records(2)
    assert gone["data"]["@S3Item"]["key"] == key and gone["data"]["id"] == 7
    assert gone["dataError"]["code"] == "itemGone" and key in gone["dataError"]["detail"]
    assert small["data"] == {"small": 1}
    assert sidecar.metric('kinesis_sidecar_s3_failures_total{direction="get"}') == 1


def test_pointers_of_others_are_read_wherever_they_point(start, s3, stream):
    bucket = f"other-{stream}"
    s3.create_bucket(Bucket=bucket)
    items = {"a": b'{"n": 1}', "b.txt": "grüße".encode(), "c.bin": b"\xff\x00", "d.json": b'{"a":\n\n1}'}
    for key, body in items.items():
        s3.put_object(Bucket=bucket, Key=f"x y/{key}", Body=body)
    sidecar = start()
    kinesis = sidecar.boto3()
    eventually(lambda: is_active(kinesis, stream), 20, why="the stream")
    for n, key in enumerate(items):
        # Not first, and not as lifion writes it.
        pointer = {"beside": n, "sequenceNumber": "not mine", "@S3Item": {"key": f"x y/{key}", "bucket": bucket}}
        kinesis.put_record(StreamName=stream, Data=json.dumps(pointer, indent=1).encode(), PartitionKey="k")
    for pointer in [{"@S3Item": {"bucket": "No Bucket", "key": "k"}}, {"@S3Item": 1}, {"@S3Item": {"key": "k"}}]:
        kinesis.put_record(StreamName=stream, Data=json.dumps(pointer).encode(), PartitionKey="k")
    records = sidecar.follow(stream).wait_records(7)
    assert [record["data"] for record in records[:4]] == [{"n": 1}, "grüße", "/wA=", {"a": 1}]
    assert [record.get("dataEncoding") for record in records[:4]] == [None, None, "base64", None]
    assert [record["beside"] for record in records[:4]] == [0, 1, 2, 3]
    assert "not mine" not in {record["sequenceNumber"] for record in records}
    assert records[4]["dataError"]["code"] == "itemPointerInvalid"
    # What is no pointer is data as any other.
    assert records[5]["data"] == {"@S3Item": 1} and "dataError" not in records[5]
    assert records[6]["data"] == {"@S3Item": {"key": "k"}} and "dataError" not in records[6]


def test_without_the_option_nothing_is_put_there_and_a_pointer_is_data(start, s3, stream):
    sidecar = start(consumer={"useS3ForLargeItems": False})
    reader = sidecar.follow(stream)
    sidecar.put(stream, LARGE)
    sidecar.put(stream, {"@S3Item": {"bucket": "bucket", "key": "k", "eTag": ""}})
    large, pointer = reader.wait_records(2)
    assert large["data"] == LARGE and pointer["data"]["@S3Item"]["bucket"] == "bucket"
    assert "dataError" not in pointer
    assert stream not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}


def test_lines_and_many_records_keep_their_order(start, s3, stream):
    sidecar = start()
    reader = sidecar.follow(stream)
    data = [{"n": n, "fill": "x" * (5000 if n % 3 == 0 else 5)} for n in range(12)]
    answer = sidecar.post(
        f"/streams/{stream}/put?ordered=true", {"records": [{"data": d, "partitionKey": "k"} for d in data[:6]]})
    assert answer.status == 200 and len(answer.json["records"]) == 6, answer
    lines = "".join(json.dumps({"data": d, "partitionKey": "k"}) + "\n" for d in data[6:]).encode()
    answer = fetch(
        f"{sidecar.url}/streams/{stream}/put?results=all&ordered=true", "POST", lines,
        {"Content-Type": "application/x-ndjson"})
    assert answer.status == 200, answer
    assert [record["data"] for record in reader.wait_records(12)] == data
    assert len(keys(s3, stream)) == 4


def test_grpc_puts_and_follows_large_items(start, s3, stream):
    sidecar = start(nonS3Keys=["id"])
    rpc = Rpc(sidecar.ports["http"])
    rpc.Put(stream_name=stream, data=json.dumps(LARGE).encode(), partition_key="k")
    [result] = rpc.call("PutStream")(
        iter([rpc.make("PutStreamRequest", stream_name=stream, data=b"\xff" * 5000, partition_key="k")]),
        timeout=20)
    assert result.result.sequence_number
    first, second = keys(s3, stream)
    follower = rpc.follow(stream)
    records = eventually(lambda: len(follower.records) == 2 and follower.records, 20, why="both records")
    assert json.loads(records[0].data) == LARGE and records[1].data == b"\xff" * 5000
    assert json.loads(records[0].item_pointer)["id"] == 7
    assert {json.loads(record.item_pointer)["@S3Item"]["key"] for record in records} == {first, second}
    follower.close()
    s3.delete_object(Bucket=stream, Key=first)
    s3.delete_object(Bucket=stream, Key=second)
    late = rpc.follow(stream, consumer_group="late")
    record = eventually(lambda: late.records, 20, why="the record")[0]
    assert record.data_error.code == "itemGone" and "@S3Item" in json.loads(record.data)
    late.close()
    rpc.close()


def test_pushed_records_bring_their_items_too(start, stream):
    sidecar = start(consumer={"useEnhancedFanOut": True})
    reader = sidecar.follow(stream)
    sidecar.put(stream, LARGE)
    assert reader.wait_records(1)[0]["data"] == LARGE


class Failing:
    """An S3 that says of every object what it is told, and has every bucket."""

    def __init__(self):
        self.status = 503
        # Of a 200: the object's content, by its path.
        self.content = lambda path: b"{}"
        # Called with an object's path before anything is answered.
        self.before = lambda path: None
        self.asked = []
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                self.rfile.read(length)
                service.asked.append((self.command, self.path))
                is_object = "/kinesis-sidecar/" in self.path
                if is_object:
                    service.before(self.path)
                code = {403: "AccessDenied", 503: "SlowDown"}.get(service.status, "InternalError")
                body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
                status = service.status if is_object else 200 if self.command == "HEAD" else 403
                if is_object and status == 200:
                    body = service.content(self.path)
                self.send_response(status)
                self.send_header("Content-Length", "0" if self.command == "HEAD" else str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    try:
                        self.wfile.write(body)
                    except OSError:
                        pass  # the sidecar has given it up

            do_HEAD = do_GET = do_PUT = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # the sidecar has ended
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def objects(self, method):
        return [path for command, path in self.asked if command == method and "/kinesis-sidecar/" in path]


@pytest.fixture
def failing():
    service = Failing()
    yield service
    service.server.shutdown()
    service.server.server_close()


def test_an_item_that_cannot_be_put_fails_its_put_and_nothing_is_sent(start, failing, stream):
    failing.status = 403
    sidecar = start(endpoint=failing.url)
    answer = sidecar.post(f"/streams/{stream}/put", {"records": [{"data": {"n": 1}}, {"data": LARGE}]})
    assert answer.status == 502 and answer.json["code"] == "itemNotStored", answer
    assert answer.json["index"] == 1 and "AccessDenied" in answer.json["detail"]
    assert raw(sidecar, stream) == []
    # Of lines each stands for itself.
    lines = json.dumps({"data": {"n": 1}}).encode() + b"\n" + json.dumps({"data": LARGE}).encode() + b"\n"
    answer = fetch(
        f"{sidecar.url}/streams/{stream}/put?results=all", "POST", lines, {"Content-Type": "application/x-ndjson"})
    results = [json.loads(line) for line in answer.body.splitlines()]
    assert "sequenceNumber" in results[0] and results[1]["errorCode"] == "itemNotStored"
    assert [json.loads(data) for data in raw(sidecar, stream)] == [{"n": 1}]
    told = eventually(lambda: warnings(sidecar), 20, why="the warning")
    assert any("AccessDenied" in text for text in told)
    assert sidecar.get("/readyz").status == 200
    assert sidecar.metric('kinesis_sidecar_s3_failures_total{direction="put"}') == 2


def test_put_timeout_holds_for_a_large_item(start, failing, stream):
    sidecar = start(endpoint=failing.url, env={"KINESIS_SIDECAR_PUT_TIMEOUT": "1500"})
    answer = sidecar.post(f"/streams/{stream}/put", {"data": LARGE})
    assert answer.status == 502 and "SlowDown" in answer.json["detail"], answer
    assert len(failing.objects("PUT")) > 1, "what passes is tried again"


@pytest.mark.parametrize("status, code", [(403, "itemDenied"), (500, "itemFailed")])
def test_an_item_that_cannot_be_got_never_holds_the_shard_up_for_ever(start, failing, stream, status, code):
    failing.status = status
    sidecar = start(endpoint=failing.url)
    kinesis = sidecar.boto3()
    eventually(lambda: is_active(kinesis, stream), 20, why="the stream")
    pointer = {"@S3Item": {"bucket": stream, "eTag": "", "key": f"kinesis-sidecar/{stream}/x.json"}}
    for data in [pointer, {"n": 1}]:
        kinesis.put_record(StreamName=stream, Data=json.dumps(data).encode(), PartitionKey="k")
    began = time.monotonic()
    refused, after = sidecar.follow(stream).wait_records(2, 60)
    assert refused["data"] == pointer and refused["dataError"]["code"] == code
    assert after["data"] == {"n": 1}
    if status == 403:
        assert len(failing.objects("GET")) == 1
    else:
        assert time.monotonic() - began >= 30 and len(failing.objects("GET")) >= 7


def put_pointers(sidecar, stream, names, shards=1):
    """Records that point to items with these names, spread over the shards."""
    kinesis = sidecar.boto3()
    eventually(lambda: is_active(kinesis, stream), 20, why="the stream")
    for n, name in enumerate(names):
        pointer = {"@S3Item": {"bucket": stream, "key": f"kinesis-sidecar/{stream}/{name}.json"}}
        kinesis.put_record(
            StreamName=stream, Data=json.dumps(pointer).encode(), PartitionKey="k",
            ExplicitHashKey=str((2**128 // shards) * (n % shards)))


def test_items_of_a_response_are_fetched_together_and_come_in_their_order(start, failing, stream):
    failing.status = 200
    together = threading.Barrier(4)

    def before(path):
        if not path.endswith("/last.json"):
            together.wait(20)

    failing.before = before
    failing.content = lambda path: json.dumps({"path": path}).encode()
    sidecar = start(endpoint=failing.url)
    names = [str(n) for n in range(4)] + ["last"]
    put_pointers(sidecar, stream, names)
    # Of four that are asked for none is answered before the last of them has come.
    records = sidecar.follow(stream).wait_records(5, 40)
    assert [record["data"]["path"] for record in records] == [
        f"/{stream}/kinesis-sidecar/{stream}/{name}.json" for name in names]
    assert len(failing.objects("GET")) == 5 and not together.broken


def test_refusals_that_come_at_once_do_not_use_an_item_up(start, failing, stream):
    sidecar = start(endpoint=failing.url)
    put_pointers(sidecar, stream, ["a", "b"])
    reader = sidecar.follow(stream)
    # Six attempts in two seconds were all that an item got.
    eventually(lambda: len(failing.objects("GET")) >= 8, 30, why="attempts")
    failing.content = lambda path: b'{"back":true}'
    failing.status = 200
    records = reader.wait_records(2, 20)
    assert [record["data"] for record in records] == [{"back": True}] * 2
    assert not any("dataError" in record for record in records)


def test_a_silent_bucket_costs_its_shards_their_patience_once_and_is_noticed_when_it_is_back(start, failing, stream):
    failing.status = 200
    over = threading.Event()
    failing.before = lambda path: over.wait(120)
    sidecar = start(endpoint=failing.url, consumer={"shardCount": 2})
    try:
        put_pointers(sidecar, stream, [str(n) for n in range(24)], shards=2)
        began = time.monotonic()
        reader = sidecar.follow(stream)
        records = reader.wait_records(24, 80)
        # Each for itself they were 4 minutes: 12 of a shard, 20 s each.
        assert 30 <= time.monotonic() - began < 70
        assert {record["dataError"]["code"] for record in records} == {"itemFailed"}
        assert any("was not asked again" in record["dataError"]["detail"] for record in records)
        told = warnings(sidecar)
        assert any("its items cannot be had" in text for text in told), told
    finally:
        over.set()

    def is_back():
        put_pointers(sidecar, stream, ["later"])
        return "dataError" not in reader.wait_records(len(reader.records) + 1, 20)[-1]

    eventually(is_back, 60, why="an item that is given out again")
    assert not any("its items cannot be had" in text for text in warnings(sidecar))


def test_from_buckets_that_are_not_allowed_nothing_is_asked(start, failing, stream):
    failing.status = 200
    failing.content = lambda path: b'{"n":1}'
    sidecar = start(endpoint=failing.url, bucketName=f"b-{stream}")
    kinesis = sidecar.boto3()
    eventually(lambda: is_active(kinesis, stream), 20, why="the stream")
    pointers = [{"@S3Item": {"bucket": bucket, "key": "kinesis-sidecar/x/k.json"}}
                for bucket in ["secrets", f"b-{stream}", f"b-{stream}-2"]]
    for pointer in pointers:
        kinesis.put_record(StreamName=stream, Data=json.dumps(pointer).encode(), PartitionKey="k")
    secret, own, other = sidecar.follow(stream).wait_records(3)
    assert own["data"] == {"n": 1}
    for record, pointer in [(secret, pointers[0]), (other, pointers[2])]:
        assert record["data"] == pointer and record["dataError"]["code"] == "itemBucketNotAllowed"
        assert "s3.allowedBuckets" in record["dataError"]["detail"]
    assert failing.objects("GET") == [f"/b-{stream}/kinesis-sidecar/x/k.json"]


def test_buckets_are_allowed_by_their_beginning(start, s3, stream):
    bucket = f"old-{stream}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b'{"n":1}')
    sidecar = start(bucketName=f"b-{stream}", allowedBuckets=[f"b-{stream}", "old-*"])
    kinesis = sidecar.boto3()
    eventually(lambda: is_active(kinesis, stream), 20, why="the stream")
    pointer = {"@S3Item": {"bucket": bucket, "key": "k"}}
    kinesis.put_record(StreamName=stream, Data=json.dumps(pointer).encode(), PartitionKey="k")
    sidecar.put(stream, LARGE)
    assert [record["data"] for record in sidecar.follow(stream).wait_records(2)] == [{"n": 1}, LARGE]


def test_an_item_over_what_is_held_for_one_is_its_pointer(start, s3, stream):
    sidecar = start(env={"KINESIS_SIDECAR_MAX_BUFFERED_BYTES": str(1 << 20)})
    sidecar.put(stream, LARGE)
    s3.put_object(Bucket=stream, Key="big", Body=b"x" * ((1 << 20) + 1))
    sidecar.boto3().put_record(
        StreamName=stream, Data=json.dumps({"@S3Item": {"bucket": stream, "key": "big"}}).encode(), PartitionKey="k")
    fits, over = sidecar.follow(stream).wait_records(2)
    assert fits["data"] == LARGE and over["dataError"]["code"] == "itemTooLarge"


def test_items_that_many_shards_wait_for_find_room_in_a_small_budget(sidecars, moto, s3, tmp_path, stream):
    path = tmp_path / "small.yaml"
    path.write_text(json.dumps({
        "useS3ForLargeItems": True, "maxBufferedBytes": 1 << 20, "localLimits": "off", **READING,
        "s3": {"endpoint": moto.url, "largeItemThreshold": 4, "bucketName": f"b-{stream}"},
        "consumers": [{"streamName": stream, "shardCount": 6}]}))
    sidecar = sidecars.start("--config", path)
    fill = "x" * 300_000
    for n in range(30):
        answer = sidecar.post(f"/streams/{stream}/put", {"data": {"n": n, "fill": fill}, "partitionKey": str(n)})
        assert answer.status == 200, answer
    records = sidecar.follow(stream).wait_records(30, 50)
    assert sorted(record["data"]["n"] for record in records) == list(range(30))
    assert sidecar.metric("kinesis_sidecar_buffered_bytes") < 2 << 20
    assert sum(value["restarts"] for value in _shards(sidecar, stream)) == 0


def _shards(sidecar, stream):
    [consumer] = sidecar.get(f"/streams/{stream}/stats").json["consumers"]
    return consumer["shards"].values() if isinstance(consumer["shards"], dict) else consumer["shards"]


def test_an_unlisted_stream_makes_no_bucket(start, s3, stream):
    sidecar = start()
    other = f"{stream}-other"
    make_stream(sidecar.boto3(), other, 1)
    answer = sidecar.post(f"/streams/{other}/put", {"data": LARGE})
    # With --local every stream may be made, and so may its bucket.
    assert answer.status == 200 and keys(s3, other), answer


@pytest.mark.parametrize("text, told", [
    ("s3: {bucketName: Orders}", "s3.bucketName"),
    ("s3: {bucketName: 1.2.3.4}", "no IP address"),
    ("s3: {nonS3Keys: 5}", "s3.nonS3Keys: 5 is not text"),
    ("s3: {endpoint: 'http://x', bucketName: items, allowedBuckets: [other-*]}", "does not have items"),
    ("useS3ForLargeItems: true\ns3: {largeItemThreshold: 0}", "kibibytes from 1"),
    ("useS3ForLargeItems: true", "s3.endpoint with --local"),
    ("useS3ForLargeItems: true\ns3: {endpoint: 'http://x'}\nconsumers: [{streamName: Or_ders}]", "s3.bucketName"),
    ("useS3ForLargeItems: true\ns3: {endpoint: 'http://x'}\nconsumers: [{streamName: s, s3.bucketName: b}]",
     "whole process"),
])
def test_a_configuration_that_cannot_work_is_refused_by_name(tmp_path, text, told):
    path = tmp_path / "bad.yaml"
    path.write_text(text + "\n")
    run = run_program("--local", "--config", str(path), "--check-config")
    assert run.returncode == 64 and told in run.stderr, run.stderr


def test_a_query_cannot_ask_for_it(start, stream):
    sidecar = start()
    answer = sidecar.get(f"/streams/{stream}/records?useS3ForLargeItems=true")
    assert answer.status == 400 and answer.json["code"] == "configurationOnlyOption", answer


def test_of_a_compressed_stream_the_pointer_is_compressed_and_the_item_is_not(start, s3, stream):
    sidecar = start(consumer={"compression": "LZ-UTF8"}, nonS3Keys=["id"])
    small = {"small": "x" * 4000}
    # Over the threshold by its own bytes, however few are left of them.
    for body in [{"data": LARGE}, {"records": [{"data": small}, {"data": LARGE}]}]:
        assert sidecar.post(f"/streams/{stream}/put", body).status == 200
    line = json.dumps({"data": LARGE}).encode() + b"\n"
    answer = fetch(
        f"{sidecar.url}/streams/{stream}/put", "POST", line, {"Content-Type": "application/x-ndjson"})
    assert answer.status == 200, answer
    rpc = Rpc(sidecar.ports["http"])
    rpc.Put(stream_name=stream, data=json.dumps(LARGE).encode())
    rpc.close()
    assert len(keys(s3, stream)) == 4
    for key in keys(s3, stream):
        assert json.loads(s3.get_object(Bucket=stream, Key=key)["Body"].read()) == LARGE
    written = [json.loads(decompress(data)) for data in raw(sidecar, stream)]
    assert [data["@S3Item"]["key"] in keys(s3, stream) for data in written if data != small] == [True] * 4
    assert [data["id"] for data in written if data != small] == [7] * 4 and small in written
    records = sidecar.follow(stream).wait_records(5)
    assert [record["data"] for record in records] == [LARGE, small, LARGE, LARGE, LARGE]
    assert [record.get("id") for record in records] == [7, None, 7, 7, 7]
    assert not any("dataError" in record for record in records)
    # A text that was never compressed reads as itself, and so does a pointer.
    kinesis = sidecar.boto3()
    pointer = {"@S3Item": {"bucket": stream, "key": keys(s3, stream)[0]}}
    kinesis.put_record(StreamName=stream, Data=json.dumps(pointer).encode(), PartitionKey="k")
    kinesis.put_record(StreamName=stream, Data=compress(json.dumps(pointer).encode()), PartitionKey="k")
    both = sidecar.follow(stream, "consumerGroup=both&compression=LZ-UTF8").wait_records(7)[5:]
    assert [record["data"] for record in both] == [LARGE, LARGE]


def test_pointers_are_aggregated_with_other_records(start, s3, stream):
    sidecar = start(env={"KINESIS_SIDECAR_AGGREGATE": "true"})
    data = [{"n": 0}, LARGE, {"n": 2}]
    answer = sidecar.post(f"/streams/{stream}/put", {"records": [{"data": d, "partitionKey": "k"} for d in data]})
    assert answer.status == 200, answer
    assert [record["data"] for record in sidecar.follow(stream).wait_records(3)] == data
    assert len(keys(s3, stream)) == 1


def test_the_bytes_of_a_raw_body_are_an_item_too(start, s3, stream):
    sidecar = start()
    answer = fetch(
        f"{sidecar.url}/streams/{stream}/put?partitionKey=k", "POST", bytes(range(256)) * 40,
        {"Content-Type": "application/octet-stream"})
    assert answer.status == 200, answer
    [record] = sidecar.follow(stream).wait_records(1)
    assert base64.b64decode(record["data"]) == bytes(range(256)) * 40 and record["dataEncoding"] == "base64"


def test_pointers_inside_an_aggregate_bring_their_items(start, s3, stream):
    s3.create_bucket(Bucket=stream)
    s3.put_object(Bucket=stream, Key="k", Body=b'{"n":1}')
    sidecar = start()
    kinesis = sidecar.boto3()
    eventually(lambda: is_active(kinesis, stream), 20, why="the stream")
    pointer = {"@S3Item": {"bucket": stream, "key": "k"}, "id": 7}
    gone = {"@S3Item": {"bucket": stream, "key": "gone"}}
    aggregator = RecordAggregator()
    for data in [{"n": 0}, pointer, gone, {"n": 3}]:
        aggregator.add_user_record("k", json.dumps(data))
    _, _, data = aggregator.clear_and_get().get_contents()
    kinesis.put_record(StreamName=stream, Data=data, PartitionKey="k")
    records = sidecar.follow(stream).wait_records(4)
    assert [record["subSequenceNumber"] for record in records] == [0, 1, 2, 3]
    assert [record["data"] for record in records] == [{"n": 0}, {"n": 1}, gone, {"n": 3}]
    assert records[1]["id"] == 7 and records[2]["dataError"]["code"] == "itemGone"
