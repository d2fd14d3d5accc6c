"""What bad input gets: the status, and a problem that names what is wrong. Nothing is half done."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.records import read_stream
from harness.waiting import eventually

# (path and query, body or None for GET, headers, status, code, what the detail names)
BAD_REQUESTS = [
    ("/streams/s/put", '{"data": ', {}, 400, "malformedJSON", ""),
    ("/streams/s/put", "[]", {}, 400, None, ""),
    ("/streams/s/put", "{}", {}, 400, "missingField", "data"),
    ("/streams/s/put", '{"data": 1, "extra": 2}', {}, 400, "unknownField", "extra"),
    ("/streams/s/put", '{"data": 1, "data": 2}', {}, 400, "repeatedField", "data"),
    ("/streams/s/put", '{"data": 1, "partitionKey": ""}', {}, 400, "badField", "partitionKey"),
    ("/streams/s/put", '{"data": 1, "partitionKey": 7}', {}, 400, "badField", "partitionKey"),
    ("/streams/s/put", json.dumps({"data": 1, "partitionKey": "k" * 257}), {}, 400, "badField", "partitionKey"),
    ("/streams/s/put", '{"data": 1, "explicitHashKey": "-1"}', {}, 400, "badField", "explicitHashKey"),
    ("/streams/s/put", json.dumps({"data": 1, "explicitHashKey": str(2**128)}), {}, 400, "badField", "explicitHashKey"),
    ("/streams/s/put", '{"data": "a", "dataEncoding": "hex"}', {}, 400, "badField", "dataEncoding"),
    ("/streams/s/put", '{"data": "a?", "dataEncoding": "base64"}', {}, 400, "badField", "data"),
    ("/streams/s/put", '{"records": []}', {}, 400, "noRecords", "records"),
    ("/streams/s/put", '{"records": [{"data": 1}, {}]}', {}, 400, "missingField", "1"),
    ("/streams/s/put", '{"records": [{"data": 1}], "data": 1}', {}, 400, None, "data"),
    ("/put", '{"data": 1}', {}, 400, "missingField", "streamName"),
    ("/put", '{"data": 1, "streamName": "a b"}', {}, 400, None, "streamName"),
    ("/put", "plain", {"Content-Type": "text/csv"}, 415, "unsupportedMediaType", "text/csv"),
    ("/streams/s/put?results=all", '{"data": 1}', {}, 400, "unknownOption", "results"),
    ("/streams/s/put?results=1", '{"data": 1}', {"Content-Type": "application/x-ndjson"}, 400, "badOption", "results"),
    ("/streams/s/put?ordered=2", '{"data": 1}', {}, 400, "badOption", "ordered"),
    ("/streams/s/put?partitionKey=a", '{"data": 1}', {}, 400, "unknownOption", "partitionKey"),
    ("/streams/s/put?x=1", '{"data": 1}', {}, 400, "unknownOption", "x"),
    ("/streams/a%20b/put", '{"data": 1}', {}, 400, "badStreamName", ""),
    ("/streams/s/records", "x", {}, 405, "methodNotAllowed", "GET"),
    ("/streams/s/put", None, {}, 405, "methodNotAllowed", "POST"),
    ("/nothing", None, {}, 404, "unknownRoute", ""),
    ("/streams/s/records?limit=0", None, {}, 400, "badOption", "1 to 10000"),
    ("/streams/s/records?limit=1&limit=2", None, {}, 400, "repeatedOption", "limit"),
    ("/streams/s/records?shardCount=2", None, {}, 400, "configurationOnlyOption", "shardCount"),
    ("/streams/s/records?useS3ForLargeItems=true", None, {}, 400, "configurationOnlyOption", "useS3ForLargeItems"),
    ("/streams/s/records?tail=yes", None, {}, 400, "badOption", "tail"),
    ("/streams/s/records?tail=true&consumerGroup=g", None, {}, 400, "conflictingOptions", "consumerGroup"),
    ("/streams/s/records?useAutoCheckpoints=maybe", None, {}, 400, "badOption", "useAutoCheckpoints"),
    ("/streams/s/records?unreadBytes=1", None, {}, 400, "configurationOnlyOption", "unreadBytes"),
    ("/streams/s/checkpoints", "{}", {}, 400, "missingField", "id"),
    ("/streams/s/checkpoints", '{"id": "x"}', {}, 400, "badField", "id"),
    ("/streams/s/checkpoints", '{"id": "00000000-1", "shardId": "s"}', {}, 400, "conflictingFields", "shardId"),
    ("/streams/s/checkpoints", '{"shardId": "s"}', {}, 400, "missingField", "sequenceNumber"),
    ("/streams/s/checkpoints", '{"shardId": "s", "sequenceNumber": 7}', {}, 400, "badField", "sequenceNumber"),
    ("/streams/s/checkpoints", '{"id": "00000000-1", "force": 1}', {}, 400, "badField", "force"),
    ("/streams/s/checkpoints", '{"shardid": "s"}', {}, 400, "unknownField", "shardid"),
    ("/streams/s/checkpoints", "[]", {}, 400, "badField", ""),
    ("/streams/s/checkpoints", "{", {}, 400, "malformedJSON", ""),
    ("/streams/s/checkpoints", '{"id": "00000000-1"}', {}, 409, "shardsNotHeld", ""),
    ("/streams/s/continue", '{"shardId": "s", "id": "00000000-1"}', {}, 400, "conflictingFields", "shardId"),
    ("/streams/s/continue", "{}", {}, 400, "missingField", "shardId"),
    ("/streams/s/continue", '{"shardId": "s"}', {}, 409, "shardsNotHeld", ""),
    ("/streams/s/records?pollDelay", None, {}, 400, "badOption", "pollDelay"),
    ("/streams/s/records?limt=1", None, {}, 400, "unknownOption", "limt"),
    ("/streams/s/records?limit=%zz", None, {}, 400, "malformedURL", ""),
    ("/streams/s/records?initialPositionInStream=FIRST", None, {}, 400, "badOption", "TRIM_HORIZON"),
    ("/streams/missing/shards", None, {}, 404, "streamMissing", "missing"),
    ("/streams/missing", None, {}, 404, "streamMissing", "missing"),
    ("/livez", None, {"Host": "evil.example"}, 421, "foreignHost", ""),
    ("/livez", None, {"Origin": "https://evil.example"}, 403, "foreignOrigin", ""),
    ("/livez", None, {"Sec-Fetch-Site": "cross-site"}, 403, "foreignOrigin", ""),
    ("/streams/s/records", None, {"Sec-Fetch-Site": "same-site"}, 403, "foreignOrigin", ""),
    ("/streams/s/records", None, {"Accept": "text/html"}, 406, "notAcceptable", "text/event-stream"),
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One sidecar for the whole table: bad input leaves nothing behind."""
    from harness.sidecar import Sidecars

    factory = Sidecars(tmp_path_factory.mktemp("bad-input"))
    yield factory.start()
    factory.close()


