"""How signals end the program."""

import json
import signal
import subprocess

import pytest

from harness.sidecar import PROGRAM, clean_environment, fetch
from harness.waiting import eventually


class Started:
    """The program, started by somebody who ignores SIGHUP (nohup does) or does not."""

    def __init__(self, folder, hangup):
        ports = folder / "ports.json"
        self.log = folder / "stderr.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "--listen", "127.0.0.1:0", "--port-file", ports, "--local", "--local-port", "0"],
                env=clean_environment(folder), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
                preexec_fn=lambda: signal.signal(signal.SIGHUP, hangup))
        port = json.loads(eventually(lambda: ports.exists() and ports.read_text(), 20, why="port file"))["http"]
        self.url = f"http://127.0.0.1:{port}"


@pytest.fixture
def start(tmp_path):
    started = []

    def start(hangup):
        started.append(Started(tmp_path, hangup))
        return started[-1]

    yield start
    for program in started:
        program.process.kill()
        program.process.wait(10)


def test_a_closed_terminal_drains(start):
    program = start(signal.SIG_DFL)
    # A shell and the kernel both send it: twice is no order to end at once.
    program.process.send_signal(signal.SIGHUP)
    program.process.send_signal(signal.SIGHUP)
    assert program.process.wait(10) == 0
    log = program.log.read_text()
    assert '"signal":"SIGHUP"' in log and "draining" in log and '"ended"' in log, log


def test_under_nohup_a_closed_terminal_is_nothing(start):
    program = start(signal.SIG_IGN)
    program.process.send_signal(signal.SIGHUP)
    assert fetch(program.url + "/livez").status == 200
    program.process.send_signal(signal.SIGTERM)
    assert program.process.wait(10) == 0
    assert "SIGHUP" not in program.log.read_text()
