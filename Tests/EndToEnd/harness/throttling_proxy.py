"""A proxy before DynamoDB that refuses requests as the service does when an item or a table is asked for too much."""

import http.client
import itertools
import json
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from threading import Thread

# What the service says of a table that is billed by capacity, and of one that is billed on demand.
CODES = ("ProvisionedThroughputExceededException", "ThrottlingException")
# Of one connection; the next request needs another one.
HOP_BY_HOP = ("connection", "transfer-encoding", "content-length")


class ThrottlingProxy:
    """To the port of a service on loopback. `share` of the requests are refused, which `chance` chooses; it may change."""

    def __init__(self, port, chance=None):
        self.share, self.refused = 0, 0
        self._chance, self._codes = chance or Random(), itertools.cycle(CODES)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *arguments: _Handler(self, port, *arguments))
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # a connection that was cut
        self.port = self._server.server_address[1]
        Thread(target=self._server.serve_forever, daemon=True).start()

    def refusal(self):
        """The code of the next request's error; None where it passes."""
        if self._chance.random() >= self.share:
            return None
        self.refused += 1
        return next(self._codes)

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, proxy, port, *arguments):
        self.proxy, self.port = proxy, port
        super().__init__(*arguments)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if code := self.proxy.refusal():
            answer = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "ordered by a test"})
            self._answer(400, [("Content-Type", "application/x-amz-json-1.0"), ("Date", formatdate(usegmt=True))], answer.encode())
            return
        service = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            service.request("POST", self.path, body, dict(self.headers.items()))
            response = service.getresponse()
            self._answer(response.status, response.getheaders(), response.read())
        finally:
            service.close()

    def _answer(self, status, headers, body):
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
