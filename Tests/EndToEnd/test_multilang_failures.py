"""Record processors that crash, hang, talk nonsense, or will not go: each is ended and started again alone, with the records
that it has not checkpointed, and nothing is left behind."""

import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.disk import fill_up
from harness.multilang import CHILDREN, QUICK, Application, children, children_of, is_alive, positions, processor
from harness.resharding import split
from harness.waiting import eventually

SHARD, OTHER = "shardId-000000000000", "shardId-000000000001"


@pytest.fixture
def service(sidecars):
    return sidecars.start("--local-limits", "off")


@pytest.fixture
def application(sidecars, service, tmp_path):
    """Of two shards; even numbers lie in the first."""
    return Application(sidecars, service, tmp_path, shards=2)


def wait_stored(application, sidecar):
    """Until the last record of each shard is checkpointed."""

    def stored():
        stands, notes = positions(sidecar), application.notes
        return all(notes.count("processRecords", shard) and stands[shard][0] == notes.records(shard)[-1][0]
                   for shard in (SHARD, OTHER))

    eventually(stored, 20, why="checkpoints")


@pytest.mark.parametrize("deed", ["exit", "leave", "kill"])
@pytest.mark.parametrize("what", ["initialize", "processRecords", "checkpoint", "checkpointed"])
def test_a_child_that_crashes_is_started_again_alone_with_what_it_has_not_checkpointed(application, what, deed):
    notes = application.notes
    times = "1-2" if what == "initialize" else "2-3"
    sidecar = application.start(f"shard={SHARD}", f"at={what}:{times}:{deed}")
    for start in range(0, 50, 10):
        application.put(range(start, start + 10))
        notes.wait_numbers(range(start + 10))
    notes.wait_met("initialize", 3, shard=SHARD)
    wait_stored(application, sidecar)
    assert notes.count("initialize", SHARD) == 3 and notes.count("initialize", OTHER) == 1
    assert notes.numbers(OTHER) == list(range(1, 50, 2)), "other shards have not noticed"
    batches = notes.met("processRecords", shard=SHARD)
    if what == "processRecords":
        # From the beginning of the batch on.
        assert batches[1]["records"][0] == batches[2]["records"][0] == batches[3]["records"][0]
    if what == "checkpointed":
        assert len(notes.numbers(SHARD)) == 25, "what was answered is stored"
    for batch in batches:
        assert [n for *_, n in batch["records"]] == sorted(n for *_, n in batch["records"])
    told = {child["shardId"]: child for child in children(sidecar)}
    assert (told[SHARD]["restarts"], told[OTHER]["restarts"]) == (2, 0)


def test_a_child_that_crashes_at_shardEnded_is_asked_again(application):
    notes = application.notes
    application.start(f"shard={SHARD}", "at=shardEnded:1-2:exit")
    application.put([0])
    notes.wait_numbers([0])
    for shard in split(application.kinesis, "s"):
        notes.wait_met("initialize", shard=shard)
    assert notes.count("shardEnded", SHARD) == 3
    assert notes.numbers(SHARD) == [0], "what is checkpointed does not come again"


@pytest.mark.parametrize("what", ["shutdownRequested", "leaseLost"])
@pytest.mark.parametrize("deed", ["exit", "hang", "wrong", "closeOutput"])
def test_a_child_that_fails_at_the_end_holds_nothing_up(application, what, deed):
    sidecar = application.start(f"at={what}:1:{deed}", shutdownGraceMillis=1000)
    application.put(range(4))
    application.notes.wait_numbers(range(4))
    assert sidecar.terminate(within=15) == 0
    eventually(lambda: not application.notes.living(), 5)


def test_a_child_that_hangs_is_ended_after_its_timeout(application):
    notes = application.notes
    sidecar = application.start(f"shard={SHARD}", "at=processRecords:1:hang", timeoutInSeconds=1)
    application.put(range(10))
    notes.wait_numbers(range(10))
    wait_stored(application, sidecar)
    first, second = notes.met("initialize", shard=SHARD)
    assert not is_alive(first["pid"])
    assert second["at"] - notes.met("processRecords", shard=SHARD)[0]["at"] >= 1
    assert {child["restarts"] for child in children(sidecar)} == {0, 1}


