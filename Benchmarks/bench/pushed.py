"""A sidecar whose records are pushed to it by the embedded Kinesis in another process (enhanced fan-out)."""

from harness.waiting import eventually

PUSHED = {"KINESIS_SIDECAR_USE_ENHANCED_FAN_OUT": "true"}


def wait_subscribed(service, stream, shards=1):
    def are_subscribed():
        return sum(subscription["stream"] == stream for subscription in service.subscriptions()) == shards

    eventually(are_subscribed, 60, why=f"{shards} shards of {stream} are subscribed to")
