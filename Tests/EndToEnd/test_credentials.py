"""Where the program gets its credentials, with moto as STS and Kinesis, and small servers for what has an address of its own.

Requests go to moto by way of a proxy of the test that keeps who signed them.
"""

import contextlib
import json
import os
import re
import signal
import stat
import time
import urllib.error
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
import threading

import pytest

from harness.aws_endpoints import Endpoint, document, metadata
from harness.records import make_stream
from harness.sidecar import run_program
from harness.waiting import eventually

ROLE = "arn:aws:iam::123456789012:role/reader"


class Signatures:
    """In front of moto: who signed the requests to Kinesis, and what STS was asked. `refuse` holds key ids that have expired."""

    def __init__(self, upstream):
        self.signers, self.forms, self.refuse = [], [], set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                signer = re.search(r"Credential=([^/]*)/", self.headers.get("Authorization") or "")
                signer = signer.group(1) if signer else None
                if self.headers.get("X-Amz-Target"):
                    outer.signers.append(signer)
                    if signer in outer.refuse:
                        return self.reply(400, b'{"__type":"ExpiredTokenException","message":"expired"}')
                else:
                    outer.forms.append((signer, body.decode()))
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                request = urllib.request.Request(upstream, data=body, headers=headers, method="POST")
                opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
                try:
                    with opener.open(request, timeout=30) as response:
                        self.reply(response.status, response.read())
                except urllib.error.HTTPError as error:
                    with error:
                        self.reply(error.code, error.read())

            def reply(self, status, body):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def aws(moto):
    proxy = Signatures(moto.url)
    yield proxy
    proxy.close()


@pytest.fixture
def stream(moto_kinesis):
    name = f"s-{uuid.uuid4().hex[:8]}"
    make_stream(moto_kinesis, name, 1)
    return name


def start(sidecars, aws, env, *arguments, config=""):
    """A sidecar whose AWS is `aws`, with a shared configuration file of its own."""
    path = Path(sidecars.folder) / f"config-{uuid.uuid4().hex[:6]}"
    path.write_text(config)
    variables = {
        "AWS_REGION": "us-east-1", "NO_PROXY": "127.0.0.1", "AWS_CONFIG_FILE": str(path),
        "AWS_EC2_METADATA_DISABLED": "true"}
    return sidecars.start(
        "--endpoint", aws.url, "--dynamodb", "off", *arguments, local=False, env={**variables, **env})


def state(sidecar):
    return sidecar.get("/stats").json["credentials"]["kinesis"]


def check_no_secret(sidecar):
    shown = sidecar.log + sidecar.get("/stats").body.decode() + sidecar.get("/metrics").body.decode()
    assert "hush" not in shown, shown


def test_a_role_of_a_profile_is_assumed_with_the_keys_of_another(sidecars, aws, stream):
    config = f"""
[profile app]
role_arn = {ROLE}
source_profile = base
external_id = partner
role_session_name = orders
duration_seconds = 900
[profile base]
aws_access_key_id = basekey
aws_secret_access_key = hush
"""
    sidecar = start(sidecars, aws, {"AWS_PROFILE": "app"}, config=config)
    assert state(sidecar) == {"state": "unused", "expiration": None}
    sidecar.put(stream, {"n": 1})
    [(signer, form)] = aws.forms
    assert signer == "basekey"
    for part in ("Action=AssumeRole&", "ExternalId=partner", "RoleSessionName=orders", "DurationSeconds=900"):
        assert part in form, form
    assert aws.signers and "basekey" not in aws.signers and None not in aws.signers
    told = state(sidecar)
    assert told["state"] == "good" and told["accountId"] == "123456789012", told
    assert told["source"] == f'profile "app" of the shared files (role {ROLE}, by keys)'
    assert told["expiration"].endswith("Z") and "problem" not in told
    check_no_secret(sidecar)


