"""Record processors as children of the sidecar: what they cost, and how soon they have their records.

The MultiLangDaemon's figures are those of Tests/Recordings: KCL 3.1.3, amazon_kclpy 3.2.0, default intervals.
"""

import itertools
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

from harness.multilang import QUICK, Notes, processor, properties
from harness.records import make_stream
from harness.waiting import eventually

from . import ROUNDS
from .latency import FILL, QUIET, SAMPLES, read_message, show
from .memory import resident_bytes
from .pushed import PUSHED, wait_subscribed
from .streams import FullStream, start_service

HERE = Path(__file__).parent
SHARDS = 4
BYTES = 120_000_000
RECORD_BYTES = 1000
# Before a crashed child is started again, in s; the row is ended by a record that no child before has processed.
BACK_OFF = 0.1
CRASHES = 11
# The daemon's, without its children, and with two of them (231 MB); until its first record.
DAEMON_BYTES, DAEMON_START = 231e6, 113


def multilang(bench):
    service = start_service(bench)
    memory(bench, service)
    start(bench, service)
    crashes(bench, service, "crash", QUICK, "")
    crashes(bench, service, "pushed-crash", PUSHED, ", pushed")
    latencies(bench, service)
    rates(bench, service)
    service.close()


class Application:
    """A sidecar with one application, whose processes note in a folder of their own what they meet."""

    def __init__(self, bench, service, stream, command=processor, env=QUICK, **more):
        self.folder = bench.folder / f"notes-{stream}"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self.notes = Notes(self.folder)
        path = properties(bench.folder / f"{stream}.properties", command(self.folder), streamName=stream, **more)
        self.started = time.time()
        self.sidecar = bench.sidecars.start_against(service.kinesis_url, "--multilang", path, env=env)

    def close(self):
        self.sidecar.close()


def memory(bench, service):
    print("memory of the sidecar, its children apart")
    for count, target in ((2, 20), (64, 40)):
        stream = f"idle-{count}"
        make_stream(service.boto3(), stream, count)
        application = Application(bench, service, stream)
        put_to_each(service, stream, count)
        application.notes.wait_met("processRecords", count, within=60)
        time.sleep(5)
        mebibytes = resident_bytes(application.sidecar.process) / (1 << 20)
        bench.table.add(f"sidecar with {count} children", mebibytes, "MiB resident", target, at_least=False)
        if count == 2:
            bench.table.add(
                "the MultiLangDaemon with 2, beside it", DAEMON_BYTES / resident_bytes(application.sidecar.process), "×")
        application.close()


