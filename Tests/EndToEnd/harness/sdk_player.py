"""Plays recorded SDKs against the embedded Kinesis: their own requests, but for what names the recording's server, which is
encoded anew."""

import http.client
import itertools
import json
import re
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import cbor2

from . import cbor, sdk_recordings


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

    def learn_answer(self, exchange, status, answer):
        if exchange.is_subscription and status == 200:
            self.learn(sdk_recordings.records(exchange.answer), sdk_recordings.records(answer))
        elif not exchange.is_subscription:
            self.learn(exchange.answer, exchange.decode(answer))

    def body(self, exchange):
        """The request's body as it has to be sent to ours: byte for byte where nothing is to be changed."""
        body, tree = exchange.body, exchange.decode(exchange.body)
        if tree is not None and any(text in self.ours for text in _texts(tree)):
            renamed = self._renamed(tree)
            if exchange.is_cbor:
                body = cbor2.dumps(renamed, default=cbor.encode, indefinite_containers=True)
            else:
                body = json.dumps(renamed, separators=(",", ":"), ensure_ascii=False).encode()
        return _with_times_of_today(exchange, body)

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


def _with_times_of_today(exchange, body):
    """Times as far from now as they were when the request was signed, written in as many bytes; one of that very moment is
    not to come."""
    signed = exchange.signed

    def moved(seconds):
        return min(time.time() - signed + seconds, time.time()) if seconds < signed + 60 else time.time() - signed + seconds

    def in_json(match):
        fraction = len(match[3] or ".") - 1
        return b"%s%.*f" % (match[1], fraction, moved(float(match[2] + (match[3] or b""))))

    def in_cbor(match):
        return b"\xc1\x1b" + struct.pack(">Q", int(moved(struct.unpack(">Q", match[1])[0] / 1000) * 1000))

    if exchange.is_cbor:
        return re.sub(rb"\xc1\x1b(.{8})", in_cbor, body, flags=re.DOTALL)
    return re.sub(rb'("(?:Stream)?(?:Creation)?Timestamp":)(\d+)(\.\d+)?', in_json, body)


class Stage:
    """Whose turn it is: connections are played side by side, and a client's step waits until the others have taken those that
    they took before it. Clocks of whole seconds said when, so that steps of one second go by the order of connections.

    `before` is called with each exchange before it begins, `left` with each subscription that its client has left.
    """

    def __init__(self, connections, before, left):
        self.before, self.left = before, left
        self.condition = threading.Condition()
        steps = [(exchange.signed, n, id(exchange)) for n, c in enumerate(connections) for exchange in c.exchanges]
        steps += [(connection.closed, n, id(connection)) for n, connection in enumerate(connections)]
        self.waiting = dict.fromkeys(sorted(steps, key=lambda step: step[:2]))
        self.steps = {step[2]: step for step in steps}
        self.has_failed = False

    def wait(self, of):
        """Until it is time for an exchange to begin, or for a connection to be closed."""
        step = self.steps[id(of)]

        def is_time():
            return self.has_failed or all(
                other[1] == step[1] for other in itertools.takewhile(lambda other: other != step, self.waiting))

        with self.condition:
            assert self.condition.wait_for(is_time, 60) and not self.has_failed, "another connection is stuck"

    def begins(self, exchange):
        self.wait(exchange)
        self.before(exchange)

    def done(self, of):
        """An exchange is answered (of a subscription the head), or a connection is closed."""
        with self.condition:
            self.waiting.pop(self.steps[id(of)], None)
            self.condition.notify_all()

    def failed(self):
        with self.condition:
            self.has_failed = True
            self.condition.notify_all()


def play(port, connections, make_player, before, left):
    """Plays connections: (exchange, status, headers, body) of each exchange, in the connections' order."""
    names, stage = Names(), Stage(connections, before, left)

    def run(connection):
        try:
            return make_player(connection)(port, names, stage).play(connection)
        except BaseException:
            stage.failed()
            raise

    with ThreadPoolExecutor(len(connections)) as threads:
        played = [threads.submit(run, connection) for connection in connections]
    # Of several failures the first is the others' reason.
    for failure in [p.exception() for p in played if p.exception() and "is stuck" not in str(p.exception())]:
        raise failure
    return [answer for connection in played for answer in connection.result()]


class Http1Player:
    """One connection that is kept alive, with the names and the order of the recorded header fields."""

    def __init__(self, port, names, stage):
        self.host = f"127.0.0.1:{port}"
        self.names, self.stage = names, stage
        self.connection = http.client.HTTPConnection(self.host, timeout=30)

    def play(self, connection):
        """The exchanges one after the other; a subscription is the last, and is left in the middle of its response."""
        answers, left = [], None
        for exchange in connection.exchanges:
            self.stage.begins(exchange)
            body = self.names.body(exchange)
            self.connection.putrequest("POST", "/", skip_host=True, skip_accept_encoding=True)
            for name, value in exchange.headers:
                changed = {"host": self.host, "content-length": str(len(body))}.get(name.lower(), value)
                self.connection.putheader(name, changed)
            self.connection.endheaders(body)
            response = self.connection.getresponse()
            if exchange.is_subscription and response.status == 200:
                self.stage.done(exchange)
                left, answer = exchange, self._follow(exchange, response)
            else:
                answer = response.read()
            self.names.learn_answer(exchange, response.status, answer)
            self.stage.done(exchange)
            answers.append((exchange, response.status, {k.lower(): v for k, v in response.getheaders()}, answer))
        self.stage.wait(connection)
        # What has come of a response that is left is unread.
        self.connection.close()
        if left:
            response.close()
            self.stage.left(left)
        self.stage.done(connection)
        return answers

    def _follow(self, exchange, response):
        """Until all has come that was recorded."""
        answer = response.read1()
        while not sdk_recordings.covers(answer, exchange.answer):
            more = response.read1()
            assert more, "the response has ended"
            answer += more
        return answer