@pytest.mark.parametrize("path, body, headers, status, code, names", BAD_REQUESTS)
def test_a_bad_request_is_told_what_is_wrong(shared, path, body, headers, status, code, names):
    method = "GET" if body is None else "POST"
    answer = shared.get(path, method=method, body=body, headers=headers)
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json
    assert {"type", "title", "status", "detail", "code"} <= set(problem)
    assert problem["status"] == status
    assert code is None or problem["code"] == code, problem
    assert names in json.dumps(problem), problem
    if status == 405:
        assert names in answer.headers["Allow"]


def test_of_a_request_with_one_bad_record_none_is_sent(shared):
    shared.put("clean", "before")
    records = [{"data": n} for n in range(50)] + [{"data": 1, "partitionKey": ""}]
    answer = shared.post("/streams/clean/put", {"records": records})
    assert answer.status == 400 and "50" in json.dumps(answer.json), answer
    assert len(read_stream(shared.boto3(), "clean")) == 1


def test_a_record_over_the_streams_size_is_refused_with_its_index(shared):
    records = [{"data": "small"}, {"data": "x" * (1 << 20)}]
    answer = shared.post("/streams/large/put", {"records": records})
    assert answer.status in (400, 413) and answer.json["code"] == "recordTooLarge", answer
    assert "1" in json.dumps(answer.json) and "1048576" in json.dumps(answer.json)


def exchange(sidecar, request, until_closed=True):
    """Raw bytes in, everything that comes back out."""
    with socket.create_connection(("127.0.0.1", sidecar.ports["http"]), timeout=20) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


