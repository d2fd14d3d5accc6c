"""A running example, as a supervisor sees it: a process that is started, killed and asked to stop."""

import os
import signal
import subprocess


class Example:
    def __init__(self, command, url, folder, stream="orders"):
        self.command = command
        self.folder = folder
        self.environment = {
            **os.environ, "KINESIS_SIDECAR_URL": url, "STREAM": stream, "CONSUMER_GROUP": "billing",
            "HOME": str(folder)}
        self.starts = 0
        self.process = None

    def start(self):
        self.starts += 1
        self.errors = self.folder / f"example-{self.starts}.stderr"
        with open(self.errors, "wb") as errors, open(self.folder / f"example-{self.starts}.stdout", "wb") as out:
            # A group of its own, so that what a shell has started ends with it at a kill.
            self.process = subprocess.Popen(
                self.command, env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out,
                stderr=errors, start_new_session=True)
        return self

    def signal_all(self, number):
        os.killpg(self.process.pid, number)

    def kill(self):
        """SIGKILL, as a crash or the kernel would."""
        self.signal_all(signal.SIGKILL)
        self.process.wait(10)

    def terminate(self, within):
        """SIGTERM to the process alone, as a container's supervisor sends it; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within)

    def is_running(self):
        assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.said}"
        return True

    @property
    def said(self):
        """What it wrote to standard error."""
        return self.errors.read_text(errors="replace")[-3000:]

    def close(self):
        try:
            self.signal_all(signal.SIGKILL)
        except ProcessLookupError:
            pass
        if self.process:
            self.process.wait(10)
