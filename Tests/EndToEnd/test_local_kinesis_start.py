"""What the embedded Kinesis is told at the start: streams, where it listens, how much memory it may take."""

import pytest

from harness.sidecar import boto3_kinesis, fetch, run_program
from local_kinesis import Kinesis

SHARD = "shardId-000000000000"


def streams(kinesis):
    """Stream → (status, open shards)."""
    summaries = [kinesis.boto.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
                 for name in kinesis.boto.list_streams()["StreamNames"]]
    return {s["StreamName"]: (s["StreamStatus"], s["OpenShardCount"]) for s in summaries}


def test_streams_are_there_from_the_start(sidecars):
    sidecar = sidecars.start("--local-stream", "orders:3", "--local-stream", "clicks")
    assert streams(Kinesis(sidecar.kinesis_url)) == {"clicks": ("ACTIVE", 1), "orders": ("ACTIVE", 3)}


def test_the_file_lists_streams_and_one_that_is_there_stays(sidecars, tmp_path):
    (tmp_path / "sidecar.yaml").write_text("local: true\nlocalStreams: [orders:3, clicks]\n")
    sidecar = sidecars.start("--config", tmp_path / "sidecar.yaml", data_dir=tmp_path / "data")
    kinesis = Kinesis(sidecar.kinesis_url)
    put = kinesis.boto.put_record(StreamName="orders", Data=b"x", PartitionKey="k")
    (tmp_path / "sidecar.yaml").write_text("local: true\nlocalStreams: [orders:5]\n")
    sidecar.restart()
    kinesis = Kinesis(sidecar.kinesis_url)
    assert streams(kinesis) == {"clicks": ("ACTIVE", 1), "orders": ("ACTIVE", 3)}
    assert [r["Data"] for r in kinesis.read_shard("orders", put["ShardId"], count=1)] == [b"x"]


@pytest.mark.parametrize("arguments, told", [
    (["--local-stream", "a:0"], "a:0"), (["--local-stream", "a b"], "NAME:SHARDS"), (["--local-stream", ":2"], ":2"),
    (["--local-stream", "a:1", "--local-stream", "a:2"], "stream a is named twice"),
    (["--local-listen", "4567"], "ADDRESS:PORT"), (["--local-listen", "kinesis:4567"], "ADDRESS:PORT"),
    (["--local-listen", "0.0.0.0:0", "--local-port", "0"], "give one of the two"),
])
def test_mistakes_are_told(arguments, told):
    done = run_program("--local", *arguments)
    assert done.returncode == 64 and told in done.stderr, done.stderr


@pytest.mark.parametrize("option", [["--local-stream", "a"], ["--local-listen", "127.0.0.1:0"]])
def test_options_of_the_embedded_kinesis_need_it(option):
    done = run_program(*option, "--region", "eu-west-1")
    assert done.returncode == 64 and "needs --local" in done.stderr, done.stderr


def test_it_listens_where_it_is_told(sidecars):
    sidecar = sidecars.start("--local", "--local-listen", "127.0.0.2:0", "--local-stream", "s", local=False)
    url = "http://127.0.0.2:%d" % sidecar.ports["kinesis"]
    assert boto3_kinesis(url).list_streams()["StreamNames"] == ["s"]
    with pytest.raises(OSError):
        fetch(sidecar.kinesis_url)
    # The sidecar itself asks it there.
    assert sidecar.put("s", {"a": 1})["shardId"] == SHARD
    assert url in sidecar.out_path.read_text() and "can be reached from elsewhere" not in sidecar.log


def test_who_listens_for_others_says_so(sidecars):
    sidecar = sidecars.start(
        "--local", "--local-listen", "0.0.0.0:0", "--local-stream", "s", local=False,
        env={"KINESIS_SIDECAR_ALLOWED_HOSTS": "kinesis"})
    assert sidecar.put("s", {"a": 1})["shardId"] == SHARD
    assert sidecar.log.count("can be reached from elsewhere") == 1
    # By a container's name it is called when that is allowed.
    for host, status in [("kinesis:4567", 415), ("attacker.example", 421)]:
        answer = fetch(sidecar.kinesis_url, "POST", body=b"{}", headers={"Host": host})
        assert answer.status == status
    assert "allowedHosts" in answer.json["message"]


def pages(boto, iterator):
    """The records up to the tip."""
    while True:
        page = boto.get_records(ShardIterator=iterator)
        yield from page["Records"]
        if not page["MillisBehindLatest"]:
            return
        iterator = page["NextShardIterator"]


@pytest.mark.seconds(120)
def test_in_memory_the_oldest_records_go(sidecars):
    limit = 32 << 20
    sidecar = sidecars.start(
        "--local-limits", "off", "--local-stream", "s", env={"KINESIS_SIDECAR_LOCAL_MEMORY_LIMIT": str(limit)})
    kinesis = Kinesis(sidecar.kinesis_url)
    first = kinesis.iterator("s", SHARD)
    batch = [{"Data": bytes(1000), "PartitionKey": "k"} for _ in range(500)]
    early = [kinesis.boto.put_records(StreamName="s", Records=batch) for _ in range(5)][0]["Records"][0]
    assert "oldest records go" not in sidecar.log
    full = sidecar.resident_kilobytes()
    last = [kinesis.boto.put_records(StreamName="s", Records=batch) for _ in range(120)][-1]["Records"][-1]
    assert sidecar.log.count("oldest records go") == 1
    assert sidecar.resident_kilobytes() - full < 3 * limit / 1024
    # An iterator from before passes over what is gone.
    records = list(pages(kinesis.boto, first))
    assert int(records[0]["SequenceNumber"]) > int(early["SequenceNumber"])
    assert records[-1]["SequenceNumber"] == last["SequenceNumber"]
    assert limit / 4 < sum(len(r["Data"]) for r in records) < limit
