"""The consumers that a stream is pushed to (enhanced fan-out), as boto3 sees them, and what became of subscriptions."""

import re
import threading
from collections import Counter

from botocore.exceptions import ClientError

# A subscription that says nothing for so long is replaced, in ms; the embedded Kinesis says something every 5 s.
INACTIVITY_TIMEOUT = 6000
# A shard that goes back is subscribed to anew, 5.1 s after the last subscription began: so long nothing may come.
PACE = 6.0
_COUNTED = re.compile(
    r'^kinesis_sidecar_shard_subscription(?:s_total|_ends_total)\{.*?(?:reason="(\w+)")?\} ([\d.]+)$', re.MULTILINE)


class FanOut:
    def __init__(self, boto, stream):
        self.boto, self.stream = boto, stream
        self._counted = {}  # process → "begun", or why they ended → how many of its subscriptions
        self._lock = threading.Lock()

    def consumers(self):
        """ARNs of those that are registered."""
        arn = self.boto.describe_stream_summary(StreamName=self.stream)["StreamDescriptionSummary"]["StreamARN"]
        consumers = self.boto.list_stream_consumers(StreamARN=arn)["Consumers"]
        return sorted(consumer["ConsumerARN"] for consumer in consumers if consumer["ConsumerStatus"] != "DELETING")

    def deregister(self, choice):
        """One of them, behind the sidecars' backs; `choice`: any number, which says what. Returns its ARN, None where there
        is none."""
        consumers = self.consumers()
        if not consumers:
            return None
        arn = consumers[choice % len(consumers)]
        try:
            self.boto.deregister_stream_consumer(ConsumerARN=arn)
        except ClientError as error:
            # A sidecar that had one too many was faster.
            if error.response["Error"]["Code"] not in ("ResourceNotFoundException", "ResourceInUseException"):
                raise
        return arn

    def look(self, sidecar):
        """Reads what became of the process's subscriptions until now."""
        try:
            text = sidecar.get("/metrics", timeout=5).body.decode()
        except OSError:
            return  # it has ended, or is stopped
        counted = Counter()
        for reason, count in _COUNTED.findall(text):
            counted[reason or "begun"] += int(float(count))
        with self._lock:
            self._counted[sidecar.process.pid] = counted

    def __str__(self):
        """Of all processes, as far as it was read: a shard that goes back ends its subscription without a reason."""
        with self._lock:
            return f"subscriptions {dict(sum(self._counted.values(), Counter()))}"