@pytest.mark.seconds(120)
def test_a_child_that_hangs_when_its_shard_is_taken_from_it_has_30_seconds(application):
    notes = application.notes
    sidecar = application.start(f"shard={SHARD}", "at=processRecords:1:hang")
    application.put(range(4))
    notes.wait_numbers(range(4))
    notes.wait_met("checkpointed", shard=OTHER)
    answer = sidecar.post("/streams/s/seek?consumerGroup=app", {"to": "TRIM_HORIZON"})
    assert answer.status == 200, answer
    # The other shard's child has gone, and another one has begun at once.
    notes.wait_met("initialize", 2, shard=OTHER)
    hung, following = notes.wait_met("initialize", 2, shard=SHARD, within=50)
    assert not is_alive(hung["pid"]) and following["at"] - answer_time(notes) > 25
    eventually(lambda: notes.numbers(SHARD) == [0, 2, 0, 2], 10)


def answer_time(notes):
    return notes.met("leaseLost", shard=OTHER)[0]["at"]


def test_a_long_batch_that_checkpoints_now_and_then_is_no_hang(application):
    notes = application.notes
    application.put(range(0, 12, 2))
    sidecar = application.start("checkpoint=record", "step=0.6", timeoutInSeconds=2)
    notes.wait_met("checkpointed", 6, shard=SHARD)
    wait_idle(sidecar)
    assert notes.numbers(SHARD) == list(range(0, 12, 2)) and notes.count("processRecords", SHARD) == 1
    assert notes.count("initialize", SHARD) == 1 and {child["restarts"] for child in children(sidecar)} == {0}


def wait_idle(sidecar):
    eventually(lambda: {child["state"] for child in children(sidecar)} == {"idle"}, 10, why="idle children")


def test_batches_that_are_done_again_before_the_one_that_no_child_survives_end_no_row_of_failures(application):
    notes = application.notes
    application.put(range(8))
    sidecar = application.start("checkpoint=never", "poison=4", maxRecords=1)

    def rows():
        return {child["shardId"]: child["failuresInRow"] for child in children(sidecar)}

    eventually(lambda: rows().get(SHARD, 0) >= 3, 20, why="a row of failures")
    assert rows()[OTHER] == 0
    assert "its record processor failed" in str(sidecar.get("/streams").json)
    notes.wait_numbers(range(1, 8, 2))
    assert 6 not in notes.numbers(SHARD)


def test_what_the_configuration_says_of_pauses_is_not_for_processors(application):
    sidecar = application.start(maxRecords=1, env={"KINESIS_SIDECAR_USE_PAUSED_POLLING": "true"})
    application.put(range(8))
    assert sorted(application.notes.wait_numbers(range(8))) == list(range(8))
    wait_stored(application, sidecar)


def test_what_is_no_message_is_passed_over(application):
    notes = application.notes
    sidecar = application.start(*(f"at={what}:1:noise" for what in ("start", "initialize", "processRecords", "checkpointed")))
    application.put(range(10))
    notes.wait_numbers(range(10))
    wait_stored(application, sidecar)
    assert sorted(notes.numbers()) == list(range(10))
    assert {child["restarts"] for child in children(sidecar)} == {0}


@pytest.mark.parametrize("deed", ["wrong", "closeOutput", "closeInput", "fork"])
def test_a_child_that_breaks_off_the_conversation_is_ended_and_started_again_with_the_same_records(application, deed):
    notes = application.notes
    sidecar = application.start(f"shard={SHARD}", f"at=processRecords:1:{deed}")
    application.put(range(10))
    notes.wait_numbers(range(10))
    if deed == "closeInput":
        # Its answer to what it had in hand is good; it is the next action that does not reach it.
        application.put(range(10, 20))
        notes.wait_numbers(range(20))
    wait_stored(application, sidecar)
    first, *_, last = notes.met("initialize", shard=SHARD)
    assert last["pid"] != first["pid"]
    eventually(lambda: not is_alive(first["pid"]), 10)
    batches = notes.met("processRecords", shard=SHARD)
    if deed != "closeInput":
        assert batches[0]["records"] == batches[1]["records"][:len(batches[0]["records"])]
    for forked in notes.met("forked", shard=SHARD):
        eventually(lambda: not is_alive(forked["pid"]), 10, why="what it has left behind has gone")
    assert notes.count("initialize", OTHER) == 1