def put_to_each(service, stream, shards):
    """A record into each shard."""
    service.boto3().put_records(StreamName=stream, Records=[
        {"Data": b'{"n": 1}', "PartitionKey": "k", "ExplicitHashKey": str(2**128 // shards * shard)}
        for shard in range(shards)])


def start(bench, service):
    print("from the start of the sidecar to the first processRecords")
    make_stream(service.boto3(), "start", 2)
    put_to_each(service, "start", 2)
    samples = []
    for _ in range(ROUNDS):
        application = Application(bench, service, "start", env={})
        [first] = application.notes.wait_met("processRecords", within=60)[:1]
        samples.append(first["at"] - application.started)
        application.close()
    bench.table.add("start to first record", statistics.median(samples), "s", 2, at_least=False)
    bench.table.add("the MultiLangDaemon's, beside it", DAEMON_START / statistics.median(samples), "×")


def crashes(bench, service, stream, env, way):
    print(f"a child that is killed, to the next processRecords{way}")
    make_stream(service.boto3(), stream)
    application = Application(
        bench, service, stream, lambda folder: processor(folder, "checkpoint=never"), env=env)
    samples = []
    for count in range(1, 1 + 2 * CRASHES, 2):
        put_to_each(service, stream, 1)
        last = application.notes.wait_met("processRecords", count)[-1]
        # It has answered, and waits.
        time.sleep(0.2)
        killed = time.time()
        os.kill(last["pid"], signal.SIGKILL)
        samples.append(application.notes.wait_met("processRecords", count + 1)[-1]["at"] - killed - BACK_OFF)
    application.close()
    print("    each, s:", " ".join(f"{sample:.3f}" for sample in samples))
    what = f"crashed child to next processRecords{way}, beyond back-off"
    bench.table.add(f"{what}, median", statistics.median(samples), "s")
    bench.table.add(f"{what}, worst", max(samples), "s", 1, at_least=False)


def latencies(bench, service):
    print("a lone put to its processRecords, pushed")
    make_stream(service.boto3(), "lone")
    application = Application(
        bench, service, "lone", lambda folder: processor(folder, "checkpoint=never"), env=PUSHED)
    wait_subscribed(service, "lone")
    samples, numbers = [], itertools.count()
    for _ in range(ROUNDS):
        sent = {}
        # The first ones open connections.
        with socket.create_connection(("127.0.0.1", application.sidecar.ports["http"]), timeout=10) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for n in itertools.islice(numbers, 10 + SAMPLES):
                time.sleep(QUIET)
                sent[n] = put_alone(client, n)
        last = max(sent)
        eventually(lambda: last in application.notes.numbers(), 20, why="the records")
        samples.append([
            (entry["at"] - sent[n]) * 1e9 for entry in application.notes.met("processRecords")
            for *_, n in entry["records"] if n in sent and n >= min(sent) + 10])
    median, p99 = show("put → processRecords", samples)
    bench.table.add("put → processRecords, pushed, p50", median, "ms")
    bench.table.add("put → processRecords, pushed, p99", p99, "ms", 15, at_least=False)
    application.close()


def put_alone(client, n):
    """Returns when it was sent."""
    body = json.dumps({"data": {"n": n, "fill": FILL}, "partitionKey": "k"})
    request = (
        "POST /streams/lone/put HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}").encode()
    sent = time.time()
    client.sendall(request)
    answer = read_message(client)
    assert answer.startswith(b"HTTP/1.1 200"), answer
    return sent


def rates(bench, service):
    """By turns, so that both have the machine as it is."""
    print(f"{BYTES / 1e6:.0f} MB of {SHARDS} shards to {SHARDS} Python processes: children, and readers of SSE")
    stream = FullStream(service, "busy", SHARDS, (RECORD_BYTES, BYTES))
    count = stream.bytes // RECORD_BYTES
    rounds = []
    for number in range(ROUNDS):
        children, checkpointing = (
            rate_of_children(bench, service, stream.name, f"round-{number}-{len(actions)}", count, *actions)
            for actions in ((), ("processRecords",)))
        readers = rate_of_readers(bench, service, stream.name, count)
        rounds.append((children, checkpointing, readers, children / readers))
    children, checkpointing, readers, ratio = (statistics.median(column) for column in zip(*rounds))
    bench.table.add("Python children that do nothing", children / 1e3, "thousand records/s")
    bench.table.add("Python children that checkpoint each batch", checkpointing / 1e3, "thousand records/s")
    bench.table.add("Python readers of SSE that do nothing", readers / 1e3, "thousand records/s")
    bench.table.add("children beside readers of SSE", ratio, "×")


def rate_of_children(bench, service, stream, group, count, *checkpoints):
    def command(folder):
        return [sys.executable, "-S", str(HERE / "idle_processor.py"), str(folder), *checkpoints]

    application = Application(
        bench, service, stream, command, env={"KINESIS_SIDECAR_POLL_DELAY": "0"}, applicationName=group)
    seconds = wait_counted(application.folder, count) - application.started
    application.close()
    return count / seconds


def rate_of_readers(bench, service, stream, count):
    folder = bench.folder / "read"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    started = time.time()
    sidecar = bench.sidecars.start_against(service.kinesis_url)
    path = f"/streams/{stream}/records?initialPositionInStream=TRIM_HORIZON&pollDelay=0"
    readers = [
        subprocess.Popen([sys.executable, "-S", HERE / "idle_reader.py", folder, str(sidecar.ports["http"]), path])
        for _ in range(SHARDS)]
    try:
        seconds = wait_counted(folder, count) - started
    finally:
        for reader in readers:
            reader.kill()
            reader.wait()
    sidecar.close()
    return count / seconds


def wait_counted(folder, count):
    """Until the processes have counted so many records; returns when the last of them did."""

    def counted():
        lasts = [text.split("\n")[-2].split() for text in (path.read_text() for path in folder.iterdir()) if "\n" in text]
        assert sum(int(total) for total, _ in lasts) >= count, lasts
        return max(float(at) for _, at in lasts)

    return eventually(counted, 180, every=0.1, why=f"{count} records")
