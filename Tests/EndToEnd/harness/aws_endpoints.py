"""Small servers of what AWS has beside a machine or a container: the instance's metadata, a container's credentials."""

import json
import threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Endpoint:
    """Answers each request as `answer(method, path, headers)` says: (status, body); keeps what was asked for."""

    def __init__(self, answer):
        self.requests = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(self):
                length = int(self.headers.get("Content-Length") or 0)
                self.rfile.read(length)
                endpoint.requests.append((self.command, self.path))
                status, body = answer(self.command, self.path, self.headers)
                body = (body if isinstance(body, str) else json.dumps(body)).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = do_POST = respond

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


def document(key, seconds=3600):
    """Credentials as both endpoints give them."""
    end = datetime.now(timezone.utc) + timedelta(seconds=seconds)
    return {
        "Code": "Success", "AccessKeyId": key, "SecretAccessKey": "hush-secret", "Token": "hush-token",
        "Expiration": end.strftime("%Y-%m-%dT%H:%M:%SZ")}


def metadata(key, region="us-east-1"):
    """The second version of the metadata service, whose role has `key()`."""
    prefix = "/latest/meta-data/iam/security-credentials/"

    def answer(method, path, headers):
        if method == "PUT" and path == "/latest/api/token":
            return 200, "hush-session"
        if headers.get("X-aws-ec2-metadata-token") != "hush-session":
            return 401, ""
        if path == prefix + "role":
            return 200, document(key())
        return {"/latest/meta-data/placement/region": (200, region), prefix: (200, "role")}.get(path, (404, ""))

    return Endpoint(answer)
