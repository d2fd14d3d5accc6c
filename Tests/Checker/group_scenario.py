"""One run of a group: starts members, disturbs them as the plan says, waits until all is delivered, and judges."""

import http.client
import json
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from contents import Mixed, Plain
from fan_out import INACTIVITY_TIMEOUT, FanOut
from group_plan import MOST, GroupPlan
from group_verdict import CUT_OFF, PLAYER, THROTTLED, Disturbance, GroupLedger, judge
from harness.clocks import clock_apart
from harness.cutting_proxy import CuttingProxy
from harness.group import Group
from harness.lifion_player import LifionPlayer
from harness.ministack_server import MinistackServer
from harness.records import make_stream
from harness.sidecar import Sidecars, fetch
from harness.throttling_proxy import ThrottlingProxy
from ledger import WHOLE, Sequence
from reader import Reader
from stream import Stream
from threads import Threads
from verdict import missing
from writer import outcome

SHARDS = 4
# How long a shard may be unread behind the last disturbance: a lease's end, clearing, a round.
BALANCED = 30
# With enhanced fan-out: whoever waits for a consumer looks on until its member is cleared, then locks it and asks the service
# for it (5 s after a failure), before it takes shards, each of which waits up to 5.1 s for its turn at being subscribed to.
BALANCED_PUSHED = 45
READERS_A_MEMBER = 2


class Member:
    """A volume, the process on it, its way to DynamoDB, and those that read there."""

    def __init__(self, number, sidecar, proxy, throttle):
        self.number, self.sidecar, self.proxy, self.throttle = number, sidecar, proxy, throttle
        self.over = threading.Event()
        self.readers = []
        self.is_disturbed = False

    @property
    def is_up(self):
        return self.sidecar.process.poll() is None


class Player(LifionPlayer):
    """A member that is no sidecar; what it reads is noted as a reader's."""

    def __init__(self, group, ledger):
        super().__init__(group)
        self.ledger = ledger
        self.connection = ledger.connected(ledger.reader_of(PLAYER))

    def _reconcile(self, owned):
        before = set(self._reading)
        super()._reconcile(owned)
        for shard in before ^ set(owned):
            self.ledger.told(self.connection, shard, "revoked" if shard in before else "assigned")

    def _deliver(self, records):
        super()._deliver(records)
        shard = records[0]["shardId"]
        self.ledger.delivered(self.connection, 0, shard, records)
        self.ledger.stored(shard, Sequence.of(records[-1], sub=WHOLE))


