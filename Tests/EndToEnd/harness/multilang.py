"""Record processors under a sidecar, and what they met: they write it down themselves (children/processor.py), or a
recorder before them does (children/recorder.py)."""

import json
import sys
from pathlib import Path

from .records import make_stream
from .sidecar import ROOT
from .waiting import eventually

CHILDREN = ROOT / "Tests/EndToEnd/children"
KCLPY = ROOT / ".venv/kclpy"
QUICK = {"KINESIS_SIDECAR_POLL_DELAY": "50", "KINESIS_SIDECAR_NO_RECORDS_POLL_DELAY": "250"}
PYTHON = [sys.executable, "-S"]


def processor(folder, *settings):
    """The command of a processor that speaks the protocol itself."""
    return [*PYTHON, str(CHILDREN / "processor.py"), str(folder), *settings]


def sample(folder, *settings):
    """The command of amazon_kclpy's sample, as it is, behind a recorder."""
    return [
        *PYTHON, str(CHILDREN / "recorder.py"), str(folder), *settings, "--", "env", f"PYTHONPATH={KCLPY}", sys.executable,
        str(KCLPY / "samples/sample_kclpy_app.py")]


def properties(path, command, **more):
    """Writes a file of the MultiLangDaemon."""
    pairs = {
        "executableName": " ".join(map(str, command)), "streamName": "s", "applicationName": "app",
        "initialPositionInStream": "TRIM_HORIZON", **more}
    path.write_text("".join(f"{name} = {value}\n" for name, value in pairs.items()))
    return path


class Notes:
    """What the processes of an application noted in a folder."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def met(self, *what, shard=None):
        """What all processes met, or those of a shard did, as it came; only of these kinds, where some are named."""
        entries = []
        for path in self.folder.glob(f"{shard or '*'}.jsonl"):
            # A long line comes in parts: what stands behind the last end is one that is being written.
            for line in path.read_text().rpartition("\n")[0].splitlines():
                entry = json.loads(line)
                if not what or entry["what"] in what:
                    entries.append({"shard": path.stem, **entry})
        return sorted(entries, key=lambda entry: entry["at"])

    def count(self, what, shard=None):
        return len(self.met(what, shard=shard))

    def wait_met(self, what, count=1, shard=None, within=20):
        """The entries of this kind, once there are so many."""
        eventually(lambda: self.count(what, shard) >= count, within, why=f"{count} {what} of {shard}")
        return self.met(what, shard=shard)

    def records(self, shard=None):
        """[sequence number, sub-sequence number, n] of each record that was to be processed, as it came."""
        return [record for entry in self.met("processRecords", shard=shard) for record in entry["records"]]

    def numbers(self, shard=None):
        return [n for _, _, n in self.records(shard)]

    def wait_numbers(self, expected, within=30):
        """Until each of these has come, however often."""
        expected = set(expected)
        eventually(lambda: expected <= set(self.numbers()), within, why=f"{len(expected)} records")
        return self.numbers()

    def kinds(self, shard):
        return [entry["what"] for entry in self.met(shard=shard)]

    def living(self):
        """The processes that have noted anything, and are still there."""
        return [pid for pid in {entry["pid"] for entry in self.met()} if is_alive(pid)]

    def newest(self, shard):
        return self.met("initialize", shard=shard)[-1]["pid"]


def is_alive(pid):
    """False also of a process that has ended and that nobody has asked about."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children_of(pid):
    """The processes that this one has started, those among them that have ended as well."""
    return [int(child) for task in Path(f"/proc/{pid}/task").glob("*") for child in (task / "children").read_text().split()]


class Application:
    """The stream `s` of an embedded Kinesis, and sidecars whose children process it; each application that is started is
    named `app` unless it is told otherwise."""

    def __init__(self, sidecars, service, folder, shards=1):
        self.sidecars, self.service, self.folder = sidecars, service, folder
        self.kinesis = service.boto3()
        self.notes = Notes(folder / "notes")
        make_stream(self.kinesis, "s", shards)
        self.shards = shards

    def start(self, *settings, command=None, env=None, data_dir=None, **more):
        """A sidecar with `--multilang`; `settings` of children/processor.py, `more` properties."""
        path = properties(self.folder / "app.properties", command or processor(self.notes.folder, *settings), **more)
        return self.start_with("--multilang", path, env=env, data_dir=data_dir)

    def configuration(self, command, **more):
        """A file of the sidecar's own with one entry of `processors`, for `--config`."""
        entry = {
            "command": command, "streamName": "s", "consumerGroup": "app", "initialPositionInStream": "TRIM_HORIZON", **more}
        path = self.folder / "sidecar.yaml"
        path.write_text(json.dumps({"processors": [entry]}))  # JSON is YAML
        return path

    def start_with(self, *arguments, env=None, data_dir=None):
        return self.sidecars.start_against(
            self.service.kinesis_url, *arguments, data_dir=data_dir or self.folder / "data",
            env={**QUICK, **(env or {})})

    def put(self, numbers, **more):
        """Each number into one of the first shards in turn."""
        numbers = list(numbers)
        for start in range(0, len(numbers), 500):
            answer = self.kinesis.put_records(StreamName="s", Records=[
                {"Data": json.dumps({"n": n, **more}).encode(), "PartitionKey": str(n),
                 "ExplicitHashKey": str(2**128 // self.shards * (n % self.shards))} for n in numbers[start:start + 500]])
            assert answer["FailedRecordCount"] == 0


def positions(sidecar, group="app"):
    """Shard → (sequence number, sub-sequence number or None) of the group's checkpoints."""
    answer = sidecar.get(f"/streams/s/checkpoints?consumerGroup={group}")
    assert answer.status == 200, answer
    return {
        shard["shardId"]: (shard.get("sequenceNumber"), shard.get("subSequenceNumber")) for shard in answer.json["shards"]}


def children(sidecar, group="app"):
    """What the sidecar's statistics say of the children of an application."""
    answer = sidecar.get("/stats")
    assert answer.status == 200, answer
    for one in answer.json.get("processors", []):
        if one["consumerGroup"] == group:
            return one["children"]
    raise AssertionError(f"no processors of {group}")
