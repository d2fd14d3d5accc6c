"""What happens in a run, from its seed alone: disturbances at marks of progress, and the readers' behaviour."""

import random
from dataclasses import dataclass, field

from formats import Formats

# Events of a connection that its reader has not worked off when it comes back, at most.
MOST_BEHIND = 40
# Records of a writer's request.
REQUESTS = (1, 7, 40, 100)
WRITERS = 4
# Between two requests of a writer, in seconds at most: so that readers come and go while there is something to read.
PAUSE = 0.06
# With enhanced fan-out a shard is subscribed to once in 5.1 s, so that nothing would come of most steps if they came at the
# pace of polling: from one to the next so many seconds go by, about, and readers stay so many times as long.
PUSHED_STEP = 4
PUSHED_STAY = 4


@dataclass
class Step:
    """One disturbance, when `mark` records are acknowledged."""

    mark: int
    kind: str
    more: dict = field(default_factory=dict)

    def __str__(self):
        words = [f"{name}={value}" for name, value in self.more.items()]
        return f"at {self.mark}: {self.kind} {' '.join(words)}".rstrip()


@dataclass
class Visit:
    """One connection of a reader: it ends after so many records or seconds, whichever comes first."""

    records: int
    seconds: float
    stalls: dict  # records taken → seconds of taking nothing
    receive_buffer: int | None
    ending: str  # "leave": ends its side and reads on to the end; "kill": RST
    away: float  # seconds until it comes back
    resume: bool  # sends the Last-Event-ID of what it has worked off
    behind: int  # events of its last connection that it has not worked off by then
    acknowledges: float  # with manual checkpoints: the share of its events that it acknowledges before its end
    speaks_grpc: bool  # else server-sent events

    def __str__(self):
        return (
            f"{'gRPC, ' if self.speaks_grpc else ''}{self.ending} after {self.records} records or {self.seconds} s, stalls {self.stalls}, "
            f"buffer {self.receive_buffer}, away {self.away} s, acknowledges {self.acknowledges}"
            f"{f', Last-Event-ID of the event {self.behind} before the last' if self.resume else ''}")


