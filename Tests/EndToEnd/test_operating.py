"""What whoever runs the sidecar looks at: metrics, stats, status page, and the page of the docs about them."""

import json
import re

import pytest

from harness.records import numbers
from harness.sidecar import ROOT
from harness.waiting import eventually

OPERATING = (ROOT / "docs/operating.md").read_text()
LINE = re.compile(r'^([a-z_]+)(\{[a-z_]+="(?:[^"\\\n]|\\.)*"(?:,[a-z_]+="(?:[^"\\\n]|\\.)*")*\})? (-?[0-9.e+-]+)$')


def samples(sidecar):
    """The metrics as {name: {labels: value}}; every line must be in Prometheus's format."""
    answer = sidecar.get("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    found, described, typed = {}, set(), {}
    for line in answer.body.decode().splitlines():
        if line.startswith("# HELP "):
            described.add(line.split()[2])
        elif line.startswith("# TYPE "):
            typed[line.split()[2]] = line.split()[3]
        else:
            name, labels, value = LINE.match(line).groups()
            metric = name if name in typed else re.sub("_(bucket|sum|count)$", "", name)
            assert metric in described and metric in typed, line
            assert (typed[metric] == "histogram") == (metric != name), line
            assert (typed[metric] == "counter") == name.endswith("_total"), line
            found.setdefault(name, {})[labels or ""] = float(value)
    return found


def test_metrics_follow_a_put_and_a_reader(sidecar):
    reader = sidecar.follow("s", "noRecordsPollDelay=250")
    for number in range(3):
        sidecar.put("s", {"number": number})
    reader.wait_records(3)
    labels = '{stream="s",consumer_group="kinesis-sidecar",shard="shardId-000000000000"}'

    def delivered():
        return samples(sidecar)["kinesis_sidecar_delivered_records_total"][labels] == 3

    eventually(delivered, 10)
    now = samples(sidecar)
    assert now["kinesis_sidecar_put_records_total"]['{stream="s"}'] == 3
    assert now["kinesis_sidecar_http_requests_total"]['{route="/put",status="200"}'] == 3
    assert now["kinesis_sidecar_readers"]['{stream="s",consumer_group="kinesis-sidecar"}'] == 1
    assert now["kinesis_sidecar_shard_lag_seconds"][labels] >= 0
    assert 1e6 < now["process_resident_memory_bytes"][""] < 1e9
    assert now["process_open_fds"][""] > 5


def test_histograms_say_how_long_puts_calls_deliveries_and_checkpoints_took(sidecar):
    reader = sidecar.follow("s", "noRecordsPollDelay=250")
    for number in range(3):
        sidecar.put("s", number)
    reader.wait_records(3)
    group = 'stream="s",consumer_group="kinesis-sidecar"'

    def settled():
        return samples(sidecar)["kinesis_sidecar_group_delivered_records_total"]["{" + group + "}"] == 3

    eventually(settled, 10)
    now = eventually(
        lambda: (now := samples(sidecar))["kinesis_sidecar_checkpoint_duration_seconds_count"]['{store="sqlite"}'] and now,
        10)
    for name, labels, count in [
        ("put_duration", 'stream="s"', 3),
        ("kinesis_request_duration", 'operation="PutRecords"', 3),
        ("delivery_delay", group, now["kinesis_sidecar_delivered_events_total"][
            "{" + group + ',shard="shardId-000000000000"}']),
        ("record_age", group, None),
    ]:
        name = f"kinesis_sidecar_{name}_seconds"
        buckets = [value for key, value in now[name + "_bucket"].items() if key.startswith("{" + labels)]
        assert buckets == sorted(buckets) and len(buckets) == 12, name
        assert buckets[-1] == now[name + "_count"]["{" + labels + "}"] > 0, name
        assert count is None or buckets[-1] == count, name
        assert 0 <= now[name + "_sum"]["{" + labels + "}"] < 30, name
    assert now["kinesis_sidecar_kinesis_request_duration_seconds_count"]['{operation="GetRecords"}'] > 0
    assert now["kinesis_sidecar_group_shards"]["{" + group + "}"] == 1
    assert 0 <= now["kinesis_sidecar_group_shard_lag_max_seconds"]["{" + group + "}"] < 30
    assert 0 < now["process_cpu_seconds_total"][""] < 60
    assert now["process_max_fds"][""] > now["process_open_fds"][""]


def test_a_throttled_put_is_counted_and_tried_again(sidecar):
    sidecar.put("s", 0)
    sidecar.fault("throttle", operation="PutRecords", count=2)
    sidecar.put("s", 1)
    now = samples(sidecar)
    assert now["kinesis_sidecar_throttles_total"]['{stream="s",operation="PutRecords"}'] >= 1, now
    assert now["kinesis_sidecar_put_retries_total"]['{stream="s"}'] >= 1, now
    assert sidecar.get("/streams/s/stats").json["recentExceptions"]["count"] >= 1


def test_ordinary_first_use_is_no_failure(sidecar):
    sidecar.put("by-a-put", 1)
    sidecar.follow("by-a-reader")
    for path in ["/streams/typo", "/streams/typo/shards", "/streams/typo/stats"]:
        sidecar.get(path)
    sidecar.post("/streams/typo/stop", None)
    for path in ["/stats", "/streams/by-a-put/stats", "/streams/by-a-reader/stats"]:
        assert sidecar.get(path).json["recentExceptions"] == {"count": 0, "exceptions": []}, path
    text = sidecar.get("/metrics").body.decode()
    assert "typo" not in text
    for name in ["put_failures_total", "put_retries_total"]:
        assert f'kinesis_sidecar_{name}{{stream="by-a-put"}} 0' in text


def test_stop_survives_a_client_that_connects_again(sidecar):
    sidecar.follow("s")
    assert sidecar.post("/streams/s/stop", None).json["phase"] == "stopped"
    assert sidecar.get("/streams/s/records").status == 409
    assert sidecar.post("/streams/s/start", None).json["phase"] == "idle"
    sidecar.follow("s")


def test_the_docs_explain_every_metric(sidecar):
    sidecar.follow("s")
    sidecar.put("s", 1)
    typed = re.findall("^# TYPE ([a-z_]+) ", sidecar.get("/metrics").body.decode(), re.M)
    missing = [name for name in typed if f"`{name}`" not in OPERATING]
    assert missing == []


def test_the_docs_explain_every_problem_code():
    contract = (ROOT / "openapi.yaml").read_text()
    codes = re.search(r"    ProblemCode:\n      type: string\n      enum:\n((?:        - \w+\n)+)", contract)[1].split()[1::2]
    assert len(codes) > 40
    assert [code for code in codes if f"`{code}`" not in OPERATING] == []


def test_the_status_page_asks_for_nothing_from_elsewhere(sidecar):
    answer = sidecar.get("/")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    page = answer.body.decode()
    assert not re.findall(r"(?:src|href)=\"(?!/|data:,)", page)
    assert json.loads(sidecar.get("/stats").body)["streams"] == {}


@pytest.mark.seconds(90)
def test_a_stop_does_not_wait_for_a_reader_that_takes_nothing_and_loses_nothing(sidecars):
    sidecar = sidecars.start("--local-limits", "off")
    stuck = sidecar.follow_by_socket("s", "pollDelay=20&noRecordsPollDelay=250", receive_buffer=65536)
    for number in range(0, 100, 20):
        records = [{"data": {"n": number + i, "fill": "x" * 400_000}} for i in range(20)]
        assert sidecar.post("/streams/s/put", {"records": records}, timeout=60).status == 200
    assert sidecar.post("/streams/s/stop", None).json["phase"] == "stopping"
    stuck.close()
    eventually(lambda: sidecar.post("/streams/s/stop", None).json["phase"] == "stopped", 15)
    assert sidecar.post("/streams/s/start", None).status == 200
    again = sidecar.follow("s")
    again.wait(lambda reader: 99 in numbers(reader.records), 40, "the last record")
