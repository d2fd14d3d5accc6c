"""One run: starts the processes, disturbs them as the plan says, waits until all is delivered, and judges."""

import subprocess
import tempfile
import threading
import time
from pathlib import Path

from contents import Mixed, Plain
from fan_out import INACTIVITY_TIMEOUT, PACE, FanOut
from harness.records import make_stream
from harness.sidecar import Sidecars, fetch
from harness.waiting import eventually
from ledger import Ledger
from plan import Plan
from reader import Reader
from stream import Stream
from verdict import judge, missing, unacknowledged, unfinished
from writer import Numbers, Writer

STREAM = "checked"
SHARDS = 4
# Nothing more comes for so long after the last: whatever is missing by then was lost. Of what is pushed a pause is longer.
QUIET = 2.0
LOSES_ANSWERS = ("cut", "cutAfter", "delay")


class Scenario:
    def __init__(self, seed, records, readers, stuck, fan_out=False, formats=False):
        self.stuck = stuck  # nothing is acknowledged, or delivered, for so long although something is there: a hang
        self.quiet = PACE if fan_out else QUIET
        self.plan = Plan(seed, records, readers, fan_out, formats)
        self.folder = Path(tempfile.mkdtemp(prefix=f"checker-{seed}-"))
        (self.folder / "plan.txt").write_text(str(self.plan))
        self.settling, self.over = threading.Event(), threading.Event()
        self.journal = open(self.folder / "journal.txt", "w")
        self.contents = Mixed(self.plan.formats, self.folder) if formats else Plain()
        self.ledger = Ledger(self.contents.problem)

    def run(self):
        sidecars = Sidecars(self.folder)
        started = time.monotonic()
        try:
            self._start(sidecars)
            self._disturb()
            self._finish_puts()
            stored, parents = self.stream.read()
            self._settle(stored, parents)
            self._look_at_consumers()
            verdict = judge(self.ledger, stored, parents, self.plan.manual)
        finally:
            self.settling.set()
            self.over.set()
            self.numbers.allow(0)
            for reader in getattr(self, "readers", []):
                reader.thread.join(10)
            try:
                sidecars.close()
            finally:
                self.contents.close()
                self._write_down()
        verdict.counts["shards"] = len(parents)
        verdict.counts["seconds"] = time.monotonic() - started
        return verdict

    def heading(self, verdict):
        counts = verdict.counts
        again = sum(1 for put in self.ledger.puts.values() if len(put.tries) > 1)
        checkpoints = f"{len(self.ledger.acknowledgements)} acknowledged" if self.plan.manual else "automatic"
        way = f"{self.fan_out}, " if self.plan.fan_out else ""
        return (
            f"seed {self.plan.seed}: {self.plan.records} records, checkpoints {checkpoints}, {counts['shards']} shards, {way}"
            f"{len(self.plan.steps)} disturbances, {counts['connections']} connections {counts['endings']}, "
            f"{counts['seconds']:.1f} s\n"
            f"  put           {self.ledger.acknowledged} acknowledged, {again} asked again, {counts['stored']} stored\n"
            f"  delivered     {counts['delivered']}, {counts['distinct']} of them for the first time"
            f"{self.contents.told(verdict)}")

    def _start(self, sidecars):
        self.numbers = Numbers(self.plan.records)
        self.kinesis = sidecars.start("--local-limits", "off", data_dir=self.folder / "kinesis")
        # It comes back on the same port: the sidecar's endpoint is fixed.
        place = self.kinesis.arguments.index("--local-port") + 1
        self.kinesis.arguments[place] = str(self.kinesis.ports["kinesis"])
        self.boto = self.kinesis.boto3(retries={"total_max_attempts": 8})
        make_stream(self.boto, STREAM, SHARDS)
        self.stream = Stream(self.boto, STREAM, self.contents.text)
        self.fan_out = FanOut(self.boto, STREAM)
        env, options = {"KINESIS_SIDECAR_RETRY_OPTIONS__MIN_TIMEOUT": "50"}, "initialPositionInStream=TRIM_HORIZON"
        if self.plan.fan_out:
            env |= {
                "KINESIS_SIDECAR_USE_ENHANCED_FAN_OUT": "true",
                "KINESIS_SIDECAR_FAN_OUT_INACTIVITY_TIMEOUT": str(INACTIVITY_TIMEOUT)}
        else:
            options += "&pollDelay=20&noRecordsPollDelay=250"
        self.sidecar = sidecars.start_against(
            self.kinesis.kinesis_url, *self.contents.arguments(self.folder), data_dir=self.folder / "sidecar", env=env)
        if self.plan.manual:
            options += "&useAutoCheckpoints=false"
        self.readers = [
            Reader(
                index, visits, self.ledger, self.sidecar, STREAM, options, self.settling, self.over,
                parts=self.contents.acknowledges_parts)
            for index, visits in enumerate(self.plan.visits)]
        self.writers = [
            Writer(
                index, chance, self.plan.pause, self.ledger, self.numbers, self.sidecar, STREAM,
                self.contents.item, self.contents.producer(self.kinesis.boto3(), self.stream, chance))
            for index, chance in enumerate(self.plan.writers)]
        for part in [*self.readers, *self.writers]:
            part.thread.start()

    # The conductor: one step after the other, while puts go on up to the mark after next.

    def _disturb(self):
        marks = [step.mark for step in self.plan.steps] + [self.plan.records] * 2
        for index, step in enumerate(self.plan.steps):
            self.numbers.allow(marks[index + 1])
            if not self.ledger.wait_acknowledged(step.mark, self.stuck):
                raise Hang(f"no put was acknowledged for {self.stuck} s, {self.ledger.acknowledged} are")
            self.numbers.allow(marks[index + 2])
            if self.plan.fan_out:
                self.fan_out.look(self.sidecar)
                self._note(str(self.fan_out))
            self._note(str(step))
            self._step(step)

    def _step(self, step):
        more = step.more
        match step.kind:
            case "kill sidecar":
                with self.ledger.lock:
                    self.ledger.kills.append(time.time())
                self._loses_answers()
                self.sidecar.kill()
                self.settling.wait(more["down"])
                self.sidecar.start()
            case "stop sidecar":
                try:
                    code = self.sidecar.terminate(30)
                except subprocess.TimeoutExpired:
                    raise Hang("the sidecar did not end within 30 s of SIGTERM") from None
                if code != 0:
                    self.ledger.complain(f"the sidecar ended with {code} after SIGTERM")
                self.settling.wait(more["down"])
                self.sidecar.start()
            case "kill Kinesis":
                self._loses_answers()
                self.kinesis.kill()
                self.settling.wait(more["down"])
                self.kinesis.start()
                self._loses_answers()
            case "split" | "merge":
                self.stream.reshard(step.kind, more["choice"])
            case "delete items":
                self._note(f"{self.contents.items.delete(**more)} items are deleted")
            case "deregister":
                self._note(f"{self.fan_out.deregister(more['choice'])} is deregistered")
            case fault:
                if fault in LOSES_ANSWERS and more["operation"] == "PutRecords":
                    self._loses_answers()
                self.kinesis.fault(fault, **more)

    def _loses_answers(self):
        with self.ledger.lock:
            self.ledger.lost_answers.append(time.time())

    # The end of a run.

    def _finish_puts(self):
        self.numbers.allow(self.plan.records)
        for writer in self.writers:
            writer.thread.join(120)
            if writer.thread.is_alive():
                raise Hang(f"a writer had no end; {self.ledger.acknowledged} are acknowledged")
        fetch(self.kinesis.kinesis_url + "/_faults", "DELETE")
        self._note("all is put")
        self.settling.set()

    def _settle(self, stored, parents):
        """Until everything has come and is acknowledged, or nothing comes any more."""
        while True:
            with self.ledger.lock:
                deliveries, quiet = list(self.ledger.deliveries), time.time() - self.ledger.last_delivery
            lost = missing(self.ledger, deliveries, stored)
            if not lost and quiet > self.quiet:
                if quiet > 5 * self.quiet or not self._is_owed(deliveries, parents):
                    self._note("all is delivered")
                    return
            if quiet > self.stuck:
                self.ledger.complain(f"no delivery for {self.stuck} s while {len(lost)} records were missing")
                return
            # Once the stream is read to its end what was passed over will not come.
            if lost and quiet > 5 * self.quiet and all(why.startswith("between") for why in lost.values()):
                return
            time.sleep(0.2)

    def _is_owed(self, deliveries, parents):
        """Whether something still has to come again: with manual checkpoints what has none, which is acknowledged then;
        with automatic ones what was asked for, and what is behind a shard that went back."""
        if self.plan.manual:
            return unacknowledged(self.ledger, deliveries)
        return unfinished(self.ledger, deliveries, parents)

    def _look_at_consumers(self):
        """However often the consumer was registered anew, there is one in the end."""
        if not self.plan.fan_out:
            return
        self.fan_out.look(self.sidecar)
        deadline = time.monotonic() + 5 * self.quiet
        while len(consumers := self.fan_out.consumers()) != 1:
            if time.monotonic() > deadline:
                return self.ledger.complain(f"in the end {len(consumers)} consumers are registered: {consumers}")
            time.sleep(0.2)

    # What is left for whoever looks into a failure.

    def _note(self, text):
        self.journal.write(f"{time.time():.3f} {text}; {self.ledger.acknowledged} acknowledged, "
                           f"{len(self.ledger.deliveries)} deliveries\n")
        self.journal.flush()

    def _write_down(self):
        self.journal.close()
        with open(self.folder / "connections.txt", "w") as file:
            for c in self.ledger.connections:
                file.write(f"{c}\n")
        with open(self.folder / "deliveries.txt", "w") as file:
            for d in self.ledger.deliveries:
                file.write(f"{d.at:.3f} connection {d.connection.number} event {d.event} {d.shard} {d.sequence} n={d.n}\n")


class Hang(Exception):
    """Something came to a standstill."""
