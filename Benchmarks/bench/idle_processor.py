"""What a record processor does that does nothing: parses what it is told, and answers. `idle_processor.py FOLDER [ACTION]…`
writes after each batch into a file of the process how many records it has been told, and when. It checkpoints at these actions.
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
