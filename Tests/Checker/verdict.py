"""The rules: what of a run was lost, out of order or twice, and which of it is allowed, for which reason."""

from bisect import bisect
from collections import Counter, defaultdict
from dataclasses import dataclass, field

# What the socket took at most this long before the sidecar, or the connection, ended may be delivered again: its
# checkpoint is committed at most 20 ms later, more on a busy machine.
SETTLING = 2.0
# How long a PutRecords whose answer may get lost can be under way, and how long the sidecar may take to try it again.
ANSWER_LOST = 15.0
# Design section 6: when a connection ends without an orderly end, so much of what was sent on it comes again.
UNREAD_BYTES = 8 * 1024 * 1024


@dataclass
class Verdict:
    findings: dict = field(default_factory=lambda: defaultdict(list))  # what must not be → where
    duplicates: Counter = field(default_factory=Counter)  # reason → deliveries
    copies: Counter = field(default_factory=Counter)  # reason → records stored more than once
    unread: int = 0  # not delivered, and allowed: bytes of a killed reader's socket
    counts: dict = field(default_factory=dict)

    @property
    def holds(self):
        return not any(self.findings.values())


def judge(ledger, stored, parents, guarantee):
    """`stored`: (shard, sequence number) → (n, arrival time); `parents`: shard → its parents."""
    verdict = Verdict()
    places = {place: index for index, place in enumerate(sorted(stored))}
    with ledger.lock:
        deliveries = list(ledger.deliveries)
    _puts(verdict, ledger, stored)
    first = _order(verdict, deliveries, stored, len({c.reader for c in ledger.connections}) == 1)
    _lineage(verdict, first, parents)
    _repetitions(verdict, ledger, deliveries, guarantee)
    excused, lost = missing(ledger, deliveries, stored, guarantee)
    verdict.unread = len(excused)
    verdict.findings["lost"] += [f"n={stored[place][0]} {place[0]} {place[1]}: {why}" for place, why in lost.items()]
    verdict.findings["else"] += ledger.complaints
    verdict.counts = {
        "stored": len(places), "delivered": len(deliveries), "distinct": len(first),
        "connections": len(ledger.connections), "endings": dict(Counter(c.how for c in ledger.connections))}
    return verdict


def missing(ledger, deliveries, stored, guarantee):
    """What is in the stream and was not delivered: allowed (issue 3 only), and lost with what is known of it."""
    delivered = {(d.shard, d.sequence) for d in deliveries}
    gone = [place for place in stored if place not in delivered]
    if not gone:
        return {}, {}
    by_shard = defaultdict(list)
    for d in deliveries:
        by_shard[d.shard].append(d)
    sequences = {shard: sorted(d.sequence for d in its) for shard, its in by_shard.items()}
    gaps = {}  # what is missing between the same two deliveries has the same connections around it
    excused, lost = {}, {}
    for shard, sequence in sorted(gone):
        gap = (shard, bisect(sequences.get(shard, []), sequence))
        if gap not in gaps:
            gaps[gap] = _around(by_shard[shard], sequence, len(ledger.connections))
        low, high = gaps[gap]
        arrival = stored[shard, sequence][1]
        killed = [
            c for c in ledger.connections[low:high] if c.how == "killed" and c.ended and c.ended >= arrival - 0.01]
        if guarantee == "issue3" and killed:
            excused[shard, sequence] = killed[0]
        else:
            passed = high < len(ledger.connections)
            lost[shard, sequence] = f"between connections {low} and {high}" if passed else f"none behind it, last on {low}"
    return excused, lost


def _around(deliveries, sequence, connections):
    """The connections between which a record was on its way: the last with one before it, the first with one behind it
    (`connections` when there is none)."""
    high = min((d.connection.number for d in deliveries if d.sequence > sequence), default=connections)
    before = (d.connection.number for d in deliveries if d.sequence < sequence)
    return max((number for number in before if number <= high), default=0), high


def _puts(verdict, ledger, stored):
    """Acknowledged is stored; stored was put, and more than once only where an answer may have got lost."""
    copies = defaultdict(list)
    for place, (n, _) in stored.items():
        copies[n].append(place)
    for put in list(ledger.puts.values()):
        for place in put.places:
            if stored.get(place, (None,))[0] != put.n:
                verdict.findings["acknowledged, not stored"].append(f"n={put.n} {place}")
        outcomes = {outcome for _, _, outcome in put.tries}
        if outcomes == {"refused"} and put.n in copies:
            verdict.findings["refused, but stored"].append(f"n={put.n}")
        if len(copies[put.n]) > 1:
            if reason := _reason_of_copy(put, ledger):
                verdict.copies[reason] += 1
            else:
                verdict.findings["stored twice for no reason"].append(f"n={put.n} {copies[put.n]} {put.tries}")
    for n in copies.keys() - ledger.puts.keys():
        verdict.findings["changed"].append(f"n={n} is stored and was never put")
    _order_of_puts(verdict, ledger)


