"""Bodies of lines: curl as a user runs it, and a socket that sends and reads only when told to."""

import json
import socket
import subprocess
from urllib.parse import urlsplit

NDJSON = "application/x-ndjson"


class Answer:
    """The objects of an NDJSON answer: `results`, one for each answered line, and the `end` with the counts."""

    def __init__(self, text):
        self.objects = [json.loads(line) for line in text.splitlines() if line]
        assert self.objects and "lines" in self.objects[-1], text[-500:]
        self.results, self.end = self.objects[:-1], self.objects[-1]
        numbers = [result["line"] for result in self.results]
        assert numbers == sorted(set(numbers)), "answers in the order of their lines, each once"
        assert self.end["failed"] == len(self.failures)

    @property
    def failures(self):
        return [result for result in self.results if "errorCode" in result]

    @property
    def codes(self):
        """errorCode by line."""
        return {result["line"]: result["errorCode"] for result in self.failures}


def put_file(sidecar, path, file, *more):
    """`curl -T FILE`, which streams the file and reads the answer meanwhile."""
    answer = subprocess.run(
        ["curl", "-sS", "-X", "POST", "-T", str(file), "-H", f"Content-Type: {NDJSON}", *more, sidecar.url + path],
        capture_output=True, timeout=100, check=True)
    return Answer(answer.stdout.decode())


def line(data, **fields):
    return json.dumps({"data": data, **fields}) + "\n"


class LinesClient:
    """One chunked request over a plain socket; nothing is read unless asked for."""

    def __init__(self, sidecar, path, receive_buffer=None, send_buffer=None):
        parts = urlsplit(sidecar.url)
        self.sock = socket.socket(socket.AF_INET)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if send_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        self.sock.settimeout(40)
        self.sock.connect((parts.hostname, parts.port))
        self.sock.sendall(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {NDJSON}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode())
        self.received = b""

    def send(self, text):
        data = text.encode() if isinstance(text, str) else text
        self.sock.sendall(b"%x\r\n%s\r\n" % (len(data), data))

    def finish(self):
        self.sock.sendall(b"0\r\n\r\n")

    def read_until(self, text):
        while text.encode() not in self.received:
            assert self._read(), f"ended before {text}: {self.received[-500:]}"

    def read_answer(self):
        """To the last chunk, which must come."""
        while not self.received.endswith(b"0\r\n\r\n"):
            assert self._read(), f"cut: {self.received[-500:]}"
        return self.answer

    def read_to_end(self):
        while self._read():
            pass
        return self.received

    @property
    def status(self):
        return int(self.received.split(b" ", 2)[1])

    @property
    def answer(self):
        """What has arrived, with the chunks joined."""
        head, _, rest = self.received.partition(b"\r\n\r\n")
        assert b"\r\nContent-Type: application/x-ndjson\r\n" in head + b"\r\n", head
        body = []
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            body.append(rest[:int(size, 16)])
            rest = rest[int(size, 16) + 2:]
        return Answer(b"".join(body).decode())

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    def close(self):
        self.sock.close()

    def _read(self):
        part = self.sock.recv(1 << 20)
        self.received += part
        return bool(part)
