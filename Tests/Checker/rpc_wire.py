"""A reader's call of gRPC over a socket of its own, with the interface of reader.Wire: bytes of data are counted as they come,
windows open as they are read, and the socket can be killed."""

import json
import socket
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qsl

import h2.config
import h2.connection
import h2.events
import h2.exceptions
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from harness.http2 import Frames

DESCRIPTORS = Path(__file__).resolve().parents[2] / "Sources/Gateway/GRPC/descriptors.binpb"
POOL = descriptor_pool.DescriptorPool()
for file in sorted(
        descriptor_pb2.FileDescriptorSet.FromString(DESCRIPTORS.read_bytes()).file, key=lambda file: len(file.dependency)):
    if not file.name.startswith(("grpc", "google/rpc")):
        POOL.Add(file)
Request, Response = (
    message_factory.GetMessageClass(POOL.FindMessageTypeByName(f"kinesis_sidecar.v1.Follow{name}"))
    for name in ("Request", "Response"))


class RpcWire:
    def __init__(self, sock, stream, options, last):
        self.socket = sock
        self.received = 0  # bytes of data, as the sidecar counts what it sends
        self._frames = Frames()
        self._body = bytearray()
        self._answer, self._is_over = None, False
        self._failure = None  # of answering: told once what has come was taken
        self._events = []
        self._connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self._connection.initiate_connection()
        self._stream = self._connection.get_next_available_stream_id()
        self._connection.send_headers(self._stream, [
            (":method", "POST"), (":path", "/kinesis_sidecar.v1.KinesisSidecar/Follow"), (":scheme", "http"),
            (":authority", "localhost"), ("content-type", "application/grpc"), ("te", "trailers")])
        opening = {"stream_name": stream, "options": dict(parse_qsl(options))}
        self._say(Request(open=opening | ({"last_event_id": last[0]} if last else {})))

    def _say(self, request):
        message = request.SerializeToString()
        self._connection.send_data(self._stream, b"\0" + len(message).to_bytes(4, "big") + message)
        self._flush()

    def acknowledge(self, body):
        """Unanswered."""
        names = {
            "id": "id", "shardId": "shard_id", "sequenceNumber": "sequence_number", "subSequenceNumber": "sub_sequence_number"}
        try:
            self._say(Request(acknowledge={names[name]: value for name, value in body.items()}))
        except (OSError, h2.exceptions.ProtocolError):
            pass  # the connection's end is seen by the next read

    def _flush(self):
        self.socket.sendall(self._connection.data_to_send())

    def status(self):
        while self._answer is None:
            if self._is_over or self._failure:
                raise ConnectionError("no answer")
            self._read()
        return 200 if self._answer.get("grpc-status") is None else 503

    def is_refusal(self):
        return False

    def receive(self, timeout):
        """Events that became whole, or None at the end of the call."""
        if not self._events:
            if self._failure:
                raise self._failure
            if self._is_over:
                return None
            self.socket.settimeout(timeout)
            self._read()
        events, self._events = self._events, []
        return events

    def _read(self):
        part = self.socket.recv(262144)
        if not part:
            self._is_over = True
            return
        for event in self._connection.receive_data(self._frames.take(part)):
            if isinstance(event, h2.events.ResponseReceived):
                self._answer = dict(event.headers)
            elif isinstance(event, h2.events.DataReceived):
                self.received += len(event.data)
                self._body += event.data
                self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.TrailersReceived):
                self._take_status(dict(event.headers))
            elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                self._is_over = True
        self._take()
        try:
            self._flush()
        except OSError as error:
            self._failure = error

    def _take_status(self, trailers):
        """A call that was answered ends well, or with its connection; what ends it otherwise is told as a problem is."""
        if trailers["grpc-status"] != "0":
            problem = {"code": f"grpc-status {trailers['grpc-status']}", "detail": trailers.get("grpc-message")}
            self._events.append(SimpleNamespace(name="problem", id=None, data=json.dumps(problem)))

    def _take(self):
        at = 0
        while len(self._body) - at >= 5:
            end = at + 5 + int.from_bytes(self._body[at + 1:at + 5], "big")
            if end > len(self._body):
                break
            self._events.append(told(Response.FromString(bytes(self._body[at + 5:end]))))
            at = end
        del self._body[:at]


def told(response):
    """As an event of server-sent events."""
    name = response.WhichOneof("event")
    event = getattr(response, name)
    data = {}
    if name == "records":
        data = {"shardId": event.shard_id, "records": [_record(record) for record in event.records]}
    elif name == "shard":
        data = {"shardId": event.shard_id, "change": event.change}
    elif name == "problem":
        data = {"code": event.code, "detail": event.detail, **event.metadata}
    return SimpleNamespace(name=name, id=getattr(event, "id", None), data=json.dumps(data))


def _record(record):
    fields = {"sequenceNumber": record.sequence_number, "data": json.loads(record.data)}
    if record.HasField("sub_sequence_number"):
        fields["subSequenceNumber"] = record.sub_sequence_number
    if record.HasField("data_error"):
        fields["dataError"] = {"code": record.data_error.code, "detail": record.data_error.detail}
    return fields
