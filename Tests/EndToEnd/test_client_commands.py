"""The program's client commands (tail, put, status, checkpoint, seek, healthcheck, completion) against the program."""

import contextlib
import hashlib
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import threading

import pytest

from harness.certificates import Authority
from harness.sidecar import PROGRAM, ROOT, clean_environment, run_program
from harness.waiting import eventually


@pytest.fixture
def client(tmp_path):
    """`client(sidecar, "put", "s", …)` runs a command to its end."""

    def run(sidecar, *arguments, input=None, env=None, timeout=30):
        variables = {"KINESIS_SIDECAR_URL": sidecar.url} if sidecar else {}
        return subprocess.run(
            [str(PROGRAM), *map(str, arguments)], env=clean_environment(tmp_path, {**variables, **(env or {})}),
            input=input if input is not None else b"", capture_output=True, timeout=timeout)

    return run


class Tail:
    """A `tail` that runs, its lines gathered."""

    def __init__(self, folder, url, *arguments):
        self.errors = open(folder / f"tail-{len(os.listdir(folder))}.err", "w+b")
        self.process = subprocess.Popen(
            [str(PROGRAM), "tail", *map(str, arguments), "--url", url], env=clean_environment(folder),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.errors)
        self.lines = []
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.decode().rstrip("\n"))

    @property
    def data(self):
        return [json.loads(line)["data"] for line in list(self.lines)]

    @property
    def said(self):
        self.errors.flush()
        with open(self.errors.name) as file:
            return file.read()

    def close(self):
        self.process.kill()
        self.process.wait(10)
        self.thread.join(10)
        self.process.stdout.close()
        self.errors.close()


@pytest.fixture
def tail(tmp_path):
    tails = []

    def start(url, *arguments):
        tails.append(Tail(tmp_path, url, *arguments))
        return tails[-1]

    yield start
    for one in tails:
        one.close()


class Terminal:
    """A command whose descriptors are a pseudo terminal: `standard` of 0, 1 and 2."""

    def __init__(self, folder, arguments, standard=(0, 1, 2), env=None, input=None):
        self.master, slave = pty.openpty()
        streams = {number: slave if number in standard else subprocess.PIPE for number in range(3)}
        self.process = subprocess.Popen(
            [str(PROGRAM), *map(str, arguments)], env=clean_environment(folder, env), stdin=streams[0],
            stdout=streams[1], stderr=streams[2], start_new_session=True)
        os.close(slave)
        self.shown = ""
        if input is not None:
            self.process.stdin.write(input)
            self.process.stdin.close()

    def type(self, text):
        os.write(self.master, text.encode())

    def read(self):
        """What has come by now."""
        while select.select([self.master], [], [], 0)[0]:
            try:
                part = os.read(self.master, 65536)
            except OSError:  # EIO: the other end is closed
                break
            if not part:
                break
            self.shown += part.decode()
        return self.shown

    def shows(self, text):
        eventually(lambda: text in self.read(), why=f"{text!r} on the terminal, not {self.shown!r}")

    def wait(self):
        """The exit code; what is shown is read meanwhile."""
        eventually(lambda: self.read() is not None and self.process.poll() is not None, 20, why="the command's end")
        self.read()
        return self.process.returncode

    def close(self):
        self.process.kill()
        self.process.wait(10)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        os.close(self.master)


@pytest.fixture
def terminal(tmp_path):
    terminals = []

    def start(*arguments, **more):
        terminals.append(Terminal(tmp_path, arguments, **more))
        return terminals[-1]

    yield start
    for one in terminals:
        one.close()


def records(sidecar, client, stream, *arguments):
    """Everything that lies in the stream, by `tail`."""
    shown = client(sidecar, "tail", stream, "--from", "TRIM_HORIZON", *arguments)
    assert shown.returncode == 0, shown.stderr
    return [json.loads(line) for line in shown.stdout.splitlines()]


# Put and tail

def test_arguments_are_records_and_json_stays_json(sidecar, client):
    put = client(sidecar, "put", "s", '{"a": 1}', "text", "--key", "k")
    assert (put.returncode, put.stdout, put.stderr) == (0, b"", b"")
    found = records(sidecar, client, "s", "-n", 2)
    assert sorted((record["partitionKey"], str(record["data"])) for record in found) == [("k", "text"), ("k", "{'a': 1}")]
    assert {"shardId", "sequenceNumber", "approximateArrivalTimestamp"} <= found[0].keys()


