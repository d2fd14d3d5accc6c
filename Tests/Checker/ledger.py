"""What was seen: every put and its answer, every delivery, every connection and every disturbance."""

import threading
import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Put:
    """One record number; `places` are the acknowledged ones: usually one, (shard, sequence number)."""

    n: int
    writer: int
    places: list = field(default_factory=list)
    tries: list = field(default_factory=list)  # (sent, answered, "acknowledged" | "failed" | "refused" | "unknown")


@dataclass(slots=True, eq=False)
class Connection:
    """One reader's connection. `how` it ended: "end" (the sidecar's orderly end), "left", "killed", "cut"."""

    number: int
    reader: int
    opened: float
    resumed_after: int | None = None  # serial of the event whose id was sent as Last-Event-ID
    ended: float | None = None
    how: str | None = None
    received: int = 0
    error: str | None = None


@dataclass(slots=True, eq=False)
class Delivery:
    shard: str
    sequence: int
    n: int
    connection: Connection
    at: float
    offset: int  # bytes of the connection up to this event's end
    event: int  # serial of the event over all connections


class Ledger:
    """Written by the threads of writers and readers; judged by `verdict`."""

    def __init__(self):
        self.lock = threading.Lock()
        self.puts = {}
        self.deliveries = []
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

    def connected(self, reader, resumed_after):
        with self.lock:
            connection = Connection(len(self.connections), reader, time.time(), resumed_after)
            self.connections.append(connection)
            return connection

    def delivered(self, connection, offset, shard, records):
        """One `records` event; returns its serial."""
        with self.lock:
            now = time.time()
            self.events += 1
            self.last_delivery = now
            for record in records:
                self.deliveries.append(Delivery(
                    shard, int(record["sequenceNumber"]), record["data"]["n"], connection, now, offset, self.events))
            return self.events

    def complain(self, text):
        with self.lock:
            self.complaints.append(text)