def test_megabytes_without_a_line_end_take_no_memory(application):
    notes = application.notes
    sidecar = application.start(f"shard={SHARD}", "at=processRecords:1-2:endless")
    application.put(range(10))
    notes.wait_numbers(range(10))
    wait_stored(application, sidecar)
    assert sidecar.resident_kilobytes() < 60 << 10
    assert notes.numbers(OTHER) == list(range(1, 10, 2))


def test_megabytes_of_standard_error_hold_nothing_up_and_fill_no_log(application):
    notes = application.notes
    sidecar = application.start(f"shard={SHARD}", "at=processRecords:1:errors")
    application.put(range(10))
    notes.wait_numbers(range(10))
    wait_stored(application, sidecar)
    assert {child["restarts"] for child in children(sidecar)} == {0}
    assert sorted(notes.numbers()) == list(range(10))
    assert sidecar.resident_kilobytes() < 60 << 10
    assert sidecar.log_path.stat().st_size < 3 << 20
    for line in sidecar.log.splitlines():
        json.loads(line)


def test_a_child_that_will_not_go_is_ended_for_good(application):
    notes = application.notes
    sidecar = application.start("deaf=1", shutdownGraceMillis=1000)
    application.put(range(4))
    notes.wait_numbers(range(4))
    pids = notes.living()
    assert len(pids) == 2
    assert sidecar.terminate(within=20) == 0
    assert not any(map(is_alive, pids))


def test_a_deaf_child_of_a_killed_sidecar_goes_with_it(application):
    sidecar = application.start("deaf=1")
    application.put(range(4))
    application.notes.wait_numbers(range(4))
    pids = application.notes.living()
    sidecar.kill()
    eventually(lambda: not any(map(is_alive, pids)), 5)


def test_a_shard_whose_children_keep_failing_is_said_and_the_others_go_on(application):
    notes = application.notes
    command = processor(notes.folder, f"shard={SHARD}", "at=processRecords:1-1000:exit")
    sidecar = application.start_with("--config", application.configuration(command, maxChildRestarts=2))
    application.put(range(10))

    def given_up():
        return {child["shardId"]: child["state"] for child in children(sidecar)} == {SHARD: "givenUp", OTHER: "idle"}

    eventually(given_up, 20)
    assert notes.count("initialize", SHARD) == 3, "the first, and two restarts"
    notes.wait_numbers(range(1, 10, 2))
    application.put(range(10, 20))
    notes.wait_numbers(range(1, 20, 2))
    assert notes.count("initialize", OTHER) == 1
    assert SHARD in sidecar.log


def test_a_child_that_takes_its_time_holds_up_its_own_shard_alone_within_bounded_memory(application):
    notes, go = application.notes, application.folder / "go"
    sidecar = application.start(
        f"shard={SHARD}", f"until={go}", maxRecords=100, env={"KINESIS_SIDECAR_MAX_BUFFERED_BYTES": str(8 << 20)})
    application.put(range(4))
    notes.wait_numbers(range(4))
    before = sidecar.resident_kilobytes()
    # 40 MB for it, and as much for the other shard.
    for start in range(4, 1604, 100):
        application.put(range(start, start + 100), pad="x" * 50_000)
    notes.wait_numbers(range(1, 1604, 2), within=60)
    assert notes.numbers(SHARD) == [0, 2][:len(notes.numbers(SHARD))]
    assert sidecar.resident_kilobytes() - before < 40 << 10
    go.touch()
    notes.wait_numbers(range(1604), within=60)
    assert sorted(notes.numbers()) == list(range(1604))