def test_lines_of_standard_input_and_of_files_come_back_as_they_were(sidecar, client, tmp_path):
    lines = [b'{"n": %d,  "text": "\xc3\xa4"}' % n for n in range(5000)] + [b"\xff\x00binary", b"  indented"]
    file = tmp_path / "events"
    file.write_bytes(b"\n".join(lines[:2000]) + b"\n\n")
    assert client(sidecar, "put", "s", "--file", file).returncode == 0
    assert client(sidecar, "put", "s", input=b"\n".join(lines[2000:])).returncode == 0
    shown = client(sidecar, "tail", "s", "--from", "TRIM_HORIZON", "-n", len(lines), "--raw")
    assert shown.returncode == 0, shown.stderr
    assert sorted(shown.stdout.splitlines()) == sorted(lines)


def test_a_whole_file_is_one_record(sidecar, client, tmp_path):
    picture = bytes(range(256)) * 100
    (tmp_path / "picture").write_bytes(picture)
    assert client(sidecar, "put", "s", "--raw", "--file", tmp_path / "picture", "--key", "p").returncode == 0
    shown = client(sidecar, "tail", "s", "--from", "TRIM_HORIZON", "-n", 1, "--raw")
    assert shown.stdout == picture + b"\n"


def test_what_failed_is_told_by_its_line_and_nothing_else_fails(sidecar, client):
    lines = b'{"data": 1}\n\nnonsense\n{"data": 2, "partitionKey": "k"}\n{"nothing": 3}\n'
    put = client(sidecar, "put", "s", "--records", input=lines)
    said = put.stderr.decode().splitlines()
    assert put.returncode == 1 and len(said) == 3, said
    assert said[0].startswith("kinesis-sidecar: line 3: malformedJSON") and "line 5: " in said[1], said
    assert said[2] == "kinesis-sidecar: 2 records put, 2 failed"
    assert sorted(record["data"] for record in records(sidecar, client, "s", "-n", 2, "--json")) == ["1", "2"]


class Typed:
    """A `put` whose lines come when a test says so."""

    def __init__(self, folder, sidecar):
        self.sidecar = sidecar
        self.process = subprocess.Popen(
            [str(PROGRAM), "put", "s", "--url", sidecar.url], env=clean_environment(folder), stdin=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)

    def type(self, text):
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def has_put(self, count):
        eventually(
            lambda: self.sidecar.get("/stats").json["streams"].get("s", {}).get("puts", {}).get("records") == count)

    def end(self):
        """The exit code, and what it said."""
        self.process.stdin.close()
        said = self.process.stderr.read()
        return self.process.wait(20), said

    def close(self):
        self.process.kill()
        self.process.wait(10)
        self.process.stdin.close()
        self.process.stderr.close()


@pytest.fixture
def typed(sidecar, tmp_path):
    put = Typed(tmp_path, sidecar)
    yield put
    put.close()


def test_a_line_is_put_when_it_comes(sidecar, typed, tail):
    follower = tail(sidecar.url, "s", "--raw", "--from", "TRIM_HORIZON")
    for n in range(3):
        typed.type(f"line {n}\n")
        eventually(lambda: len(follower.lines) == n + 1)
    assert typed.end() == (0, "")
    assert follower.lines == ["line 0", "line 1", "line 2"]


def test_a_cut_connection_says_how_far_it_is_known_to_have_been_put(sidecar, typed):
    typed.type("one\ntwo\n")
    typed.has_put(2)
    sidecar.kill()
    typed.type("three\n")
    code, said = typed.end()
    # What was answered may not have been read yet when the sidecar died: then its fate is not known, which is said too.
    assert code == 1 and "known to have been put" in said, said
    assert re.search(r"from line 3 on nothing was put|whether .* line 2 were put is not known", said), said


def test_sigint_ends_a_put_with_what_is_known(typed):
    typed.type("one\n")
    typed.has_put(1)
    typed.process.send_signal(signal.SIGINT)
    code, said = typed.end()
    assert code == 1
    assert "stopped: 1 record is known to have been put, through line 1; nothing behind that was put" in said, said


