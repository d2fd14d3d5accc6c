"""The rules: what of a run was lost, out of order or twice, and which of it is allowed, for which reason."""

from bisect import bisect
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from ledger import BEFORE_ALL, WHOLE

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
    first = check_order(verdict, deliveries, stored)
    lineage = Lineage(parents)
    verdict.findings["out of order"] += before_parents(deliveries, lineage)
    if manual:
        verdict.findings["out of order"] += _began_early(first, lineage)
    else:
        verdict.findings["not sent again"] += not_sent_again(ledger, deliveries)
    _repetitions(verdict, ledger, deliveries, first, lineage, manual)
    lost = missing(ledger, deliveries, stored)
    verdict.findings["lost"] += [f"n={stored[place][0]} {place[0]} {place[1]}: {why}" for place, why in lost.items()]
    if manual:
        verdict.findings["delivered, never acknowledged, and not again"] += unacknowledged(ledger, deliveries)
    verdict.findings["else"] += ledger.complaints
    verdict.counts = inside(ledger, deliveries, stored) | {
        "stored": len(stored), "delivered": len(deliveries), "distinct": len(first),
        "connections": len(ledger.connections), "endings": dict(Counter(c.how for c in ledger.connections))}
    return verdict


def inside(ledger, deliveries, stored):
    """What of a run lay in aggregates: how many records, and how often a turn began, or a checkpoint was stored, inside of
    one, behind a user record that the shard has."""
    begins, of_aggregates = {}, set()
    for shard, sequence in stored:
        record = (shard, sequence.number)
        if record in begins:
            of_aggregates.add(record)
        begins[record] = min(sequence, begins.get(record, sequence))
    turns = {}
    for d in deliveries:
        turns.setdefault((d.connection.number, d.shard, d.turn), d)
    return {
        "of aggregates": sum((shard, sequence.number) in of_aggregates for shard, sequence in stored),
        "begun inside": sum(d.sequence > begins.get((d.shard, d.sequence.number), d.sequence) for d in turns.values()),
        "acknowledged inside": sum(a.sequence.sub != WHOLE for a in ledger.acknowledgements)}


def unfinished(ledger, deliveries, parents):
    """Whether something still has to come again, with automatic checkpoints."""
    return bool(before_parents(deliveries, Lineage(parents)) or not_sent_again(ledger, deliveries))


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
        of_request, highest, earlier = last.get((put.writer, shard), (None, BEFORE_ALL, BEFORE_ALL))
        if of_request != sent:
            earlier = highest
        if sequence <= earlier:
            verdict.findings["puts out of order"].append(f"n={put.n} {shard} {sequence} after {earlier}")
        last[put.writer, shard] = (sent, max(highest, sequence), earlier)


# Deliveries.


def check_order(verdict, deliveries, stored):
    """While a connection has a shard its sequence numbers grow. Returns the first arrivals, as (shard, sequence number) →
    delivery, in the order in which they came."""
    first, highest = {}, {}
    for d in deliveries:
        place = (d.shard, d.sequence)
        if stored.get(place, (None,))[0] != d.n:
            verdict.findings["changed"].append(f"n={d.n} {place} delivered, but {stored.get(place)} is stored")
        turn = (d.connection.number, d.shard, d.turn)
        if d.sequence <= highest.get(turn, BEFORE_ALL):
            verdict.findings["out of order"].append(
                f"n={d.n} {place} after {highest[turn]} on connection {d.connection.number}")
        highest[turn] = d.sequence
        first.setdefault(place, d)
    return first


class Lineage:
    """The stream's shards and where they come from."""

    def __init__(self, parents):
        self.shards = list(parents)
        self._parents = parents
        self._ancestors = {}

    def ancestors(self, shard):
        """Its parents, and theirs."""
        if shard not in self._ancestors:
            parents = self._parents.get(shard, [])
            self._ancestors[shard] = set(parents).union(*(self.ancestors(parent) for parent in parents))
        return self._ancestors[shard]


