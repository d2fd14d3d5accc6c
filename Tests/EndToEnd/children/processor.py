"""A record processor that speaks the MultiLangDaemon's protocol itself, and misbehaves where it is told to.

    processor.py FOLDER [NAME=VALUE]…

    checkpoint=batch     at the end of each processRecords, without a number; record: at each record; middle: at the middle
                         one, then no more; never; variants: whatever may be refused (VARIANTS)
    ended=checkpoint     at shardEnded; not; late: only when it is asked a second time
    requested=checkpoint at shutdownRequested; not
    lost=not             at leaseLost; checkpoint, which is refused
    pause=0              seconds before the answer to each processRecords
    step=0               seconds before each checkpoint of checkpoint=record
    poison=N             exits whenever it is given the record of that number
    until=FILE           each processRecords waits until this file is there
    trickle=BYTES        reads its input at so many bytes a second
    deaf=0               1: stays when it is told to go, and when its input has ended
    shard=               the shard alone whose processes are as the other arguments say; those of all others are plain
    at=WHAT:FIRST[-LAST]:DEED   the first to the last time that WHAT is met, of all processes of the shard: DEEDS

What a process meets it notes in FOLDER/SHARD.jsonl, a line each, to which all processes of the shard add: `start`, the
actions that it is told, `checkpoint` for each that it asks for, `checkpointed` for its answer, `end` of its input.
"""

import base64
import json
import os
import re
import signal
import sys
import time
from pathlib import Path

PLAIN = {
    "checkpoint": "batch", "ended": "checkpoint", "requested": "checkpoint", "lost": "not", "pause": "0", "step": "0",
    "poison": "", "until": "", "trickle": "", "deaf": "0", "shard": ""}


class Processor:
    def __init__(self, folder, arguments):
        self.folder, self.file = Path(folder), None
        self.folder.mkdir(parents=True, exist_ok=True)
        pairs = [argument.split("=", 1) for argument in arguments]
        self.settings = {**PLAIN, **{name: value for name, value in pairs if name != "at"}}
        assert self.settings.keys() == PLAIN.keys(), f"no such setting: {arguments}"
        self.deeds = [value.split(":") for name, value in pairs if name == "at"]
        if self.settings["deaf"] == "1":
            signal.signal(signal.SIGTERM, lambda *_: self.note("signal"))

    def run(self):
        # Which shard it is for, a process knows only when it is told.
        self.file = self.folder / "start.jsonl"
        self.meet("start")
        while line := self.read_line():
            message = json.loads(line)
            if message["action"] == "initialize":
                self.begin(message["shardId"])
            self.told(message)
        self.note("end")
        while self.settings["deaf"] == "1":
            signal.pause()

    def read_line(self):
        if not self.settings["trickle"]:
            return sys.stdin.buffer.readline()
        line, bytes_at_once = b"", int(self.settings["trickle"]) // 20
        while not line.endswith(b"\n") and (piece := os.read(0, bytes_at_once)):
            line += piece
            time.sleep(0.05)
        return line

    # What it is told

    def begin(self, shard):
        self.file = self.folder / f"{shard}.jsonl"
        if self.settings["shard"] not in ("", shard):
            self.settings, self.deeds = PLAIN, []

    def told(self, message):
        action = message["action"]
        details = {key: value for key, value in message.items() if key not in ("action", "records")}
        if action == "processRecords":
            details["records"] = [seen(record) for record in message["records"]]
            details["first"] = {**message["records"][0], "data": message["records"][0]["data"][:200]} if message["records"] else None
        self.meet(action, **details)
        match action:
            case "processRecords":
                if self.settings["poison"] in [str(n) for *_, n in details["records"]]:
                    os._exit(3)
                self.process(message["records"])
            case "shardEnded":
                how = self.settings["ended"]
                if how == "checkpoint" or how == "late" and self.times("shardEnded") > 1:
                    self.checkpoint()
            case "shutdownRequested" if self.settings["requested"] == "checkpoint":
                self.checkpoint()
            case "leaseLost" if self.settings["lost"] == "checkpoint":
                self.checkpoint()
        self.write({"action": "status", "responseFor": action})

    def process(self, records):
        while self.settings["until"] and not os.path.exists(self.settings["until"]):
            time.sleep(0.02)
        time.sleep(float(self.settings["pause"]))
        match self.settings["checkpoint"]:
            case "batch":
                self.checkpoint()
            case "record":
                for record in records:
                    time.sleep(float(self.settings["step"]))
                    self.checkpoint(record["sequenceNumber"], record["subSequenceNumber"])
            case "middle" if records and self.times("checkpoint") == 0:
                middle = records[len(records) // 2]
                self.checkpoint(middle["sequenceNumber"], middle["subSequenceNumber"])
            case "variants":
                for number, sub in variants(records):
                    self.checkpoint(number, sub)

    def checkpoint(self, number=None, sub=None):
        """Returns the error's name, or None."""
        # Noted before it is asked: who is killed in between has noted all that may be stored.
        self.note("checkpoint", sequenceNumber=number, subSequenceNumber=sub)
        self.write({"action": "checkpoint", "sequenceNumber": number, "subSequenceNumber": sub})
        self.do_deeds("checkpoint")
        answer = json.loads(self.read_line())
        assert answer["action"] == "checkpoint", answer
        self.meet("checkpointed", **{key: value for key, value in answer.items() if key != "action"})
        return answer["error"]

    def write(self, message):
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()

    # What it notes, and does

    def meet(self, what, **details):
        self.note(what, **details)
        self.do_deeds(what)

    def do_deeds(self, what):
        for name, times, deed in self.deeds:
            first, _, last = times.partition("-")
            if name == what and int(first) <= self.times(what) <= int(last or first):
                DEEDS[deed](self)

    def note(self, what, **details):
        line = json.dumps({"what": what, "at": time.time(), "pid": os.getpid(), **details}) + "\n"
        # One write: processes add to the same file.
        descriptor = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)

    def times(self, what):
        with open(self.file) as lines:
            return sum(1 for line in lines if line.startswith(f'{{"what": "{what}",'))