def test_a_terminal_has_a_progress_bar(sidecars, terminal, tmp_path):
    sidecar = sidecars.start("--local-limits", "off")
    file = tmp_path / "events"
    file.write_text("".join(f"event {n} {'x' * 200}\n" for n in range(8000)))
    shown = terminal("put", "s", "--file", file, "--url", sidecar.url)
    assert shown.wait() == 0, shown.shown
    assert re.search(r"\r\[#{24}\] 100%  8000 records  [0-9.]+ .?B/s", shown.shown), shown.shown[-500:]
    assert "kinesis-sidecar: 8000 records put" in shown.shown
    # Nothing of it where standard error is none.
    quiet = terminal("put", "s", "--file", file, "--url", sidecar.url, standard=(0, 1))
    assert quiet.wait() == 0 and quiet.process.stderr.read() == b""


def test_tail_on_a_terminal_is_for_people_and_cannot_be_steered(sidecar, client, terminal):
    assert client(sidecar, "put", "s", "\x1b[31mred", "--key", "k").returncode == 0
    shown = terminal("tail", "s", "--from", "TRIM_HORIZON", "-n", 1, "--url", sidecar.url)
    assert shown.wait() == 0
    assert re.fullmatch(
        r"20..-..-..T..:..:..\....Z  shardId-000000000000  k  \\u\{1b\}\[31mred\r\n", shown.shown), shown.shown


def test_tail_goes_on_where_it_was_behind_a_killed_sidecar(sidecars, client, tail, tmp_path):
    socket_path = tmp_path / "s.sock"
    sidecar = sidecars.start("--listen", f"unix:{socket_path}", data_dir=tmp_path / "data")
    sidecar.put("s", {"n": 0})
    follower = tail(f"unix:{socket_path}", "s", "--from", "TRIM_HORIZON")
    eventually(lambda: len(follower.lines) == 1)
    sidecar.kill()
    eventually(lambda: "trying again" in follower.said)
    sidecar.start()
    for n in range(1, 4):
        sidecar.put("s", {"n": n})
    eventually(lambda: len(follower.lines) >= 4, 20)
    assert follower.data == [{"n": n} for n in range(4)], "each once"
    follower.process.send_signal(signal.SIGINT)
    assert follower.process.wait(10) == 0


def test_tail_of_a_group_moves_its_checkpoints(sidecar, client):
    client(sidecar, "put", "s", "1", "2")
    first = client(sidecar, "tail", "s", "--group", "g", "--from", "TRIM_HORIZON", "-n", 2)
    assert first.returncode == 0 and len(first.stdout.splitlines()) == 2, first
    shown = client(sidecar, "checkpoint", "s", "--group", "g")
    assert shown.returncode == 0 and b"shardId-000000000000" in shown.stdout, shown


def test_a_group_loses_nothing_that_tail_did_not_write(sidecar, client, tmp_path):
    client(sidecar, "put", "s", input="".join(f"r{n}\n" for n in range(1, 21)).encode())
    tail = ["tail", "s", "--group", "g", "--from", "TRIM_HORIZON", "--raw"]
    assert client(sidecar, *tail, "-n", 1).stdout == b"r1\n"
    assert client(sidecar, *tail, "-n", 2).stdout == b"r2\nr3\n"
    shell = f"{PROGRAM} {' '.join(tail)} --no-follow --url {sidecar.url} > /dev/full"
    full = subprocess.run(["bash", "-c", shell], env=clean_environment(tmp_path), capture_output=True, timeout=20)
    assert full.returncode == 1 and b"No space left on device" in full.stderr, full
    rest = client(sidecar, *tail, "--no-follow").stdout.decode().split()
    assert rest == [f"r{n}" for n in range(4, 21)]


def test_tail_without_following_ends(sidecar, client):
    client(sidecar, "put", "s", "1", "2", "3")
    assert len(records(sidecar, client, "s", "--no-follow")) == 3