def test_web_identity_is_asked_again_with_the_token_of_then_when_the_service_says_expired(
        sidecars, aws, stream, tmp_path):
    token = tmp_path / "token"
    token.write_text("hush-first\n")
    env = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_ROLE_ARN": ROLE}
    sidecar = start(sidecars, aws, env)
    sidecar.put(stream, {"n": 1})
    [(signer, form)] = aws.forms
    assert signer is None and "Action=AssumeRoleWithWebIdentity" in form and "hush-first" in form
    first = aws.signers[-1]
    token.write_text("hush-second\n")
    aws.refuse.add(first)
    sidecar.put(stream, {"n": 2})
    assert len(aws.forms) == 2 and "hush-second" in aws.forms[1][1]
    assert aws.signers[-1] != first
    assert state(sidecar)["source"] == f"web identity (role {ROLE}, by web identity)"
    check_no_secret(sidecar)


def test_sts_has_keys_and_an_endpoint_of_its_own(sidecars, aws, moto, stream, tmp_path):
    other = Signatures(moto.url)
    try:
        path = tmp_path / "sidecar.yaml"
        path.write_text(
            f"sts: {{endpoint: '{other.url}', credentials: {{accessKeyId: stskey, secretAccessKey: hush}}}}\n"
            "credentials: {profile: app}\n")
        config = f"[profile app]\nrole_arn = {ROLE}\nsource_profile = app\n"
        sidecar = start(sidecars, aws, {}, "--config", str(path), config=config)
        sidecar.put(stream, {"n": 1})
        assert [signer for signer, _ in other.forms] == ["stskey"] and not aws.forms
        check_no_secret(sidecar)
    finally:
        other.close()


