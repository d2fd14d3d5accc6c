"""Metrics and traces over OTLP/HTTP, as OpenTelemetry's own messages read them, and what a bad collector costs: nothing."""

import re
import time

import pytest

from harness.collector import Collector, attributes
from harness.rpc import Rpc
from harness.sidecar import fetch, run_program
from harness.waiting import eventually

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


@pytest.fixture
def collector():
    collector = Collector()
    yield collector
    collector.close()


def environment(**more):
    return {"KINESIS_SIDECAR_OTLP__INTERVAL": "200", "NO_PROXY": "127.0.0.1", **more}


@pytest.fixture
def told(sidecars, collector):
    """A sidecar that sends its telemetry to `collector`."""
    return sidecars.start("--otlp-endpoint", collector.url, env=environment())


def put(sidecar, flags="01", path="/streams/s/put", body=None, trace=TRACE):
    return sidecar.post(
        path, {"data": 1} if body is None else body, headers={"traceparent": f"00-{trace}-{PARENT}-{flags}"})


def test_the_metrics_are_those_of_prometheus(told, collector):
    told.put("s", {"a": 1})
    eventually(lambda: "kinesis_sidecar_put_records_total" in collector.metrics(), 10, why="a round with the put")
    typed = dict(re.findall("^# TYPE ([a-z_]+) ([a-z]+)$", told.get("/metrics").body.decode(), re.M))
    eventually(lambda: typed.keys() <= collector.metrics().keys(), 10, why="a round with all of them")
    metrics = collector.metrics()
    for name, kind in typed.items():
        metric = metrics[name]
        data = metric.WhichOneof("data")
        assert data == {"counter": "sum", "gauge": "gauge", "histogram": "histogram"}[kind], name
        assert metric.description, name
        if kind != "gauge":
            # Cumulative.
            assert getattr(metric, data).aggregation_temporality == 2, name
        if kind == "counter":
            assert metric.sum.is_monotonic, name
        for point in getattr(metric, data).data_points:
            assert abs(point.time_unix_nano / 1e9 - time.time()) < 60
            assert kind == "gauge" or 0 < point.start_time_unix_nano <= point.time_unix_nano
    records = metrics["kinesis_sidecar_put_records_total"].sum.data_points[0]
    assert (records.as_int, attributes(records.attributes)) == (1, {"stream": "s"})
    durations = metrics["kinesis_sidecar_put_duration_seconds"]
    assert durations.unit == "s"
    [point] = durations.histogram.data_points
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1 == 12
    assert point.count == sum(point.bucket_counts) == 1 and 0 < point.sum < 30
    assert point.explicit_bounds[0] == 0.001 and point.explicit_bounds[-1] == 30


def test_a_put_continues_its_callers_trace(told, collector):
    assert put(told).status == 200
    eventually(lambda: len(collector.spans) == 2, 15, why="the spans")
    server, call = sorted(collector.spans, key=lambda span: span.kind)
    assert server.trace_id.hex() == call.trace_id.hex() == TRACE
    assert server.parent_span_id.hex() == PARENT and call.parent_span_id == server.span_id
    assert (server.name, server.kind) == ("POST /streams/{streamName}/put", server.SPAN_KIND_SERVER)
    assert (call.name, call.kind) == ("Kinesis.PutRecords", call.SPAN_KIND_CLIENT)
    assert server.start_time_unix_nano <= call.start_time_unix_nano <= call.end_time_unix_nano
    assert call.end_time_unix_nano <= server.end_time_unix_nano
    said = attributes(server.attributes)
    assert said["http.response.status_code"] == 200 and said["aws.kinesis.stream_name"] == "s", said
    assert attributes(call.attributes)["messaging.batch.message_count"] == 1
    resource = attributes(collector.trace_requests[0].resource_spans[0].resource.attributes)
    assert resource["service.name"] == "kinesis-sidecar" and resource["service.version"], resource