def test_a_closed_pipe_ends_a_tail_quietly(sidecar, client, tmp_path):
    client(sidecar, "put", "s", "1", "2", "3")
    shell = f"{PROGRAM} tail s --from TRIM_HORIZON --raw --url {sidecar.url} | head -n 1"
    ended = subprocess.run(
        ["bash", "-o", "pipefail", "-c", shell], env=clean_environment(tmp_path), capture_output=True, timeout=20)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"1\n", b"")


# Groups

def test_seek_asks_on_a_terminal_and_needs_yes_without_one(sidecar, client, terminal):
    client(sidecar, "put", "s", "1")
    client(sidecar, "tail", "s", "--group", "g", "--from", "TRIM_HORIZON", "-n", 1)
    arguments = ["seek", "s", "--group", "g", "--to", "TRIM_HORIZON"]
    refused = client(sidecar, *arguments)
    assert refused.returncode == 1 and b"needs --yes" in refused.stderr
    dry = client(sidecar, *arguments, "--dry-run")
    assert dry.returncode == 0 and b"TRIM_HORIZON" in dry.stdout, dry
    for answer, code in [("n\n", 1), ("y\n", 0)]:
        asked = terminal(*arguments, "--url", sidecar.url)
        asked.shows("put this shard there? [y/N] ")
        asked.type(answer)
        assert asked.wait() == code, asked.shown
    again = client(sidecar, "tail", "s", "--group", "g", "-n", 1)
    assert json.loads(again.stdout)["data"] == "1"
    assert client(sidecar, *arguments, "--yes").returncode == 0


def test_checkpoint_acknowledges_an_event(sidecar, client):
    sidecar.put("s", {"n": 1})
    reader = sidecar.follow("s", "consumerGroup=g&useAutoCheckpoints=false&initialPositionInStream=TRIM_HORIZON")
    number = reader.wait_records(1)[0]["sequenceNumber"]
    stored = client(sidecar, "checkpoint", "s", "--group", "g", "--id", reader.ids[0])
    assert stored.returncode == 0 and number.encode() in stored.stdout, stored
    assert number.encode() in client(sidecar, "checkpoint", "s", "--group", "g").stdout
    skipped = client(sidecar, "checkpoint", "s", "--group", "g", "--skip")
    assert skipped.returncode == 1 and b"--skip needs --id" in skipped.stderr
    unknown = client(sidecar, "checkpoint", "s", "--group", "nobody")
    assert unknown.returncode == 1
    assert b"kinesis-sidecar checkpoint: Nothing is known of the group: Nothing is kept of a group nobody" in unknown.stderr


# Status and health

def test_status_shows_shards_and_is_for_scripts_too(sidecar, client):
    sidecar.put("s", 1)
    reader = sidecar.follow("s", "consumerGroup=billing&initialPositionInStream=TRIM_HORIZON")
    reader.wait_records(1)
    shown = client(sidecar, "status")
    assert shown.returncode == 0, shown
    assert re.search(rb"s +billing +shardId-000000000000 +reading ", shown.stdout), shown.stdout
    assert b"put to s: 1 records" in shown.stdout
    whole = json.loads(client(sidecar, "status", "--json").stdout)
    assert whole["readyz"]["status"] == "ready" and "s" in whole["stats"]["streams"]


def test_status_of_a_sidecar_in_trouble_is_1(sidecars, client):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        sidecar = sidecars.start_against(
            f"http://127.0.0.1:{nobody.getsockname()[1]}", env={"KINESIS_SIDECAR_PUT_TIMEOUT": "500"})
        put = client(sidecar, "put", "s", "1")
    assert put.returncode == 1 and put.stderr.startswith(b"kinesis-sidecar: argument 1: putTimeout: "), put
    shown = client(sidecar, "status")
    assert shown.returncode == 1 and b"problem: kinesis: no connection: " in shown.stdout, shown


