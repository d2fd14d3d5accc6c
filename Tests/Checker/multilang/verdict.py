"""The rules: each process of a shard begins where a checkpoint says, goes on without a gap, and has the shard alone."""

from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from group_verdict import LATE, UNWRITTEN
from ledger import WHOLE, Sequence
from verdict import Verdict

# Errors that a checkpoint may have.
LOST = "ShutdownException"
REFUSED = "IllegalArgumentException"
LATE_ANSWER = "ThrottlingException"  # it was not stored in time, and may be later
# So long a checkpoint waits at most until it is stored, in s.
PATIENCE = 5


@dataclass
class Run:
    """What the scenario did, and saw."""

    disturbances: list = field(default_factory=list)  # of hosts
    signalled: set = field(default_factory=set)  # children that were killed or stopped
    complaints: list = field(default_factory=list)


@dataclass
class Process:
    """One child. Counts are of the shard's records: so many lie before a place."""

    pid: int
    host: int
    position: tuple  # as `initialize` said it
    at: float
    begun: int  # before its position
    told: int  # behind the last record that it was told
    inside: int  # `begun`, were its position in the middle of an aggregate
    told_at: float | None = None  # when it was told anything for the last time
    last: str = "initialize"  # what it met for the last time
    last_at: float = 0
    checkpoints: list = field(default_factory=list)
    is_told_end: bool = False
    ended: float | None = None  # when its checkpoint at shardEnded was answered


@dataclass
class Checkpoint:
    asked: float
    done: int | None  # count; None: where the process has begun
    answered: float | None = None
    error: str | None = None

    @property
    def is_stored(self):
        return self.answered is not None and self.error is None

    @property
    def may_be_stored(self):
        return self.answered is None or self.error in (None, LATE_ANSWER)


def judge(entries, stored, parents, put, run, checkpoints):
    """`entries`: what the children noted; `stored`: (shard, sequence number) → (n, arrival time); `parents`: shard → its
    parents; `put`: n → its place; `checkpoints`: shard → the sequence number of its checkpoint after the run."""
    verdict = Verdict()
    by_shard, places = defaultdict(list), defaultdict(list)
    for entry in entries:
        by_shard[entry["shard"]].append(entry)
    for shard, sequence in sorted(stored):
        places[shard].append(sequence)
    processes = {
        shard: _processes(verdict, shard, by_shard[shard], places[shard], stored)
        for shard in parents if shard in by_shard}
    for n, place in put.items():
        if stored.get(place, (None,))[0] != n:
            verdict.findings["put, not stored"].append(f"n={n} {place}")
    told = Counter()
    for shard, its in processes.items():
        _positions(verdict, shard, its, run)
        _alone(verdict, shard, its)
        for process in its:
            told.update((shard, index) for index in range(process.begun, process.told))
    for shard, sequences in places.items():
        verdict.findings["lost"] += [
            f"n={stored[shard, sequence][0]} {shard} {sequence}" for index, sequence in enumerate(sequences)
            if not told[shard, index]]
    _lineage(verdict, processes, parents)
    _ends(verdict, processes, places, checkpoints)
    verdict.findings["else"] += run.complaints
    every = [process for its in processes.values() for process in its]
    verdict.counts = {
        "stored": len(stored), "shards": len(parents), "told": sum(told.values()), "distinct": len(told),
        "processes": len(every), "checkpoints": sum(each.is_stored for process in every for each in process.checkpoints),
        "of aggregates": sum(
            count for count in Counter((shard, place.number) for shard, place in stored).values() if count > 1),
        "begun inside": sum(
            _is_inside(places[shard], process.begun) for shard, its in processes.items() for process in its)}
    return verdict


def _is_inside(places, count):
    return 0 < count < len(places) and places[count].number == places[count - 1].number


def _processes(verdict, shard, entries, places, stored):
    """The shard's processes in the order of their beginnings. What one is told is right behind what it was told before."""
    processes = []
    for entry in entries:
        what, at = entry["what"], entry["at"]
        if what == "initialize":
            position = (entry["sequenceNumber"], entry["subSequenceNumber"])
            inside, whole = _before(position, places)
            processes.append(Process(entry["pid"], entry["host"], position, at, whole, whole, inside))
        process = next(each for each in reversed(processes) if each.pid == entry["pid"])
        if what != "end":
            process.last, process.last_at = what, at
        match what:
            case "processRecords":
                _told(verdict, shard, process, entry["records"], places, stored)
                process.told_at = at
            case "checkpoint":
                process.checkpoints.append(Checkpoint(at, _done(process, entry, places)))
            case "checkpointed":
                process.checkpoints[-1].answered, process.checkpoints[-1].error = at, entry["error"]
                if process.is_told_end and entry["error"] is None:
                    process.ended = at
                _check_error(verdict, shard, process, entry, at - process.checkpoints[-1].asked)
            case "shardEnded":
                process.is_told_end = True
                if process.told != len(places):
                    verdict.findings["ended early"].append(f"{shard}, process {process.pid} at {process.told}")
    return processes


def _before(position, places):
    """How many records lie before a position as `initialize` says it: with the sub-sequence number 0 the first user
    record, or all of an aggregate that is done, of which it is not known how many it had."""
    if not position[0].isdigit():
        return 0, 0
    number, sub = int(position[0]), position[1]
    inside = bisect_right(places, Sequence(number, sub))
    return inside, bisect_right(places, Sequence(number, WHOLE)) if sub == 0 else inside


