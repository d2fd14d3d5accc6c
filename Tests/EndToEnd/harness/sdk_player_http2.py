"""Plays a recorded connection of HTTP/2 against the embedded Kinesis, frame by frame."""

import socket

import hpack
from hyperframe.frame import (
    DataFrame, Frame, GoAwayFrame, HeadersFrame, PingFrame, RstStreamFrame, SettingsFrame, WindowUpdateFrame)

from . import sdk_recordings
from .http2 import PREFACE


class Http2Player:
    """One connection of HTTP/2, frame by frame in the recorded order: a frame of the server's is waited for, and holds the
    server to the client's windows and to one ACK for each SETTINGS and PING.

    What the server may do otherwise is not waited for: windows that it opens, and DATA beyond the end of its stream; of a
    subscription's DATA what covers the recorded ones is.
    """

    def __init__(self, port, names, stage):
        self.host = f"127.0.0.1:{port}"
        self.names, self.stage = names, stage
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.received = b""
        self.is_closed = False
        self.server_frames = []
        self.sent = {"SETTINGS": 0, "PING": 0}
        self.acknowledged = {"SETTINGS": 0, "PING": []}
        self.pings = []
        self.exchanges, self.heads, self.data, self.ended, self.reset = {}, {}, {}, set(), set()
        # What the server may still send, and what streams begin with.
        self.windows, self.first_window = {0: 65_535}, 65_535
        self.has_begun = False

    def play(self, connection):
        exchanges = self.exchanges = {exchange.stream: exchange for exchange in connection.exchanges}
        bodies = {}
        awaited = {"data": {}, "SETTINGS": 0, "PING": 0}
        for recorded in connection.frames:
            stream = recorded.get("stream", 0)
            if recorded["from"] == "server":
                self._await(recorded, awaited)
                self._learn()
                continue
            if recorded["type"] == "HEADERS":
                self.stage.begins(exchanges[stream])
                bodies[stream] = self.names.body(exchanges[stream])
            self._send(recorded, exchanges.get(stream), bodies)
        for stream, exchange in exchanges.items():
            if not exchange.is_subscription:
                self._wait(lambda: stream in self.ended)
        self._learn()
        self.stage.wait(connection)
        self._end(connection)
        self.stage.done(connection)
        return [(exchange, *self._answer(stream)) for stream, exchange in exchanges.items()]

    def _answer(self, stream):
        fields = dict(self.heads[stream])
        return int(fields.pop(":status")), fields, self.data[stream]

    def _open_subscriptions(self):
        return [exchange for stream, exchange in self.exchanges.items() if stream not in self.ended | self.reset]

    # The client's side

    def _send(self, recorded, exchange, bodies):
        kind, stream = recorded["type"], recorded.get("stream", 0)
        if kind == "PREFACE":
            self.socket.sendall(PREFACE)
            self.has_begun = True
            # Ours is the first frame, and waits for none.
            self._wait(lambda: self.server_frames)
            assert isinstance(self.server_frames[0], SettingsFrame) and "ACK" not in self.server_frames[0].flags
            return
        if kind == "HEADERS":
            changed = {":authority": self.host, "content-length": str(len(bodies[stream]))}
            fields = [(name, changed.get(name, value)) for name, value in exchange.headers]
            frame = HeadersFrame(stream, self.encoder.encode(fields))
            self.windows[stream] = self.first_window
            self.heads[stream], self.data[stream] = None, b""
        elif kind == "DATA":
            # The body is in the first frame, whatever the recorded one's length.
            frame = DataFrame(stream, bodies[stream])
            bodies[stream] = b""
        elif kind == "SETTINGS" and "ACK" in recorded.get("flags", []):
            frame = SettingsFrame(0)
        elif kind == "SETTINGS":
            numbers = {"MAX_CONCURRENT_STREAMS": 3, "INITIAL_WINDOW_SIZE": 4, "MAX_HEADER_LIST_SIZE": 6}
            frame = SettingsFrame(0, {numbers[name]: value for name, value in recorded["settings"].items()})
            self.first_window = recorded["settings"].get("INITIAL_WINDOW_SIZE", self.first_window)
            self.sent["SETTINGS"] += 1
        elif kind == "PING":
            frame = PingFrame(0, bytes.fromhex(recorded["data"]))
            self.sent["PING"] += 1
            self.pings.append(frame.opaque_data)
        elif kind == "WINDOW_UPDATE":
            frame = WindowUpdateFrame(stream, recorded["increment"])
            if stream in self.windows:
                self.windows[stream] += recorded["increment"]
        elif kind == "RST_STREAM":
            frame = RstStreamFrame(stream, recorded["errorCode"])
        elif kind == "GOAWAY":
            frame = GoAwayFrame(0, recorded["lastStream"], recorded["errorCode"])
        else:
            raise AssertionError(f"no {kind} is sent")
        for flag in recorded.get("flags", []):
            frame.flags.add(flag)
        self.socket.sendall(frame.serialize())
        if kind == "RST_STREAM" and stream not in self.ended | self.reset:
            self.reset.add(stream)
            self.stage.left(exchange)

    # The server's

    def _await(self, recorded, awaited):
        """Until ours has sent what corresponds to the recorded frame."""
        kind, stream = recorded["type"], recorded.get("stream", 0)
        is_ack = "ACK" in recorded.get("flags", [])
        if kind in ("SETTINGS", "PING") and is_ack:
            awaited[kind] += 1
            self._wait(lambda: self._acks(kind) >= awaited[kind])
        elif kind == "HEADERS":
            self._wait(lambda: self.heads[stream] is not None)
        elif kind == "DATA" and self.exchanges[stream].is_subscription:
            whole = awaited["data"][stream] = awaited["data"].get(stream, 0) + recorded["length"]
            so_far = self.exchanges[stream].answer[:whole]
            self._wait(lambda: stream in self.ended or sdk_recordings.covers(self.data[stream], so_far))
        elif kind == "DATA":
            whole = awaited["data"][stream] = awaited["data"].get(stream, 0) + recorded["length"]
            is_last = "END_STREAM" in recorded.get("flags", [])
            self._wait(lambda: stream in self.ended or not is_last and len(self.data[stream]) >= whole)

    def _acks(self, kind):
        return self.acknowledged["SETTINGS"] if kind == "SETTINGS" else len(self.acknowledged["PING"])

    def _wait(self, condition):
        while not condition():
            assert not self.is_closed, "the connection has ended"
            self._read()

    def _read(self):
        more = self.socket.recv(1 << 16)
        self.is_closed = not more
        self.received += more
        while len(self.received) >= 9:
            frame, length = Frame.parse_frame_header(memoryview(self.received[:9]))
            if len(self.received) < 9 + length:
                return
            frame.parse_body(memoryview(self.received[9:9 + length]))
            self.received = self.received[9 + length:]
            self._take(frame)

    def _take(self, frame):
        self.server_frames.append(frame)
        if isinstance(frame, SettingsFrame):
            self.acknowledged["SETTINGS"] += "ACK" in frame.flags
        elif isinstance(frame, PingFrame):
            assert "ACK" in frame.flags
            self.acknowledged["PING"].append(frame.opaque_data)
        elif isinstance(frame, HeadersFrame):
            assert "END_HEADERS" in frame.flags
            self.heads[frame.stream_id] = self.decoder.decode(frame.data)
        elif isinstance(frame, DataFrame):
            self.data[frame.stream_id] += frame.data
            for window in (0, frame.stream_id):
                self.windows[window] -= frame.flow_controlled_length
                assert self.windows[window] >= 0, "more than the client's window"
        else:
            assert isinstance(frame, (WindowUpdateFrame, GoAwayFrame)), frame
        if "END_STREAM" in frame.flags:
            self.ended.add(frame.stream_id)

    def _learn(self):
        for stream, exchange in self.exchanges.items():
            if self.heads.get(stream) and (stream in self.ended or exchange.is_subscription):
                self.names.learn_answer(exchange, self._answer(stream)[0], self.data[stream])
                self.stage.done(exchange)

    def _end(self, connection):
        """The client is done: whatever the server has still to say comes before it closes. Where it leaves a subscription it
        is gone at once."""
        left = self._open_subscriptions()
        try:
            if not left:
                self.socket.shutdown(socket.SHUT_WR)
            while not left and not self.is_closed:
                self._read()
        except OSError:
            pass  # The server had closed at the first GOAWAY, and has no use for the second.
        self.socket.close()
        assert self.acknowledged == {"SETTINGS": self.sent["SETTINGS"], "PING": self.pings}
        ours = [f for f in self.server_frames if isinstance(f, SettingsFrame) and "ACK" not in f.flags]
        assert len(ours) == 1
        for exchange in left:
            self.stage.left(exchange)
