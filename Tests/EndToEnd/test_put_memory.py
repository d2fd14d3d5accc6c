"""Large put bodies: who can have no memory is refused before the body is read, and who was let in is stored."""

import json
import socket

import pytest

from harness.records import make_stream, read_stream
from harness.waiting import eventually

BODY_BYTES = int(13.5 * (1 << 20))
# As many as maxBodyBytesTogether (64 MiB) has room for.
LET_IN = 4
BODIES = 12
RECORDS = 20


class LargePut:
    """A put whose client waits for 100 Continue before it sends the body."""

    def __init__(self, sidecar, stream, length, expects=True):
        self.socket = socket.create_connection(("127.0.0.1", sidecar.ports["http"]), timeout=40)
        expect = "Expect: 100-continue\r\n" if expects else ""
        self.socket.sendall(
            (f"POST /streams/{stream}/put HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{expect}"
             f"Content-Length: {length}\r\nConnection: close\r\n\r\n").encode())
        self.answer = self.socket.makefile("rb")

    def status(self):
        """Of the next response head."""
        status = int(self.answer.readline().split()[1])
        while self.answer.readline() != b"\r\n":
            pass
        return status

    def json(self):
        return json.loads(self.answer.read())


def body_of(number):
    fill = "x" * (BODY_BYTES // RECORDS - 64)
    records = [{"data": {"put": number, "fill": fill}, "partitionKey": f"key-{n}"} for n in range(RECORDS)]
    return json.dumps({"records": records}).encode()


# What a sidecar that had large bodies may keep of their memory. It is 20 MB at rest.
RESIDENT_KILOBYTES = 45_000


@pytest.mark.seconds(120)
def test_the_memory_of_bodies_that_are_over_is_given_back(sidecars):
    service = sidecars.start("--local-limits", "off")
    make_stream(service.boto3(), "s", 4)
    sidecar = sidecars.start_against(service.kinesis_url)
    puts = [LargePut(sidecar, "s", BODY_BYTES, expects=False) for _ in range(LET_IN)]
    body = body_of(0).ljust(BODY_BYTES)
    # Side by side.
    step = 1 << 20
    for at in range(0, len(body), step):
        for put in puts:
            put.socket.sendall(body[at:at + step])
    assert [put.status() for put in puts] == [200] * LET_IN
    for put in puts:
        put.socket.close()
    eventually(
        lambda: sidecar.resident_kilobytes() < RESIDENT_KILOBYTES, 20, why="the memory is given back")


@pytest.mark.seconds(120)
def test_bodies_beyond_their_memory_are_refused_unread_and_the_others_are_stored(sidecars):
    service = sidecars.start("--local-limits", "off")
    make_stream(service.boto3(), "s", 4)
    sidecar = sidecars.start_against(service.kinesis_url)
    bodies = [body_of(number) for number in range(LET_IN)]
    puts = [LargePut(sidecar, "s", len(bodies[0])) for _ in range(BODIES)]
    statuses = {put: put.status() for put in puts}  # before a byte of a body was sent
    let_in = [put for put, status in statuses.items() if status == 100]
    refused = [put for put, status in statuses.items() if status == 503]
    assert len(let_in) == LET_IN and len(refused) == BODIES - LET_IN, statuses.values()
    assert {put.json()["code"] for put in refused} == {"tooManyBodies"}
    for put, body in zip(let_in, bodies):
        put.socket.sendall(body)
    # Together they are more than maxPutBytes (32 MiB): some wait for the others.
    assert [put.status() for put in let_in] == [200] * LET_IN
    for put in let_in:
        assert all("sequenceNumber" in record for record in put.json()["records"])
    stored = [json.loads(record["Data"])["put"] for record in read_stream(service.boto3(), "s")]
    assert sorted(stored) == sorted(number for number in range(LET_IN) for _ in range(RECORDS))
    # What was held is given back.
    again = LargePut(sidecar, "s", len(bodies[0]))
    assert again.status() == 100


def test_a_put_for_which_others_leave_no_room_is_refused_unread(sidecars):
    sidecar = sidecars.start(env={"KINESIS_SIDECAR_MAX_PUT_BYTES": str(1 << 20)})
    sidecar.put("s", 0)
    sidecar.fault("delay", operation="PutRecords", milliseconds=4000, count=1)
    fill = json.dumps({"records": [{"data": "x" * 450_000}, {"data": "y" * 450_000}]}).encode()
    first = LargePut(sidecar, "s", len(fill), expects=False)
    first.socket.sendall(fill)

    def waits():
        return sidecar.get("/stats").json["waitingPutBytes"] > 900_000

    eventually(waits, 10)
    refused = LargePut(sidecar, "s", 500_000)
    assert refused.status() == 429
    assert refused.json()["code"] == "tooManyPuts"
    small = LargePut(sidecar, "s", 20)
    assert small.status() == 100, "there is room for it"
    assert first.status() == 200
