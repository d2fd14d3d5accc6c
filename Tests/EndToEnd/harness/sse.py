"""Readers of `GET /streams/{s}/records`: curl as a user runs it, and a socket that can stop reading."""

import http.client
import json
import socket
import struct
import subprocess
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Event:
    name: str = "message"
    data: dict | None = None
    id: str | None = None


@dataclass
class EventParser:
    """Lines of a stream in, events out. Knows what the WHATWG's EventSource knows."""

    events: list = field(default_factory=list)
    comments: list = field(default_factory=list)
    retry: int | None = None
    _lines: list = field(default_factory=list)
    _event: Event = field(default_factory=Event)

    def line(self, line):
        if line == "":
            if self._lines:
                self._event.data = json.loads("\n".join(self._lines))
                self.events.append(self._event)
            self._event, self._lines = Event(), []
        elif line.startswith(":"):
            self.comments.append(line[1:].strip())
        else:
            name, _, value = line.partition(":")
            value = value[1:] if value.startswith(" ") else value
            if name == "data":
                self._lines.append(value)
            elif name == "event":
                self._event.name = value
            elif name == "id":
                self._event.id = value
            elif name == "retry":
                self.retry = int(value)
            else:
                raise AssertionError(f"unknown field in the event stream: {line!r}")


class Reader:
    """What has arrived so far, with waiting. `status` and `headers` are set when the response head is there."""

    def __init__(self):
        self.parser = EventParser()
        self.status = None
        self.headers = {}
        self.closed = False
        self.failure = None
        self._arrived = threading.Condition()

    @property
    def events(self):
        return self.parser.events

    @property
    def comments(self):
        return self.parser.comments

    @property
    def records(self):
        """All records of all `records` events, each with its shard."""
        return [
            dict(record, shardId=event.data["shardId"])
            for event in list(self.events)
            if event.name == "records"
            for record in event.data["records"]
        ]

    @property
    def ids(self):
        """Of all `records` events."""
        return [event.id for event in list(self.events) if event.name == "records"]

    def wait(self, holds, within=20.0, why=""):
        """Waits until `holds(self)` is true; says what is there when it is not in time."""
        deadline = time.monotonic() + within
        with self._arrived:
            while not holds(self):
                left = deadline - time.monotonic()
                if self.failure:
                    raise AssertionError(f"the stream is broken: {self.failure}")
                assert left > 0, f"not within {within} s: {why}; {self.describe()}"
                assert not self.closed, f"the stream ended before: {why}; {self.describe()}"
                self._arrived.wait(left)
        return self

    def wait_open(self, within=20.0):
        """Waits for the response head, which must say 200."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: self.status or self.closed, within), self.describe()
        assert self.status == 200, self.describe()
        return self

    def wait_records(self, count, within=30.0):
        self.wait(lambda r: len(r.records) >= count, within, f"{count} records")
        return self.records

    def wait_closed(self, within=20.0):
        deadline = time.monotonic() + within
        with self._arrived:
            while not self.closed:
                left = deadline - time.monotonic()
                assert left > 0, f"not closed within {within} s; {self.describe()}"
                self._arrived.wait(left)
        return self

    def describe(self):
        return (
            f"status {self.status}, {len(self.events)} events, {len(self.records)} records, "
            f"closed {self.closed}, comments {self.comments[:3]}, events {str(self.events[:3])[:1000]}, "
            f"body {getattr(self, 'body', '')!r}"
        )

    def _changed(self, change):
        with self._arrived:
            change()
            self._arrived.notify_all()

    def _take_line(self, line):
        try:
            self._changed(lambda: self.parser.line(line))
        except Exception as error:  # a parser's complaint fails the waiting test, not this thread
            self._changed(lambda: setattr(self, "failure", error))

    def _end(self):
        self._changed(lambda: setattr(self, "closed", True))


class CurlReader(Reader):
    """`curl -N -i URL` as a process; `body` holds what a refusal said."""

    def __init__(self, url, headers=(), options=()):
        super().__init__()
        command = ["curl", "-sSNi", *options, url]
        for name, value in dict(headers).items():
            command += ["-H", f"{name}: {value}"]
        self.body = ""
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        out = self.process.stdout
        status = out.readline().decode()
        headers = {}
        while line := out.readline().decode().rstrip("\r\n"):
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        code = int(status.split()[1]) if status else None
        if code not in (200, None):
            self.body = out.read().decode()
        if status:
            self._changed(lambda: (self.headers.update(headers), setattr(self, "status", code)))
        if code == 200:
            for raw in out:
                self._take_line(raw.decode().removesuffix("\n"))
        self._end()

    def close(self):
        """As a user's Ctrl-C."""
        self.process.kill()
        self._thread.join(10)
        self.process.wait(10)
        self.process.stdout.close()
        self.process.stderr.close()


class SocketReader(Reader):
    """A reader in this process that reads only when told to."""

    def __init__(self, url, headers=(), receive_buffer=None):
        super().__init__()
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        if receive_buffer:
            self.connection._create_connection = lambda address, *_: _small_socket(address, receive_buffer)
        self.connection.request("GET", f"{parts.path}?{parts.query}", headers=dict(headers))
        self.socket = self.connection.sock  # http.client forgets it, since the answer says that the connection closes
        self.response = self.connection.getresponse()
        self.status = self.response.status
        self.headers = {name.lower(): value for name, value in self.response.getheaders()}
        self.bytes_read = 0
        self._thread = None

    def read_all(self):
        """Reads on, in a thread, until the stream ends."""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def read_some(self, holds):
        """Reads here until `holds(self)` is true, and no further."""
        while not holds(self):
            line = self.response.readline()
            assert line, f"the stream ended; {self.describe()}"
            self._take_line(line.decode().removesuffix("\n"))
            assert not self.failure, self.failure

    def _read(self):
        rest = b""
        try:
            while part := self.response.read1(65536):
                self.bytes_read += len(part)
                *lines, rest = (rest + part).split(b"\n")
                for line in lines:
                    self._take_line(line.decode())
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            pass
        self._end()

    def reset(self):
        """As the kernel does for a process that is killed with bytes in its socket."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.response.close()
        self.socket.close()

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if self._thread:
            self._thread.join(10)
        self.response.close()
        self.connection.close()


def _small_socket(address, receive_buffer):
    sock = socket.socket(socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(30)
    sock.connect(address[:2])
    return sock
