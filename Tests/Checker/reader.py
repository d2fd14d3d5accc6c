"""Readers over plain sockets that parse SSE themselves, and come, go, stall, are killed and come back."""

import http.client
import json
import random
import socket
import struct
import threading
import time
from collections import deque
from urllib.parse import urlsplit

from ledger import WHOLE, Sequence
from plan import MOST_BEHIND
from rpc_wire import RpcWire

# What an acknowledgement meets that came too late: another reader got the records again, or has them now.
OVERTAKEN = ("checkpointBehind", "unknownEvent", "checkpointAhead", "leaseLost")


class Reader:
    """Makes one visit after the other. Once `settling` is set it stays, and takes all there is."""

    def __init__(self, index, visits, ledger, sidecar, stream, options, settling, over, empties=False, parts=False):
        """`empties`: nothing is left unread in a socket that it kills; `parts`: acknowledges inside events too."""
        self.parts = parts
        self.index, self.visits, self.ledger = index, visits, ledger
        self.sidecar, self.stream, self.options = sidecar, stream, options
        self.settling, self.over, self.empties = settling, over, empties
        # The last events of the last connection that had some: (id, serial, connection).
        self.events = deque(maxlen=MOST_BEHIND + 1)
        self.chance = random.Random(f"acknowledgements {index} {options}")
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        turn = 0
        try:
            while not self.over.is_set():
                visit = self.visits[turn % len(self.visits)]
                if self._visit(visit):
                    turn += 1
                    self.settling.wait(visit.away)
                else:
                    self.over.wait(0.05)
        except Exception as error:
            self.ledger.complain(f"reader {self.index}: {error!r}")
            raise

    def _visit(self, visit):
        """False when the sidecar did not answer with a stream."""
        last = self._last_event(visit)
        try:
            wire = self._connect(visit, last)
        except OSError:
            return False
        connection = None
        try:
            if wire.status() != 200 or wire.is_refusal():
                return False
            connection = self.ledger.connected(self.index, last and last[1:], visit.speaks_grpc)
            connection.how = self._follow(wire, connection, visit)
        except OSError as error:
            if connection is None:
                return False
            connection.how, connection.error = "cut", str(error)
        finally:
            wire.socket.close()
            if connection:
                connection.ended, connection.received = time.time(), wire.received
        return True

    def _last_event(self, visit):
        """The event that it names when it comes: one of its last connection's, which had perhaps fewer."""
        if not visit.resume or not self.events:
            return None
        return self.events[max(0, len(self.events) - 1 - visit.behind)]

    def _connect(self, visit, last):
        place = urlsplit(self.sidecar.url)
        sock = socket.socket(socket.AF_INET)
        try:
            if visit.receive_buffer:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, visit.receive_buffer)
            sock.settimeout(20)
            sock.connect((place.hostname, place.port))
            if visit.speaks_grpc:
                return RpcWire(sock, self.stream, self.options, last)
            lines = [f"GET /streams/{self.stream}/records?{self.options} HTTP/1.1", f"Host: {place.netloc}", "Accept: text/event-stream"]
            if last:
                lines.append(f"Last-Event-ID: {last[0]}")
            sock.sendall("\r\n".join([*lines, "", ""]).encode())
        except OSError:
            sock.close()
            raise
        return Wire(sock)

    def _follow(self, wire, connection, visit):
        """Reads on as the visit says; returns how the connection ended."""
        taken, until, leaving = 0, time.monotonic() + visit.seconds, False
        stalls = dict(visit.stalls)
        ended = False
        open_events = {}  # shard → its last event, where that was not acknowledged
        while True:
            # A shard that has come to its end brings no further event, and its children wait for this one.
            while open_events and self.settling.is_set():
                self._acknowledge(wire, connection, *open_events.popitem()[1])
            if self.over.is_set() and not leaving:
                return "killed"
            going = not self.settling.is_set() and (taken >= visit.records or time.monotonic() > until)
            # gRPC has no other end by the client.
            dying = going and (visit.ending == "kill" or visit.speaks_grpc)
            if dying and not self.empties:
                return killed(wire.socket)
            if going and not dying and not leaving:
                leaving = True
                connection.leaving = time.time()
                wire.socket.shutdown(socket.SHUT_WR)
            try:
                part = wire.receive(0.001 if dying else 0.1)
            except TimeoutError:
                if dying:
                    return killed(wire.socket)
                continue
            if part is None:  # end of the connection
                return "end" if ended else "left" if leaving else "cut"
            chosen = {}  # shard → what is acknowledged of it, once what has come is taken: each answer takes its time
            for event in part:
                data = json.loads(event.data) if event.data else {}
                if event.name == "end":
                    ended = True
                elif event.name == "shard":
                    self.ledger.told(connection, data["shardId"], data["change"])
                elif event.name == "problem" and visit.speaks_grpc and data["code"] in (*OVERTAKEN, "shardsNotHeld"):
                    pass  # of an acknowledgement on the call
                elif event.name == "problem" and data["code"] != "shardDegraded":
                    self.ledger.complain(f"connection {connection.number} was told of a problem: {data}")
                elif event.name == "records":
                    serial = self.ledger.delivered(connection, wire.received, data["shardId"], data["records"])
                    if self.events and self.events[-1][2] is not connection:
                        self.events.clear()
                    self.events.append((event.id, serial, connection))
                    taken += len(data["records"])
                    open_events[data["shardId"]] = (event.id, data)
                    if self.settling.is_set() or self.chance.random() < visit.acknowledges:
                        chosen[data["shardId"]] = open_events.pop(data["shardId"])
                    elif self.parts and self.chance.random() < visit.acknowledges:
                        # Less than all of it, which leaves it open.
                        upto = self.chance.randint(1, len(data["records"]))
                        chosen[data["shardId"]] = (None, data | {"records": data["records"][:upto]})
            for event, data in chosen.values():
                self._acknowledge(wire, connection, event, data)
            for place in [place for place in stalls if place <= taken]:
                self.over.wait(stalls.pop(place))


    def _acknowledge(self, wire, connection, event, data):
        """By event or by record, where the readers do that, without an event by record; what has no answer may be stored
        or not."""
        if "useAutoCheckpoints=false" not in self.options:
            return
        shard, record = data["shardId"], data["records"][-1]
        sequence = Sequence.of(record)
        by_event = self.chance.random() < 0.5 and event is not None
        names = ("sequenceNumber", "subSequenceNumber")
        body = {"id": event} if by_event else {"shardId": shard} | {name: record[name] for name in names if name in record}
        if connection.speaks_grpc and not self.settling.is_set() and self.chance.random() < 0.5:
            self.ledger.maybe_stored(connection, *(() if by_event else (shard, sequence)))
            return wire.acknowledge(body)
        for _ in range(200):
            try:
                status, answer = self._post(body)
            except (OSError, http.client.HTTPException):
                status, answer = None, None
                self.ledger.maybe_stored(connection, *(() if by_event else (shard, sequence)))
            if status == 200:
                # Of a shard that went to another member meanwhile there may be none.
                for place in (each for each in answer["checkpoints"] if "sequenceNumber" in each):
                    self.ledger.stored(place["shardId"], Sequence.of(place, sub=WHOLE))
                return
            # What is behind has been acknowledged by another reader, who got it again; what is not known any more, or not
            # held, because the sidecar was killed, comes again, as what another member of the group has now.
            if answer and answer["code"] in OVERTAKEN:
                return
            if not self.settling.is_set() or self.over.is_set():
                return
            self.over.wait(0.05)
        self.ledger.complain(f"reader {self.index} could not acknowledge {body}: {status} {answer}")

    def _post(self, body):
        place = urlsplit(self.sidecar.url)
        connection = http.client.HTTPConnection(place.hostname, place.port, timeout=20)
        try:
            connection.request("POST", f"/streams/{self.stream}/checkpoints", json.dumps(body))
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()


