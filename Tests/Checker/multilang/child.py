"""A record processor that decides by chance what it checkpoints, and now and then crashes: `child.py FOLDER SEED HOST`.

It notes what it meets as `Tests/EndToEnd/children/processor.py` does, each shard in one file. Once FOLDER/settling is there
it hurries, and crashes no more.
"""

import os
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "EndToEnd/children"))

from processor import Processor  # noqa: E402


class Child(Processor):
    def __init__(self, folder, seed, host):
        self.host, self.chance = int(host), random.Random(f"{seed} {os.getpid()}")
        super().__init__(folder, [])

    def note(self, what, **details):
        super().note(what, host=self.host, **details)

    def process(self, records):
        if not self.is_settling:
            time.sleep(self.chance.choice((0, 0, self.chance.uniform(0, 0.05), self.chance.uniform(0, 0.5))))
        self.perhaps_crash()
        match self.chance.choice(("nothing", "all", "all", "one", "one", "record")):
            case "all":
                self.checkpoint()
            case "one":
                record = self.chance.choice(records)
                self.checkpoint(record["sequenceNumber"], record["subSequenceNumber"])
            case "record":
                # Of an aggregate: its first user record.
                self.checkpoint(self.chance.choice(records)["sequenceNumber"])
        self.perhaps_crash()

    @property
    def is_settling(self):
        return (self.folder / "settling").exists()

    def perhaps_crash(self):
        if self.chance.random() < 0.01 and not self.is_settling:
            self.note("crash")
            os._exit(3)


if __name__ == "__main__":
    Child(*sys.argv[1:]).run()
