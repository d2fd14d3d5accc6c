"""The rules: what of a run was lost, out of order or twice, and which of it is allowed, for which reason."""

from bisect import bisect
from collections import Counter, defaultdict
from dataclasses import dataclass, field

# What the socket took at most this long before the sidecar was killed may be delivered again: its checkpoint is committed
# at most 20 ms later, more on a busy machine.
SETTLING = 2.0
# How long a PutRecords whose answer may get lost can be under way, and how long the sidecar may take to try it again.
ANSWER_LOST = 15.0
# How long a reader may leave in its socket what was sent to it: its stalls (plan.py), and some.
LAG = 3.5
# Design section 6: when a connection ends without an orderly end, so much of what was sent on it comes again; small events
# are taken together up to a sixty-fourth of that.
UNREAD_BYTES = 8 * 1024 * 1024 * 65 // 64


@dataclass
class Verdict:
    findings: dict = field(default_factory=lambda: defaultdict(list))  # what must not be → where
    duplicates: Counter = field(default_factory=Counter)  # reason → deliveries
    copies: Counter = field(default_factory=Counter)  # reason → records stored more than once
    counts: dict = field(default_factory=dict)

    @property
    def holds(self):
        return not any(self.findings.values())


def judge(ledger, stored, parents, manual=False):
    """`stored`: (shard, sequence number) → (n, arrival time); `parents`: shard → its parents; `manual`: whether the
    readers acknowledge."""
    verdict = Verdict()
    with ledger.lock:
        deliveries = list(ledger.deliveries)
    _puts(verdict, ledger, stored)
    first = _order(verdict, deliveries, stored)
    _lineage(verdict, ledger, first, parents, manual)
    _repetitions(verdict, ledger, deliveries, first, manual)
    lost = missing(ledger, deliveries, stored)
    verdict.findings["lost"] += [f"n={stored[place][0]} {place[0]} {place[1]}: {why}" for place, why in lost.items()]
    if manual:
        _unacknowledged(verdict, ledger, deliveries)
    verdict.findings["else"] += ledger.complaints
    verdict.counts = {
        "stored": len(stored), "delivered": len(deliveries), "distinct": len(first),
        "connections": len(ledger.connections), "endings": dict(Counter(c.how for c in ledger.connections))}
    return verdict


def missing(ledger, deliveries, stored):
    """What is in the stream and was not delivered, with the connections between which it was passed over."""
    delivered = {(d.shard, d.sequence) for d in deliveries}
    gone = sorted(place for place in stored if place not in delivered)
    if not gone:
        return {}
    by_shard = defaultdict(list)
    for d in deliveries:
        by_shard[d.shard].append(d)
    sequences = {shard: sorted(d.sequence for d in its) for shard, its in by_shard.items()}
    gaps, lost = {}, {}
    for shard, sequence in gone:
        gap = (shard, bisect(sequences.get(shard, []), sequence))
        if gap not in gaps:  # what is missing between the same two deliveries has the same connections around it
            gaps[gap] = _around(by_shard[shard], sequence, len(ledger.connections))
        low, high = gaps[gap]
        passed = high < len(ledger.connections)
        lost[shard, sequence] = f"between connections {low} and {high}" if passed else f"none behind it, last on {low}"
    return lost


def _around(deliveries, sequence, connections):
    """The connections between which a record was on its way: the last with one before it, the first with one behind it
    (`connections` when there is none)."""
    high = min((d.connection.number for d in deliveries if d.sequence > sequence), default=connections)
    before = (d.connection.number for d in deliveries if d.sequence < sequence)
    return max((number for number in before if number <= high), default=0), high


# Puts.


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


# Deliveries.


def _order(verdict, deliveries, stored):
    """While a connection has a shard its sequence numbers grow. Returns the first arrivals, as (shard, sequence number) →
    delivery, in the order in which they came."""
    first, highest = {}, {}
    for d in deliveries:
        place = (d.shard, d.sequence)
        if stored.get(place, (None,))[0] != d.n:
            verdict.findings["changed"].append(f"n={d.n} {place} delivered, but {stored.get(place)} is stored")
        turn = (d.connection.number, d.shard, d.turn)
        if d.sequence <= highest.get(turn, -1):
            verdict.findings["out of order"].append(
                f"n={d.n} {place} after {highest[turn]} on connection {d.connection.number}")
        highest[turn] = d.sequence
        first.setdefault(place, d)
    return first


def _lineage(verdict, ledger, first, parents, manual):
    """Every record of a shard comes after every record of its parents, but for those that lay unread in a connection that
    ended without order. Where readers acknowledge nothing of a child comes before that."""
    begins, records = {}, defaultdict(list)
    for (shard, _), d in first.items():
        begins.setdefault(shard, d)
        records[shard].append(d)
    for shard, its_parents in parents.items():
        for parent in its_parents:
            begin = begins.get(shard)
            late = [d for d in records[parent] if begin and d.event > begin.event]
            if not manual:
                late = [d for d in late if not _lay_in_socket(d, begin)]
            if late and (manual or not _lay_unread(ledger, begin.at, late[0].at)):
                verdict.findings["out of order"].append(
                    f"{shard} began on connection {begin.connection.number} before its parent {parent} ended: n={late[0].n} "
                    f"on connection {late[0].connection.number}")