HOST = b"Host: localhost\r\n"
BAD_BYTES = [
    (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 20_000 + b"\r\n\r\n", 431),
    (b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n", 400),
    (b"GET / HTTP/1.1\r\n" + HOST + b"A : b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n c\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\rc\r\n\r\n", 400),
    (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505),
    (b"nonsense\r\n\r\n", 400),
    (b"POST /put HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
    (b"POST /put HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"POST /put HTTP/1.1\r\n" + HOST + b"Content-Length: +1\r\n\r\nx", 400),
    (b"POST /put HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    (b"POST /put HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    (b"POST /put HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999\r\n\r\n", 413),
    (b"POST /put HTTP/1.1\r\n" + HOST + b"Expect: magic\r\nContent-Length: 1\r\n\r\nx", 417),
]


@pytest.mark.parametrize("request_bytes, status", BAD_BYTES)
def test_bytes_that_are_no_request_are_refused_and_the_connection_closed(shared, request_bytes, status):
    answer = exchange(shared, request_bytes)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:300]
    assert b"application/problem+json" in answer
    assert b"connection: close" in answer.lower()


def test_the_client_gets_to_see_413_while_it_still_sends(shared):
    """The server closes its side first and reads on, so that no reset throws the answer away."""
    with socket.create_connection(("127.0.0.1", shared.ports["http"]), timeout=20) as connection:
        connection.sendall(b"POST /put HTTP/1.1\r\n" + HOST + b"Content-Length: 50000000\r\n\r\n")
        for _ in range(30):
            connection.sendall(b"x" * 65536)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 413 "), answer[:100]


def test_a_body_that_stops_half_way_gets_408(sidecars):
    sidecar = sidecars.start(env={"KINESIS_SIDECAR_BODY_TIMEOUT": "300"})
    answer = exchange(sidecar, b"POST /streams/s/put HTTP/1.1\r\n" + HOST + b"Content-Length: 10\r\n\r\n{\"da")
    assert answer.startswith(b"HTTP/1.1 408 "), answer


def test_a_head_that_stops_half_way_gets_408(sidecars):
    sidecar = sidecars.start(env={"KINESIS_SIDECAR_HEADER_TIMEOUT": "300"})
    answer = exchange(sidecar, b"GET /livez HTTP/1.1\r\nHo")
    assert answer.startswith(b"HTTP/1.1 408 "), answer


def test_a_connection_that_says_nothing_is_closed_unanswered(sidecars):
    sidecar = sidecars.start(env={"KINESIS_SIDECAR_IDLE_TIMEOUT": "300"})
    assert exchange(sidecar, b"") == b""


def test_a_connection_over_the_limit_gets_503(sidecars):
    sidecar = sidecars.start(env={"KINESIS_SIDECAR_MAX_CONNECTIONS": "1"})
    with socket.create_connection(("127.0.0.1", sidecar.ports["http"]), timeout=20) as first:
        first.sendall(b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n")
        assert first.recv(12) == b"HTTP/1.1 200"
        answer = exchange(sidecar, b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 503 "), answer


def test_limits_are_what_configuration_says(sidecars):
    sidecar = sidecars.start(env={"KINESIS_SIDECAR_MAX_BODY_BYTES": "1024", "KINESIS_SIDECAR_MAX_HEADER_BYTES": "1024"})
    assert sidecar.post("/streams/s/put", {"data": "x" * 2000}).status == 413
    assert sidecar.get("/livez", headers={"X": "y" * 2000}).status == 431


def test_allowed_hosts_and_origins_are_let_in(sidecars):
    sidecar = sidecars.start(env={
        "KINESIS_SIDECAR_ALLOWED_HOSTS": "sidecar.example", "KINESIS_SIDECAR_ALLOWED_ORIGINS": "https://app.example"})
    assert sidecar.get("/livez", headers={"Host": "sidecar.example:80"}).status == 200
    assert sidecar.get("/livez", headers={"Host": "other.example"}).status == 421
    assert sidecar.get("/livez", headers={"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}).status == 200


def test_puts_beyond_max_put_bytes_get_429(sidecars):
    sidecar = sidecars.start(env={"KINESIS_SIDECAR_MAX_PUT_BYTES": str(1 << 20)})
    sidecar.put("s", "there")
    sidecar.fault("delay", operation="PutRecords", milliseconds=3000, count=-1)
    with ThreadPoolExecutor(2) as pool:
        puts = [pool.submit(sidecar.post, "/streams/s/put", {"data": "x" * 500_000}) for _ in range(2)]
        # What arrived beside others, while there was room, waits for it; what comes later is refused.
        eventually(lambda: sidecar.metric("kinesis_sidecar_put_waiting_bytes") >= 500_000, why="a put waits")
        refused = sidecar.post("/streams/s/put", {"data": "x" * 900_000})
        assert refused.status == 429 and refused.json["code"] == "tooManyPuts" and refused.headers["Retry-After"], refused
        assert [put.result().status for put in puts] == [200, 200]


def test_a_put_without_an_answer_in_time_gets_504_that_says_so(sidecars):
    sidecar = sidecars.start(env={"KINESIS_SIDECAR_PUT_TIMEOUT": "500"})
    sidecar.put("s", "there")
    sidecar.fault("delay", operation="PutRecords", milliseconds=3000)
    answer = sidecar.post("/streams/s/put", {"data": 1})
    assert answer.status == 504 and answer.json["code"] == "putTimeout", answer
    assert "may" in answer.json["detail"]
