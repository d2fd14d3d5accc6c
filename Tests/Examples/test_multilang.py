"""examples/multilang-python, against the built program: amazon_kclpy's own sample as the children of a sidecar."""

import os
import shutil
import signal

import pytest

from harness.multilang import KCLPY, children, is_alive
from harness.sidecar import ROOT, Sidecar
from harness.waiting import eventually

EXAMPLE = ROOT / "examples/multilang-python"


@pytest.fixture
def sidecar(sidecars, tmp_path):
    """In a folder that is as `set-up` leaves it, which Scripts/setup has run."""
    folder = tmp_path / "example"
    folder.mkdir()
    shutil.copy(EXAMPLE / "app.properties", folder)
    (folder / "kclpy").symlink_to(KCLPY)
    sidecar = Sidecar(
        ["--local", "--local-port", "0", "--local-stream", "orders:2", "--data-dir", "data",
         "--multilang", "app.properties"], {}, folder)
    sidecars.started.append(sidecar)
    return sidecar.start()


def positions(sidecar):
    answer = sidecar.get("/streams/orders/checkpoints?consumerGroup=billing")
    assert answer.status == 200, answer
    return {shard["shardId"]: shard.get("sequenceNumber") for shard in answer.json["shards"]}


def put(sidecar, numbers):
    """Puts orders at once; returns the last place in each shard."""
    records = [{"data": {"order": number}, "partitionKey": f"c-{number}"} for number in numbers]
    answer = sidecar.post("/streams/orders/put", {"records": records})
    assert answer.status == 200, answer
    places = {record["shardId"]: record["sequenceNumber"] for record in answer.json["records"]}
    assert len(places) == 2
    return places


def batches(sidecar):
    """How many each of the children has answered."""
    return {child["shardId"]: child["batches"] for child in children(sidecar, "billing")}


def test_the_sample_processes_and_checkpoints_orders_and_goes_with_its_sidecar(sidecar):
    put(sidecar, range(20))
    eventually(lambda: len([each for each in positions(sidecar).values() if each]) == 2, 30, why="its first checkpoints")
    before = batches(sidecar)
    last = put(sidecar, range(20, 40))
    eventually(lambda: all(count > before[shard] for shard, count in batches(sidecar).items()), 20)
    pids = [child["pid"] for child in children(sidecar, "billing")]
    assert len(pids) == 2 and all(map(is_alive, pids))
    assert sidecar.terminate() == 0
    assert not any(map(is_alive, pids))
    assert "Shutdown has been requested, checkpointing." in sidecar.log
    sidecar.start()
    assert positions(sidecar) == last, "it has checkpointed all of it when it was asked to"


def test_a_killed_sample_is_started_again(sidecar):
    put(sidecar, range(20))
    before = eventually(lambda: [child for child in children(sidecar, "billing") if child["state"] == "idle"], 30)[0]
    os.kill(before["pid"], signal.SIGKILL)

    def is_back():
        [after] = [child for child in children(sidecar, "billing") if child["shardId"] == before["shardId"]]
        return after["restarts"] == 1 and after["pid"] != before["pid"] and after["state"] == "idle"

    eventually(is_back, 20)
