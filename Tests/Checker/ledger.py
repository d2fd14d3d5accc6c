"""What was seen: every put and its answer, every delivery, acknowledgement, connection and disturbance."""

import threading
import time
from dataclasses import dataclass, field
from typing import NamedTuple

# Of a checkpoint: all of the record, whatever it holds.
WHOLE = 2**32


class Sequence(NamedTuple):
    """Where a record lies in its shard; `sub`: where in its record a user record of an aggregate does."""

    number: int
    sub: int = 0

    @classmethod
    def of(cls, fields, sub=0):
        """As the sidecar says it; `sub`: of what has none."""
        return cls(int(fields["sequenceNumber"]), fields.get("subSequenceNumber", sub))

    def __repr__(self):
        return f"{self.number}/{self.sub}"


BEFORE_ALL = Sequence(-1)


@dataclass(slots=True)
class Put:
    """One record number; `places` are the acknowledged ones: usually one, (shard, sequence number)."""

    n: int
    writer: int
    places: list = field(default_factory=list)
    tries: list = field(default_factory=list)  # (sent, answered, "acknowledged" | "failed" | "refused" | "unknown" | "astray")


@dataclass(slots=True, eq=False)
class Connection:
    """One reader's connection. `how` it ended: "end" (the sidecar's orderly end), "left", "killed", "cut"."""

    number: int
    reader: int
    opened: float
    speaks_grpc: bool = False
    resumed_after: int | None = None  # serial of the event whose id was sent as Last-Event-ID
    resumed_from: int | None = None  # number of the connection that it came on
    leaving: float | None = None  # when it ended its side, to read on to the end
    ended: float | None = None
    how: str | None = None
    received: int = 0
    error: str | None = None
    shards: dict = field(default_factory=dict)  # shard → how often it was assigned, "revoked" makes it negative
    assigned: dict = field(default_factory=dict)  # shard → when it was assigned last, and the serial of the event before


@dataclass(slots=True, eq=False)
class Delivery:
    shard: str
    sequence: Sequence
    n: int
    connection: Connection
    at: float
    offset: int  # bytes of the connection up to this event's end
    event: int  # serial of the event over all connections
    turn: int  # how often the shard had been assigned to the connection
    assigned_at: float  # when it was assigned for this turn
    assigned_after: int  # serial of the last event, of any connection, before that


@dataclass(slots=True)
class Acknowledgement:
    """A checkpoint that the sidecar has stored: everything of the shard up to `sequence` is done."""

    shard: str
    sequence: Sequence
    answered: float


class Ledger:
    """Written by the threads of writers and readers; judged by `verdict`."""

    def __init__(self, problem=lambda record: None):
        """`problem`: what is wrong with the data of a record as it came, as text or None."""
        self.problem = problem
        self.lock = threading.Lock()
        self.puts = {}
        self.deliveries = []
        self.acknowledgements = []
        self.unanswered = []  # acknowledgements that may be stored: the sidecar was killed before it could say so
        self.connections = []
        self.events = 0
        self.last_delivery = time.time()
        self.acknowledged = 0
        self.acknowledgement = threading.Condition(self.lock)
        self.kills = []  # times at which the sidecar was killed
        self.lost_answers = []  # times from which answers of PutRecords may have been lost
        self.complaints = []  # what must never be seen, as text

    def put_answered(self, put, sent, outcome, place=None):
        with self.acknowledgement:
            put.tries.append((sent, time.time(), outcome))
            if place:
                put.places.append(place)
                self.acknowledged += 1
                self.acknowledgement.notify_all()

    def wait_acknowledged(self, count, within):
        """Until so many records are acknowledged; false when nothing was for `within` seconds."""
        with self.acknowledgement:
            while self.acknowledged < count:
                before = self.acknowledged
                if not self.acknowledgement.wait_for(lambda: self.acknowledged > before, within):
                    return False
        return True

    def connected(self, reader, resumed=None, speaks_grpc=False):
        """`resumed`: the serial and connection of the event whose id was sent, if one was."""
        with self.lock:
            connection = Connection(len(self.connections), reader, time.time(), speaks_grpc)
            if resumed:
                connection.resumed_after, connection.resumed_from = resumed[0], resumed[1].number
            self.connections.append(connection)
            return connection

    def told(self, connection, shard, change):
        """An event `shard`."""
        turn = abs(connection.shards.get(shard, 0))
        connection.shards[shard] = turn + 1 if change == "assigned" else -turn
        if change == "assigned":
            connection.assigned[shard] = (time.time(), self.events)

    def delivered(self, connection, offset, shard, records):
        """One `records` event; returns its serial."""
        with self.lock:
            now = time.time()
            self.events += 1
            self.last_delivery = now
            turn = connection.shards.get(shard, 0)
            if turn <= 0:
                self.complaints.append(f"{shard} came on connection {connection.number}, which has not got it")
            for record in records:
                if problem := self.problem(record):
                    self.complaints.append(f"on connection {connection.number} {shard} {Sequence.of(record)} {problem}")
                self.deliveries.append(Delivery(
                    shard, Sequence.of(record), record["data"]["n"], connection, now, offset, self.events,
                    turn, *connection.assigned.get(shard, (now, self.events))))
            return self.events

    def stored(self, shard, sequence):
        """A checkpoint that was answered with success."""
        with self.lock:
            self.acknowledgements.append(Acknowledgement(shard, sequence, time.time()))

    def maybe_stored(self, connection, shard=None, sequence=None):
        """An acknowledgement that had no answer: of one record, or without one of all that the connection has got."""
        with self.lock:
            got = {shard: sequence} if shard else {}
            if not shard:
                for d in self.deliveries:
                    if d.connection is connection:
                        got[d.shard] = max(got.get(d.shard, BEFORE_ALL), d.sequence)
            self.unanswered += [Acknowledgement(shard, sequence, time.time()) for shard, sequence in got.items()]

    def complain(self, text):
        with self.lock:
            self.complaints.append(text)
