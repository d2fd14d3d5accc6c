"""Streams that are full of records before anybody reads them."""

from harness.records import make_stream

PUT_BYTES = 4_000_000


class FullStream:
    """Records of `(size, bytes of them in all)` each, as JSON payloads; `bytes` counts the payloads."""

    def __init__(self, service, name, shards, *contents):
        make_stream(service.boto3(), name, shards)
        self.name = name
        self.bytes = 0
        for size, total in contents:
            self._fill(service, size, total)

    def _fill(self, service, size, total):
        data = {"n": 1, "fill": "x" * (size - 17)}  # 17: what the rest of the payload takes
        at_once = min(500, max(1, PUT_BYTES // size))
        for put in range(max(1, total // (size * at_once))):
            records = [{"data": data, "partitionKey": f"{size}-{put}-{i}"} for i in range(at_once)]
            answer = service.post(f"/streams/{self.name}/put", {"records": records}, timeout=60)
            assert answer.status == 200, answer
            self.bytes += size * at_once


def start_service(bench):
    """The embedded Kinesis in a process of its own, without the service's throttles."""
    return bench.sidecars.start("--local-limits", "off")