def test_a_child_that_reads_slowly_gets_all_in_the_end(application):
    notes = application.notes
    sidecar = application.start(f"shard={SHARD}", "trickle=400000")
    application.put(range(0, 40), pad="x" * 30_000)
    notes.wait_numbers(range(1, 40, 2), within=10)
    notes.wait_numbers(range(40), within=30)
    assert sorted(notes.numbers()) == list(range(40))
    assert {child["restarts"] for child in children(sidecar)} == {0}


def test_a_checkpoint_that_cannot_be_stored_is_refused_until_it_can(application, small_disk):
    notes = application.notes
    sidecar = application.start(data_dir=small_disk / "data")
    application.put(range(2))
    wait_stored(application, sidecar)
    fill_up(small_disk)
    numbers = itertools.count(2)

    def refused():
        application.put([next(numbers), next(numbers)])
        return any(entry["error"] == "ThrottlingException" for entry in notes.met("checkpointed"))

    # Until what is left in SQLite's own files is used up.
    eventually(refused, 40, every=0.1)
    for asked, answered in zip(notes.met("checkpoint", shard=SHARD), notes.met("checkpointed", shard=SHARD)):
        assert answered["at"] - asked["at"] < 10, "within seconds in any case"
    (small_disk / "fill").unlink()
    eventually(lambda: sidecar.get("/readyz").status == 200, 20)
    count = next(numbers)
    application.put([count, count + 1])
    notes.wait_numbers(range(count + 2))
    wait_stored(application, sidecar)
    assert {child["restarts"] for child in children(sidecar)} == {0}
    assert sorted(notes.numbers()) == list(range(count + 2))


# How many processes are started one after the other; `RESTARTS=1000` for a thousand.
RESTARTS = int(os.environ.get("RESTARTS", 100))


@pytest.mark.seconds(60 + RESTARTS)
def test_restarts_leak_no_descriptor_and_no_process(sidecars, service, tmp_path):
    application = Application(sidecars, service, tmp_path, shards=8)
    sidecar = application.start(command=["sh", str(CHILDREN / "brief.sh")])
    application.put(range(8))

    def restarts():
        return sum(child["restarts"] for child in children(sidecar))

    eventually(lambda: restarts() >= 16, 20)
    before, kilobytes = descriptors(sidecar), sidecar.resident_kilobytes()
    eventually(lambda: restarts() >= 16 + RESTARTS, 30 + RESTARTS)
    # Three pipes and the process itself of each child; between two children a shard has none.
    assert abs(descriptors(sidecar) - before) <= 8 * 4
    assert len(children_of(sidecar.process.pid)) <= 8
    assert sidecar.resident_kilobytes() - kilobytes < 4 << 10
    assert sidecar.terminate() == 0


@pytest.fixture
def first_of_a_namespace():
    """What makes a program the first process of a PID namespace, as in a container, which ends with it."""
    words = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--propagation", "unchanged",
             "sh", "-c", 'mount -t proc proc /proc && exec "$0" "$@"']
    try:
        allowed = subprocess.run([*words, "true"], capture_output=True, timeout=10).returncode == 0
    except FileNotFoundError:
        allowed = False
    if not allowed:
        pytest.skip("a PID namespace needs root and unshare")
    return words


def test_in_a_container_whom_a_processor_leaves_behind_is_no_zombie(sidecars, service, tmp_path, first_of_a_namespace):
    """Nobody else is there to take the status of those who have lost their parent: the one is killed with its group, the
    other ends by itself, after the processor or before it."""
    application = Application(sidecars, service, tmp_path)
    leaver = ["sh", "-c", "sleep 1000 & (sleep 0.3 &) ; (true &) ; exit 3"]
    sidecar = sidecars.start_against(
        service.kinesis_url, "--config", application.configuration(leaver, maxChildRestarts=1000), env=QUICK,
        wrapper=first_of_a_namespace)
    (program,) = children_of(sidecar.process.pid)
    eventually(lambda: sum(child["restarts"] for child in children(sidecar)) >= 5, 20)
    eventually(lambda: all(map(is_alive, children_of(program))), 5, why="no zombie")
    os.kill(program, signal.SIGTERM)
    assert sidecar.process.wait(20) == 0, sidecar.log


