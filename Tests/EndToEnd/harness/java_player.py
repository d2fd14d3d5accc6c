"""Plays what Java's SDK was recorded to send (Tests/Recordings/java-sdk): its own bytes, but for what names the recording's
server, which is encoded anew."""

import base64
import http.client
import json
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from . import cbor

RECORDINGS = Path(__file__).resolve().parents[2] / "Recordings/java-sdk"
FAN_OUT = {"RegisterStreamConsumer", "DescribeStreamConsumer", "ListStreamConsumers", "SubscribeToShard"}


@dataclass
class Exchange:
    """A recorded request with its recorded answer."""

    operation: str
    headers: list
    body: bytes
    status: int
    answer: object


def until_fan_out(name):
    """The exchanges of a recording up to the first operation of fan-out."""
    exchanges = []
    for connection in json.loads((RECORDINGS / name).read_text())["connections"]:
        for recorded in connection["exchanges"]:
            if recorded["operation"] in FAN_OUT:
                return exchanges
            exchanges.append(Exchange(
                recorded["operation"], recorded["requestHeaders"], base64.b64decode(recorded["requestBody"]),
                recorded["status"], cbor.loads(base64.b64decode(recorded["responseBody"]))))
    return exchanges


class JavaPlayer:
    """One connection that is kept alive. `play` answers (status, headers, body)."""

    def __init__(self, url):
        self.host = url.removeprefix("http://")
        self.connection = http.client.HTTPConnection(self.host, timeout=30)
        self.ours = {}  # what the recording's server named → what ours did

    def play(self, exchange):
        body = self._body(exchange.body)
        self.connection.putrequest("POST", "/", skip_host=True, skip_accept_encoding=True)
        for name, value in exchange.headers:
            changed = {"host": self.host, "content-length": str(len(body))}.get(name.lower(), value)
            self.connection.putheader(name, changed)
        self.connection.endheaders(body)
        response = self.connection.getresponse()
        answer = cbor.loads(response.read())
        self._learn(exchange.answer, answer)
        return response.status, response.headers, answer

    def close(self):
        self.connection.close()

    def _body(self, recorded):
        tree = cbor.loads(recorded)
        if any(value in self.ours for value in _texts(tree)):
            return cbor.dumps({key: self.ours.get(value, value) for key, value in tree.items()})
        # The recording's time may be to come on this machine: another one in the same nine bytes.
        for value in tree.values():
            if isinstance(value, cbor.Time):
                now = int(time.time() * 1000) - 60_000
                recorded = recorded.replace(struct.pack(">Q", value.milliseconds), struct.pack(">Q", now))
        return recorded

    def _learn(self, recorded, ours):
        """Iterators, ARNs and sequence numbers are whatever texts differ at the same place."""
        if isinstance(recorded, dict) and isinstance(ours, dict):
            for key in recorded.keys() & ours.keys():
                self._learn(recorded[key], ours[key])
        elif isinstance(recorded, list) and isinstance(ours, list):
            for pair in zip(recorded, ours):
                self._learn(*pair)
        elif isinstance(recorded, str) and isinstance(ours, str) and recorded != ours:
            self.ours[recorded] = ours


def _texts(tree):
    return [value for value in tree.values() if isinstance(value, str)] if isinstance(tree, dict) else []
