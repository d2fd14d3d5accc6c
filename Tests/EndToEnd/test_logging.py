"""Standard error that nobody reads: the log waits, or loses lines and says so; nothing else waits for it."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import threading

import pytest

from harness.sidecar import PROGRAM, clean_environment, fetch
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
    notes = [int(line["lines"]) for line in sidecar.lines if "lines" in line]
    assert sum(notes) == lost, "every lost line is told once"
    assert sidecar.lines[-1]["message"] == "ended", "what is queued at the end is written"
