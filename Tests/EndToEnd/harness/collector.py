"""A collector of OpenTelemetry that takes OTLP/HTTP in Protobuf, read with OpenTelemetry's own messages."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


def value_of(value):
    return getattr(value, value.WhichOneof("value"))


def attributes(of):
    return {attribute.key: value_of(attribute.value) for attribute in of}


class Collector:
    """Answers every request with `answer`, a status, a body and headers, or hangs where that is None."""

    def __init__(self):
        self.answer = (200, b"", {})
        self.requests = []
        self.metric_requests, self.trace_requests = [], []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.requests.append((self.path, dict(self.headers)))
                while collector.answer is None and not collector.is_closed:
                    time.sleep(0.05)
                status, answer, headers = collector.answer or (503, b"", {})
                if status == 200:
                    collector.take(self.path, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.is_closed = False
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def take(self, path, body):
        kind, requests = {
            "/v1/metrics": (ExportMetricsServiceRequest, self.metric_requests),
            "/v1/traces": (ExportTraceServiceRequest, self.trace_requests),
        }[path.removeprefix("/prefix")]
        requests.append(kind.FromString(body))

    @property
    def spans(self):
        return [
            span for request in list(self.trace_requests) for of_resource in request.resource_spans
            for scope in of_resource.scope_spans for span in scope.spans]

    def metrics(self):
        """Of the last round, by name; a later part of it replaces an earlier one."""
        return {
            metric.name: metric for request in list(self.metric_requests) for of_resource in request.resource_metrics
            for scope in of_resource.scope_metrics for metric in scope.metrics}

    def close(self):
        self.is_closed = True
        self.server.shutdown()
        self.server.server_close()
