"""Stands between the sidecar and a record processor that writes nothing down, and does that for it.

    recorder.py FOLDER [at=WHAT:FIRST[-LAST]:DEED]… -- COMMAND…

Passes every line on, unchanged, and notes each as `processor.py` does, in the same files: so whatever COMMAND is, a test
sees what it was told, what it asked for and what it was answered. A deed is done before the line is passed on.
"""

import json
import os
import subprocess
import sys
import threading

from processor import Processor, seen


class Recorder(Processor):
    def __init__(self, folder, arguments, command):
        super().__init__(folder, arguments)
        self.command = command

    def run(self):
        self.file = self.folder / "start.jsonl"
        self.meet("start")
        self.child = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        threading.Thread(target=self.pass_input_on, daemon=True).start()
        for line in self.child.stdout:
            self.pass_on(line, sys.stdout.buffer, self.hear)
        self.note("end", status=self.child.wait())

    def pass_input_on(self):
        for line in sys.stdin.buffer:
            self.pass_on(line, self.child.stdin, self.tell)
        self.child.stdin.close()

    def pass_on(self, line, output, look):
        try:
            look(json.loads(line))
        except ValueError:
            pass  # whatever it prints beside its messages
        try:
            output.write(line)
            output.flush()
        except BrokenPipeError:
            pass  # its reader has gone, which its end says

    def tell(self, message):
        action = message.pop("action")
        if action == "initialize":
            self.begin(message["shardId"])
        if action == "processRecords":
            message["records"] = [seen(record) for record in message["records"]]
        self.meet("checkpointed" if action == "checkpoint" else action, **message)

    def hear(self, message):
        if isinstance(message, dict) and message.get("action") == "checkpoint":
            self.meet("checkpoint", **{key: value for key, value in message.items() if key != "action"})


if __name__ == "__main__":
    place = sys.argv.index("--")
    Recorder(sys.argv[1], sys.argv[2:place], sys.argv[place + 1:]).run()
    sys.stdout.flush()
    os._exit(0)