def _reason_of_copy(put, ledger):
    if any(outcome == "unknown" for _, _, outcome in put.tries):
        return "the writer had no answer and put again"
    sent, answered = put.tries[0][0], put.tries[-1][1]
    if any(sent <= at + ANSWER_LOST and at <= answered for at in ledger.lost_answers):
        return "Kinesis's answer was lost and the sidecar put again"
    if any(outcome == "failed" for _, _, outcome in put.tries):
        return "reported as failed and put again"
    return None


def _order_of_puts(verdict, ledger):
    """A connection's requests one after the other: what was acknowledged before the next was sent lies before it."""
    last = {}  # (writer, shard) → (answered, highest sequence number of earlier requests), and of the present one
    puts = sorted((put for put in ledger.puts.values() if put.places), key=lambda put: put.tries[-1][0])
    for put in puts:
        shard, sequence = put.places[-1]
        sent = put.tries[-1][0]
        of_request, highest, earlier = last.get((put.writer, shard), (None, -1, -1))
        if of_request != sent:
            earlier = highest
        if sequence <= earlier:
            verdict.findings["puts out of order"].append(f"n={put.n} {shard} {sequence} after {earlier}")
        last[put.writer, shard] = (sent, max(highest, sequence), earlier)


def _order(verdict, deliveries, stored, one_reader):
    """First arrivals, as (shard, sequence number) → place in the order of arrival."""
    first, on_connection, highest = {}, {}, {}
    for index, d in enumerate(deliveries):
        place = (d.shard, d.sequence)
        if stored.get(place, (None,))[0] != d.n:
            verdict.findings["changed"].append(f"n={d.n} {place} delivered, but {stored.get(place)} is stored")
        previous = on_connection.get((d.connection.number, d.shard), -1)
        if d.sequence <= previous:
            verdict.findings["out of order"].append(
                f"n={d.n} {place} after {previous} on connection {d.connection.number}")
        on_connection[d.connection.number, d.shard] = d.sequence
        if place not in first:
            # With several readers one may still read what another, that has the shard now, is already past.
            if one_reader and d.sequence < highest.get(d.shard, -1):
                verdict.findings["out of order"].append(
                    f"n={d.n} {place} first came on connection {d.connection.number} after {highest[d.shard]}")
            first[place] = index
            highest[d.shard] = max(highest.get(d.shard, -1), d.sequence)
    return first


def _lineage(verdict, first, parents):
    """Every record of a shard comes after every record of its parents."""
    begins, ends = {}, {}
    for (shard, _), index in first.items():
        begins[shard] = min(begins.get(shard, index), index)
        ends[shard] = max(ends.get(shard, index), index)
    for shard, its_parents in parents.items():
        for parent in its_parents:
            if shard in begins and parent in ends and begins[shard] < ends[parent]:
                verdict.findings["out of order"].append(f"{shard} began before its parent {parent} ended")


def _repetitions(verdict, ledger, deliveries, guarantee):
    """A record that came before may come again only when something happened in between that allows it."""
    earlier = defaultdict(list)
    for d in deliveries:
        place = (d.shard, d.sequence)
        if earlier[place]:
            if reason := _reason_of_repetition(ledger, earlier[place], d, guarantee):
                verdict.duplicates[reason] += 1
            else:
                before = earlier[place][-1]
                verdict.findings["twice for no reason"].append(
                    f"n={d.n} {place} on connection {d.connection.number}, before on {before.connection.number} "
                    f"({before.connection.how}), {d.at - before.at:.2f} s earlier")
        earlier[place].append(d)


def _reason_of_repetition(ledger, earlier, again, guarantee):
    since = earlier[-1].at
    for before in earlier:
        c = before.connection
        if c is again.connection:
            continue
        if any(since <= at + 0.5 and at <= again.at and before.at >= at - SETTLING for at in ledger.kills):
            return "the sidecar was killed before its checkpoint"
        ended_between = c.ended is not None and since <= c.ended <= again.at + 0.5
        if c.how != "end" and ended_between:
            if guarantee == "issue4" and c.received - before.offset <= UNREAD_BYTES:
                return "the connection ended without an orderly end: its last bytes again"
            if guarantee == "issue3" and before.at >= c.ended - SETTLING:
                return "the connection ended before the batch was settled"
        if guarantee == "issue4":
            for resumed in ledger.connections[c.number + 1:again.connection.number + 1]:
                if resumed.resumed_after is not None and resumed.reader == c.reader \
                        and resumed.opened >= since and before.event > resumed.resumed_after:
                    return "Last-Event-ID"
    return None
