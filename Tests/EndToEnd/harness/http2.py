"""A client of HTTP/2 over one connection: Python's h2 for what is well-behaved, raw frames for what is not."""

import socket
import struct

import h2.connection
import h2.events
from h2.config import H2Configuration

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
FLOW_CONTROL_ERROR, ENHANCE_YOUR_CALM = 3, 11


class Frames:
    """Whole frames of what comes, but for GOAWAY, behind which h2 takes nothing of streams that are open (RFC 9113, 6.8)."""

    def __init__(self):
        self.goaway = None  # its code
        self._raw = bytearray()

    def take(self, part):
        self._raw += part
        frames, at = bytearray(), 0
        while len(self._raw) - at >= 9:
            end = at + 9 + int.from_bytes(self._raw[at:at + 3], "big")
            if end > len(self._raw):
                break
            if self._raw[at + 3] == GOAWAY:
                self.goaway = int.from_bytes(self._raw[at + 13:at + 17], "big")
            else:
                frames += self._raw[at:end]
            at = end
        del self._raw[:at]
        return bytes(frames)


class Http2:
    """Requests, and what came of each stream. Windows are opened as data is read, unless it is told not to."""

    def __init__(self, port, opens_windows=True):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.connection = h2.connection.H2Connection(H2Configuration(header_encoding="utf-8"))
        self.connection.initiate_connection()
        self.opens_windows = opens_windows
        self.headers, self.data, self.ended, self.resets, self.trailers = {}, {}, set(), {}, {}
        self.frames = Frames()
        self.is_closed = False
        self.is_answered = False
        self.flush()

    def flush(self):
        self.socket.sendall(self.connection.data_to_send())

    def request(self, method, path, body=None, ends=True, **headers):
        """Returns the stream's number."""
        stream = self.connection.get_next_available_stream_id()
        fields = [(":method", method), (":path", path), (":scheme", "http"), (":authority", "localhost")]
        fields += [(name.replace("_", "-"), value) for name, value in headers.items()]
        self.connection.send_headers(stream, fields, end_stream=body is None and ends)
        if body is not None:
            self.connection.send_data(stream, body, end_stream=ends)
        self.flush()
        return stream

    def read(self):
        """What one read brings."""
        received = self.socket.recv(1 << 16)
        if not received:
            self.is_closed = True
            return
        for event in self.connection.receive_data(self.frames.take(received)):
            self.take(event)
        self.flush()

    def take(self, event):
        if isinstance(event, h2.events.ResponseReceived):
            self.headers[event.stream_id] = dict(event.headers)
        elif isinstance(event, h2.events.TrailersReceived):
            self.trailers[event.stream_id] = dict(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            self.data[event.stream_id] = self.data.get(event.stream_id, b"") + event.data
            if self.opens_windows:
                self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.ended.add(event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self.resets[event.stream_id] = event.error_code
        elif isinstance(event, h2.events.PingAckReceived):
            self.is_answered = True

    @property
    def goaway(self):
        return self.frames.goaway

    def wait(self, condition):
        """Reads until it is so; the socket's time-out is the deadline."""
        while not condition(self):
            assert not self.is_closed, "the connection has ended"
            self.read()
        return self

    def ping(self):
        """Until the answer: whatever was sent before has been read."""
        self.connection.ping(b"answered")
        self.flush()
        self.wait(lambda c: c.is_answered)
        self.is_answered = False

    def answer(self, stream):
        """Status and body, once the stream has ended."""
        self.wait(lambda c: stream in c.ended or stream in c.resets)
        return int(self.headers[stream][":status"]), self.data.get(stream, b"")

    def close(self):
        self.socket.close()


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


class RawFrames:
    """A connection on which frames are written as they are; says with which code it was ended."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.send(PREFACE + frame(SETTINGS, 0, 0))
        self.received = b""

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass  # it was ended already; `goaway` says how

    def goaway(self):
        """The code of GOAWAY, once the connection has ended; None where it came without one."""
        try:
            while more := self.socket.recv(1 << 16):
                self.received += more
        except ConnectionResetError:
            pass
        at, code = 0, None
        while at + 9 <= len(self.received):
            length = int.from_bytes(self.received[at:at + 3], "big")
            if self.received[at + 3] == GOAWAY:
                code = int.from_bytes(self.received[at + 13:at + 17], "big")
            at += 9 + length
        return code
