"""moto's server as a process: somebody else's idea of Kinesis."""

import os
import subprocess
import sys
import urllib.request

from .waiting import eventually

# The server of moto.server, on a port that the kernel chose, which it prints.
_SERVER = """
from werkzeug.serving import make_server
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
print(server.port, flush=True)
server.serve_forever()
"""


class MotoServer:
    def __init__(self, folder):
        self._log = open(os.path.join(folder, "moto.log"), "wb")
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SERVER], stdout=subprocess.PIPE, stderr=self._log, stdin=subprocess.DEVNULL)
        port = int(self.process.stdout.readline())
        self.url = f"http://127.0.0.1:{port}"
        eventually(self._answers, 30, why="moto answers")

    def _answers(self):
        try:
            with urllib.request.urlopen(self.url + "/moto-api/", timeout=5) as response:
                return response.status == 200
        except OSError:
            return False

    def close(self):
        self.process.kill()
        self.process.wait(10)
        self.process.stdout.close()
        self._log.close()