class Event:
    __slots__ = ("name", "data", "id")

    def __init__(self, text):
        self.name, self.data, self.id = "message", "", None
        for line in text.split("\n"):
            field, _, value = line.partition(": ")
            if field == "event":
                self.name = value
            elif field == "data":
                self.data += value
            elif field == "id":
                self.id = value


class Wire:
    """A response with chunks, as bytes come; an event counts once its last byte is there."""

    def __init__(self, sock):
        self.socket = sock
        self.received = 0
        self._raw = bytearray()  # of the connection, chunks not yet taken apart
        self._text = bytearray()  # of the body, from the last event's end on
        self._left = 0  # of the present chunk, its line's end included
        self._fresh = True

    def status(self):
        while (end := self._raw.find(b"\r\n\r\n")) < 0:
            part = self.socket.recv(65536)
            if not part:
                raise ConnectionError("no answer")
            self._raw += part
        head = bytes(self._raw[:end]).decode()
        del self._raw[:end + 4]
        status = int(head.split()[1])
        if status == 200 and "transfer-encoding: chunked" not in head.lower():
            raise AssertionError(f"not chunked: {head}")
        return status

    def is_refusal(self):
        """Whether the stream only tells a client that comes back of a problem: then it has no greeting."""
        while True:
            self._dechunk()
            for line in self._text.split(b"\n")[:-1]:
                if line.startswith((b": reader ", b"event: ")):
                    return line.startswith(b"event: ")
            part = self.socket.recv(65536)
            if not part:
                raise ConnectionError("no greeting")
            self.received += len(part)
            self._raw += part

    def receive(self, timeout):
        """Events that became whole, or None at the end of the connection."""
        if self._fresh:  # what came with the head
            part, self._fresh = b"", False
        else:
            self.socket.settimeout(timeout)
            part = self.socket.recv(262144)
            if not part:
                return None
        self.received += len(part)
        self._raw += part
        self._dechunk()
        return self._events()

    def _dechunk(self):
        raw, at = self._raw, 0
        while at < len(raw):
            if self._left > 2:
                take = min(self._left - 2, len(raw) - at)
                self._text += raw[at:at + take]
                self._left -= take
                at += take
            elif self._left:
                take = min(self._left, len(raw) - at)
                self._left -= take
                at += take
            else:
                end = raw.find(b"\r\n", at)
                if end < 0:
                    break
                size = int(raw[at:end], 16)
                self._left = size + 2
                at = end + 2
        del raw[:at]

    def _events(self):
        *whole, rest = bytes(self._text).split(b"\n\n")
        self._text = bytearray(rest)
        return [Event(text.decode()) for text in whole]


def killed(sock):
    """RST, with whatever is unread: as the kernel does for a process that is killed with bytes in its socket."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
    return "killed"
