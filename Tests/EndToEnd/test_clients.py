"""Client libraries, used as docs/clients.md says: each gets every record, through restarts, a kill and refusals."""

import hashlib
import json
import os
import re
import subprocess
import sys
import threading

import pytest

from harness.cutting_proxy import CuttingProxy
from harness.records import make_stream
from harness.sidecar import ROOT
from harness.waiting import eventually

# What the blocks of the page stand behind: each record leaves as a line of its number and its text's hash.
PRELUDES = {
    "python": """
import hashlib, json, sys
url = sys.argv[1]
def work(records):
    for record in records:
        text = record["data"]["text"].encode()
        print(record["data"]["n"], hashlib.sha256(text).hexdigest(), flush=True)
""",
    "grpcio": """
import hashlib, json, sys, urllib.parse
parts = urllib.parse.urlsplit(sys.argv[1])
target, options = parts.netloc, dict(urllib.parse.parse_qsl(parts.query), useAutoCheckpoints="false")
group = options.pop("consumerGroup")
def work(records):
    for record in records:
        data = json.loads(record.data)
        print(data["n"], hashlib.sha256(data["text"].encode()).hexdigest(), flush=True)
""",
    "js": """
const url = process.argv[2]
const hash = text => require('crypto').createHash('sha256').update(text).digest('hex')
const work = records => {
    for (const { data } of records) process.stdout.write(`${data.n} ${hash(data.text)}\\n`)
}
""",
}


def blocks_of_the_page():
    """Title, language and code of each section of the page that says that it is tested."""
    page = (ROOT / "docs/clients.md").read_text()
    for section in re.split(r"^### ", page, flags=re.MULTILINE)[1:]:
        title, _, text = section.partition("\n")
        if text.lstrip().startswith("Tested"):
            language, code = re.search(r"```(\w+)\n(.*?)```", text, re.DOTALL).groups()
            yield title, language, code


def runs():
    """Name, language, code and arguments of the interpreter."""
    for title, language, code in blocks_of_the_page():
        if title == "EventSource":
            yield "npm-eventsource", language, code, ()
            yield "undici-eventsource", language, code, ("--experimental-eventsource",)
        else:
            yield re.sub(r"\W+", "-", title), language, code, ()


class Client:
    """A block of the page as a process, and what it has worked off."""

    def __init__(self, folder, url, name, language, code, arguments):
        self.name = name
        script = folder / f"{name}.{ {'python': 'py', 'js': 'cjs'}[language] }"
        script.write_text(PRELUDES.get(name, PRELUDES[language]) + code)
        interpreter = sys.executable if language == "python" else "node"
        self.errors = folder / f"{name}.stderr"
        self.seen = {}
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                [interpreter, *arguments, script, f"{url}&consumerGroup={name}"], stdout=subprocess.PIPE, stderr=errors,
                stdin=subprocess.DEVNULL, text=True, env={**os.environ, "NODE_PATH": "/usr/share/nodejs"})
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            number, text = line.split()
            self.seen[int(number)] = text

    def wait(self, records):
        def has_all():
            assert self.process.poll() is None, f"{self.name} ended: {self.errors.read_text()[-2000:]}"
            missing = records.keys() - self.seen.keys()
            assert not missing, f"{self.name} has {len(self.seen)} of {len(records)}: {self.errors.read_text()[-2000:]}"
            return True

        eventually(has_all, 60, every=0.1, why=f"{self.name} has every record")
        assert self.seen == records, f"{self.name} has other texts"

    def close(self):
        self.process.kill()
        self.process.wait(10)
        self.thread.join(10)
        self.process.stdout.close()


def put(kinesis, numbers):
    """Records of all kinds of text, one in forty of about 250 KB; returns the hash of each number's text."""
    texts = {n: f"Ålesund {n} \u2028\u2029\u0085 😀\n" + "x" * (250_000 if n % 40 == 0 else n) for n in numbers}
    records = [
        {"Data": json.dumps({"n": n, "text": text}, ensure_ascii=False).encode(), "PartitionKey": str(n)}
        for n, text in texts.items()]
    assert kinesis.put_records(StreamName="s", Records=records)["FailedRecordCount"] == 0
    return {n: hashlib.sha256(text.encode()).hexdigest() for n, text in texts.items()}


@pytest.mark.seconds(300)
def test_every_client_of_the_page_gets_every_record(sidecars, tmp_path):
    service = sidecars.start("--local-limits", "off")
    kinesis = service.boto3()
    make_stream(kinesis, "s", 2)
    sidecar = sidecars.start_against(service.kinesis_url, data_dir=tmp_path / "data")
    proxy = CuttingProxy(sidecar.ports["http"])
    url = f"http://127.0.0.1:{proxy.port}/streams/s/records?initialPositionInStream=TRIM_HORIZON&pollDelay=20"
    clients = [Client(tmp_path, url, *run) for run in runs()]
    assert len(clients) == 9
    records = {}

    def all_get(numbers):
        records.update(put(kinesis, numbers))
        for client in clients:
            client.wait(records)

    def come_back():
        sidecar.start()
        proxy.target = sidecar.ports["http"]

    try:
        all_get(range(200))
        assert sidecar.terminate() == 0
        come_back()
        all_get(range(200, 250))
        sidecar.kill()
        come_back()
        all_get(range(250, 300))
        # For a while AWS refuses everything: what an EventSource meets must not be an end.
        sidecar.env["AWS_SECRET_ACCESS_KEY"] = "wrong"
        assert sidecar.terminate() == 0
        come_back()
        eventually(lambda: refused(sidecar) >= 2 * len(clients), 60, every=0.2, why="each was refused")
        sidecar.env["AWS_SECRET_ACCESS_KEY"] = "local"
        assert sidecar.terminate() == 0
        come_back()
        all_get(range(300, 350))
        # What does not pass by itself ends them, but for an EventSource, which only closes.
        for client in clients:
            assert sidecar.post(f"/streams/s/stop?consumerGroup={client.name}", None).status == 200
        for client in clients:
            if "eventsource" not in client.name:
                client.process.wait(20)
                assert client.name == "fetch-lines" or client.process.returncode != 0
                errors = client.errors.read_text()
                assert "409" in errors or "FAILED_PRECONDITION" in errors, client.name
    finally:
        for client in clients:
            client.close()
        proxy.close()


def refused(sidecar):
    metrics = sidecar.get("/metrics").body.decode()
    return sum(int(count) for count in re.findall(r"kinesis_sidecar_refused_readers_total\{.*\} (\d+)", metrics))
