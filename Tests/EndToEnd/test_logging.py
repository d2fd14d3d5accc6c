"""Standard error that nobody reads: the log waits, or loses lines and says so; nothing else waits for it."""

import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import threading

import pytest

from harness.log_statements import statements
from harness.sidecar import PROGRAM, ROOT, clean_environment, fetch
from harness.waiting import eventually

# What `refused a request` is logged for, at debug.
MALFORMED = b"GET /\r\n\r\n"
# A pipe's default, in bytes: so many refusals are more than that.
PIPE_BYTES = 65536
REFUSALS = 431
# F_SETPIPE_SZ, which Python names since 3.10 on Linux only.
SMALL_PIPE_BYTES = 4096
LOST = "kinesis_sidecar_log_lines_lost_total"


class UnreadLog:
    """The program with a standard error that is a pipe, which the test reads only when it says so."""

    def __init__(self, folder, pipe_bytes):
        self.reading, writing = os.pipe()
        fcntl.fcntl(self.reading, fcntl.F_SETPIPE_SZ, pipe_bytes)
        ports = folder / "ports.json"
        self.process = subprocess.Popen(
            [PROGRAM, "--listen", "127.0.0.1:0", "--port-file", ports, "--local", "--local-port", "0", "--log-level",
             "debug"],
            env=clean_environment(folder), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=writing)
        os.close(writing)
        self.port = json.loads(eventually(lambda: ports.exists() and ports.read_text(), 20, why="port file"))["http"]

    def send_malformed(self, count):
        for _ in range(count):
            with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
                connection.sendall(MALFORMED)
                assert connection.recv(4096).startswith(b"HTTP/1.1 400")

    def get(self, path):
        return fetch(f"http://127.0.0.1:{self.port}{path}", timeout=10)

    def lost_lines(self):
        lines = self.get("/metrics").body.decode().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(LOST + " "))

    def read(self):
        """Reads the log from here on, in the background; `lines` are those that have come."""
        self.lines = []

        def read():
            with os.fdopen(self.reading) as log:
                self.lines.extend(map(json.loads, log))

        self.reader = threading.Thread(target=read, daemon=True)
        self.reader.start()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def close(self):
        self.process.kill()
        self.process.wait(10)


@pytest.fixture
def unread(tmp_path):
    started = []

    def start(pipe_bytes):
        started.append(UnreadLog(tmp_path, pipe_bytes))
        return started[-1]

    yield start
    for log in started:
        log.close()


def test_a_log_that_nobody_reads_holds_nothing_up(unread):
    sidecar = unread(PIPE_BYTES)
    sidecar.send_malformed(REFUSALS)
    assert sidecar.get("/livez").status == 200
    assert sidecar.terminate() == 0


def test_lines_that_were_lost_are_counted_and_told_once_there_is_room(unread):
    sidecar = unread(SMALL_PIPE_BYTES)
    assert sidecar.lost_lines() == 0

    def loses():
        sidecar.send_malformed(200)
        return sidecar.lost_lines()

    eventually(loses, 50, why="lines are lost")
    sidecar.read()
    eventually(lambda: any("lines" in line for line in sidecar.lines), 10, why="a note of lost lines")
    lost = sidecar.lost_lines()
    assert sidecar.terminate() == 0
    sidecar.reader.join(10)
    notes = [line["lines"] for line in sidecar.lines if "lines" in line]
    assert sum(notes) == lost, "every lost line is told once"
    assert sidecar.lines[-1]["message"] == "ended", "what is queued at the end is written"


def test_the_docs_list_every_message_and_field():
    docs = (ROOT / "docs/logging.md").read_text()
    messages, fields, numbers = statements(ROOT)
    listed = docs.partition("## Messages")[2]
    assert {message: level for level, message in re.findall(r"^\| (\w+) \| (.+) \|$", listed, re.M)[1:]} == messages
    told = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", docs, re.M))
    assert told.keys() == fields
    assert {name for name, meaning in told.items() if meaning.startswith("number")} == numbers


def lines(sidecar, message):
    return [line for line in map(json.loads, sidecar.log.splitlines()) if line["message"] == message]


def test_each_request_has_an_id_and_a_line_of_the_access_log(sidecars):
    sidecar = sidecars.start("--log-level", "debug")
    given = sidecar.post("/streams/s/put?partitionKey=secret", b"x", headers={
        "X-Request-Id": "order-7/a", "Content-Type": "application/octet-stream"})
    assert given.status == 200 and given.headers["X-Request-Id"] == "order-7/a"
    made = [sidecar.get("/streams/typo/nothing"), sidecar.get("/livez")]
    for bad in ["a b", "x" * 129, "\u00e9"]:
        made.append(sidecar.get("/livez", headers={"X-Request-Id": bad.encode().decode("latin-1")}))
    ids = [answer.headers["X-Request-Id"] for answer in made]
    assert len(set(ids)) == len(ids) and all(re.fullmatch("[0-9a-f]{8}-[0-9]+", one) for one in ids), ids

    def told():
        return {line["requestId"]: line for line in lines(sidecar, "a request has ended")}

    eventually(lambda: {"order-7/a", *ids} <= told().keys(), why="the lines")
    line = told()["order-7/a"]
    assert (line["method"], line["path"], line["status"]) == ("POST", "/streams/s/put", 200)
    assert line["bytes"] == len(given.body) and 0 <= line["milliseconds"] < 10_000
    assert line["peer"].startswith("127.0.0.1:") and line["level"] == "debug"
    assert told()[ids[0]]["status"] == 404
    assert "secret" not in sidecar.log


def test_a_readers_line_says_what_it_took(sidecars):
    sidecar = sidecars.start("--log-level", "debug")
    reader = sidecar.follow("s", "initialPositionInStream=TRIM_HORIZON")
    sidecar.put("s", "x" * 5000)
    reader.wait_records(1)
    reader.close()

    def took():
        return [line["bytes"] for line in lines(sidecar, "a request has ended") if line["path"].endswith("/records")]

    assert eventually(took, why="the reader's line")[0] > 5000


def test_what_the_server_refuses_by_itself_has_an_id_too(sidecar):
    with socket.create_connection(("127.0.0.1", sidecar.ports["http"]), timeout=10) as connection:
        connection.sendall(MALFORMED)
        assert re.search(rb"\r\nX-Request-Id: [0-9a-f]{8}-[0-9]+\r\n", connection.recv(4096))


def test_throttling_is_a_line_at_first_and_no_line_each(sidecar):
    sidecar.put("s", 0)
    sidecar.fault("throttle", operation="PutRecords", count=5)
    sidecar.put("s", 1)
    [line] = lines(sidecar, "a put fails for now; it is tried again")
    assert (line["level"], line["stream"]) == ("warning", "s") and "Throughput" in line["error"], line