class Plan:
    """The same seed, number of records and of readers, way of reading, and whether formats are mixed, give the same plan."""

    def __init__(self, seed, records, readers, fan_out=False, formats=False):
        self.seed, self.records, self.fan_out = seed, records, fan_out
        self.formats = Formats(seed) if formats else None
        # Two of five seeds leave the checkpoints to the readers.
        self.manual = seed % 5 in (2, 4)
        chance = random.Random(f"steps {seed}")
        choices = (PUSHED if fan_out else POLLED) + (DELETIONS if formats else [])
        kinds = [make(chance) for make in choices]
        chance.shuffle(kinds)
        # Small runs take a part of the kinds, large ones each of them and some again.
        count = max(12 if fan_out else 10, records // 1500)
        while len(kinds) < count:
            kinds.append(chance.choice(choices)(chance))
        first, last = records // 20, records * 19 // 20
        marks = sorted(chance.randint(first, last) for _ in range(count))
        if fan_out:
            # One after the other: what a step does to subscriptions takes its time.
            marks = [first + (last - first) * index // (count - 1) for index in range(count)]
        self.steps = [Step(mark, kind, more) for mark, (kind, more) in zip(marks, kinds)]
        self.visits = [
            self._visits(
                random.Random(f"reader {index} {seed}"), random.Random(f"worked off {index} {seed}"),
                # Of three readers one speaks gRPC.
                speaks_grpc=index % 3 == 2)
            for index in range(readers)]
        self.writers = [random.Random(f"writer {index} {seed}") for index in range(WRITERS)]
        # Of one writer.
        requests = records / (sum(REQUESTS) / len(REQUESTS)) / WRITERS
        self.pause = max(PAUSE, 2 * PUSHED_STEP * count / requests) if fan_out else PAUSE

    def _visits(self, chance, work, speaks_grpc):
        """More than a run needs; a reader whose visits are used up begins again with the first."""
        visits, stay = [], PUSHED_STAY if self.fan_out else 1
        for _ in range(40):
            records = stay * max(20, int(self.records * chance.uniform(0.005, 0.08)))
            stalls = {chance.randint(1, records): round(chance.uniform(0.1, 1.5), 2) for _ in range(chance.choice((0, 0, 1, 2)))}
            visits.append(Visit(
                records, round(stay * chance.uniform(0.2, 2.5), 2), stalls, chance.choice((None, None, 4096, 65536)),
                chance.choice(("leave", "leave", "kill")), round(chance.choice((0, 0, chance.uniform(0, 0.7))), 2),
                chance.random() < 0.5, work.choice((0, 0, work.randint(1, MOST_BEHIND))),
                round(chance.choice((0, 0.3, 1)), 1), speaks_grpc))
        return visits

    def __str__(self):
        checkpoints = "manual" if self.manual else "automatic"
        way = ", enhanced fan-out" if self.fan_out else ""
        formats = f", {self.formats}" if self.formats else ""
        lines = [f"seed {self.seed}, {self.records} records, {checkpoints} checkpoints{way}{formats}", *map(str, self.steps)]
        for index, visits in enumerate(self.visits):
            lines += [f"reader {index}: {visit}" for visit in visits]
        return "\n".join(lines) + "\n"


def _fault(kind, operation, most, **ranges):
    def make(chance):
        more = {"operation": operation, "count": chance.randint(1, most), "every": chance.randint(1, 3)}
        for name, (low, high) in ranges.items():
            value = chance.uniform(low, high)
            more[name] = round(value, 2) if isinstance(low, float) else int(value)
        return kind, more

    return make


def _simple(kind, **seconds):
    def make(chance):
        return kind, {name: round(chance.uniform(0, most), 2) for name, most in seconds.items()}

    return make


def _chosen(kind):
    return lambda chance: (kind, {"choice": chance.randrange(1000)})


def _frames(kind, least, most, **choices):
    """Of so many subscriptions: after some messages, of which the first says that the subscription has begun."""
    def make(chance):
        more = {
            "operation": "SubscribeToShard", "count": chance.randint(least, most), "events": chance.choice((0, 1, 1, 1, 2, 5))}
        return kind, more | {name: chance.choice(values) for name, values in choices.items()}

    return make


def _deleted(chance):
    return "delete items", {"choice": chance.randrange(1000), "share": round(chance.uniform(0.2, 1), 2)}


# What every run should have stands twice.
UPSETS = [
    _simple("kill sidecar", down=0.5), _simple("kill sidecar", down=2), _simple("stop sidecar", down=0.5),
    _simple("stop sidecar", down=2), _simple("kill Kinesis", down=1.5),
    _chosen("split"), _chosen("split"), _chosen("merge"),
]
POLLS = [
    _fault("throttle", "GetRecords", 12), _fault("fail", "GetRecords", 6), _fault("cut", "GetRecords", 6),
    _fault("cutAfter", "GetRecords", 6), _fault("delay", "GetRecords", 6, milliseconds=(50, 3000)),
    _fault("expireIterators", "GetRecords", 3),
]
PUTS = [
    _fault("throttle", "PutRecords", 6), _fault("failEntries", "PutRecords", 6, fraction=(0.1, 0.9)),
    _fault("cut", "PutRecords", 3), _fault("cutAfter", "PutRecords", 3),
    _fault("delay", "PutRecords", 4, milliseconds=(50, 2000)), _fault("fail", "PutRecords", 3),
]
# What goes wrong with subscriptions and with the consumer that they are made as. A silence lasts for
# `fanOutInactivityTimeout` each time.
SUBSCRIPTIONS = [
    _chosen("deregister"), _chosen("deregister"),
    _frames("cutFrame", 4, 10), _frames("badChecksum", 4, 10), _frames("endEarly", 4, 10), _frames("splitFrames", 4, 10),
    _frames("silence", 2, 4),
    _frames("exception", 4, 10, code=("InternalFailureException", "KMSThrottlingException", "ResourceInUseException")),
    _fault("throttle", "SubscribeToShard", 6), _fault("fail", "SubscribeToShard", 6), _fault("cut", "SubscribeToShard", 4),
    _fault("delay", "SubscribeToShard", 4, milliseconds=(50, 3000)),
    _fault("fail", "DescribeStreamConsumer", 3), _fault("throttle", "RegisterStreamConsumer", 2),
]
# Of the large items that lie in S3.
DELETIONS = [_deleted] * 3
LISTS = [_fault("fail", "ListShards", 3)]
POLLED = UPSETS + POLLS + PUTS + [_fault("throttle", "GetShardIterator", 4)] + LISTS
PUSHED = UPSETS + SUBSCRIPTIONS + PUTS + LISTS
