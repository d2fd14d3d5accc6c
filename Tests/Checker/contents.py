"""What a run's records are like: all of one kind, or of `--formats`."""

import json

from formats import Items, item
from harness.moto_server import MotoServer
from producer import Producer
from writer import padded


class Plain:
    """JSON, each record alone."""

    acknowledges_parts = False
    item = staticmethod(padded)

    def options(self):
        """Of a sidecar's configuration."""
        return {}

    def arguments(self, folder):
        """Of a sidecar that has no configuration of its own."""
        return []

    def producer(self, boto, stream, chance):
        """Who puts past the sidecars."""
        return None

    def text(self, data):
        """What lies in the stream, as JSON."""
        return data

    def problem(self, record):
        """What is wrong with a record as a reader got it, as text; None where nothing is."""
        return None

    def told(self, verdict):
        """What the run was about, in numbers."""
        return ""

    def close(self):
        pass


class Mixed:
    """As `Plain`, of `--formats`; with a process as S3."""

    acknowledges_parts = True
    item = staticmethod(item)

    def __init__(self, formats, folder):
        self.formats = formats
        self.moto = MotoServer(folder)
        self.items = Items(self.moto.url).make_bucket()
        self.text, self.problem = formats.text, self.items.problem

    def options(self):
        return self.formats.options(self.moto.url)

    def arguments(self, folder):
        path = folder / "formats.yaml"
        path.write_text(json.dumps(self.options()))  # JSON is YAML
        return ["--config", path]

    def producer(self, boto, stream, chance):
        return Producer(boto, stream, self.formats, self.items, chance)

    def told(self, verdict):
        return f"\n  formats       {self.formats}; {self.items.told(verdict)}"

    def close(self):
        self.moto.close()
