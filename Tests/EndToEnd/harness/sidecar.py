"""The program as a process: on ports that the kernel chose, with an environment of its own."""

import json
import os
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config

from .sse import CurlReader, SocketReader
from .waiting import eventually

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = Path(os.environ.get("KINESIS_SIDECAR", ROOT / ".build/release/kinesis-sidecar"))


class Answer:
    """Status, headers and body of a request, JSON parsed where it is JSON."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:500]!r}>"


def fetch(url, method="GET", body=None, headers=None, timeout=40):
    """One request; an error status is an answer, not an exception. Never through a proxy."""
    if isinstance(body, (dict, list)):
        body = json.dumps(body)
    if isinstance(body, str):
        body = body.encode()
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout) as response:
            return Answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


def clean_environment(home, extra=None):
    """Nothing of the caller's AWS settings, proxies or KINESIS_SIDECAR_ variables."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}
    environment.update(extra or {})
    return environment


def run_program(*arguments, env=None, home="/nonexistent", timeout=20):
    """Runs the program to its end: for what is refused at start."""
    return subprocess.run(
        [str(PROGRAM), *map(str, arguments)], env=clean_environment(home, env), capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=timeout)


def boto3_kinesis(endpoint, key="local", secret="local", **config):
    config.setdefault("retries", {"total_max_attempts": 1})
    return boto3.client(
        "kinesis", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=key,
        aws_secret_access_key=secret, config=Config(**config))


class Sidecar:
    """One process. `restart` starts another with the same arguments; ports are chosen anew, unless `keep_port`."""

    def __init__(self, arguments, env, folder):
        self.arguments = [str(argument) for argument in arguments]
        self.env = env
        self.folder = Path(folder)
        self.process = None
        self.readers = []
        self.starts = 0
        self.listen = "127.0.0.1:0"
        # What runs the program, such as strace. Signals go to this process: it is to become the program.
        self.wrapper = []

    def start(self, within=20.0):
        self.starts += 1
        port_file = self.folder / f"ports-{self.starts}.json"
        self.log_path = self.folder / f"stderr-{self.starts}.log"
        self.out_path = self.folder / f"stdout-{self.starts}.log"
        command = [*self.wrapper, str(PROGRAM), "--listen", self.listen, "--port-file", str(port_file), *self.arguments]
        with open(self.log_path, "wb") as log, open(self.out_path, "wb") as out:
            self.process = subprocess.Popen(
                command, env=clean_environment(self.folder, self.env), stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                cwd=self.folder)

        def ports():
            if self.process.poll() is not None:
                raise RuntimeError(f"the program ended with {self.process.returncode}:\n{self.log}")
            return json.loads(port_file.read_text()) if port_file.exists() else None

        self.ports = eventually(ports, within, why="port file")
        return self

    def keep_port(self):
        """Clients find the next start where this one is: it listens on the port that the kernel chose for this one."""
        self.listen = f"127.0.0.1:{self.ports['http']}"

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.ports['http']}"

    @property
    def kinesis_url(self):
        """The embedded Kinesis."""
        return f"http://127.0.0.1:{self.ports['kinesis']}"

    def boto3(self, **config):
        """A client of the embedded Kinesis, which tries nothing again unless `config` says so."""
        return boto3_kinesis(self.kinesis_url, **config)

    def get(self, path, **more):
        return fetch(self.url + path, **more)

    def post(self, path, body, **more):
        return fetch(self.url + path, method="POST", body=body, **more)

    def put(self, stream, data, **fields):
        """One record, which must be taken; returns the answer's JSON."""
        answer = self.post(f"/streams/{stream}/put", {"data": data, **fields})
        assert answer.status == 200, answer
        return answer.json

    def metric(self, name):
        """The value of a metric without labels."""
        for row in self.get("/metrics").body.decode().splitlines():
            if row.startswith(name + " "):
                return float(row.split()[1])
        raise AssertionError(f"no {name}")

    def fault(self, kind, **fields):
        """Orders a fault of the embedded Kinesis (Sources/LocalKinesis/Model/FaultPlan.swift)."""
        answer = fetch(self.kinesis_url + "/_faults", "POST", {"kind": kind, **fields})
        assert answer.status == 200, answer

    def subscriptions(self):
        """Those that the embedded Kinesis sends events to: stream, consumer, shardId of each."""
        return fetch(self.kinesis_url + "/_subscriptions").json["subscriptions"]

    def follow(self, stream, query="", headers=()):
        """`curl -N` on the stream's records, once the response head is there."""
        reader = CurlReader(f"{self.url}/streams/{stream}/records{'?' + query if query else ''}", headers)
        self.readers.append(reader)
        return reader.wait_open()

    def follow_by_socket(self, stream, query="", headers=(), receive_buffer=None):
        """A reader that reads nothing until `read_all()`."""
        url = f"{self.url}/streams/{stream}/records?{query}"
        reader = SocketReader(url, headers, receive_buffer)
        self.readers.append(reader)
        return reader

    def resident_kilobytes(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise AssertionError("no VmRSS")

    def cpu_seconds(self):
        """What the process has taken so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def terminate(self, within=30.0):
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within)

    def kill(self):
        """SIGKILL, as a crash or the kernel would."""
        self.process.kill()
        self.process.wait(10)

    def restart(self):
        if self.process.poll() is None:
            assert self.terminate() == 0, self.log
        return self.start()

    def close(self):
        """Ends readers and process; the program must not have crashed by itself."""
        for reader in self.readers:
            reader.close()
        code = self.process.poll()
        self.kill()
        assert code in (None, 0, -signal.SIGKILL), f"the program ended with {code}:\n{self.log}"
        for word in ("Fatal error", "Crash:", "Swift runtime failure"):
            assert word not in self.log, self.log


class Sidecars:
    """Starts sidecars in folders of their own and ends them all."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.started = []

    def start(self, *arguments, local=True, env=None, data_dir=None, wrapper=()):
        """A sidecar with the embedded Kinesis (or, with local=False, without), listening on ports of its own.

        Without `data_dir` everything is in memory.
        """
        arguments = list(arguments)
        if local:
            arguments += ["--local", "--local-port", "0"]
        if data_dir is not None:
            arguments += ["--data-dir", str(data_dir)]
        folder = tempfile.mkdtemp(dir=self.folder, prefix="sidecar-")
        sidecar = Sidecar(arguments, env or {}, folder)
        sidecar.wrapper = wrapper
        self.started.append(sidecar)
        return sidecar.start()

    def start_against(self, kinesis_url, *arguments, data_dir=None, env=None, wrapper=()):
        """A sidecar alone whose Kinesis is another process: an embedded one, or moto."""
        variables = {
            "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "us-east-1",
            "NO_PROXY": "127.0.0.1"}
        return self.start(
            "--endpoint", kinesis_url, "--dynamodb", "off", *arguments, local=False, data_dir=data_dir,
            env={**variables, **(env or {})}, wrapper=wrapper)

    def close(self):
        for sidecar in self.started:
            sidecar.close()
