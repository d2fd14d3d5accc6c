"""Who may do what: tokens, names of clients' certificates, listeners beyond loopback, and the admin listener."""

import hashlib
import json
import re
import socket
import subprocess

import grpc
import pytest
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc

from harness.certificates import Authority
from harness.http2 import Http2
from harness.lines import NDJSON, Answer, line
from harness.rpc import Rpc, problem
from harness.sidecar import ROOT, fetch, run_program
from harness.sse import CurlReader
from harness.waiting import eventually

VERBS = ["read", "checkpoint", "put", "admin"]
# Token, streams (None: all) and verbs.
GRANTS = {
    "boss": (None, VERBS), "reader": (["orders", "audit-*"], ["read"]), "writer": (["orders"], ["put"]),
    "acknowledger": (None, ["checkpoint"])}


def token(name):
    return f"the token of {name}".replace(" ", "-")


def bearer(name):
    return {"Authorization": f"Bearer {token(name)}"}


def entries():
    found = []
    for name, (streams, verbs) in GRANTS.items():
        entry = {"name": name, "sha256": hashlib.sha256(token(name).encode()).hexdigest(), "verbs": verbs}
        found.append(entry if streams is None else {**entry, "streams": streams})
    return found


def configured(folder, **options):
    path = folder / "sidecar.yaml"
    path.write_text(json.dumps(options))  # which is YAML too
    return ["--config", path]


@pytest.fixture
def guarded(sidecars, tmp_path):
    return sidecars.start(*configured(tmp_path, tokens=entries()))


def put(sidecar, name, stream, data=1):
    return sidecar.post(f"/streams/{stream}/put", {"data": data}, headers=bearer(name))


def test_every_operation_of_the_contract_is_refused_without_a_token(guarded):
    contract = yaml.safe_load(guarded.get("/openapi.yaml").body)
    free = set()
    for path, operations in contract["paths"].items():
        for method in {"get", "post"} & set(operations):
            answer = fetch(guarded.url + path.replace("{streamName}", "orders"), method.upper(), b"" if method == "post" else None)
            if operations[method].get("security") == []:
                free.add(path)
                assert answer.status == 200, path
            else:
                assert answer.status == 401 and answer.json["code"] == "missingToken", path
                assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert free == {"/", "/livez", "/readyz", "/openapi.yaml", "/openapi.json"}


def test_each_verb_is_needed_for_what_it_stands_for(guarded):
    assert put(guarded, "boss", "orders").status == 200
    may = {
        ("GET", "/streams/orders"): "read", ("GET", "/streams/orders/shards"): "read", ("GET", "/stats"): "read",
        ("GET", "/streams/orders/stats"): "read", ("GET", "/assignments"): "read", ("GET", "/streams"): "read",
        ("POST", "/streams/orders/continue"): "read", ("POST", "/streams/orders/checkpoints"): "checkpoint",
        ("POST", "/streams/orders/put"): "put", ("POST", "/put"): "put", ("POST", "/streams/orders/stop"): "admin",
        ("POST", "/streams/orders/start"): "admin", ("POST", "/streams/orders/forget"): "admin", ("GET", "/metrics"): "admin"}
    for (method, path), verb in may.items():
        for name, (_, verbs) in GRANTS.items():
            answer = fetch(guarded.url + path, method, b"{}" if method == "POST" else None, bearer(name))
            code = answer.json.get("code") if answer.status >= 400 else None
            if verb in verbs:
                assert answer.status not in (401, 403), (name, path, answer)
            else:
                assert answer.status == 403 and code == "verbNotGranted" and answer.json["verb"] == verb, (name, path, answer)
                assert verb in answer.json["detail"] and token(name).encode() not in answer.body


def test_a_token_is_held_to_its_streams(guarded):
    for stream in ("orders", "audit-1", "payments"):
        assert put(guarded, "boss", stream).status == 200
    refused = put(guarded, "writer", "payments")
    assert refused.status == 403 and refused.json["code"] == "streamNotGranted"
    assert refused.json["streamName"] == "payments" and "payments" in refused.json["detail"]
    for path in ("/stats", "/streams", "/assignments"):
        everything = guarded.get(path, headers=bearer("boss")).body
        some = guarded.get(path, headers=bearer("reader"))
        assert some.status == 200 and b"payments" not in some.body
        assert (b"payments" in everything) == (path == "/stats")
    assert b"audit-1" in guarded.get("/stats", headers=bearer("reader")).body
    # Nobody may be told of all streams by a token for some.
    assert guarded.get("/metrics", headers=bearer("reader")).status == 403


