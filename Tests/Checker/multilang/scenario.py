"""One run: starts hosts, disturbs them and their children as the plan says, waits until all is processed, and judges."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from group_verdict import Disturbance
from harness.group import Group
from harness.ministack_server import MinistackServer
from harness.multilang import Notes
from harness.records import make_stream
from harness.sidecar import Sidecars
from ledger import Sequence
from multilang.plan import MOST, Plan
from multilang.verdict import Run, judge
from producer import Producer
from stream import Stream
from threads import Threads
from writer import padded

SHARDS = 4
# Seconds that a child has for an action.
PATIENCE = 2
CHILD = Path(__file__).with_name("child.py")


class Mixed:
    """Of `Producer`: aggregates and records alone, of JSON."""

    compresses = False

    @staticmethod
    def put(n, exists):
        return padded(n)


class Host:
    """A volume and the sidecar on it."""

    def __init__(self, number, sidecar):
        self.number, self.sidecar = number, sidecar
        self.is_disturbed, self.is_over = False, False

    @property
    def is_up(self):
        return self.sidecar.process.poll() is None


class MultiLangScenario:
    def __init__(self, seed, steps, stuck):
        self.stuck = stuck  # nothing is processed for so long although something is there: a hang
        self.plan = Plan(seed, steps)
        self.folder = Path(tempfile.mkdtemp(prefix=f"multilang-checker-{seed}-"))
        (self.folder / "plan.txt").write_text(str(self.plan))
        self.notes = Notes(self.folder / "notes")
        self.hosts, self.put, self.seen = [], {}, Run()
        self.over, self.put_enough = threading.Event(), threading.Event()
        self.putting, self.disturbing = (Threads(self.over, self.seen.complaints.append) for _ in range(2))
        self.journal = open(self.folder / "journal.txt", "w")

    def run(self):
        sidecars = Sidecars(self.folder)
        table_server = MinistackServer(self.folder)
        started = time.monotonic()
        try:
            self._start(sidecars, table_server.url)
            self._disturb()
            stored, parents = self.stream.read()
            self._settle(stored)
            self._end()
            verdict = judge(self.notes.met(), stored, parents, self.put, self.seen, self._checkpoints())
        finally:
            self.over.set()
            self.put_enough.set()
            for threads in (self.putting, self.disturbing):
                threads.join(10)
            try:
                sidecars.close()
            finally:
                table_server.close()
                self.journal.close()
        verdict.counts["seconds"] = time.monotonic() - started
        return verdict

    def heading(self, verdict):
        counts = verdict.counts
        return (
            f"multilang seed {self.plan.seed}: {counts['stored']} records, {counts['of aggregates']} of them in "
            f"aggregates, {counts['shards']} shards, {len(self.plan.steps)} disturbances, {len(self.hosts)} hosts, "
            f"{counts['processes']} processes, {counts['begun inside']} of them begun inside an aggregate, "
            f"{counts['checkpoints']} checkpoints, {counts['seconds']:.1f} s\n"
            f"  processed     {counts['told']}, {counts['distinct']} of them for the first time")

    def _start(self, sidecars, url):
        self.group = Group(sidecars, url, self.folder)
        make_stream(self.group.kinesis, "s", SHARDS)
        self.stream = Stream(self.group.kinesis, "s", lambda data: data)
        for _ in range(self.plan.hosts):
            self._join()
        self.putting.start(self._put)

    def _join(self):
        """A host on a volume of its own."""
        number = len(self.hosts)
        processors = [{
            "command": [sys.executable, "-S", str(CHILD), str(self.notes.folder), str(self.plan.seed), str(number)],
            "streamName": "s", "consumerGroup": "g", "timeout": PATIENCE * 1000, "limit": self.plan.limit,
            "maxEventBytes": self.plan.event_bytes}]
        sidecar = self.group.member(f"volume-{number}", processors=processors)
        self.hosts.append(Host(number, sidecar))
        self._note(f"host {number} has joined, {sidecar.process.pid} in {sidecar.folder.name}")

    def _put(self):
        """Running numbers, aggregated and alone, until there are enough; what the service refuses goes again."""
        n, numbers, chance = 0, [], self.plan.keys
        producer = Producer(self.group.kinesis, self.stream, Mixed, Mixed, chance)
        while not self.put_enough.wait(0.05):
            more = chance.choice((1, 5, 20, 40))
            numbers += range(n, n + more)
            n += more
            outcomes = producer.put(numbers)
            self.put |= {number: place for number, (_, place) in zip(numbers, outcomes) if place}
            numbers = [number for number in numbers if number not in self.put]

    # The conductor

    def _disturb(self):
        for step in self.plan.steps:
            self.over.wait(step.after)
            self._note(str(step))
            self._step(step.kind, **step.more)
        self.disturbing.join(60)
        if not any(host.is_up and not host.is_over for host in self.hosts):
            self._join()
        self.put_enough.set()
        self.putting.join(20)
        (self.notes.folder / "settling").touch()
        self._note(f"{len(self.put)} are put")

    def _step(self, kind, choice, **more):
        calm = [host for host in self.hosts if host.is_up and not host.is_disturbed and not host.is_over]
        if kind in ("split", "merge"):
            self.stream.reshard(kind, choice)
        elif kind in ("kill child", "stop child"):
            living = sorted(self.notes.living())
            if living:
                self._disturb_child(living[choice % len(living)], kind)
        elif kind == "join":
            if len(calm) < MOST:
                self._join()
        elif calm:
            host = calm[choice % len(calm)]
            host.is_disturbed = True
            self.disturbing.start(self._disturb_host, host, kind, more)

    def _disturb_child(self, pid, kind):
        # Noted first: what comes of it may be noted at once.
        self.seen.signalled.add(pid)
        try:
            os.kill(pid, signal.SIGKILL if kind == "kill child" else signal.SIGSTOP)
        except ProcessLookupError:
            pass  # it has gone meanwhile

    def _disturb_host(self, host, kind, more):
        disturbance = Disturbance({"kill host": "killed", "end host": "ended"}.get(kind, "paused"), host.number)
        self.seen.disturbances.append(disturbance)
        with disturbance:
            match kind:
                case "kill host":
                    host.sidecar.kill()
                case "end host":
                    self._terminate(host)
                case "pause host":
                    host.sidecar.process.send_signal(signal.SIGSTOP)
                    self.over.wait(more["seconds"])
                    host.sidecar.process.send_signal(signal.SIGCONT)
        if kind != "pause host":
            if more["back"] is None:
                host.is_over = True
            else:
                self.over.wait(more["back"])
                if not self.over.is_set():
                    host.sidecar.start()
        self._note(f"{kind} of host {host.number} is over")
        host.is_disturbed = False

    def _terminate(self, host):
        try:
            code = host.sidecar.terminate(30)
            if code != 0:
                self.seen.complaints.append(f"host {host.number} ended with {code} after SIGTERM")
        except subprocess.TimeoutExpired:
            self.seen.complaints.append(f"host {host.number} did not end within 30 s of SIGTERM")
            host.sidecar.kill()

    # The end of a run

    def _settle(self, stored):
        """Until everything has been processed, or nothing is any more."""
        last, count = time.monotonic(), 0
        while True:
            told = {(entry["shard"], Sequence(int(number), sub)) for entry in self.notes.met("processRecords")
                    for number, sub, _ in entry["records"]}
            if stored.keys() <= told:
                return self._note("all is processed")
            if len(told) > count:
                last, count = time.monotonic(), len(told)
            if time.monotonic() - last > self.stuck:
                self._note("nothing comes any more")
                self.seen.complaints.append(f"nothing was processed for {self.stuck} s although something is missing")
                return
            time.sleep(0.2)

    def _end(self):
        """Each child checkpoints all that it has, and no process is left."""
        for host in self.hosts:
            if host.is_up:
                self._terminate(host)
        deadline = time.monotonic() + 10
        while living := self.notes.living():
            if time.monotonic() > deadline:
                self.seen.complaints.append(f"children are left: {living}")
                break
            time.sleep(0.1)

    def _checkpoints(self):
        """Shard → the sequence number of its checkpoint, of the group's item, or None."""
        return {shard: record["checkpoint"].get("S") for shard, record in self.group.shards().items()}

    def _note(self, text):
        self.journal.write(f"{time.time():.3f} {text}\n")
        self.journal.flush()
