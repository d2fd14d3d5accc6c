"""A record processor that does nothing but parse what it is told, and answer: `idle_processor.py FOLDER [ACTION]…`.

After each batch it writes into a file of the process how many records it has been told, and when. It checkpoints at the
actions that are named.
"""

import json
import os
import sys
import time


def main(folder, *checkpoints):
    count = 0
    with open(os.path.join(folder, str(os.getpid())), "w") as file:
        for line in sys.stdin.buffer:
            message = json.loads(line)
            action = message["action"]
            if action == "processRecords":
                count += len(message["records"])
            if action in checkpoints:
                write({"action": "checkpoint", "sequenceNumber": None, "subSequenceNumber": None})
                sys.stdin.buffer.readline()
            if action == "processRecords":
                file.write(f"{count} {time.time()}\n")
                file.flush()
            write({"action": "status", "responseFor": action})


def write(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


main(*sys.argv[1:])
