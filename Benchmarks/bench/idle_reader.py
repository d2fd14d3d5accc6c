"""The same as `idle_processor.py` over HTTP: follows a stream by server-sent events, and parses them.
`idle_reader.py FOLDER PORT PATH`."""

import http.client
import json
import os
import sys
import time


def main(folder, port, path):
    connection = http.client.HTTPConnection("127.0.0.1", int(port))
    connection.request("GET", path)
    response = connection.getresponse()
    count = 0
    with open(os.path.join(folder, str(os.getpid())), "w") as file:
        for line in response:
            if line.startswith(b"data: "):
                event = json.loads(line[6:])
                if "records" in event:
                    count += len(event["records"])
                    file.write(f"{count} {time.time()}\n")
                    file.flush()


main(*sys.argv[1:])