def _told(verdict, shard, process, records, places, stored):
    for number, sub, n in records:
        place = Sequence(int(number), sub)
        index = bisect_right(places, place) - 1
        if index < 0 or places[index] != place or stored[shard, place][0] != n:
            verdict.findings["not in the stream"].append(f"n={n} {shard} {place}")
            continue
        if process.told_at is None and index == process.inside:
            process.begun = process.told = index
        if index != process.told:
            verdict.findings["out of order"].append(
                f"n={n} {shard} {place}: process {process.pid} is told the {index}th instead of the {process.told}th")
        process.told = index + 1


def _done(process, entry, places):
    """How many of the shard's records a checkpoint says to be done; None: what was before the process."""
    if process.is_told_end:
        return len(places)
    if entry["sequenceNumber"] is None:
        return process.told if process.told_at else None
    return bisect_right(places, Sequence(int(entry["sequenceNumber"]), entry["subSequenceNumber"] or 0))


def _check_error(verdict, shard, process, entry, waited):
    """Only a user record behind which the shard's checkpoint stands by then may be refused, and only what has waited long, as
    where the host is paused, is answered without being stored."""
    allowed = {None, LOST}
    if entry["subSequenceNumber"] is None and entry["sequenceNumber"] is not None:
        allowed.add(REFUSED)
    if waited >= PATIENCE:
        allowed.add(LATE_ANSWER)
    if entry["error"] not in allowed:
        verdict.findings["wrong errors"].append(f"{shard}, process {process.pid}: {entry}")


def _positions(verdict, shard, processes, run):
    """Each process begins at a checkpoint that was asked for before, and at none before the last that was answered; behind
    where the one before was, records come again. That it goes on from there is what `_told` looks at."""
    before = None
    for process in processes:
        asked = [
            (each, other.host) for other in processes for each in other.checkpoints
            if each.asked < process.at and each.done is not None]
        stands = {0} | {each.done for each, _ in asked if each.may_be_stored}
        surest = max((
            each.done for each, host in asked
            if each.is_stored and each.answered < process.at and not _hidden(each, host, process.at, run)), default=0)
        if process.told_at is None and process.inside != process.begun:
            newest = [each.done for each, _ in asked if each.may_be_stored and each.done in (process.inside, process.begun)]
            process.begun = process.told = newest[-1] if newest else process.begun
        for each in process.checkpoints:
            each.done = process.begun if each.done is None else each.done
        where = f"{shard}, process {process.pid} is told to begin at {process.position}, {process.begun}"
        if process.begun not in stands:
            verdict.findings["begun where no checkpoint was"].append(f"{where}; there were {sorted(stands)[-9:]}")
        if process.begun < surest:
            verdict.findings["checkpointed, and again"].append(f"{where}; {surest} were checkpointed")
        if before and process.begun < before.told:
            why = _why_again(before, run)
            if why:
                verdict.duplicates[why] += max(0, min(before.told, process.told) - process.begun)
            else:
                verdict.findings["twice for no reason"].append(f"{where} behind {before}")
        before = process


def _hidden(checkpoint, host, at, run):
    """Whether the host was killed, or stood still, so soon after the checkpoint that the next one may not know of it."""
    return any(
        each.member == host and each.reason != "ended" and each.since <= at
        and each.since - UNWRITTEN <= checkpoint.answered <= (each.until or at) + LATE
        for each in run.disturbances)


def _why_again(before, run):
    """Why the process before may have left something without a checkpoint; None where nothing says so."""
    if before.pid in run.signalled:
        return "its child was killed or stopped"
    if before.last == "crash":
        return "its child crashed"
    if any(each.error == LOST for each in before.checkpoints):
        return "its lease was lost"
    for each in run.disturbances:
        if each.member == before.host and each.reason != "ended" and before.at <= each.since and before.last_at <= (
                each.until or each.since) + LATE:
            return f"its host was {each.reason}"
    return None


def _alone(verdict, shard, processes):
    """Who has the shard next is begun only when the one before is told nothing more, and may checkpoint no more."""
    for before, after in zip(processes, processes[1:]):
        late = [each.asked for each in before.checkpoints if each.is_stored and each.answered > after.at + LATE]
        if before.told_at and before.told_at > after.at + LATE:
            late.append(before.told_at)
        if late:
            verdict.findings["two at a time"].append(
                f"{shard}: process {before.pid} at {late[0]:.3f}, {after.pid} began at {after.at:.3f}")


def _lineage(verdict, processes, parents):
    """A shard begins once all of its parents are checkpointed at their ends, which are begun no more."""
    ends = {
        shard: min((process.ended for process in its if process.ended), default=None)
        for shard, its in processes.items()}
    for shard, its in processes.items():
        for parent in parents[shard]:
            if ends.get(parent) is None or ends[parent] > its[0].at:
                verdict.findings["begun before a parent's end"].append(
                    f"{shard} at {its[0].at:.3f}, {parent} {ends.get(parent)}")
        if ends[shard] and its[-1].at > ends[shard] + LATE:
            verdict.findings["begun behind its end"].append(f"{shard}, process {its[-1].pid}")


def _ends(verdict, processes, places, checkpoints):
    """The run's end brings each shard's checkpoint to its last record."""
    for shard, its in processes.items():
        if not places[shard] or its[-1].ended:
            continue
        if checkpoints.get(shard) != str(places[shard][-1].number):
            verdict.findings["not checkpointed in the end"].append(
                f"{shard} stands at {checkpoints.get(shard)}, its last record is {places[shard][-1]}")