def test_health_is_found_by_the_environment(sidecars, client, tmp_path):
    sidecar = sidecars.start()
    port = sidecar.ports["http"]
    path = tmp_path / "sidecar.yaml"
    path.write_text(f"listen: ['0.0.0.0:{port}']\n")
    for env in ({"KINESIS_SIDECAR_LISTEN": f"0.0.0.0:{port}"}, {"KINESIS_SIDECAR_LISTEN": str(port)},
                {"KINESIS_SIDECAR_CONFIG": str(path)}, {"KINESIS_SIDECAR_URL": f"127.0.0.1:{port}"},
                {"KINESIS_SIDECAR_LISTEN": "127.0.0.1:1", "KINESIS_SIDECAR_ADMIN_LISTEN": f"0.0.0.0:{port}"}):
        for more in ([], ["--ready"]):
            healthy = client(None, "healthcheck", *more, env=env)
            assert (healthy.returncode, healthy.stdout, healthy.stderr) == (0, b"", b""), (env, healthy)
    sidecar.kill()
    dead = client(None, "healthcheck", env={"KINESIS_SIDECAR_LISTEN": f"0.0.0.0:{port}"})
    assert dead.returncode == 1
    assert dead.stderr.decode() == (
        f"kinesis-sidecar healthcheck: nothing answers at http://127.0.0.1:{port} (connection refused): "
        "is the sidecar running? --url names another\n")


def test_health_of_ports_that_the_kernel_chose_is_found_by_their_file(sidecar, client):
    ports = sidecar.folder / "ports-1.json"
    env = {"KINESIS_SIDECAR_LISTEN": "127.0.0.1:0", "KINESIS_SIDECAR_PORT_FILE": str(ports)}
    assert client(None, "healthcheck", env=env).returncode == 0


def test_the_variables_of_commands_do_not_trouble_the_server(sidecars):
    assert sidecars.start(env={"KINESIS_SIDECAR_URL": "http://x", "KINESIS_SIDECAR_TOKEN": "t"}).get("/livez").status == 200


def test_a_sidecar_that_says_nothing_is_given_up(client):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        dead = client(None, "healthcheck", "--url", url, "--timeout", 1)
    assert dead.returncode == 1 and b"does not answer within 1" in dead.stderr, dead


# Ways in

def test_a_unix_socket(sidecars, client, tmp_path):
    path = tmp_path / "s.sock"
    sidecars.start("--listen", f"unix:{path}")
    assert client(None, "put", "s", "1", "--url", f"unix:{path}").returncode == 0
    assert client(None, "healthcheck", env={"KINESIS_SIDECAR_LISTEN": f"unix:{path}"}).returncode == 0
    gone = client(None, "status", "--url", f"unix:{tmp_path}/none.sock")
    assert gone.returncode == 1 and b"nothing answers at unix:" in gone.stderr, gone