class GroupScenario:
    def __init__(self, seed, steps, stuck, fan_out=False, formats=False):
        self.stuck = stuck  # nothing is delivered for so long although something is there: a hang
        self.plan = GroupPlan(seed, steps, fan_out, formats)
        self.folder = Path(tempfile.mkdtemp(prefix=f"group-checker-{seed}-"))
        (self.folder / "plan.txt").write_text(str(self.plan))
        self.settling, self.over, self.put_enough = threading.Event(), threading.Event(), threading.Event()
        self.members, self.put, self.player = [], {}, None
        self.journal = open(self.folder / "journal.txt", "w")
        self.lock, self.throttling = threading.Lock(), threading.Lock()
        self.contents = Mixed(self.plan.formats, self.folder) if formats else Plain()
        self.ledger = GroupLedger(self.contents.problem)
        self.putting, self.watching, self.disturbing = (Threads(self.over, self.ledger.complain) for _ in range(3))

    def run(self):
        sidecars = Sidecars(self.folder)
        table_server = MinistackServer(self.folder)
        started = time.monotonic()
        try:
            self._start(sidecars, table_server.url)
            self._disturb()
            stored, parents = self.stream.read()
            self._settle(stored)
            self._wait_balanced()
            self._look_at_subscriptions()
            verdict = judge(self.ledger, stored, parents, self.put, self.plan.manual)
        finally:
            for event in (self.settling, self.over, self.put_enough, *(member.over for member in self.members)):
                event.set()
            for threads in (self.putting, self.watching, self.disturbing):
                threads.join(10)
            for reader in [reader for member in self.members for reader in member.readers]:
                reader.thread.join(10)
            for member in self.members:
                member.proxy.close()
                member.throttle.close()
            if self.player:
                self.player.stop()
            try:
                sidecars.close()
            finally:
                table_server.close()
                self.contents.close()
                self._write_down()
        verdict.counts["seconds"] = time.monotonic() - started
        return verdict

    def heading(self, verdict):
        counts = verdict.counts
        checkpoints = f"{len(self.ledger.acknowledgements)} acknowledged" if self.plan.manual else "automatic"
        return (
            f"group seed {self.plan.seed}: {counts['stored']} records, checkpoints {checkpoints}, {counts['shards']} "
            f"shards, {len(self.plan.steps)} disturbances, {len(self.members)} members"
            f"{' and a player' if self.plan.has_player else ''}{', clocks apart' if self.plan.has_clocks else ''}"
            f"{self._way()}, "
            f"{counts['hand-overs']} hand-overs, connections {counts['endings']}, {counts['gRPC']} of them gRPC, "
            f"{counts['seconds']:.1f} s\n"
            f"  delivered     {counts['delivered']}, {counts['distinct']} of them for the first time"
            f"{self.contents.told(verdict)}")

    def _way(self):
        if not self.plan.fan_out:
            return ""
        return f", {self.plan.consumers} consumers at most, {self.fan_out}"

    def _start(self, sidecars, url):
        self.group = Group(sidecars, url, self.folder)
        make_stream(self.group.kinesis, "s", SHARDS)
        self.fan_out = FanOut(self.group.kinesis, "s")
        self.stream = Stream(self.group.kinesis, "s", self.contents.text)
        for _ in range(self.plan.members):
            self._join()
        if self.plan.has_player:
            self.player = Player(self.group, self.ledger).start()
        self.putting.start(self._put_mixed if self.plan.formats else self._put)
        self.watching.start(self._watch)

    def _join(self):
        """A member on a volume of its own."""
        number = len(self.members)
        throttle = ThrottlingProxy(urlsplit(self.group.url).port)
        proxy = CuttingProxy(throttle.port)
        way = {
            "useEnhancedFanOut": True, "maxEnhancedConsumers": self.plan.consumers,
            "fanOutInactivityTimeout": INACTIVITY_TIMEOUT} if self.plan.fan_out else {}
        sidecar = self.group.member(
            f"volume-{number}", self.plan.clock(number, 0), dynamoDb={"endpoint": f"http://127.0.0.1:{proxy.port}"},
            readerGracePeriod=1000, useAutoCheckpoints=not self.plan.manual, **way, **self.contents.options())
        member = Member(number, sidecar, proxy, throttle)
        self.members.append(member)
        for _ in range(1 + number % READERS_A_MEMBER):
            index = self.ledger.reader_of(number)
            reader = Reader(
                index, self.plan.visits(index), self.ledger, sidecar, "s",
                f"useAutoCheckpoints={str(not self.plan.manual).lower()}", self.settling, member.over,
                empties=not self.plan.manual, parts=self.contents.acknowledges_parts)
            member.readers.append(reader)
            reader.thread.start()
        self._note(f"member {number} has joined, {sidecar.process.pid} in {sidecar.folder.name}")

    def _put(self):
        """Running numbers, until there are enough; what the service refuses goes again."""
        n, numbers = 0, []
        while not self.put_enough.wait(0.05):
            more = self.plan.keys.choice((1, 5, 20, 40))
            numbers += range(n, n + more)
            n += more
            answer = self.group.kinesis.put_records(StreamName="s", Records=[
                {"Data": json.dumps({"n": number}).encode(), "PartitionKey": f"key-{self.plan.keys.randrange(1000)}"}
                for number in numbers])
            for number, result in zip(numbers, answer["Records"]):
                if "SequenceNumber" in result:
                    self.put[number] = (result["ShardId"], Sequence(int(result["SequenceNumber"])))
            numbers = [number for number in numbers if number not in self.put]

    def _put_mixed(self):
        """The same with formats: what a member refuses, or does not answer, goes again, perhaps past the members."""
        n, numbers, chance = 0, [], self.plan.keys
        producer = self.contents.producer(self.group.kinesis, self.stream, chance)
        while not self.put_enough.wait(0.05):
            more = chance.choice((1, 5, 20, 40))
            numbers += range(n, n + more)
            n += more
            outcomes = self._put_by_member(numbers, chance) if chance.random() < 0.5 else producer.put(numbers)
            self.put |= {number: place for number, (_, place) in zip(numbers, outcomes) if place}
            numbers = [number for number in numbers if number not in self.put]

    def _put_by_member(self, numbers, chance):
        up = [member for member in self.members if member.is_up and not member.is_disturbed]
        records = [{"data": self.contents.item(number), "partitionKey": f"key-{number % 97}"} for number in numbers]
        try:
            answer = fetch(chance.choice(up).sidecar.url + "/streams/s/put", "POST", {"records": records}, timeout=5)
            return [outcome(result) for result in answer.json["records"]] if answer.status in (200, 207) else []
        except (IndexError, OSError, http.client.HTTPException):
            return []  # it has ended, or is stopped

    def _watch(self):
        """Notes who owns what by the item, for whoever looks into a failure."""
        with open(self.folder / "item.txt", "w") as file:
            while not self.over.wait(0.25):
                item = self.group.item()
                if item:
                    shards = {name[-3:]: _told(record["M"]) for name, record in sorted(item["shards"]["M"].items())}
                    members = {name[:6]: _told(record["M"]) for name, record in item["consumers"]["M"].items()}
                    file.write(f"{time.time():.3f} {members} {shards}\n")

    # The conductor.

    def _disturb(self):
        for step in self.plan.steps:
            self.over.wait(step.after)
            self._note(str(step))
            self._look_at_subscriptions()
            self._step(step.kind, **step.more)
        self.disturbing.join(60)
        while sum(not member.over.is_set() for member in self.members) < min(2, self.plan.members):
            self._join()
        if self.player:
            # What it leaves unread, and what is put from now on, is read once it is cleared.
            self._note("the player is killed")
            self.player.kill()
            self.over.wait(1)
        fetch(self.group.host.kinesis_url + "/_faults", "DELETE")
        self.put_enough.set()
        self.putting.join(20)
        self._note(f"{len(self.put)} are put")
        self.settling.set()

    def _step(self, kind, choice=None, **more):
        if kind in ("split", "merge"):
            self.stream.reshard(kind, choice)
        elif kind == "delete items":
            self._note(f"{self.contents.items.delete(choice=choice, **more)} items are deleted")
        elif kind == "deregister":
            self._note(f"{self.fan_out.deregister(choice)} is deregistered")
        elif "operation" in more:
            self.group.host.fault(kind, **more)
        elif kind == "join":
            if sum(not member.over.is_set() for member in self.members) < MOST:
                self._join()
        elif kind == "cut off all":
            self.disturbing.start(self._cut_off, list(self.members), more["seconds"])
        elif kind == "throttled":
            self.disturbing.start(self._throttle, list(self.members), more["seconds"], more["share"])
        else:
            calm = [member for member in self.members if member.is_up and not member.is_disturbed]
            if calm:
                member = calm[choice % len(calm)]
                member.is_disturbed = True
                self.disturbing.start(self._disturb_member, member, kind, more)

    def _disturb_member(self, member, kind, more):
        match kind:
            case "stop" | "kill":
                self._go(member, kind, more["back"])
            case "pause":
                with self._disturbance("stopped by SIGSTOP", member):
                    member.sidecar.process.send_signal(signal.SIGSTOP)
                    self.over.wait(more["seconds"])
                    member.sidecar.process.send_signal(signal.SIGCONT)
            case "cut off":
                self._cut_off([member], more["seconds"])
        self._note(f"{kind} of member {member.number} is over")
        member.is_disturbed = False

    def _go(self, member, kind, back):
        if back is None:
            member.over.set()  # nobody comes to this one any more
        if kind == "kill":
            with self._disturbance("killed", member):
                member.sidecar.kill()
        else:
            try:
                code = member.sidecar.terminate(30)
                if code != 0:
                    self.ledger.complain(f"member {member.number} ended with {code} after SIGTERM")
            except subprocess.TimeoutExpired:
                self.ledger.complain(f"member {member.number} did not end within 30 s of SIGTERM")
                member.sidecar.kill()
        if back is None:
            return
        self.over.wait(back)
        if not self.over.is_set():
            if self.plan.has_clocks:
                member.sidecar.env |= clock_apart(self.plan.clock(member.number, member.sidecar.starts))
            member.sidecar.start()

    def _cut_off(self, members, seconds):
        disturbances = [self._disturbance(CUT_OFF, member) for member in members]
        with self.lock:  # one cut at a time: they may be of the same member
            for member, disturbance in zip(members, disturbances):
                disturbance.since = time.time()
                member.proxy.go_down()
            self.over.wait(seconds)
            for member, disturbance in zip(members, disturbances):
                member.proxy.come_back()
                disturbance.until = time.time()

    def _throttle(self, members, seconds, share):
        disturbances = [self._disturbance(THROTTLED, member) for member in members]
        with self.throttling:
            before = sum(member.throttle.refused for member in members)
            for member, disturbance in zip(members, disturbances):
                disturbance.since = time.time()
                member.throttle.share = share
            self.over.wait(seconds)
            for member, disturbance in zip(members, disturbances):
                member.throttle.share = 0
                disturbance.until = time.time()
            self._note(f"{sum(member.throttle.refused for member in members) - before} requests were throttled")

    def _disturbance(self, reason, member):
        disturbance = Disturbance(reason, member.number)
        self.ledger.disturbances.append(disturbance)
        return disturbance

    # The end of a run.

    def _settle(self, stored):
        """Until everything has come and is acknowledged, or nothing comes any more."""
        begun = time.time()
        while True:
            with self.ledger.lock:
                deliveries, last = list(self.ledger.deliveries), max(begun, self.ledger.last_delivery)
            if not missing(self.ledger, deliveries, stored) and not (self.plan.manual and self.ledger.unacknowledged()):
                self._note("all is delivered")
                return
            if time.time() - last > self.stuck:
                self._note("nothing comes any more")
                self.ledger.complain(f"no delivery for {self.stuck} s although something is missing")
                return
            time.sleep(0.2)

    def _wait_balanced(self):
        """All shards that are open have an owner, and shares differ by one at most. With enhanced fan-out a member without
        a consumer waits, and the group knows which consumers there are."""
        patience = BALANCED_PUSHED if self.plan.fan_out else BALANCED
        deadline = time.monotonic() + patience
        while True:
            up = [member for member in self.members if member.is_up and not member.over.is_set()]
            reading = min(len(up), self.plan.consumers) if self.plan.fan_out else len(up)
            shards = self.group.shards().values()
            unread = [shard for shard in shards if not shard["depleted"]["BOOL"]]
            shares = sorted(self.group.owners().values())
            shares = [0] * (reading - len(shares)) + shares
            consumers = self._consumers_problem()
            if sum(shares) == len(unread) and len(shares) == reading and max(shares) - min(shares) <= 1 and not consumers:
                self._note("shares are even")
                return
            if time.monotonic() > deadline:
                self.ledger.complain(
                    f"{reading} of {len(up)} members have {shares} of {len(unread)} shards {patience} s after the end"
                    f"{consumers}")
                return
            time.sleep(0.2)

    def _consumers_problem(self):
        """What is wrong with the consumers of enhanced fan-out, as text."""
        if not self.plan.fan_out:
            return ""
        registered = set(self.fan_out.consumers())
        records = [record["M"] for record in self.group.item()["enhancedConsumers"]["M"].values()]
        known = {record["arn"]["S"] for record in records}
        readers = self.group.owners()
        used = {record["arn"]["S"] for record in records if record["isUsedBy"].get("S") in readers}
        # One with which nothing is read may have been deregistered: whoever needs it sees that.
        if used <= registered <= known and len(known) <= self.plan.consumers:
            return ""
        return f"; consumers {registered} are registered, the item has {known}, {used} of them have shards"

    def _look_at_subscriptions(self):
        if self.plan.fan_out:
            for member in self.members:
                if member.is_up and not member.is_disturbed:
                    self.fan_out.look(member.sidecar)

    # What is left for whoever looks into a failure.

    def _note(self, text):
        self.journal.write(f"{time.time():.3f} {text}; {len(self.ledger.deliveries)} deliveries\n")
        self.journal.flush()

    def _write_down(self):
        self.journal.close()
        (self.folder / "disturbances.txt").write_text("".join(f"{each}\n" for each in self.ledger.disturbances))
        with open(self.folder / "connections.txt", "w") as file:
            for c in self.ledger.connections:
                file.write(f"member {self.ledger.member(c)} {c}\n")
        with open(self.folder / "deliveries.txt", "w") as file:
            for d in self.ledger.deliveries:
                file.write(
                    f"{d.at:.3f} member {self.ledger.member(d.connection)} connection {d.connection.number} turn {d.turn} "
                    f"{d.shard} {d.sequence} n={d.n}\n")
        with open(self.folder / "acknowledgements.txt", "w") as file:
            for a in [*self.ledger.acknowledgements, *self.ledger.unanswered]:
                file.write(f"{a}\n")


def _told(record):
    """A record of the item, without what says little."""
    if "pid" in record:
        return f"{record['pid']['N']} {'active' if record['isActive']['BOOL'] else 'idle'} {record['heartbeat']['S'][14:23]}"
    place = record["checkpoint"].get("S", record.get("sidecar", {}).get("M"))
    lease = f"{record['leaseOwner']['S'][:6]} until {record['leaseExpiration'].get('S', '')[14:23]}" if "S" in record[
        "leaseOwner"] else "nobody"
    return f"{'depleted' if record['depleted']['BOOL'] else 'open'} {lease} at {str(place)[-12:]}"
