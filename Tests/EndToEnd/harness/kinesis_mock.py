"""An upstream with the habits of kinesis-mock, the Kinesis of LocalStack: a proxy that rewrites what the embedded one says.

Members that have nothing to say are null instead of left out, an error's status 500 has no body, and an iterator that it
does not know (after its restart, for one) gets just that.
"""

import http.server
import json
import threading

from .sidecar import fetch


class KinesisMock:
    def __init__(self, upstream):
        self.known = None
        mock = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                operation = self.headers["X-Amz-Target"].split(".")[-1]
                self.reply(*mock.respond(operation, body, dict(self.headers.items()), upstream))

            def reply(self, status, headers, body):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def forget_iterators(self):
        """From here on only iterators that are given from here on are known."""
        self.known = set()

    def respond(self, operation, body, headers, upstream):
        if operation == "GetRecords" and self.known is not None:
            if json.loads(body)["ShardIterator"] not in self.known:
                return 500, {}, b""
        answer = fetch(upstream + "/", method="POST", body=body, headers=headers)
        if operation == "GetRecords" and answer.status == 400 and b"InvalidArgumentException" in answer.body:
            return 500, {}, b""
        kept = {name: answer.headers[name] for name in ("Content-Type", "x-amzn-RequestId") if answer.headers[name]}
        if answer.status != 200 or not answer.body:
            return answer.status, kept, answer.body
        told = with_nulls(operation, json.loads(answer.body))
        if self.known is not None:
            self.known.update(told[name] for name in ("ShardIterator", "NextShardIterator") if told.get(name))
        return 200, kept, json.dumps(told).encode()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def with_nulls(operation, told):
    def add(members, *names):
        for name in names:
            members.setdefault(name, None)

    if operation == "ListShards":
        add(told, "NextToken")
        for shard in told["Shards"]:
            add(shard, "AdjacentParentShardId", "ParentShardId")
            add(shard["SequenceNumberRange"], "EndingSequenceNumber")
    elif operation == "DescribeStreamSummary":
        summary = told["StreamDescriptionSummary"]
        summary["MaxRecordSizeInKiB"] = None
        add(summary, "KeyId", "WarmThroughput")
    elif operation == "PutRecords":
        for result in told["Records"]:
            add(result, "ErrorCode", "ErrorMessage", "SequenceNumber", "ShardId")
    elif operation == "GetRecords":
        add(told, "ChildShards", "NextShardIterator")
        for record in told["Records"]:
            add(record, "EncryptionType")
    return told
