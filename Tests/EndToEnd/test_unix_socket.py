"""A Unix socket beside, or instead of, TCP."""

import os
import stat
import subprocess

import pytest

from harness.sidecar import run_program
from harness.waiting import eventually


def curl(path, url, *arguments):
    return subprocess.run(
        ["curl", "-sS", "--unix-socket", str(path), *arguments, f"http://localhost{url}"], capture_output=True, text=True,
        timeout=20)


def test_everything_comes_over_a_unix_socket(sidecars, tmp_path):
    path = tmp_path / "sidecar.sock"
    sidecar = sidecars.start("--listen", f"unix:{path}")
    assert "sequenceNumber" in curl(path, "/streams/s/put", "-d", '{"data": {"n": 1}}').stdout
    follow = subprocess.Popen(
        ["curl", "-sN", "--unix-socket", str(path),
         "http://localhost/streams/s/records?initialPositionInStream=TRIM_HORIZON"], stdout=subprocess.PIPE, text=True)
    while '"data":{"n":1}' not in (line := follow.stdout.readline()):
        assert line
    # The stop settles it: nothing comes again.
    mode = os.stat(path).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o660
    assert sidecar.terminate() == 0
    assert "event: end" in follow.stdout.read()
    follow.wait(10)
    assert not path.exists()


def test_a_file_that_a_killed_sidecar_left_is_replaced_and_a_live_one_refused(sidecars, tmp_path):
    path = tmp_path / "sidecar.sock"
    sidecar = sidecars.start("--listen", f"unix:{path}", env={"KINESIS_SIDECAR_UNIX_SOCKET_MODE": "0600"})
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    second = run_program("--local", "--local-port", 0, "--listen", f"unix:{path}", home=tmp_path)
    assert second.returncode != 0 and str(path) in second.stderr and "already in use" in second.stderr, second.stderr
    assert curl(path, "/livez").returncode == 0, "the first one goes on"
    sidecar.kill()
    assert path.exists()
    sidecar.start()
    assert curl(path, "/livez").returncode == 0


def test_what_is_no_socket_is_left_alone(tmp_path):
    path = tmp_path / "file"
    path.write_text("mine")
    ended = run_program("--local", "--local-port", 0, "--listen", f"unix:{path}", home=tmp_path)
    assert ended.returncode != 0 and "is no socket" in ended.stderr and str(path) in ended.stderr, ended.stderr
    assert path.read_text() == "mine"


def test_rights_without_a_socket_are_refused(tmp_path):
    ended = run_program("--check-config", home=tmp_path, env={"KINESIS_SIDECAR_UNIX_SOCKET_MODE": "0600"})
    assert ended.returncode != 0 and "needs a Unix socket" in ended.stderr, ended.stderr


@pytest.mark.parametrize("option,value,words", [
    ("MODE", "0999", "octal permission bits"), ("MODE", "rw", "octal permission bits"),
    ("OWNER", "nobody-of-that-name", "names or numbers of this system")])
def test_wrong_rights_are_named(tmp_path, option, value, words):
    ended = run_program("--check-config", home=tmp_path, env={f"KINESIS_SIDECAR_UNIX_SOCKET_{option}": value})
    assert ended.returncode != 0 and words in ended.stderr, ended.stderr