def seen(record):
    """[sequence number, sub-sequence number, the `n` of its data or None]"""
    n = re.search(rb'"n":\s*(\d+)', base64.b64decode(record["data"]))
    return [record["sequenceNumber"], record["subSequenceNumber"], n and int(n[1])]


def variants(records):
    """The places that the recording 02-checkpoint-variants asks for, of a batch whose last records are an aggregate."""
    first, last = records[0], records[-1]
    far = str(int(last["sequenceNumber"]) + (1 << 40))
    return [
        (first["sequenceNumber"], None), (last["sequenceNumber"], last["subSequenceNumber"]),
        (first["sequenceNumber"], None), ("bogus", None), (far, None), ("SHARD_END", None), ("TRIM_HORIZON", None),
        ("LATEST", None), (last["sequenceNumber"], last["subSequenceNumber"] + 5), (None, None)]


# Deeds


def hang(processor):
    while True:
        signal.pause()


def noise(processor):
    sys.stdout.flush()
    for line in (
            b"", b"no JSON", b"{", b"[1]", b"17", b'"status"', b"{}", b'{"action": null}', b'{"action": "dance"}',
            b'{"responseFor": "processRecords"}', b"\xff\xfe\x00", b"x" * 70_000):
        os.write(1, line + b"\n")


def wrong(processor):
    processor.write({"action": "status", "responseFor": "leaseLost" if processor.times("leaseLost") == 0 else "initialize"})


def endless(processor):
    """Megabytes without a line end. Who is ended meanwhile is not heard."""
    sys.stdout.flush()
    for _ in range(8):
        os.write(1, b"y" * (1 << 20))
    os.write(1, b"\n")


def errors(processor):
    """10 MB of standard error, in lines, and one of a megabyte."""
    for _ in range(9):
        os.write(2, (b"e" * 99 + b"\n") * (10_000))
    os.write(2, b"z" * (1 << 20) + b"\n")


def close_output(processor):
    os.close(1)
    hang(processor)


def close_input(processor):
    """Goes on as long as nothing is asked of its input."""
    os.close(0)


def fork_and_leave(processor):
    """Another process stays, with the pipes."""
    child = os.fork()
    if child == 0:
        processor.note("forked")
        hang(processor)
    os._exit(0)


DEEDS = {
    "exit": lambda processor: os._exit(3), "leave": lambda processor: os._exit(0),
    "kill": lambda processor: os.kill(os.getpid(), signal.SIGKILL), "hang": hang, "noise": noise, "wrong": wrong,
    "endless": endless, "errors": errors, "closeOutput": close_output, "closeInput": close_input, "fork": fork_and_leave}

if __name__ == "__main__":
    Processor(sys.argv[1], sys.argv[2:]).run()
