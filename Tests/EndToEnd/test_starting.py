"""`POST /start` beside readers that are being attached, and beside another start."""

import threading

import pytest

from harness.records import make_stream
from harness.waiting import eventually


class Request(threading.Thread):
    """One request in the background; `answer` once it is there."""

    def __init__(self, ask, *arguments):
        super().__init__(daemon=True)
        self.ask, self.arguments, self._answer = ask, arguments, None
        self.start()

    def run(self):
        self._answer = self.ask(*self.arguments)

    @property
    def answer(self):
        self.join(40)
        assert self._answer is not None, "no answer within 40 s"
        return self._answer


@pytest.fixture
def pair(sidecars, tmp_path):
    service = sidecars.start("--local-limits", "off")
    # Only configuration may make streams here: a name in a URL that does not exist is a failure.
    return service, sidecars.start_against(service.kinesis_url, data_dir=tmp_path / "data")


def wait_for_consumer(sidecar):
    """Until a request has made the consumer, which is not prepared yet."""
    return eventually(lambda: sidecar.get("/streams").json["consumers"], 10, why="a consumer is being prepared")


def test_a_start_fails_beside_a_reader_of_a_stream_that_does_not_exist(pair):
    service, sidecar = pair
    service.fault("delay", operation="DescribeStreamSummary", milliseconds=1500)
    reader = Request(sidecar.get, "/streams/missing/records")
    wait_for_consumer(sidecar)
    start = sidecar.post("/streams/missing/start", None)
    assert reader.answer.status == 404, reader.answer
    assert start.status == 404 and start.json["code"] == "streamMissing", start
    assert sidecar.get("/streams").json["consumers"] == []


def test_a_start_beside_a_reader_that_is_being_attached_returns_once_positions_are_fixed(pair):
    service, sidecar = pair
    make_stream(service.boto3(), "s", 2)
    service.fault("delay", operation="DescribeStreamSummary", milliseconds=1500)
    reader = Request(sidecar.follow, "s")
    wait_for_consumer(sidecar)
    start = sidecar.post("/streams/s/start", None)
    assert start.status == 200, start
    assert start.json["phase"] != "starting" and len(start.json["shards"]) == 2, start
    assert reader.answer.status == 200


def test_of_two_starts_at_the_same_time_both_fail_or_both_succeed(pair):
    """The second is not to be told of a consumer that the first one's failure takes away."""
    service, sidecar = pair
    kinesis = service.boto3()
    # The first request gets its response late, and so does a second, if there is one: the stream is made in between.
    service.fault("delay", operation="DescribeStreamSummary", milliseconds=1500)
    service.fault("delay", operation="DescribeStreamSummary", milliseconds=3000, every=2)
    first = Request(sidecar.post, "/streams/s/start?limit=7", None)
    wait_for_consumer(sidecar)
    second = Request(sidecar.post, "/streams/s/start?limit=7", None)
    assert first.answer.status == 404, first.answer
    kinesis.create_stream(StreamName="s", ShardCount=1)
    assert second.answer.status == 404, second.answer
    assert sidecar.get("/streams").json["consumers"] == []
    # The next one prepares it, and its options hold.
    assert sidecar.post("/streams/s/start?limit=7", None).status == 200
    [consumer] = sidecar.get("/streams").json["consumers"]
    assert consumer["options"]["limit"] == 7