def test_a_stream_that_the_body_names_is_looked_at_too(guarded):
    own = guarded.post("/put", {"streamName": "orders", "data": 1}, headers=bearer("writer"))
    other = guarded.post("/put", {"streamName": "payments", "data": 1}, headers=bearer("writer"))
    assert own.status == 200 and other.status == 403 and other.json["code"] == "streamNotGranted"
    streams = ["orders", "payments", "orders", "else", "orders"]
    body = "".join(line(n, streamName=stream) for n, stream in enumerate(streams))
    answer = guarded.post("/put?results=all", body, headers={"Content-Type": NDJSON, **bearer("writer")})
    lines = Answer(answer.body.decode())
    assert answer.status == 200 and lines.codes == {2: "streamNotGranted", 4: "streamNotGranted"}
    assert lines.end["accepted"] == 3
    listed = guarded.boto3().list_streams()["StreamNames"]
    assert listed == ["orders"], "what was refused has made no stream"


def test_wrong_tokens_are_told_apart_and_never_repeated(guarded):
    for value, code in [
            (None, "missingToken"), ("Basic dXNlcjpzZWNyZXQ=", "missingToken"), ("Bearer hush-hush", "unknownToken"),
            ("Bearer", "unknownToken"), (bearer("boss")["Authorization"] + "x", "unknownToken")]:
        answer = guarded.get("/stats", headers={"Authorization": value} if value else {})
        assert answer.status == 401 and answer.json["code"] == code, value
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert b"hush" not in answer.body
    metrics = guarded.get("/metrics", headers=bearer("boss")).body.decode()
    assert 'kinesis_sidecar_access_failures_total{code="missingToken"} 2' in metrics
    assert 'kinesis_sidecar_access_failures_total{code="unknownToken"} 3' in metrics
    eventually(lambda: "unknownToken" in guarded.log, why="a line of the log")
    assert "hush" not in guarded.log and token("boss") not in guarded.log


def test_a_flood_of_failures_gets_429_and_tokens_go_on(guarded):
    connection = socket.create_connection(("127.0.0.1", guarded.ports["http"]), timeout=20)
    connection.sendall(b"GET /stats HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer guess\r\n\r\n" * 400)
    received = b""
    while b"429" not in received:
        received += connection.recv(1 << 16)
    refused = guarded.get("/stats")
    assert refused.status == 429 and refused.json["code"] == "tooManyAccessFailures"
    assert int(refused.headers["Retry-After"]) >= 1
    assert guarded.get("/stats", headers=bearer("reader")).status == 200
    assert guarded.get("/livez").status == 200
    connection.close()
    eventually(lambda: guarded.get("/stats").status == 401, 20, every=1, why="it is told again")


def test_server_sent_events_with_a_token(guarded):
    refused = subprocess.run(
        ["curl", "-sN", "-w", "\n%{http_code}", f"{guarded.url}/streams/orders/records"], capture_output=True, text=True,
        timeout=20)
    assert refused.stdout.endswith("\n401")
    reader = guarded.follow("orders", "pollDelay=20", headers=bearer("reader"))
    assert put(guarded, "writer", "orders", {"n": 7}).status == 200
    reader.wait_records(1)
    assert reader.records[0]["data"] == {"n": 7}


def test_tokens_over_http2_are_each_streams_own(guarded):
    client = Http2(guarded.ports["http"])
    body = json.dumps({"data": 1}).encode()
    good = client.request("POST", "/streams/orders/put", body, authorization=bearer("writer")["Authorization"])
    none = client.request("POST", "/streams/orders/put", body)
    wrong = client.request("POST", "/streams/orders/put", body, authorization=bearer("reader")["Authorization"])
    free = client.request("GET", "/livez")
    assert client.answer(good)[0] == 200
    status, problem = client.answer(none)
    assert status == 401 and json.loads(problem)["code"] == "missingToken"
    assert client.headers[none]["www-authenticate"] == "Bearer"
    assert client.answer(wrong)[0] == 403 and client.answer(free)[0] == 200
    client.close()