def descriptors(sidecar):
    return len(list(Path(f"/proc/{sidecar.process.pid}/fd").iterdir()))


def test_a_stopped_child_is_killed_with_its_timeout(application):
    """SIGSTOP: it takes no SIGTERM either."""
    notes = application.notes
    application.start(f"shard={SHARD}", timeoutInSeconds=1)
    application.put(range(4))
    notes.wait_numbers(range(4))
    stopped = notes.newest(SHARD)
    os.kill(stopped, signal.SIGSTOP)
    application.put(range(4, 8))
    notes.wait_numbers(range(8))
    eventually(lambda: not is_alive(stopped), 10)


TALKER = """
import json, sys
read = '{reads}' == 'reads'
def answer(message):
    sys.stdout.write(json.dumps(message) + '\\n')
    sys.stdout.flush()
for line in sys.stdin:
    action = json.loads(line)['action']
    while action == 'processRecords':
        answer({{'action': 'checkpoint', 'sequenceNumber': '1', 'subSequenceNumber': None}})
        if read:
            sys.stdin.readline()
    answer({{'action': 'status', 'responseFor': action}})
"""


def talker(application, reads):
    """Asks for a checkpoint that is refused, for ever; reads the answers, or does not."""
    script = application.folder / "talker.py"
    script.write_text(TALKER.format(reads=reads))
    return [sys.executable, "-S", str(script)]


def test_a_child_that_asks_and_does_not_read_the_answers_is_ended_within_bounded_memory(application):
    sidecar = application.start(command=talker(application, "not"))
    before = sidecar.resident_kilobytes()
    application.put(range(2))
    eventually(lambda: all(child["restarts"] >= 2 for child in children(sidecar)), 30)
    assert sidecar.resident_kilobytes() - before < 16 << 10
    assert len(sidecar.log) < 1 << 20
    assert "without reading the answers" in children(sidecar)[0]["lastFailure"]


def test_refusals_without_end_are_told_once(application):
    sidecar = application.start(command=talker(application, "reads"))
    application.put(range(2))
    eventually(lambda: "is refused" in sidecar.log, 10)
    before = cpu_seconds(sidecar)
    eventually(lambda: cpu_seconds(sidecar) > before + 0.5, 20, why="some thousand refusals")
    assert sidecar.log.count("a checkpoint of a record processor is refused") == 1


def cpu_seconds(sidecar):
    fields = Path(f"/proc/{sidecar.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_how_a_child_ended_is_told_with_why(application):
    sidecar = application.start(f"shard={SHARD}", "at=processRecords:1:exit")
    application.put([0])
    eventually(lambda: any(child["restarts"] for child in children(sidecar)), 10)
    [failure] = [child["lastFailure"] for child in children(sidecar) if "lastFailure" in child]
    assert "ended with code" in failure


def test_a_problem_goes_with_its_shard(application):
    """Its children are read after a seek, whatever its processor has not done."""
    sidecar = application.start("ended=not")
    application.put([0])
    application.notes.wait_numbers([0])
    split(application.kinesis, "s")

    def problem():
        [consumer] = sidecar.get("/stats").json["streams"]["s"]["consumers"]
        return "".join(shard.get("problem", "") for shard in consumer["shards"])

    def warning():
        return "shardEnded" in json.dumps(sidecar.get("/readyz").json)

    eventually(lambda: "shardEnded" in problem() and warning(), 20)
    assert {child["state"] for child in children(sidecar) if child["shardId"] == SHARD} == {"ending"}
    sidecar.post("/streams/s/seek?consumerGroup=app", {"to": "LATEST"})
    eventually(lambda: not problem() and not warning(), 20)
