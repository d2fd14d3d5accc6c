"""Plays recorded SDKs against the embedded Kinesis: their own requests, but for what names the recording's server, which is
encoded anew."""

import http.client
import json
import re
import struct
import time
from calendar import timegm

import cbor2

from . import cbor


class Names:
    """What the recording's server named (iterators, ARNs, sequence numbers, hash keys), and what ours does."""

    def __init__(self):
        self.ours = {}

    def learn(self, recorded, ours):
        """They are whatever texts differ at the same place of two answers."""
        if isinstance(recorded, dict) and isinstance(ours, dict):
            for key in recorded.keys() & ours.keys():
                self.learn(recorded[key], ours[key])
        elif isinstance(recorded, list) and isinstance(ours, list):
            for pair in zip(recorded, ours):
                self.learn(*pair)
        elif isinstance(recorded, str) and isinstance(ours, str) and recorded != ours:
            self.ours[recorded] = ours

    def body(self, exchange):
        """The request's body as it has to be sent to ours: byte for byte where nothing is to be changed."""
        tree = exchange.decode(exchange.body)
        if tree is not None and any(text in self.ours for text in _texts(tree)):
            renamed = self._renamed(tree)
            if not exchange.is_cbor:
                return json.dumps(renamed, separators=(",", ":"), ensure_ascii=False).encode()
            return cbor2.dumps(renamed, default=cbor.encode, indefinite_containers=True)
        return _with_times_of_today(exchange)

    def _renamed(self, tree):
        if isinstance(tree, dict):
            return {key: self._renamed(value) for key, value in tree.items()}
        if isinstance(tree, list):
            return [self._renamed(value) for value in tree]
        return self.ours.get(tree, tree) if isinstance(tree, str) else tree


def _texts(tree):
    if isinstance(tree, dict):
        tree = list(tree.values())
    return [text for value in tree for text in _texts(value)] if isinstance(tree, list) else [tree] * isinstance(tree, str)


def _with_times_of_today(exchange):
    """Times as far from now as they were when the request was signed, written in as many bytes; one of that very moment is
    not to come."""
    signed = timegm(time.strptime(exchange.header("x-amz-date"), "%Y%m%dT%H%M%SZ"))

    def moved(seconds):
        return min(time.time() - signed + seconds, time.time()) if seconds < signed + 60 else time.time() - signed + seconds

    def in_json(match):
        fraction = len(match[3] or ".") - 1
        return b"%s%.*f" % (match[1], fraction, moved(float(match[2] + (match[3] or b""))))

    def in_cbor(match):
        return b"\xc1\x1b" + struct.pack(">Q", int(moved(struct.unpack(">Q", match[1])[0] / 1000) * 1000))

    if exchange.is_cbor:
        return re.sub(rb"\xc1\x1b(.{8})", in_cbor, exchange.body, flags=re.DOTALL)
    return re.sub(rb'("(?:Stream)?(?:Creation)?Timestamp":)(\d+)(\.\d+)?', in_json, exchange.body)


class Http1Player:
    """One connection that is kept alive, with the names and the order of the recorded header fields."""

    def __init__(self, port, names):
        self.host = f"127.0.0.1:{port}"
        self.names = names
        self.connection = http.client.HTTPConnection(self.host, timeout=30)

    def play(self, connection, before):
        """The exchanges one after the other: (exchange, status, headers, body) of each. `before` is called before each."""
        for exchange in connection.exchanges:
            before(exchange)
            body = self.names.body(exchange)
            self.connection.putrequest("POST", "/", skip_host=True, skip_accept_encoding=True)
            for name, value in exchange.headers:
                changed = {"host": self.host, "content-length": str(len(body))}.get(name.lower(), value)
                self.connection.putheader(name, changed)
            self.connection.endheaders(body)
            response = self.connection.getresponse()
            answer = response.read()
            self.names.learn(exchange.answer, exchange.decode(answer))
            yield exchange, response.status, {k.lower(): v for k, v in response.getheaders()}, answer
        self.connection.close()