def before_parents(deliveries, lineage):
    """Every record of a shard that came before a record of an ancestor comes again behind that: when a shard goes back,
    every descendant that has begun goes back to its beginning. Returns what does not, as text."""
    by_shard, last = defaultdict(lambda: defaultdict(list)), defaultdict(dict)
    for d in deliveries:
        by_shard[d.shard][d.sequence].append(d)
        last[d.shard][d.connection.number] = d
    found = []
    for shard in lineage.shards:
        for ancestor in sorted(lineage.ancestors(shard)):
            # A shard is sent to one reader after the other, so the last record that each of them got stands for the rest.
            ends = sorted(last[ancestor].values(), key=lambda end: -end.event)
            early = [(its, end) for its in by_shard[shard].values() if (end := _end_behind(its, ends))]
            if early:
                its, end = early[0]
                found.append(
                    f"{len(early)} records of {shard} never came behind the last ones of its ancestor {ancestor}: "
                    f"n={its[-1].n} on connection {its[-1].connection.number}, then n={end.n} on connection "
                    f"{end.connection.number}")
    return found


def _end_behind(its, ends):
    """One of the ancestor's ends, the last one first, behind which no delivery of the record was sent; None where there is
    none."""
    if not ends or its[-1].assigned_after >= ends[0].event:
        return None
    return next((end for end in ends if not any(_sent_behind(d, end) for d in its)), None)


def _sent_behind(d, end):
    """Whether the delivery may have been sent after the other shard's. A turn that had begun by then does not count: its
    shard had to be taken away first, and given out anew."""
    if d.connection is end.connection:
        return d.assigned_after >= end.event
    # What was sent to a connection that is newer than this delivery was sent after it. Else a reader that stalled may have
    # had either in its socket for so long.
    return end.connection.opened - 0.5 <= d.at and d.assigned_at >= end.at - LAG


def _began_early(first, lineage):
    """Where readers acknowledge: nothing of a shard comes before its ancestors' records have come, each for the first
    time. Returns what does, as text."""
    begins, ends = {}, {}
    for (shard, _), d in first.items():
        begins.setdefault(shard, d)
        ends[shard] = d
    return [
        f"{shard} began on connection {begins[shard].connection.number} before its ancestor {ancestor} ended: "
        f"n={ends[ancestor].n} on connection {ends[ancestor].connection.number}"
        for shard in begins for ancestor in sorted(lineage.ancestors(shard))
        if ancestor in ends and ends[ancestor].event > begins[shard].event]


def not_sent_again(ledger, deliveries):
    """What a client was sent after the event that it names comes again: to the client, or, once that has left, to
    whoever gets the shard. Returns what does not, as text."""
    on_connection, by_place = defaultdict(list), defaultdict(list)
    for d in deliveries:
        on_connection[d.connection.number].append(d)
        by_place[d.shard, d.sequence].append(d)
    found = []
    for c in ledger.connections:
        if c.resumed_after is None or _sidecar_ended(ledger, c):
            continue
        after = {(d.shard, d.sequence): d for d in on_connection[c.resumed_from] if d.event > c.resumed_after}
        gone = [d for place, d in after.items() if not any(_is_again(ledger, d, a, c) for a in by_place[place])]
        if gone:
            found.append(
                f"{len(gone)} of {len(after)} records that connection {c.resumed_from} got after the event that connection "
                f"{c.number} ({c.how}) named: n={gone[0].n} {gone[0].shard} {gone[0].sequence}")
    return found


def _sidecar_ended(ledger, c):
    """Whether the connection's end was the sidecar's: what was still to be sent again is asked for again by whoever wants
    it."""
    return c.how == "end" or any(c.opened - 0.5 <= at <= (c.ended or at) + SETTLING for at in ledger.kills)


def _is_again(ledger, before, again, c):
    """Whether it is that record again, as the comeback `c` asked for it."""
    if again.connection is c:
        return True
    # Of what was sent right before the sidecar was killed it does not know to whom, and sends it again to anybody.
    unknown = [at for at in ledger.kills if before.at <= at + SETTLING and at <= c.opened
               and before.at >= at - SETTLING - LAG]
    if unknown:
        # Perhaps before a reader that stalled has read it from the dead sidecar's socket.
        return again is not before and again.at >= min(unknown)
    return c.how is not None and again.connection.number != c.resumed_from and again.at >= c.opened - 0.5


# Repetitions.


