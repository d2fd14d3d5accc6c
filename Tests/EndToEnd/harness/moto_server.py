"""moto's server as a process: somebody else's idea of Kinesis."""

import os
import subprocess
import sys
import urllib.request

from .waiting import eventually

# moto's application on a port that the kernel chose, which it prints. One request at a time: moto takes a sequence
# number and uses it in two steps, so that of two PutRecords at once one overwrites records of the other.
_SERVER = """
import threading
from werkzeug.serving import make_server
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
moto = DomainDispatcherApplication(create_backend_app)
turn = threading.Lock()
def one_at_a_time(environ, start_response):
    with turn:
        return list(moto(environ, start_response))
server = make_server("127.0.0.1", 0, one_at_a_time, threaded=True)
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
