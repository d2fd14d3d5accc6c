"""A reader's close is no acknowledgement: what its kernel never acknowledged comes again, and only that."""

import re
import signal

import pytest

from harness.records import numbers
from harness.tunnel import FIN_WAIT1, HERE, NoTunnel, TunnelConnection, tunnel
from harness.waiting import eventually

QUICK = "pollDelay=20&noRecordsPollDelay=250"


@pytest.fixture
def device():
    try:
        with tunnel() as device:
            yield device
    except NoTunnel as error:
        pytest.skip(f"no tun device can be made here: {error}")


def finish(reader):
    reader.finish()


def finish_and_reset(reader):
    reader.finish()
    reader.reset()


def finish_and_acknowledge_later(reader):
    reader.finish()
    take_the_rest(reader)


def acknowledge_all_but_the_end_and_finish(reader):
    """As two ends that close at the same time."""
    reader.acknowledges_end = False
    take_the_rest(reader)
    reader.finish()


def take_the_rest(reader):
    reader.acknowledges = True
    reader.acknowledge()
    reader.read_to_end()
    assert b"event: end" in reader.received


@pytest.mark.parametrize("end, comes_again", [
    (finish, True),
    (finish_and_reset, True),
    (finish_and_acknowledge_later, False),
    (acknowledge_all_but_the_end_and_finish, False),
])
def test_a_close_behind_the_sidecars_own_settles_what_was_acknowledged(device, sidecars, tmp_path, end, comes_again):
    sidecar, reader = start_with_unacknowledged_record(device, sidecars, tmp_path)
    sidecar.process.send_signal(signal.SIGTERM)
    # The end event and the FIN wait behind what is not acknowledged.
    eventually(lambda: reader.server_state() == FIN_WAIT1, 20, why="the sidecar has ended the connection on its side")
    end(reader)
    assert sidecar.process.wait(30) == 0, sidecar.log
    assert delivered_after_restart(sidecar) == ([0, 1] if comes_again else [1])


def test_a_close_ahead_of_the_sidecars_own_settles_nothing_that_was_not_acknowledged(device, sidecars, tmp_path):
    sidecar, reader = start_with_unacknowledged_record(device, sidecars, tmp_path)
    reader.finish()
    eventually(lambda: not sidecar.get("/streams").json["consumers"][0]["readers"], 20, why="the reader has left")
    assert sidecar.terminate() == 0, sidecar.log
    assert delivered_after_restart(sidecar) == [0, 1]


def start_with_unacknowledged_record(device, sidecars, tmp_path):
    """A sidecar, and a reader that was sent record 0 and has acknowledged all before it."""
    sidecar = sidecars.start("--listen", f"{HERE}:0", "--insecure", data_dir=tmp_path / "data")
    port = re.search(rf"http://{re.escape(HERE)}:(\d+)", sidecar.out_path.read_text()).group(1)
    reader = TunnelConnection(device, int(port))
    reader.send(f"GET /streams/s/records?{QUICK} HTTP/1.1\r\nHost: {HERE}\r\n\r\n".encode())
    reader.read_until(b'"change":"assigned"')
    reader.acknowledges = False
    record = sidecar.put("s", {"n": 0})
    reader.read_until(record["sequenceNumber"].encode())
    return sidecar, reader


def delivered_after_restart(sidecar):
    """What the next reader gets, up to record 1, which is put behind the restart."""
    sidecar.start()
    sidecar.put("s", {"n": 1})
    reader = sidecar.follow("s", QUICK)
    return numbers(reader.wait(lambda r: 1 in numbers(r.records), 20, "the record behind the restart").records)