# Certificates


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def known_by_name(sidecars, authority, tmp_path):
    certificate, key = authority.sign("server", "DNS:localhost,IP:127.0.0.1")
    names = [
        {"name": "spiffe://example/orders", "verbs": ["put"], "streams": ["orders"]},
        {"name": "app.example", "verbs": ["read"]}, {"name": "ops@example.com", "verbs": VERBS},
        {"name": "10.1.2.3", "verbs": ["read"]}]

    def start(**more):
        tls = {"certificateFile": str(certificate), "keyFile": str(key), "clientCAFile": str(authority.certificate),
               "clientNames": names}
        return sidecars.start(*configured(tmp_path, tls=tls, **more))

    return start


def curl(sidecar, authority, path, identity, *arguments):
    command = ["curl", "-sS", "--noproxy", "*", "--cacert", authority.certificate, "-w", "\n%{http_code}"]
    if identity:
        command += ["--cert", identity[0], "--key", identity[1]]
    run = subprocess.run(
        [str(part) for part in (*command, *arguments, f"https://127.0.0.1:{sidecar.ports['http']}{path}")],
        capture_output=True, text=True, timeout=30)
    body, _, status = run.stdout.rpartition("\n")
    return int(status), body


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_client_is_known_by_each_kind_of_its_certificates_names(known_by_name, authority, version, tls):
    sidecar = known_by_name()
    record = ("-d", '{"data": 1}')
    for names, stats, puts in [
            ("URI:spiffe://example/orders", 403, 200), ("DNS:APP.example,DNS:other.example", 200, 403),
            ("email:ops@example.com", 200, 200), ("IP:10.1.2.3", 200, 403),
            ("DNS:app.example,URI:spiffe://example/orders", 200, 200)]:
        identity = authority.sign("client", names)
        options = (version, "--tls-max", tls)
        assert curl(sidecar, authority, "/stats", identity, *options)[0] == stats, names
        assert curl(sidecar, authority, "/streams/orders/put", identity, *options, *record)[0] == puts, names
    # Not listed, or another kind of name of the same text.
    for names in ("DNS:stranger.example", "URI:app.example", "email:nobody@example.com"):
        status, body = curl(sidecar, authority, "/stats", authority.sign("stranger", names), version)
        problem = json.loads(body)
        assert status == 403 and problem["code"] == "unknownClient" and names in problem["detail"], problem
        assert curl(sidecar, authority, "/livez", authority.sign("stranger", names), version)[0] == 200


def test_a_token_does_as_well_as_a_name(known_by_name, authority):
    sidecar = known_by_name(tokens=entries())
    stranger = authority.sign("stranger", "DNS:stranger.example")
    assert curl(sidecar, authority, "/stats", stranger)[0] == 403
    with_token = ("-H", f"Authorization: Bearer {token('reader')}")
    assert curl(sidecar, authority, "/stats", stranger, *with_token)[0] == 200
    # Both together may do what either may.
    app = authority.sign("app", "DNS:app.example")
    as_writer = ("-H", f"Authorization: Bearer {token('writer')}")
    assert curl(sidecar, authority, "/streams/orders/put", app, *as_writer, "-d", '{"data": 1}')[0] == 200
    assert curl(sidecar, authority, "/streams/orders/put", app, "-d", '{"data": 1}')[0] == 403
    assert curl(sidecar, authority, "/stats", app, *as_writer)[0] == 200


def test_a_resumed_session_is_the_same_client(known_by_name, authority, tmp_path):
    sidecar = known_by_name()
    app, session = authority.sign("app", "DNS:app.example"), tmp_path / "session"

    def client(*arguments):
        return subprocess.run(
            ["openssl", "s_client", "-ign_eof", "-connect", f"127.0.0.1:{sidecar.ports['http']}", "-CAfile",
             authority.certificate, "-cert", app[0], "-key", app[1], *map(str, arguments)],
            input=b"GET /stats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", capture_output=True,
            timeout=20).stdout

    for version in ("-tls1_2", "-tls1_3"):
        assert b"200 OK" in client(version, "-sess_out", session)
        resumed = client(version, "-sess_in", session)
        assert b"Reused, TLSv1" in resumed and b"200 OK" in resumed, resumed


