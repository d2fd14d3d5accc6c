"""What the strictest of the client libraries do with a stream."""

import codecs
import http.client
import json
import socket
import struct
from urllib.parse import urlsplit


class TooLong(Exception):
    """A line is longer than the reader takes, as Go's bufio.Scanner and its like say."""


class StrictReader:
    """Takes lines of 64 KiB, splits text where Python's `splitlines` does, and dispatches every block."""

    LONGEST = 64 * 1024

    def __init__(self, url, headers=()):
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        self.connection.request("GET", f"{parts.path}?{parts.query}", headers=dict(headers))
        self.socket = self.connection.sock
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.status
        self.events, self.records, self.comments = [], [], []
        self.empty_events = 0
        self.longest = 0
        self.last_id = None
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._rest = ""
        self._name, self._id, self._data = None, None, []

    def read(self, holds):
        """Reads on until `holds(self)` is true."""
        while not holds(self):
            part = self.response.read1(65536)
            assert part, f"the stream ended; {len(self.records)} records, {self.events[-1:]}"
            lines = (self._rest + self._decode(part)).splitlines(keepends=True)
            is_cut = lines and lines[-1].splitlines()[0] == lines[-1]
            self._rest = lines.pop() if is_cut else ""
            self._measure(self._rest)
            for line in lines:
                self._take(line.splitlines()[0])
        return self

    def reset(self):
        """As a process that is killed, or closes with bytes in its socket."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.response.close()
        self.socket.close()

    def close(self):
        self.response.close()
        self.connection.close()

    def _measure(self, line):
        self.longest = max(self.longest, len(line.encode()))
        if self.longest > self.LONGEST:
            raise TooLong(f"a line of more than {self.LONGEST} bytes")

    def _take(self, line):
        self._measure(line)
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line == "":
            self._dispatch()
        elif field == "":
            self.comments.append(value)
        elif field == "data":
            self._data.append(value)
        elif field == "event":
            self._name = value
        elif field == "id":
            self._id = value
        else:
            assert field == "retry", f"no field of an event: {line[:200]!r}"

    def _dispatch(self):
        if self._data:
            data = json.loads("\n".join(self._data))
            self.events.append((self._name, self._id, data))
            if self._name == "records":
                self.records += data["records"]
        else:
            self.empty_events += 1
        self.last_id = self._id or self.last_id
        self._name, self._id, self._data = None, None, []


class StrictLines(StrictReader):
    """The same of a stream of lines: each that is not empty is an object."""

    def _take(self, line):
        self._measure(line)
        if not line:
            self.comments.append("")
            return
        event = json.loads(line)
        self.last_id = event.get("id", self.last_id)
        self.events.append((event["event"], event.get("id"), event))
        if event["event"] == "records":
            self.records += event["records"]