def _lay_in_socket(late, begin):
    """Whether a reader that stalled may have been sent it before the other shard began."""
    c = late.connection
    return c is not begin.connection and c.opened <= begin.at and late.at - begin.at <= LAG


def _lay_unread(ledger, since, until):
    """Whether a connection from before may have taken something unread with it in that time, or the sidecar has."""
    killed = any(since - SETTLING <= at <= until for at in ledger.kills)
    return killed or any(c.opened <= since and _ended_without_order(c, since, until) for c in ledger.connections)


def _ended_without_order(c, since, until):
    """Whether it may have, for the sidecar, in that time: one that leaves is lost when it does not read on."""
    return c.how not in (None, "end") and since <= c.ended and (c.leaving or c.ended) <= until + 0.5


def _repetitions(verdict, ledger, deliveries, first, manual):
    """A record that came before may come again only when something happened in between that allows it."""
    earlier = defaultdict(list)
    by_shard = defaultdict(list)
    for d in deliveries:
        by_shard[d.shard].append(d)
    why = _WhyAgain(ledger, by_shard, first)
    acknowledged = _Acknowledged(ledger)
    for d in deliveries:
        place = (d.shard, d.sequence)
        if earlier[place]:
            reason = acknowledged.reason(d) if manual else why.reason(earlier[place][-1], d)
            if reason:
                verdict.duplicates[reason] += 1
            else:
                before = earlier[place][-1]
                verdict.findings["twice for no reason"].append(
                    f"n={d.n} {place} on connection {d.connection.number}, before on {before.connection.number} "
                    f"({before.connection.how}), {d.at - before.at:.2f} s earlier")
        earlier[place].append(d)


class _Acknowledged:
    """With manual checkpoints: whatever has none comes again to whoever gets the shard."""

    def __init__(self, ledger):
        self.by_shard = defaultdict(list)
        for a in ledger.acknowledgements:
            self.by_shard[a.shard].append(a)

    def reason(self, again):
        # What was stored before the connection was there lies before whatever it is sent.
        opened = again.connection.opened
        done = max((a.sequence for a in self.by_shard[again.shard] if a.answered < opened), default=-1)
        return "it was not acknowledged" if again.sequence > done else None


def _unacknowledged(verdict, ledger, deliveries):
    """In the end everything that came is acknowledged: what was not had to come again until it was."""
    done = defaultdict(lambda: -1)
    for a in ledger.acknowledgements:
        done[a.shard] = max(done[a.shard], a.sequence)
    for place in sorted({(d.shard, d.sequence) for d in deliveries}):
        if place[1] > done[place[0]]:
            verdict.findings["delivered, never acknowledged, and not again"].append(f"{place}")


class _WhyAgain:
    """With automatic checkpoints a shard goes back to the first record that somebody may not have read, or asks for; what
    is behind that comes again too, so that the shard's order holds."""

    def __init__(self, ledger, by_shard, first):
        self.ledger = ledger
        self.on_connection = defaultdict(list)  # (connection, shard) → its deliveries
        for shard, its in by_shard.items():
            for d in its:
                self.on_connection[d.connection.number, shard].append(d)
        self.first = defaultdict(list)  # shard → first arrivals
        for d in first.values():
            self.first[d.shard].append(d)

    def reason(self, before, again):
        # What a reader left in its socket may have been sent before the other.
        since, until = before.at - LAG, again.at
        for at in self.ledger.kills:
            if since <= at + 0.5 and at <= until and before.at >= at - SETTLING - LAG:
                return "the sidecar was killed before its checkpoint"
        for c in self.ledger.connections:
            if _ended_without_order(c, since, until) and self._took_unread(c, again):
                return f"a connection was {c.how}: its last bytes again, and what is behind them"
            if c.resumed_after is not None and since <= c.opened + 0.5 and c.opened <= until and self._asked(c, again):
                return "Last-Event-ID: what was sent after it, and what is behind that"
        return None

    def _took_unread(self, c, again):
        """Whether something of the shard, up to this record, was among the connection's last bytes."""
        its = self.on_connection[c.number, again.shard]
        if any(d.sequence <= again.sequence and c.received - d.offset <= UNREAD_BYTES for d in its):
            return True
        return self._arrived_late(again, c.ended)

    def _asked(self, c, again):
        """Whether something of the shard, up to this record, was sent to the former connection after that event."""
        its = self.on_connection[c.resumed_from, again.shard]
        if any(d.sequence <= again.sequence and d.event > c.resumed_after for d in its):
            return True
        return self._arrived_late(again, c.opened)

    def _arrived_late(self, again, moment):
        """Whether something of the shard before this record first came after that moment: it lay in a socket."""
        return any(d.sequence <= again.sequence and d.at >= moment - 0.5 for d in self.first[again.shard])