# Listeners


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_a_listener_beyond_loopback_says_what_it_needs(sidecars, tmp_path, address):
    arguments = ["--local", "--local-port", 0, "--listen", address]
    ended = run_program(*arguments, home=tmp_path)
    assert ended.returncode == 64
    for words in (address, "tls.certificateFile", "tokens or tls.clientCAFile", "--insecure"):
        assert words in ended.stderr, ended.stderr
    tokens_alone = run_program(*arguments, *configured(tmp_path, tokens=entries()), home=tmp_path)
    assert tokens_alone.returncode == 64 and "tokens or" not in tokens_alone.stderr, tokens_alone.stderr
    on_purpose = sidecars.start("--listen", address, "--insecure")
    assert on_purpose.get("/stats").status == 200
    eventually(lambda: "insecure" in on_purpose.log, why="the warning")


def test_with_tls_and_tokens_it_listens_there(sidecars, authority, tmp_path):
    certificate, key = authority.sign("server", "DNS:localhost,IP:127.0.0.1")
    tls = {"certificateFile": str(certificate), "keyFile": str(key)}
    sidecar = sidecars.start("--listen", "0.0.0.0:0", *configured(tmp_path, tls=tls, tokens=entries()))
    sidecar.ports["http"] = int(re.search(r"https://0\.0\.0\.0:(\d+)", sidecar.out_path.read_text())[1])
    assert curl(sidecar, authority, "/stats", None)[0] == 401
    assert curl(sidecar, authority, "/stats", None, "-H", f"Authorization: Bearer {token('reader')}")[0] == 200


# gRPC


@pytest.fixture
def call_as(guarded):
    """`call_as(name)`: a client of gRPC with that token; None: with none."""
    clients = []

    def make(name):
        clients.append(Rpc(guarded.ports["http"], token=name and token(name)))
        return clients[-1]
    yield make
    for client in clients:
        client.close()


def refused(call):
    """Status and reason of a call that is refused."""
    with pytest.raises(grpc.RpcError) as error:
        call()
    return error.value.code(), problem(error.value)[0]


def test_calls_of_grpc_are_allowed_what_their_routes_are(guarded, call_as):
    assert put(guarded, "boss", "orders").status == put(guarded, "boss", "other").status == 200
    unary = {
        "ListShards": "read", "Continue": "read", "Checkpoint": "checkpoint", "Put": "put", "Start": "admin", "Stop": "admin"}
    for method, verb in unary.items():
        def call(rpc, stream="orders"):
            return getattr(rpc, method)(stream_name=stream)
        assert refused(lambda: call(call_as(None))) == (grpc.StatusCode.UNAUTHENTICATED, "missingToken"), method
        for name in ("reader", "writer", "acknowledger"):
            if verb in GRANTS[name][1]:
                if GRANTS[name][0]:
                    assert refused(lambda: call(call_as(name), "other")) == (
                        grpc.StatusCode.PERMISSION_DENIED, "streamNotGranted"), (method, name)
            else:
                assert refused(lambda: call(call_as(name))) == (
                    grpc.StatusCode.PERMISSION_DENIED, "verbNotGranted"), (method, name)
    assert len(call_as("reader").ListShards(stream_name="orders").shards) == 1
    assert list(call_as("reader").GetAssignments().streams) == []
    assert refused(lambda: call_as("reader").GetStats(stream_name="other"))[1] == "streamNotGranted"
    channel = call_as(None).channel
    assert health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10).status == 1


def test_streams_of_grpc_are_allowed_what_their_routes_are(guarded, call_as):
    assert put(guarded, "boss", "orders").status == put(guarded, "boss", "other").status == 200
    denied = call_as("reader").follow("other")
    assert denied.is_over.wait(10) and problem(denied.error)[0] == "streamNotGranted"
    follower = call_as("reader").follow("orders", options={"useAutoCheckpoints": "false"})
    eventually(lambda: follower.records, why="it may read")
    follower.acknowledge(id=follower.of("records")[0].id)
    told = eventually(lambda: follower.of("problem"), why="the acknowledgement is refused")
    assert told[0].code == "verbNotGranted"
    follower.close()

    def lines(rpc, *streams):
        requests = [rpc.make("PutStreamRequest", stream_name=stream, data=b"x", partition_key="k") for stream in streams]
        return rpc.call("PutStream")(iter(requests), timeout=20, metadata=rpc.metadata)

    answers = lines(call_as("writer"), "orders", "other")
    assert next(answers).result.sequence_number
    assert refused(lambda: next(answers)) == (grpc.StatusCode.PERMISSION_DENIED, "streamNotGranted")
    assert refused(lambda: next(lines(call_as("reader"), "orders")))[1] == "verbNotGranted"


