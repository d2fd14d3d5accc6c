"""From a put to the events of many subscriptions (SubscribeToShard over HTTP/1.1, a connection each) of the embedded Kinesis."""

import json
import selectors
import socket
import statistics
import time

from harness.records import make_stream

from .streams import start_service

SHARDS = 50
CONSUMERS = 20
# One after the other, into one shard.
PUTS = 200
# Into all shards at once.
BURSTS = 10
TOP = 2**128
WITHIN = 60  # seconds


def fan_out(bench):
    print(f"{SHARDS * CONSUMERS:,} subscriptions of the embedded Kinesis")
    service = start_service(bench)
    client = service.boto3()
    make_stream(client, "wide", SHARDS)
    arns = [register(client, f"c{n}") for n in range(CONSUMERS)]
    # Alone, and among all others: what is not asked for should cost nothing.
    with Subscriptions(service) as subscriptions:
        subscriptions.open(arns, [0])
        alone = latencies(subscriptions)
        subscriptions.open(arns, range(1, SHARDS))
        among = latencies(subscriptions)
        bench.table.add(f"put → event, {CONSUMERS} subscriptions, p50", statistics.median(alone) * 1000, "ms")
        bench.table.add(f"put → event, of {SHARDS * CONSUMERS:,}, p50", statistics.median(among) * 1000, "ms")
        bench.table.add(f"put → event, of {SHARDS * CONSUMERS:,}, p99", statistics.quantiles(among, n=100)[98] * 1000, "ms")
        last = [max(subscriptions.put(range(SHARDS))) for _ in range(BURSTS)]
        bench.table.add(f"a put into {SHARDS} shards → the last of all events", statistics.median(last) * 1000, "ms")
    service.close()


def latencies(subscriptions):
    return [latency for _ in range(PUTS) for latency in subscriptions.put([0])]


def register(client, name):
    stream = client.describe_stream_summary(StreamName="wide")["StreamDescriptionSummary"]["StreamARN"]
    arn = client.register_stream_consumer(StreamARN=stream, ConsumerName=name)["Consumer"]["ConsumerARN"]
    while client.describe_stream_consumer(ConsumerARN=arn)["ConsumerDescription"]["ConsumerStatus"] != "ACTIVE":
        time.sleep(0.01)
    return arn


class Subscriptions:
    """Those of each shard, in one thread with what puts."""

    def __init__(self, service):
        self.address = ("127.0.0.1", service.ports["kinesis"])
        self.selector = selectors.DefaultSelector()
        self.shards = {}
        self.putter = socket.create_connection(self.address)
        self.buffer = bytearray(1 << 16)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.selector.close()
        for connection in [self.putter, *(c for connections in self.shards.values() for c in connections)]:
            connection.close()

    def open(self, arns, shards):
        for shard in shards:
            self.shards[shard] = [self._subscribe(arn, shard) for arn in arns]
        self._wait([c for shard in shards for c in self.shards[shard]], b"initial-response")

    def put(self, shards):
        """One record into each of the shards: after how many seconds each subscription has its event."""
        keys = [str((2 * shard + 1) * TOP // (2 * SHARDS)) for shard in shards]
        records = [{"Data": "eA==", "PartitionKey": "k", "ExplicitHashKey": key} for key in keys]
        begin = time.monotonic()
        self.putter.sendall(request("PutRecords", {"StreamName": "wide", "Records": records}))
        arrivals = self._wait([c for shard in shards for c in self.shards[shard]], b'"Data"')
        while b'"EncryptionType"' not in self.putter.recv(1 << 16):
            pass
        return [arrival - begin for arrival in arrivals]

    def _subscribe(self, arn, shard):
        connection = socket.create_connection(self.address)
        connection.sendall(request("SubscribeToShard", {
            "ConsumerARN": arn, "ShardId": f"shardId-{shard:012}", "StartingPosition": {"Type": "LATEST"}}))
        self.selector.register(connection, selectors.EVENT_READ)
        return connection

    def _wait(self, connections, word):
        """When each of them has read the word."""
        waiting, arrivals = set(connections), []
        deadline = time.monotonic() + WITHIN
        while waiting:
            assert time.monotonic() < deadline, f"{len(waiting)} wait for {word}"
            for key, _ in self.selector.select(1):
                count = key.fileobj.recv_into(self.buffer)
                assert count, "a subscription ended"
                if key.fileobj in waiting and self.buffer.find(word, 0, count) >= 0:
                    waiting.remove(key.fileobj)
                    arrivals.append(time.monotonic())
        return arrivals


def request(operation, body):
    """Under a key id that is taken unverified."""
    body = json.dumps(body).encode()
    return (
        f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.1\r\n"
        f"X-Amz-Target: Kinesis_20131202.{operation}\r\nContent-Length: {len(body)}\r\n"
        "Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host, "
        f"Signature={'0' * 64}\r\n\r\n").encode() + body
