"""State that cannot be kept: said in /readyz, no crash, nothing lost silently."""

import sqlite3

import pytest

from harness.disk import fill_up
from harness.records import make_stream, numbers
from harness.sidecar import run_program
from harness.waiting import eventually

QUICK = "pollDelay=20&noRecordsPollDelay=250&initialPositionInStream=TRIM_HORIZON"

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "us-east-1"}


@pytest.fixture
def service(sidecars):
    service = sidecars.start("--local-limits", "off")
    make_stream(service.boto3(), "s", 1)
    return service


def is_ready(sidecar):
    return sidecar.get("/readyz").status == 200


def state_problem(sidecar):
    return [cause["detail"] for cause in sidecar.get("/readyz").json["causes"] if cause["component"] == "state"]


def test_a_full_disk(service, sidecars, small_disk):
    sidecar = sidecars.start_against(service.kinesis_url, data_dir=small_disk / "data")
    reader = sidecar.follow("s", QUICK)
    manual = sidecar.follow("s", QUICK + "&useAutoCheckpoints=false&consumerGroup=manual")
    service.put("s", {"n": 0})
    reader.wait_records(1)
    first = manual.wait_records(1) and [event.id for event in manual.events if event.name == "records"][0]
    fill_up(small_disk)
    for n in range(1, 300):  # until what is left in SQLite's own files is used up
        service.put("s", {"n": n})
    eventually(lambda: not is_ready(sidecar), 20, why="it says that nothing can be stored")
    assert "full" in state_problem(sidecar)[0]
    # Reading goes on, and so do puts.
    assert sidecar.put("s", {"n": 300})["shardId"]
    assert numbers(reader.wait_records(301)) == list(range(301))
    acknowledged = sidecar.post("/streams/s/checkpoints?consumerGroup=manual", {"id": first})
    assert (acknowledged.status, acknowledged.json["code"]) == (503, "stateFailed")

    (small_disk / "fill").unlink()
    eventually(lambda: is_ready(sidecar), 20, why="positions are stored again")
    reader.close()
    sidecar.terminate()
    sidecar.start()
    service.put("s", {"n": 301})
    assert numbers(sidecar.follow("s", QUICK).wait_records(1)) == [301]


def test_a_crash_while_the_disk_is_full_loses_nothing(service, sidecars, small_disk):
    sidecar = sidecars.start_against(service.kinesis_url, data_dir=small_disk / "data")
    reader = sidecar.follow("s", QUICK)
    service.put("s", {"n": 0})
    reader.wait_records(1)
    fill_up(small_disk)
    for n in range(1, 300):
        service.put("s", {"n": n})
    eventually(lambda: not is_ready(sidecar), 20, why="it says that nothing can be stored")
    reader.wait_records(300)
    sidecar.kill()
    # It starts although nothing can be stored, says so, and takes puts.
    sidecar.start()
    sidecar.put("s", {"n": 300})
    (small_disk / "fill").unlink()
    eventually(lambda: is_ready(sidecar), 20, why="positions are stored again")
    again = sidecar.follow("s", QUICK)
    again.wait(lambda r: 300 in numbers(r.records), 20, "the last record")
    assert set(numbers(reader.records)) | set(numbers(again.records)) == set(range(301))


@pytest.mark.seconds(60)
def test_a_put_into_an_embedded_kinesis_on_a_full_disk_says_what_is_full(sidecars, small_disk):
    local = sidecars.start(
        "--local-limits", "off", data_dir=small_disk / "data", env={"KINESIS_SIDECAR_PUT_TIMEOUT": "1000"})
    make_stream(local.boto3(), "s", 1)
    fill_up(small_disk)

    def refused():
        answer = local.post("/streams/s/put", {"data": "x" * 10_000})
        return answer if answer.status != 200 else None

    answer = eventually(refused, 30, every=0, why="SQLite's own files are used up")
    assert (answer.status, answer.json["code"]) == (504, "putTimeout")
    assert "disk is full" in answer.json["detail"] and "no answer" not in answer.json["detail"]
    assert any("disk is full" in warning["detail"] for warning in local.get("/readyz").json["warnings"])
    (small_disk / "fill").unlink()
    eventually(lambda: local.post("/streams/s/put", {"data": 1}).status == 200, 20, why="there is room again")


def test_a_folder_in_which_nothing_can_be_written_any_more(service, sidecars, tmp_path):
    sidecar = sidecars.start_against(service.kinesis_url, data_dir=tmp_path / "data")
    reader = sidecar.follow("s", QUICK)
    service.put("s", {"n": 0})
    reader.wait_records(1)
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    service.put("s", {"n": 1})
    eventually(lambda: not is_ready(sidecar), 20, why="it says that nothing can be stored")
    assert "moved or removed" in state_problem(sidecar)[0]
    service.put("s", {"n": 2})
    assert numbers(reader.wait_records(3)) == [0, 1, 2]
    (tmp_path / "elsewhere").rename(tmp_path / "data")
    eventually(lambda: is_ready(sidecar), 20, why="positions are stored again")


@pytest.mark.parametrize("folder", ["file/data", "/proc/data"])
def test_a_folder_that_cannot_be_used_is_refused_at_the_start(tmp_path, folder):
    (tmp_path / "file").write_text("")
    ended = run_program(
        "--endpoint", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--data-dir", tmp_path / folder, env=CREDENTIALS)
    assert ended.returncode == 1 and str(tmp_path / folder) in ended.stderr


@pytest.mark.parametrize("damage", ["not a database", "pages"])
def test_a_damaged_database(service, sidecars, tmp_path, damage):
    folder = tmp_path / "data"
    sidecar = sidecars.start_against(service.kinesis_url, data_dir=folder)
    reader = sidecar.follow("s", QUICK)
    for n in range(3):
        service.put("s", {"n": n})
    reader.wait_records(3)
    reader.close()
    assert sidecar.terminate() == 0
    file = folder / "state.db"
    good = file.read_bytes()
    file.write_bytes(b"not a database at all" * 100 if damage == "not a database" else good[:4096] + b"\xff" * (len(good) - 4096))

    sidecar.start()
    # Nobody's positions are guessed: records are refused, and puts go on.
    refused = sidecar.get("/streams/s/records?" + QUICK)
    assert (refused.status, refused.json["code"]) == (503, "stateFailed")
    assert not is_ready(sidecar)
    assert "move it away" in state_problem(sidecar)[0]
    sidecar.put("s", {"n": 3})
    assert sidecar.get("/livez").status == 200
    assert sidecar.terminate() == 0

    file.write_bytes(good)
    sidecar.start()
    assert is_ready(sidecar)
    assert numbers(sidecar.follow("s", QUICK).wait_records(1)) == [3]


def test_a_database_of_a_newer_program_ends_the_start_and_is_left_alone(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    with sqlite3.connect(folder / "state.db") as database:
        database.execute("PRAGMA user_version = 1000")
    ended = run_program(
        "--endpoint", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--data-dir", folder, "--dynamodb", "off",
        env=CREDENTIALS)
    assert ended.returncode == 1 and "schema version 1000" in ended.stderr and "newer program" in ended.stderr
    assert sqlite3.connect(folder / "state.db").execute("PRAGMA user_version").fetchone() == (1000,)