def test_tls(sidecars, client, tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.sign("server", "DNS:localhost,IP:127.0.0.1")
    sidecar = sidecars.start("--tls-certificate", certificate, "--tls-key", key)
    url = f"https://127.0.0.1:{sidecar.ports['http']}"
    assert client(None, "put", "s", "1", "--url", url, "--ca-file", authority.certificate).returncode == 0
    stranger = client(None, "put", "s", "1", "--url", url)
    assert stranger.returncode == 1 and b"--ca-file" in stranger.stderr, stranger


def test_the_configured_certificate_alone_is_trusted_whatever_its_names(sidecars, client, tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.sign("inside", "DNS:sidecar.internal")
    other, _ = authority.sign("other", "IP:127.0.0.1")
    sidecar = sidecars.start("--tls-certificate", certificate, "--tls-key", key)
    port = sidecar.ports["http"]
    listens = {"KINESIS_SIDECAR_LISTEN": f"0.0.0.0:{port}", "KINESIS_SIDECAR_TLS__KEY_FILE": str(key)}
    own = {**listens, "KINESIS_SIDECAR_TLS__CERTIFICATE_FILE": str(certificate)}
    assert client(None, "healthcheck", env=own).returncode == 0
    assert client(None, "put", "s", "1", env=own).returncode == 0
    wrong = client(None, "healthcheck", env={**listens, "KINESIS_SIDECAR_TLS__CERTIFICATE_FILE": str(other)})
    assert wrong.returncode == 1 and b"TLS with https://127.0.0.1:" in wrong.stderr, wrong


def test_a_token(sidecars, client, tmp_path):
    config = tmp_path / "sidecar.yaml"
    config.write_text(json.dumps({"tokens": [
        {"name": "app", "sha256": hashlib.sha256(b"secret").hexdigest(), "verbs": ["read", "put"]}]}))
    sidecar = sidecars.start("--config", config)
    refused = client(sidecar, "put", "s", "1")
    assert refused.returncode == 1 and b"KINESIS_SIDECAR_TOKEN" in refused.stderr, refused
    assert client(sidecar, "put", "s", "1", env={"KINESIS_SIDECAR_TOKEN": "secret"}).returncode == 0
    assert client(sidecar, "healthcheck").returncode == 0, "which needs none"


# Help and completion

def test_every_command_has_help_and_the_general_help_lists_it():
    general = run_program("--help").stdout
    for name in ("tail", "put", "status", "checkpoint", "seek", "healthcheck", "completion"):
        shown = run_program(name, "--help")
        assert shown.returncode == 0 and shown.stdout.startswith(f"kinesis-sidecar {name}: "), shown
        assert f"\n  {name}" in general
        assert run_program("help", name).stdout == shown.stdout
        assert all(len(line) <= 120 for line in shown.stdout.splitlines())


def test_a_mistyped_command_or_option_is_told():
    assert "did you mean tail?" in run_program("tial", "s").stderr
    wrong = run_program("tail", "s", "--grup", "g")
    assert (wrong.returncode, wrong.stdout) == (1, "") and "there is no option --grup" in wrong.stderr


def completed(shell, line, tmp_path):
    """What bash offers behind the line."""
    script = f"""
        source <({PROGRAM} completion bash)
        COMP_LINE={json.dumps(line)}; read -ra COMP_WORDS <<< "$COMP_LINE"
        [[ $COMP_LINE == *' ' ]] && COMP_WORDS+=('')
        COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
        _kinesis_sidecar; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    shown = subprocess.run(
        [shell, "-c", script], env=clean_environment(tmp_path), capture_output=True, text=True, cwd=tmp_path, timeout=20)
    assert shown.stderr == "", shown.stderr
    return shown.stdout.split()


def test_bash_completes(tmp_path):
    (tmp_path / "events.ndjson").touch()
    for line, expected in {
        "kinesis-sidecar ta": ["tail"],
        "kinesis-sidecar tail s --no": ["--no-follow"],
        "kinesis-sidecar put s --file ev": ["events.ndjson"],
        "kinesis-sidecar put s --key ": [],
        "kinesis-sidecar completion z": ["zsh"],
        "kinesis-sidecar help see": ["seek"],
        "kinesis-sidecar --local-l": ["--local-limits", "--local-listen"],
        "kinesis-sidecar --local --local-limits o": ["on", "off"],
        "kinesis-sidecar --local --config ev": ["events.ndjson"],
    }.items():
        assert completed("bash", line, tmp_path) == expected, line
    assert {"tail", "put", "status", "help"} <= set(completed("bash", "kinesis-sidecar ", tmp_path))


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_zsh_takes_its_script(tmp_path):
    script = f"autoload -U compinit && compinit -u -D; source <({PROGRAM} completion zsh); whence -w _kinesis_sidecar"
    shown = subprocess.run(
        ["zsh", "-f", "-c", script], env=clean_environment(tmp_path), capture_output=True, text=True, timeout=20)
    assert (shown.stdout, shown.stderr) == ("_kinesis_sidecar: function\n", "")


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
@pytest.mark.parametrize("line, expected", [
    ("kinesis-sidecar ta", "tail"), ("kinesis-sidecar tail s --no", "--no-follow"),
    ("kinesis-sidecar completion z", "zsh"), ("kinesis-sidecar --local-lim", "--local-limits")])
def test_fish_completes(tmp_path, line, expected):
    script = f"{PROGRAM} completion fish | source; complete -C {json.dumps(line)}"
    shown = subprocess.run(
        ["fish", "--no-config", "-c", script], env=clean_environment(tmp_path), capture_output=True, text=True, timeout=20)
    assert [row.split("\t")[0] for row in shown.stdout.splitlines()] == [expected], shown


def test_the_docs_list_every_command():
    rows = run_program("--help").stdout.partition("\nCommands:\n")[2].partition("\n\n")[0].splitlines()
    listed = re.findall(r"^\| `([\w-]+)", (ROOT / "docs/commands.md").read_text(), re.MULTILINE)
    assert listed == [row.split()[0] for row in rows]
