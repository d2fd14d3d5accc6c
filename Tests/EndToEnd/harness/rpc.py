"""A client of gRPC whose stubs come from the server's reflection."""

import queue
import threading

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc import error_details_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

PACKAGE = "kinesis_sidecar.v1."


class Rpc:
    """`rpc.Put(stream_name="s", data=b"…")` calls a unary method; `rpc.call("Follow")` gives any as grpc has it."""

    def __init__(self, port, token=None, **options):
        self.metadata = [("authorization", f"Bearer {token}")] if token else []
        options = {"grpc.enable_http_proxy": 0, "grpc.use_local_subchannel_pool": 1, **options}
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=list(options.items()))
        self.pool = DescriptorPool(ProtoReflectionDescriptorDatabase(self.channel))
        self.service = self.pool.FindServiceByName(PACKAGE + "KinesisSidecar")

    def type(self, name):
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(PACKAGE + name))

    def make(self, name, **fields):
        return self.type(name)(**fields)

    def call(self, name):
        method = self.service.methods_by_name[name]
        kind = ("stream" if method.client_streaming else "unary") + "_" + (
            "stream" if method.server_streaming else "unary")
        return getattr(self.channel, kind)(
            f"/{self.service.full_name}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=message_factory.GetMessageClass(method.output_type).FromString)

    def __getattr__(self, name):
        if name[0].islower():
            raise AttributeError(name)
        input_type = message_factory.GetMessageClass(self.service.methods_by_name[name].input_type)
        return lambda timeout=20, **fields: self.call(name)(input_type(**fields), timeout=timeout, metadata=self.metadata)

    def follow(self, stream, **fields):
        return Follower(self, stream, **fields)

    def close(self):
        self.channel.close()


class Follower:
    """A call of Follow: what came so far, and what else is said to the sidecar."""

    def __init__(self, rpc, stream, reads=True, timeout=None, options=(), **fields):
        options = {"initialPositionInStream": "TRIM_HORIZON", "pollDelay": "20", "noRecordsPollDelay": "250", **dict(options)}
        self.rpc = rpc
        self.requests = queue.SimpleQueue()
        self.say(open=rpc.make("Open", stream_name=stream, options=options, **fields))
        self.call = rpc.call("Follow")(iter(self.requests.get, None), timeout=timeout, metadata=rpc.metadata)
        self.events = []
        self.error = None
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self._read, daemon=True)
        if reads:
            self.read()

    def read(self):
        self.thread.start()

    def say(self, **request):
        self.requests.put(self.rpc.make("FollowRequest", **request))

    def acknowledge(self, **fields):
        self.say(acknowledge=self.rpc.make("Acknowledge", **fields))

    def give(self, records):
        self.say(credit=self.rpc.make("Credit", records=records))

    def end_requests(self):
        self.requests.put(None)

    def _read(self):
        try:
            for event in self.call:
                self.events.append(event)
        except grpc.RpcError as error:
            self.error = error
        self.is_over.set()

    def of(self, kind):
        return [getattr(event, kind) for event in list(self.events) if event.WhichOneof("event") == kind]

    @property
    def records(self):
        return [record for event in self.of("records") for record in event.records]

    def wait_open(self, within=20):
        """Until the initial metadata have come."""
        done = threading.Event()
        threading.Thread(target=lambda: (self.call.initial_metadata(), done.set()), daemon=True).start()
        assert done.wait(within), "no initial metadata"
        return self

    def close(self):
        self.call.cancel()
        self.requests.put(None)
        if self.thread.ident:
            self.thread.join(10)


def problem(error):
    """Reason and metadata of the error's google.rpc.ErrorInfo."""
    status = rpc_status.from_call(error)
    assert status.code == error.code().value[0] and status.message == error.details()
    info = error_details_pb2.ErrorInfo()
    assert [detail.Unpack(info) for detail in status.details] == [True]
    assert info.domain == "kinesis-sidecar"
    return info.reason, dict(info.metadata)