def test_what_the_caller_does_not_sample_is_not_recorded(told, collector):
    assert put(told, flags="00").status == 200
    assert put(told, trace="1" * 32, body={"records": [{"data": 1}] * 3}).status == 200
    eventually(lambda: collector.spans, 15, why="the second put's spans")
    assert {span.trace_id.hex() for span in collector.spans} == {"1" * 32}
    assert attributes(collector.spans[0].attributes)["messaging.batch.message_count"] == 3


def test_a_put_that_is_refused_or_tried_again_says_so(told, collector):
    told.put("s", 0)
    told.fault("throttle", operation="PutRecords", count=1)
    assert put(told, trace="2" * 32).status == 200
    assert put(told, trace="3" * 32, body={"dota": 1}).status == 400
    eventually(lambda: {"2" * 32, "3" * 32} <= {span.trace_id.hex() for span in collector.spans}, 15)
    calls = [span for span in collector.spans if span.trace_id.hex() == "2" * 32 and span.kind == span.SPAN_KIND_CLIENT]
    assert len(calls) >= 2, calls
    [refused] = [span for span in collector.spans if span.trace_id.hex() == "3" * 32]
    assert attributes(refused.attributes)["http.response.status_code"] == 400
    # A fault of whoever asks is none of the server's.
    assert refused.status.code == refused.status.STATUS_CODE_UNSET


def test_the_variables_of_opentelemetry_are_heard(sidecars, collector):
    sidecar = sidecars.start(env={
        "NO_PROXY": "127.0.0.1", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url + "/prefix",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=a%20b,authorization=Bearer%20hush", "OTEL_SERVICE_NAME": "orders-sidecar",
        "OTEL_RESOURCE_ATTRIBUTES": "service.name=other,deployment.environment.name=test",
        "OTEL_METRIC_EXPORT_INTERVAL": "200", "OTEL_TRACES_SAMPLER": "always_off"})
    assert put(sidecar).status == 200
    eventually(lambda: collector.metric_requests, 10, why="metrics")
    path, headers = collector.requests[0]
    assert path == "/prefix/v1/metrics"
    assert (headers["x-tenant"], headers["authorization"]) == ("a b", "Bearer hush"), headers
    assert headers["content-type"] == "application/x-protobuf"
    resource = attributes(collector.metric_requests[0].resource_metrics[0].resource.attributes)
    assert (resource["service.name"], resource["deployment.environment.name"]) == ("orders-sidecar", "test")
    assert sidecar.terminate() == 0
    assert collector.trace_requests == [] and "hush" not in sidecar.log


@pytest.mark.parametrize("variables, told", [
    ({}, None),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "URL", "OTEL_SDK_DISABLED": "true"}, None),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "URL", "OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}, None),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "URL", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "only http/protobuf is spoken"),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT"),
])
def test_it_is_off_without_a_place_to_send_to(sidecars, collector, variables, told):
    variables = {name: collector.url if value == "URL" else value for name, value in variables.items()}
    sidecar = sidecars.start(env=environment(**variables))
    assert put(sidecar).status == 200
    assert "kinesis_sidecar_otlp" not in sidecar.get("/metrics").body.decode()
    assert sidecar.terminate() == 0
    assert collector.requests == []
    assert ("a variable for telemetry is passed over" in sidecar.log) == (told is not None), sidecar.log
    assert told is None or told in sidecar.log


def test_what_waits_is_sent_at_the_end(sidecars, collector):
    sidecar = sidecars.start("--otlp-endpoint", collector.url, env={"NO_PROXY": "127.0.0.1"})
    assert put(sidecar).status == 200
    assert sidecar.terminate() == 0
    assert len(collector.spans) == 2 and "kinesis_sidecar_put_records_total" in collector.metrics()


@pytest.mark.parametrize("answer", [
    (503, b"", {"Retry-After": "1"}), (500, b"oh", {}), (400, b"\x00" * 1000, {}), (302, b"", {"Location": "/"}), None])
