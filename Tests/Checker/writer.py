"""Puts every record number until it is acknowledged, over connections that are kept, lost and cut."""

import http.client
import json
import threading
import time
from urllib.parse import urlsplit

from ledger import Put, Sequence
from plan import REQUESTS

# A record that nobody acknowledged for so long stays unknown, and the run says so.
GIVE_UP = 90


def padded(n):
    return {"n": n, "pad": "x" * (n % 400)}


def outcome(result):
    """What the sidecar says of a record, and its place where it was taken."""
    if "sequenceNumber" in result:
        return "acknowledged", (result["shardId"], Sequence.of(result))
    return "failed", None


class Writer:
    """One connection's thread: one request after the other."""

    def __init__(self, index, chance, pause, ledger, numbers, sidecar, stream, item, producer):
        """`pause`: between two requests, in seconds at most; `item`: the data of a number; `producer`: makes half of the
        requests, where there is one, past the sidecar."""
        self.index, self.chance, self.pause, self.ledger = index, chance, pause, ledger
        self.item, self.producer = item, producer
        self.numbers, self.sidecar, self.stream = numbers, sidecar, stream
        self.connection = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            while numbers := self.numbers.take(self.chance.choice(REQUESTS)):
                puts = [Put(n, self.index) for n in numbers]
                with self.ledger.lock:
                    self.ledger.puts.update((put.n, put) for put in puts)
                self._put(puts)
                time.sleep(self.chance.uniform(0, self.pause))
        except Exception as error:
            self.ledger.complain(f"writer {self.index}: {error!r}")
            raise

    def _put(self, puts):
        until = time.monotonic() + GIVE_UP
        while puts:
            sent = time.time()
            for put, (how, place) in zip(puts, self._ask(puts)):
                self.ledger.put_answered(put, sent, how, place)
            puts = [put for put in puts if not put.places]
            if puts:
                if time.monotonic() > until:
                    self.ledger.complain(f"record {puts[0].n} was not acknowledged within {GIVE_UP} s")
                    return
                time.sleep(0.05)

    def _ask(self, puts):
        """One request: an outcome and, where acknowledged, a place for each record."""
        if self.producer and self.chance.random() < 0.5:
            return self.producer.put([put.n for put in puts])
        records = [{"data": self.item(put.n), "partitionKey": f"key-{put.n % 97}"} for put in puts]
        try:
            answer, body = self._send(json.dumps({"records": records}))
        except (OSError, http.client.HTTPException):
            self._drop()
            return [("unknown", None)] * len(puts)
        if answer in (200, 207):
            return [outcome(result) for result in json.loads(body)["records"]]
        # Of a request that was refused nothing may be in the stream.
        return [("refused" if 400 <= answer < 500 else "unknown", None)] * len(puts)

    def _send(self, body):
        if self.connection is None:
            place = urlsplit(self.sidecar.url)
            self.connection = http.client.HTTPConnection(place.hostname, place.port, timeout=40)
        self.connection.request(
            "POST", f"/streams/{self.stream}/put", body, {"Content-Type": "application/json"})
        if self.chance.random() < 0.01:
            raise OSError("goes before the answer is there")
        response = self.connection.getresponse()
        return response.status, response.read()

    def _drop(self):
        if self.connection:
            self.connection.close()
        self.connection = None


class Numbers:
    """The record numbers, given out up to an allowance that the conductor raises."""

    def __init__(self, total):
        self.total, self.next, self.allowed = total, 0, 0
        self._changed = threading.Condition()

    def allow(self, upto):
        with self._changed:
            self.allowed = min(self.total, upto)
            self._changed.notify_all()

    def take(self, count):
        """At most `count` numbers; none when all are given out."""
        with self._changed:
            self._changed.wait_for(lambda: self.next < self.allowed or self.next >= self.total)
            first, self.next = self.next, max(self.next, min(self.next + count, self.allowed))
            return range(first, self.next)
