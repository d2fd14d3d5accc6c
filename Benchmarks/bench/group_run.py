"""A consumer group of several sidecars under steady puts, and what its readers see of it."""

import http.client
import json
import threading
import time
from collections import Counter
from contextlib import contextmanager

from harness.group import Group
from harness.ministack_server import MinistackServer
from harness.records import make_stream
from harness.waiting import eventually

# Between two puts of a record into each shard: shorter than `pollDelay`, so that each poll of each shard finds some.
PAUSE = 0.2


@contextmanager
def table_server(bench):
    """Somebody else's DynamoDB."""
    server = MinistackServer(bench.folder)
    try:
        yield server
    finally:
        server.close()


class GroupRun:
    """The group over a stream of so many shards; `options` of its consumer beside the defaults. Its members are alike, and
    each has a reader from its start on."""

    def __init__(self, bench, server, shards, **options):
        self.shards = shards
        self.group = Group(bench.sidecars, server.url, bench.folder, {"initialPositionInStream": "TRIM_HORIZON", **options})
        make_stream(self.group.kinesis, "s", shards)
        self.members, self.readers = [], []
        self.put = 0
        self._over = threading.Event()
        self._writer = threading.Thread(target=self._write, daemon=True)

    def __enter__(self):
        self._writer.start()
        return self

    def __exit__(self, *_):
        self.stop_puts()
        for member in (*self.members, self.group.host):
            member.close()

    def join(self):
        """A new member on a volume of its own, and its reader."""
        member = self.group.member()
        self.members.append(member)
        return member, self.follow(member)

    def follow(self, member):
        self.readers.append(GroupReader(member))
        return self.readers[-1]

    def end(self, member):
        """SIGTERM, and the end of the process."""
        assert member.terminate() == 0, member.log
        self.members.remove(member)

    def wait_balanced(self, within=120):
        """Every shard has an owner, and the members' shares differ by one at most."""
        def is_balanced():
            shares = sorted(self.group.owners().values())
            shares = [0] * (len(self.members) - len(shares)) + shares
            return sum(shares) == self.shards and len(shares) == len(self.members) and shares[-1] - shares[0] <= 1

        eventually(is_balanced, within, every=0.1, why=f"{self.shards} shards are shared by {len(self.members)} members")

    def stop_puts(self):
        self._over.set()
        if self._writer.ident:
            self._writer.join(20)

    def duplicates(self):
        """How many records have come more often than once, once everything that is put has come."""
        self.stop_puts()
        eventually(lambda: len(self._seen()) >= self.put, 60, every=0.1, why="all records have come")
        return sum(count - 1 for count in self._seen().values())

    def _seen(self):
        return Counter(record for reader in self.readers for record, _ in list(reader.arrivals))

    def _write(self):
        """A record into each shard, its number and its shard's."""
        while not self._over.wait(PAUSE):
            records = [
                {"data": {"n": self.put // self.shards, "shard": shard}, "partitionKey": "k",
                 "explicitHashKey": str(2**128 // self.shards * shard)} for shard in range(self.shards)]
            answer = self.group.host.post("/streams/s/put", {"records": records})
            assert answer.status == 200, answer
            self.put += self.shards


def group_stats(member):
    return member.get("/streams/s/stats").json["consumers"][0]["group"]


class GroupReader(threading.Thread):
    """Follows the stream at a member until its response ends, and notes when what came."""

    def __init__(self, member):
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection("127.0.0.1", member.ports["http"], timeout=60)
        self.connection.request("GET", "/streams/s/records")
        self.batches = 0  # events of records: one of each answer that had some
        self.assigned = []  # shards, in the order in which they came here
        self.arrivals = []  # ((shard, n), when) of each record
        self.start()

    def run(self):
        rest = b""
        try:
            response = self.connection.getresponse()
            assert response.status == 200, response.read()
            while part := response.read1(1 << 16):
                now = time.monotonic()
                *lines, rest = (rest + part).split(b"\n")
                for line in lines:
                    if line.startswith(b"data: "):
                        self._take(json.loads(line[6:]), now)
        except (OSError, http.client.HTTPException):
            pass  # its member has ended

    def _take(self, event, now):
        if event.get("change") == "assigned":
            self.assigned.append(event["shardId"])
        elif "records" in event:
            self.batches += 1
            self.arrivals += [((event["shardId"], record["data"]["n"]), now) for record in event["records"]]

    def first_arrival(self, after, within, shards=None):
        """When the first record, of one of these shards if they are given, came here after that moment."""
        def first():
            return next((at for (shard, _), at in list(self.arrivals) if at > after and (shards is None or shard in shards)), None)

        return eventually(first, within, why="a record")
