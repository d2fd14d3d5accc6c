"""What AWS's SDKs were recorded to send and to get (Tests/Recordings/sdk), up to the first operation of fan-out."""

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path

from . import cbor

FOLDER = Path(__file__).resolve().parents[2] / "Recordings/sdk"
NAMES = sorted(path.name for path in FOLDER.glob("*.json"))
FAN_OUT = {"RegisterStreamConsumer", "DescribeStreamConsumer", "ListStreamConsumers", "SubscribeToShard"}


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
    def is_cbor(self):
        return self.header("content-type") == cbor.TYPE

    def decode(self, body):
        if self.is_cbor:
            return cbor.loads(body)
        return json.loads(body) if body else None


@dataclass
class Connection:
    exchanges: list = field(default_factory=list)
    # Of both sides, in their order; None: HTTP/1.1.
    frames: list | None = None


def connections(name):
    """Those of a recording in the order in which they were opened, with what came before fan-out."""
    recording = json.loads((FOLDER / name).read_text())
    found = []
    for recorded in recording.get("connections") or _by_connection(recording["exchanges"]):
        requests, frames = recorded["exchanges"], recorded.get("frames")
        fan_out = next((n for n, e in enumerate(requests) if e["operation"] in FAN_OUT), None)
        if fan_out is not None:
            frames = frames and _until(frames, requests[fan_out]["stream"])
            requests = requests[:fan_out]
        if requests:
            found.append(Connection([_exchange(e) for e in requests if "requestBodyCut" not in e], frames))
        if fan_out is not None:
            break
    return found


def exchanges(name):
    return [exchange for connection in connections(name) for exchange in connection.exchanges]


def _by_connection(recorded):
    """Of the form in which each exchange has its connection's number."""
    numbers = dict.fromkeys(exchange["connection"] for exchange in recorded)
    return [{"exchanges": [e for e in recorded if e["connection"] == number]} for number in numbers]


def _until(frames, stream):
    """The frames before that stream begins."""
    begin = next(n for n, f in enumerate(frames) if f["type"] == "HEADERS" and f["stream"] == stream)
    return frames[:begin]


def _exchange(recorded):
    # In the one form bodies are texts, in the other base64.
    read = base64.b64decode if "requestBodyDecoded" in recorded else str.encode
    exchange = Exchange(
        recorded["operation"], recorded["requestHeaders"], read(recorded["requestBody"]), recorded["status"], None,
        recorded.get("responseBodyLength"), recorded.get("stream", 0))
    exchange.answer = exchange.decode(read(recorded["responseBody"] or ""))
    return exchange