def test_a_bad_collector_costs_telemetry_and_one_line(sidecars, collector, answer):
    collector.answer = answer
    sidecar = sidecars.start(
        "--otlp-endpoint", collector.url, env=environment(OTEL_EXPORTER_OTLP_TIMEOUT="300"))
    for _ in range(20):
        assert put(sidecar).status == 200
    eventually(lambda: sidecar.metric("kinesis_sidecar_otlp_failed_requests_total") >= 2, 20, why="failures")
    assert sidecar.log.count("telemetry cannot be sent") == 1, sidecar.log
    collector.answer = (200, b"", {})
    eventually(lambda: "telemetry is sent again" in sidecar.log, 20, why="it works again")
    assert put(sidecar).status == 200
    assert sidecar.terminate(10) == 0


def test_a_collector_that_is_away_holds_up_no_end(sidecars, collector):
    collector.close()
    sidecar = sidecars.start("--otlp-endpoint", collector.url, env=environment())
    assert put(sidecar).status == 200
    began = time.monotonic()
    assert sidecar.terminate(10) == 0
    assert time.monotonic() - began < 6


def test_spans_beyond_the_queue_are_dropped_and_counted(sidecars, collector):
    collector.answer = None
    sidecar = sidecars.start("--otlp-endpoint", collector.url, "--local-limits", "off", env=environment())

    dropped = "kinesis_sidecar_otlp_dropped_spans_total"

    def puts():
        for _ in range(100):
            assert sidecar.post("/streams/s/put", {"data": 1}).status == 200
        return sidecar.metric(dropped) > 0

    assert sidecar.metric(dropped) == 0
    eventually(puts, 50, why="the queue is full")


def test_bad_options_are_refused_by_name(tmp_path):
    for arguments, env, told in [
        (["--otlp-endpoint", "collector:4318"], {}, "--otlp-endpoint"),
        ([], {"KINESIS_SIDECAR_OTLP__HEADERS": "no value"}, "KINESIS_SIDECAR_OTLP__HEADERS"),
        ([], {"KINESIS_SIDECAR_OTLP__INTERVAL": "1"}, "KINESIS_SIDECAR_OTLP__INTERVAL"),
    ]:
        ended = run_program("--local", *arguments, env=env, home=tmp_path)
        assert ended.returncode == 64 and told in ended.stderr, ended.stderr
    shown = run_program(
        "--local", "--check-config", env={"KINESIS_SIDECAR_OTLP__HEADERS": "authorization=hush"}, home=tmp_path)
    assert "hush" not in shown.stdout and "authorization=•••" in shown.stdout, shown.stdout


def test_a_traceparent_that_is_none_begins_a_new_trace(told, collector):
    answer = fetch(
        told.url + "/streams/s/put", "POST", {"data": 1}, headers={"traceparent": f"00-{'0' * 32}-{PARENT}-01"})
    assert answer.status == 200
    eventually(lambda: len(collector.spans) == 2, 15)
    server = next(span for span in collector.spans if span.kind == span.SPAN_KIND_SERVER)
    assert server.parent_span_id == b"" and server.trace_id != bytes(16)


def test_a_put_of_grpc_continues_its_callers_trace_and_has_an_id(told, collector):
    rpc = Rpc(told.ports["http"])
    try:
        for method, request in [
            ("Put", rpc.make("PutRequest", stream_name="s", data=b"1")),
            ("PutRecords", rpc.make("PutRecordsRequest", stream_name="s", records=[rpc.make("PutRecord", data=b"2")] * 2)),
        ]:
            metadata = [("traceparent", f"00-{TRACE}-{PARENT}-01"), ("x-request-id", f"call-{method}")]
            _, call = rpc.call(method).with_call(request, timeout=20, metadata=metadata)
            assert dict(call.initial_metadata())["x-request-id"] == f"call-{method}"
    finally:
        rpc.close()
    eventually(lambda: len(collector.spans) == 4, 15, why="the spans")
    servers = {span.name: span for span in collector.spans if span.kind == span.SPAN_KIND_SERVER}
    assert servers.keys() == {f"POST /kinesis_sidecar.v1.KinesisSidecar/{name}" for name in ("Put", "PutRecords")}
    for span in servers.values():
        assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
        assert attributes(span.attributes)["http.response.status_code"] == 200