def test_a_process_of_a_profile_is_run_without_a_shell_and_does_not_hold_up_the_loop(sidecars, aws, stream, tmp_path):
    program, gate = tmp_path / "get credentials", tmp_path / "gate"
    os.mkfifo(gate)
    program.write_text(
        "#!/bin/sh\nread _ < \"$1\"\necho hush-error >&2\n"
        "echo '{\"Version\":1,\"AccessKeyId\":\"'$2'\",\"SecretAccessKey\":\"hush\",\"SessionToken\":\"hush\"}'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    config = f"[default]\ncredential_process = \"{program}\" \"{gate}\" $HOME;x\n"
    sidecar = start(sidecars, aws, {}, config=config)
    answers = []
    put = threading.Thread(target=lambda: answers.append(sidecar.put(stream, {"n": 1})))
    put.start()
    eventually(lambda: state(sidecar)["state"] == "fetching", why="the process is asked")
    assert sidecar.get("/livez").status == 200
    gate.write_text("go\n")
    put.join(30)
    assert answers and aws.signers[-1] == "$HOME;x"
    check_no_secret(sidecar)


def is_alive(pid):
    """Of a process that is dead only its parent, which may be slow, has to take note."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def hanging(sidecars, aws, stream, tmp_path):
    """A sidecar with a put that waits for a credential_process which hangs, and the ids of that and of whom it started."""
    program, pids = tmp_path / "hang", tmp_path / "pids"
    program.write_text(f"#!/bin/sh\nsleep 1000 &\necho $$ $! > {pids}.new\nmv {pids}.new {pids}\nwait\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    sidecar = start(sidecars, aws, {}, config=f"[default]\ncredential_process = {program}\n")
    answers = []
    put = threading.Thread(target=lambda: answers.append(try_put(sidecar, stream)))
    put.start()
    eventually(pids.exists, 20, why="the process runs")
    yield sidecar, answers, put, [int(pid) for pid in pids.read_text().split()]
    for pid in pids.read_text().split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    put.join(30)


def try_put(sidecar, stream):
    try:
        return sidecar.post(f"/streams/{stream}/put", {"data": 1})
    except OSError as error:
        return error


def test_the_end_does_not_wait_for_a_process_that_hangs_and_leaves_nothing_of_it(hanging):
    sidecar, answers, put, pids = hanging
    began = time.monotonic()
    sidecar.process.send_signal(signal.SIGTERM)
    assert sidecar.process.wait(20) == 0
    # drainTimeout is 25 s.
    assert time.monotonic() - began < 15
    eventually(lambda: not any(map(is_alive, pids)), 10, why="none of them lives on")
    put.join(30)
    assert answers[0].json["code"] == "noCredentials", answers
    assert "the sidecar is ending" in answers[0].json["detail"], answers


def test_a_second_signal_ends_a_process_that_hangs_too(sidecars, hanging):
    sidecar, _, _, pids = hanging
    sidecar.process.send_signal(signal.SIGTERM)
    eventually(lambda: "draining" in sidecar.log, why="the drain begins")
    sidecar.process.send_signal(signal.SIGTERM)
    assert sidecar.process.wait(10) == 128 + signal.SIGTERM
    sidecars.started.remove(sidecar)  # who takes that for a crash
    eventually(lambda: not any(map(is_alive, pids)), 10, why="none of them lives on")


def test_a_killed_sidecar_leaves_no_process_behind(hanging):
    sidecar, _, _, (child, _) = hanging
    sidecar.process.kill()
    sidecar.process.wait(10)
    eventually(lambda: not is_alive(child), 10, why="the process ends with the sidecar")


def test_a_container_is_asked_with_the_token_of_its_file(sidecars, aws, stream, tmp_path):
    token = tmp_path / "token"
    token.write_text("hush-one")
    asked = []

    def answer(method, path, headers):
        asked.append(headers.get("Authorization"))
        return 200, document(f"podkey{len(asked)}")

    endpoint = Endpoint(answer)
    try:
        env = {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": endpoint.url + "/v1/credentials?hush=1",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token)}
        sidecar = start(sidecars, aws, env)
        sidecar.put(stream, {"n": 1})
        assert aws.signers[-1] == "podkey1" and asked == ["hush-one"]
        token.write_text("hush-two")
        aws.refuse.add("podkey1")
        sidecar.put(stream, {"n": 2})
        assert aws.signers[-1] == "podkey2" and asked[-1] == "hush-two"
        assert endpoint.requests[0] == ("GET", "/v1/credentials?hush=1")
        check_no_secret(sidecar)
    finally:
        endpoint.close()


def test_an_instance_gives_credentials_and_the_region(sidecars, aws, stream):
    keys = iter(range(1, 100))
    instance = metadata(lambda: f"instancekey{next(keys)}")
    try:
        env = {
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": instance.url, "AWS_EC2_METADATA_DISABLED": "false", "AWS_REGION": ""}
        sidecar = start(sidecars, aws, env)
        assert ("GET", "/latest/meta-data/placement/region") in instance.requests
        sidecar.put(stream, {"n": 1})
        assert aws.signers[-1] == "instancekey1"
        assert state(sidecar)["source"].startswith("the instance's metadata (127.0.0.1:")
        check_no_secret(sidecar)
        ended = run_program("--check-config", env={**env, "NO_PROXY": "127.0.0.1"})
        assert re.search(r"region: us-east-1 +# the instance's metadata", ended.stdout), ended
    finally:
        instance.close()


def test_where_no_instance_answers_the_start_is_not_held_up(sidecars, aws, stream):
    """Where nobody answers, the program starts at once, and a request is told soon what was tried."""
    env = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9", "AWS_EC2_METADATA_DISABLED": "false"}
    sidecar = start(sidecars, aws, env)
    began = time.monotonic()
    answer = sidecar.get(f"/streams/{stream}/shards")
    assert answer.json["code"] == "noCredentials", answer
    assert time.monotonic() - began < 20
    for part in ("AWS_ACCESS_KEY_ID is not set", "profile", "AWS_WEB_IDENTITY_TOKEN_FILE is not set",
                 "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "the instance's metadata (127.0.0.1:9): no connection"):
        assert part in answer.json["detail"], answer
    assert state(sidecar)["state"] == "missing"


def test_with_local_nothing_of_aws_is_looked_at(sidecars):
    instance = metadata(lambda: "x")
    try:
        sidecars.start(env={"AWS_EC2_METADATA_SERVICE_ENDPOINT": instance.url})
        assert not instance.requests
    finally:
        instance.close()


def test_the_old_credentials_are_used_while_new_ones_cannot_be_had(sidecars, aws, stream):
    """They end within the window of a refresh: each put asks for others in the background, and goes on with these."""
    works = [True]
    endpoint = Endpoint(lambda *_: (200, document("shortkey", 200)) if works[0] else (500, "hush"))
    try:
        sidecar = start(sidecars, aws, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": endpoint.url + "/"})
        sidecar.put(stream, {"n": 1})
        works[0] = False

        def failed():
            sidecar.put(stream, {"n": 2})
            return "problem" in state(sidecar)

        eventually(failed, 30, every=0.5, why="a refresh that fails")
        told = state(sidecar)
        assert told["state"] == "good" and "status 500" in told["problem"], told
        assert set(aws.signers) == {"shortkey"}
        assert "cannot be renewed yet" in sidecar.log
        check_no_secret(sidecar)
    finally:
        endpoint.close()


def test_a_login_gives_credentials_and_says_what_to_run_once_it_has_ended(sidecars, aws, stream, tmp_path):
    """IAM Identity Center by a small server: its portal and its tokens."""
    def answer(method, path, headers):
        if path.startswith("/token"):
            return 200, {"accessToken": "hush-new", "expiresIn": 3600}
        if headers.get("x-amz-sso_bearer_token") != "hush-new":
            return 401, {}
        end = int((time.time() + 3600) * 1000)
        return 200, {"roleCredentials": {
            "accessKeyId": "loginkey", "secretAccessKey": "hush", "sessionToken": "hush", "expiration": end}}

    portal = Endpoint(answer)
    try:
        config = f"""
[default]
sso_session = work
sso_account_id = 123456789012
sso_role_name = Reader
services = local
[sso-session work]
sso_region = us-east-1
sso_start_url = https://work.example/start
[services local]
sso =
  endpoint_url = {portal.url}
sso_oidc =
  endpoint_url = {portal.url}
"""
        cache = tmp_path / "home/.aws/sso/cache"
        cache.mkdir(parents=True)
        # echo -n work | sha1sum
        login = cache / "e274eeff768c6396088ec6eb091f4bf4d47ab1e0.json"
        login.write_text(json.dumps({
            "accessToken": "hush-old", "expiresAt": "2020-01-01T00:00:00Z", "clientId": "c", "clientSecret": "hush",
            "refreshToken": "hush-r", "registrationExpiresAt": "2999-01-01T00:00:00Z"}))
        sidecar = start(sidecars, aws, {"HOME": str(tmp_path / "home")}, config=config)
        sidecar.put(stream, {"n": 1})
        assert aws.signers[-1] == "loginkey" and state(sidecar)["accountId"] == "123456789012"
        kept = json.loads(login.read_text())
        assert kept["accessToken"] == "hush-new" and kept["clientId"] == "c"
        assert login.stat().st_mode & 0o777 == 0o600
        login.unlink()
        aws.refuse.add("loginkey")
        answer = sidecar.get(f"/streams/{stream}/shards")
        assert "aws sso login --sso-session work" in answer.json["detail"], answer
        check_no_secret(sidecar)
    finally:
        portal.close()


def test_the_endpoints_variants_show_in_check_config(tmp_path):
    env = {"AWS_REGION": "us-east-1", "AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_ACCESS_KEY_ID": "a",
           "AWS_SECRET_ACCESS_KEY": "hush"}
    path = tmp_path / "sidecar.yaml"
    path.write_text("useFipsEndpoint: true\n")
    text = run_program("--check-config", "--config", str(path), env=env).stdout
    assert "kinesis.endpoint: https://kinesis-fips.us-east-1.api.aws/" in text, text
    assert "dynamoDb.endpoint: https://dynamodb-fips.us-east-1.api.aws/" in text
    path.write_text("useFipsEndpoint: true\nendpoint: http://127.0.0.1:1\n")
    ended = run_program("--check-config", "--config", str(path), env=env)
    assert ended.returncode == 64 and "useFipsEndpoint does not go with" in ended.stderr