# The admin listener

SERVED = [
    "/livez", "/readyz", "/metrics", "/", "/process", "/stats", "/streams", "/assignments", "/openapi.yaml",
    "/openapi.json"]


def own_address():
    """An address of this machine that is not loopback's; no packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback's")
        return probe.getsockname()[0]


def test_the_admin_listener_tells_without_a_token_and_does_nothing_else(sidecars, authority, tmp_path):
    certificate, key = authority.sign("server", "DNS:localhost,IP:127.0.0.1")
    tls = {"certificateFile": str(certificate), "keyFile": str(key)}
    sidecar = sidecars.start(
        "--admin-listen", "0.0.0.0:0", "--listen", f"unix:{tmp_path}/main.sock",
        *configured(tmp_path, tls=tls, tokens=entries()))
    # As the kubelet and Prometheus come: to the pod's address, which is the Host then.
    url = f"http://{own_address()}:{sidecar.ports['admin']}"
    for path in SERVED:
        for method in ("GET", "HEAD"):
            assert fetch(url + path, method).status == 200, path
    contract = yaml.safe_load(fetch(url + "/openapi.yaml").body)
    for path, operations in contract["paths"].items():
        for method in {"get", "post"} & set(operations):
            if path in SERVED:
                continue
            answer = fetch(url + path.replace("{streamName}", "orders"), method.upper(), b"" if method == "post" else None)
            assert answer.status == 404 and answer.json["accepted"] == SERVED, path
    assert fetch(url + "/stats", "POST", b"").status == 405
    named = fetch(url + "/stats", headers={"Host": "sidecar.example"})
    assert named.status == 421, "a page that has rebound its name reads nothing"
    assert fetch(url + "/stats", headers={"Origin": "http://evil.example"}).status == 403


def test_the_admin_listener_can_be_a_unix_socket(sidecars, tmp_path):
    path = tmp_path / "admin.sock"
    sidecar = sidecars.start("--admin-listen", f"unix:{path}")
    assert "admin" not in sidecar.ports
    for target, status in [("/readyz", 200), ("/put", 404)]:
        run = subprocess.run(
            ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", str(path), f"http://localhost{target}"],
            capture_output=True, text=True, timeout=20)
        assert run.stdout == str(status)
    assert sidecar.terminate() == 0
    assert not path.exists()


def test_probes_are_answered_while_the_sidecar_ends(sidecars, tmp_path):
    sidecar = sidecars.start("--admin-listen", "127.0.0.1:0", env={"KINESIS_SIDECAR_DRAIN_TIMEOUT": "10000"})
    # A put whose body never ends keeps the main listener's drain waiting.
    held = socket.create_connection(("127.0.0.1", sidecar.ports["http"]), timeout=20)
    held.sendall(b"POST /streams/s/put HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
    eventually(lambda: sidecar.metric("kinesis_sidecar_http_requests_in_flight") >= 2, why="it is held")
    sidecar.process.terminate()
    url = f"http://127.0.0.1:{sidecar.ports['admin']}"
    eventually(lambda: fetch(url + "/readyz").status == 503, why="not ready")
    assert fetch(url + "/livez").status == 200
    held.close()
    assert sidecar.process.wait(20) == 0


@pytest.mark.parametrize("page", ["operating.md", "options.md"])
def test_the_files_that_the_docs_show_are_taken(tmp_path, monkeypatch, page):
    """The YAML blocks that name tokens; the certificates that they name are there."""
    Authority(tmp_path, "clients").sign("server", "DNS:localhost")
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / page).read_text()
    blocks = [block.partition("\n```")[0] for block in text.split("```yaml\n")[1:]]
    blocks = [block for block in blocks if "tokens:" in block]
    assert blocks
    for block in blocks:
        path = tmp_path / "sidecar.yaml"
        path.write_text(block)
        ended = run_program("--config", path, "--local", "--check-config", home=tmp_path)
        assert ended.returncode == 0, ended.stderr
