"""What happens to hosts and their children in a run, from its seed alone."""

import random

from group_plan import Step

# Hosts at a time.
MOST = 3
# Of a run: what every one should have stands twice. A lease is 5 s, a child has 2 s for an action.
KINDS = (
    "kill child", "kill child", "stop child", "kill host", "kill host", "end host", "pause host", "join", "split", "split",
    "merge")


class Plan:
    """The same seed and number of steps give the same plan."""

    def __init__(self, seed, steps):
        self.seed = seed
        chance = random.Random(f"multilang {seed}")
        self.hosts = chance.randint(1, MOST)
        # Small batches end inside aggregates.
        self.limit = chance.choice((10, 50, 10_000))
        self.event_bytes = chance.choice((1024, 4096, 60_000))
        kinds = list(KINDS)
        chance.shuffle(kinds)
        while len(kinds) < steps:
            kinds.append(chance.choice(KINDS))
        self.steps = [self._step(chance, kind) for kind in kinds[:steps]]
        self.keys = random.Random(f"keys {seed}")

    @staticmethod
    def _step(chance, kind):
        more = {"choice": chance.randrange(1000)}
        if kind in ("kill host", "end host"):
            # The host is away for a moment, for longer than its leases, or for good: then another one joins.
            more["back"] = chance.choice((round(chance.uniform(0, 1), 2), round(chance.uniform(6, 8), 2), None))
        if kind == "pause host":
            more["seconds"] = round(chance.choice((chance.uniform(0.5, 3), chance.uniform(6, 9))), 2)
        return Step(round(chance.choice((chance.uniform(0, 1), chance.uniform(1, 4))), 2), kind, more)

    def __str__(self):
        return "\n".join([
            f"seed {self.seed}, {self.hosts} hosts at first, {self.limit} records of a GetRecords, {self.event_bytes} bytes "
            f"of a batch at most", *map(str, self.steps)]) + "\n"
