"""What happens to a group in a run, from its seed alone: disturbances one after the other, and the readers' behaviour."""

import random
from dataclasses import dataclass, field

from formats import Formats
from plan import DELETIONS, SUBSCRIPTIONS, Visit

# Members at a time.
MOST = 5
# Seconds that a process's wall clock is ahead or behind, at most.
CLOCKS_APART = 600


@dataclass
class Step:
    """One disturbance, so many seconds after the one before has begun."""

    after: float
    kind: str
    more: dict = field(default_factory=dict)

    def __str__(self):
        words = [f"{name}={value}" for name, value in self.more.items()]
        return f"after {self.after} s: {self.kind} {' '.join(words)}".rstrip()


class GroupPlan:
    """The same seed and number of steps, way of reading, and whether formats are mixed, give the same plan."""

    def __init__(self, seed, steps, fan_out=False, formats=False):
        self.seed, self.fan_out = seed, fan_out
        self.formats = Formats(seed) if formats else None
        # Every other seed leaves the checkpoints to the readers.
        self.manual = seed % 2 == 0
        # In every third a lifion-kinesis process is a member, until all steps are done; not with formats, since it goes on
        # behind an aggregate of which a member has read a part.
        self.has_player = seed % 3 == 0 and not formats
        # In two of five each process has a wall clock of its own.
        self.has_clocks = seed % 5 < 2
        chance = random.Random(f"group {seed}")
        self.members = chance.randint(1, MOST)
        choices = KINDS + (SUBSCRIPTIONS if fan_out else []) + (DELETIONS if formats else [])
        kinds = [make(chance) for make in choices]
        chance.shuffle(kinds)
        while len(kinds) < steps:
            kinds.append(chance.choice(choices)(chance))
        self.steps = [
            Step(round(chance.choice((chance.uniform(0, 1), chance.uniform(1, 4), chance.uniform(4, 8))), 2), kind, more)
            for kind, more in kinds[:steps]]
        self.keys = random.Random(f"keys {seed}")
        # In four of five seeds members of enhanced fan-out have fewer consumers than they are.
        pool = random.Random(f"consumers {seed}")
        self.consumers = pool.randint(1, max(1, self.members - 1)) if pool.random() < 0.8 else MOST

    def visits(self, reader):
        """Of the reader of that number; one whose visits are used up begins again with the first."""
        chance, protocol = random.Random(f"reader {reader} {self.seed}"), random.Random(f"protocol {reader} {self.seed}")
        return [
            Visit(
                records=10**9, seconds=round(chance.uniform(1, 8), 2), stalls={}, receive_buffer=None,
                ending=chance.choice(("leave", "leave", "kill")),
                # Longer than `readerGracePeriod`, or not.
                away=round(chance.choice((0, chance.uniform(0, 0.5), chance.uniform(1, 4))), 2),
                resume=False, behind=0, acknowledges=chance.choice((0.3, 1, 1)),
                speaks_grpc=protocol.random() < 1 / 3)
            for _ in range(20)]

    def clock(self, member, start):
        """How many seconds ahead the wall clock of that member's process is, from its first start (0) on."""
        if not self.has_clocks:
            return 0
        return random.Random(f"clock {member} {start} {self.seed}").randint(-CLOCKS_APART, CLOCKS_APART)

    def __str__(self):
        checkpoints = "manual" if self.manual else "automatic"
        player = ", a player of lifion-kinesis" if self.has_player else ""
        clocks = ", clocks apart" if self.has_clocks else ""
        way = f", enhanced fan-out with {self.consumers} consumers" if self.fan_out else ""
        formats = f", {self.formats}" if self.formats else ""
        return "\n".join([
            f"seed {self.seed}, {checkpoints} checkpoints, {self.members} members at first{player}{clocks}{way}{formats}",
            *map(str, self.steps)]) + "\n"


def _member(kind, **seconds):
    """Of a member that the choice says, among those that nothing happens to; `seconds`: from, to, one of them by chance."""
    def make(chance):
        times = {name: round(chance.uniform(*chance.choice(ranges)), 2) for name, ranges in seconds.items()}
        return kind, {"choice": chance.randrange(1000), **times}

    return make


def _goes(kind):
    """The member is away for a moment, for longer than its leases, or for good: then another joins on a new volume."""
    def make(chance):
        back = chance.choice((round(chance.uniform(0, 1), 2), round(chance.uniform(6, 8), 2), None))
        return kind, {"choice": chance.randrange(1000), "back": back}

    return make


def _throttled(chance):
    """DynamoDB refuses a share of all members' requests for a while, shorter or longer than a lease."""
    seconds = round(chance.uniform(*chance.choice(((0.5, 3), (6, 10)))), 2)
    return "throttled", {"seconds": seconds, "share": chance.choice((0.5, 0.9, 1))}


# What every run of some length should have stands twice. A lease is 5 s.
KINDS = [
    _member("join"), _member("join"), _goes("stop"), _goes("stop"), _goes("kill"), _goes("kill"), _goes("kill"),
    _member("pause", seconds=[(0.5, 3), (6, 9)]), _member("pause", seconds=[(6, 9)]),
    _member("cut off", seconds=[(0.5, 3), (6, 10)]), _member("cut off all", seconds=[(0.5, 3), (6, 10)]),
    _throttled, _throttled, _member("split"), _member("split"), _member("merge"),
]