def _ended_without_order(c, since, until):
    """Whether it may have, for the sidecar, in that time: one that leaves is lost when it does not read on."""
    return c.how not in (None, "end") and since <= c.ended and (c.leaving or c.ended) <= until + 0.5


def _repetitions(verdict, ledger, deliveries, first, lineage, manual):
    """A record that came before may come again only when something happened in between that allows it."""
    earlier = defaultdict(list)
    by_shard = defaultdict(list)
    for d in deliveries:
        by_shard[d.shard].append(d)
    why = WhyAgain(ledger, by_shard, first, lineage)
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
        done = max((a.sequence for a in self.by_shard[again.shard] if a.answered < opened), default=BEFORE_ALL)
        return "it was not acknowledged" if again.sequence > done else None


def unacknowledged(ledger, deliveries):
    """In the end everything that came is acknowledged, or may be: what was not had to come again until it was. Returns what
    is not, as text."""
    done = defaultdict(lambda: BEFORE_ALL)
    for a in ledger.acknowledgements + ledger.unanswered:
        done[a.shard] = max(done[a.shard], a.sequence)
    return [f"{place}" for place in sorted({(d.shard, d.sequence) for d in deliveries}) if place[1] > done[place[0]]]


class WhyAgain:
    """With automatic checkpoints a shard goes back to the first record that somebody may not have read, or asks for; what
    is behind that comes again too, so that the shard's order holds, and so do its descendants, from their beginnings."""

    def __init__(self, ledger, by_shard, first, lineage):
        self.ledger, self.lineage = ledger, lineage
        # (connection, shard) → the first record among the connection's last bytes, or among what its client asks for.
        self.unread, self.asked = {}, {}
        self.took = set()  # (connection, shard) of which something came
        comebacks = defaultdict(list)
        for c in ledger.connections:
            if c.resumed_after is not None:
                comebacks[c.resumed_from].append(c)
        for shard, its in by_shard.items():
            for d in its:
                self.took.add((d.connection.number, shard))
                if d.connection.received - d.offset <= UNREAD_BYTES:
                    _lower(self.unread, (d.connection.number, shard), d.sequence)
                for c in comebacks[d.connection.number]:
                    if d.event > c.resumed_after:
                        _lower(self.asked, (c.number, shard), d.sequence)
        self.first = defaultdict(list)  # shard → first arrivals
        self.last_arrival = {}  # shard → when the last record that came for the first time did
        for d in first.values():
            self.first[d.shard].append(d)
            self.last_arrival[d.shard] = max(d.at, self.last_arrival.get(d.shard, d.at))

    def reason(self, before, again):
        # What a reader left in its socket may have been sent before the other.
        since, until = before.at - LAG, again.at
        for at in self.ledger.kills:
            if since <= at + 0.5 and at <= until and before.at >= at - SETTLING - LAG:
                return "the sidecar was killed before its checkpoint"
        for c in self.ledger.connections:
            if _ended_without_order(c, since, until) and (
                    self._went_back(self.unread, c, again, c.ended) or self._took_nothing(c, again.shard)):
                return f"a connection was {c.how}: its last bytes again, and what is behind them"
            if c.resumed_after is not None and since <= c.opened + 0.5 and c.opened <= until:
                if self._went_back(self.asked, c, again, c.opened):
                    return "Last-Event-ID: what was sent after it, and what is behind that"
        return None

    def _took_nothing(self, c, shard):
        """Whether the connection had the shard, and whatever it was sent of it lay in its socket when it ended."""
        return shard in c.assigned and (c.number, shard) not in self.took

    def _went_back(self, places, c, again, moment):
        """Whether the shard went back to this record, or before it, because of one of the connection's places; or because
        of a record that first came after that moment: it lay in a socket."""
        shards = {again.shard} | self.lineage.ancestors(again.shard)
        begin = places.get((c.number, again.shard))
        if begin is not None and begin <= again.sequence:
            return True
        if any((c.number, shard) in places for shard in shards if shard != again.shard):
            return True
        if any(self.last_arrival.get(shard, 0) >= moment - 0.5 for shard in shards if shard != again.shard):
            return True
        return any(d.sequence <= again.sequence and d.at >= moment - 0.5 for d in self.first[again.shard])


def _lower(places, key, sequence):
    places[key] = min(sequence, places.get(key, sequence))
