"""What AWS's SDKs were recorded to send and to get (Tests/Recordings/sdk)."""

import base64
import json
import math
import time
from calendar import timegm
from dataclasses import dataclass
from pathlib import Path

from botocore.eventstream import EventStreamBuffer

from . import cbor

FOLDER = Path(__file__).resolve().parents[2] / "Recordings/sdk"
NAMES = sorted(path.name for path in FOLDER.glob("*.json"))


@dataclass
class Exchange:
    """A recorded request with its recorded answer."""

    operation: str
    headers: list
    body: bytes
    status: int
    answer: object
    # Bytes of the recorded answer, where it was left out.
    length: int | None = None
    # Of HTTP/2.
    stream: int = 0

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name), None)

    @property
    def signed(self):
        """When the client signed it, in seconds since 1970."""
        return timegm(time.strptime(self.header("x-amz-date"), "%Y%m%dT%H%M%SZ"))

    @property
    def is_subscription(self):
        """Its answer is the bytes of an event stream."""
        return self.operation == "SubscribeToShard"

    @property
    def is_cbor(self):
        return self.header("content-type") == cbor.TYPE

    def decode(self, body):
        if self.is_cbor:
            return cbor.loads(body)
        return json.loads(body) if body else None


def messages(body):
    """The whole messages of an event stream, as (headers, payload); their checksums must be right."""
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    return [(message.headers, json.loads(message.payload)) for message in buffer]


def records(body):
    """Those of all events."""
    return [record for _, payload in messages(body) for record in payload.get("Records", [])]


def covers(ours, recorded):
    """Whether an event stream of ours has brought, behind its initial response, an event where there was one, and all records.
    How many empty events there are is the server's to choose."""
    return len(records(ours)) >= len(records(recorded)) and len(messages(ours)) > bool(messages(recorded))


@dataclass
class Connection:
    exchanges: list
    # Of both sides, in their order; None: HTTP/1.1.
    frames: list | None
    # When the client closed it, in seconds since 1970; infinity: it never did.
    closed: float


def connections(name):
    """Those of a recording in the order in which they were opened."""
    recording = json.loads((FOLDER / name).read_text())
    found = []
    for recorded in recording.get("connections") or _by_connection(recording["exchanges"]):
        exchanges = [_exchange(e) for e in recorded["exchanges"] if "requestBodyCut" not in e]
        if exchanges := [e for e in exchanges if not _is_next_page(e)]:
            frames = recorded.get("frames")
            found.append(Connection(exchanges, frames, math.inf if _is_left_open(frames) else _closed(recorded, exchanges)))
    return found


def exchanges(name):
    return [exchange for connection in connections(name) for exchange in connection.exchanges]


def _by_connection(recorded):
    """Of the form in which each exchange has its connection's number."""
    numbers = dict.fromkeys(exchange["connection"] for exchange in recorded)
    return [{"exchanges": [e for e in recorded if e["connection"] == number]} for number in numbers]


def _is_next_page(exchange):
    """The recording's server has a next page of consumers always."""
    return exchange.operation == "ListStreamConsumers" and b"NextToken" in exchange.body


def _closed(recorded, exchanges):
    """Where nobody wrote down when, as soon as there was nothing more to be asked."""
    moment = exchanges[0].signed + recorded["closed"]["atMs"] / 1000 if "closed" in recorded else 0
    return max(moment, exchanges[-1].signed)


def _is_left_open(frames):
    """JavaScript's connections end with a second GOAWAY, where they do not end with the process alone."""
    return frames is not None and frames[-1]["from"] == "server"


def _exchange(recorded):
    # In the one form bodies are texts, in the other base64.
    is_base64 = "requestBodyDecoded" in recorded
    read = base64.b64decode if is_base64 else str.encode
    exchange = Exchange(
        recorded["operation"], recorded["requestHeaders"], read(recorded["requestBody"]), recorded["status"], None,
        recorded.get("responseBodyLength"), recorded.get("stream", 0))
    if exchange.is_subscription:
        exchange.answer = base64.b64decode(recorded["responseBody" if is_base64 else "responseBodyBase64"])
    else:
        exchange.answer = exchange.decode(read(recorded["responseBody"] or ""))
    return exchange
