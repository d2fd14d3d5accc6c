"""A client of HTTP/2 whose frames are written and read one by one."""

import socket

import hpack

from .http2 import DATA, HEADERS, PREFACE, SETTINGS, frame

JSON = "application/x-amz-json-1.1"
# What a client of JavaScript begins with: two SETTINGS, and none of its windows grows.
JAVASCRIPT = PREFACE + frame(SETTINGS, 0, 0) + frame(SETTINGS, 0, 0, b"\0\3\0\0\0\1")
WINDOW = 65_535


class Frames:
    """Reads frames one by one: (type, flags, stream, payload); None at the end."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)

    def send(self, data):
        self.socket.sendall(data)

    def next(self):
        head = self._exactly(9)
        return head and (head[3], head[4], int.from_bytes(head[5:], "big"), self._exactly(int.from_bytes(head[:3], "big")))

    def until(self, wanted):
        """The frames up to the first that is wanted."""
        found = []
        while not found or not wanted(found[-1]):
            found.append(self.next())
            assert found[-1], found
        return found

    def rest(self):
        return list(iter(self.next, None))

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                return None
            data += more
        return data


def request(port, operation, body, stream=1):
    """HEADERS and DATA of a stream, under a key id that is taken unverified."""
    fields = {
        ":method": "POST", ":path": "/", ":scheme": "http", ":authority": f"127.0.0.1:{port}", "content-type": JSON,
        "x-amz-target": "Kinesis_20131202." + operation, "content-length": str(len(body)),
        "authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host, "
        "Signature=" + "0" * 64}
    return frame(HEADERS, 4, stream, hpack.Encoder().encode(fields.items())) + frame(DATA, 1, stream, body)
