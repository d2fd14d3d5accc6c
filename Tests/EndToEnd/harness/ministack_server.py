"""ministack's server as a process: somebody else's idea of DynamoDB, whose writes are atomic."""

import os
import socket
import subprocess
import urllib.request

from .sidecar import ROOT
from .waiting import eventually

PROGRAM = ROOT / ".venv/ministack/bin/ministack"


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class MinistackServer:
    def __init__(self, folder):
        self._log = open(os.path.join(folder, "ministack.log"), "wb")
        self._folder = folder
        # It cannot be told to let the kernel choose, so that another process may take the port meanwhile.
        for _ in range(3):
            self._start(_free_port())
            if eventually(lambda: self._ended() or self._answers(), 60, why="ministack answers") and not self._ended():
                return
        raise RuntimeError(f"ministack does not start: {self._log.name}")

    def _start(self, port):
        environment = {
            **os.environ, "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "SERVICES": "dynamodb",
            "HOME": str(self._folder)}
        self.process = subprocess.Popen(
            [PROGRAM], stdout=self._log, stderr=self._log, stdin=subprocess.DEVNULL, env=environment, cwd=self._folder)
        self.url = f"http://127.0.0.1:{port}"

    def _ended(self):
        return self.process.poll() is not None

    def _answers(self):
        try:
            with urllib.request.urlopen(self.url + "/_ministack/health", timeout=5) as response:
                return response.status == 200
        except OSError:
            return False

    def close(self):
        self.process.kill()
        self.process.wait(10)
        self._log.close()
