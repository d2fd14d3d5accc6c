#!/usr/bin/env python3
"""`make bench`: figures of the design's section 11 against their targets, in one run on this machine.

Rates are medians of rounds in which the two sides take turns, so that what else the machine does hits both.
`BENCH_ROUNDS` (default 3) and `BENCH_SECONDS` (default 4, of each wrk run) make it shorter or longer.
"""

import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Tests/EndToEnd"))

from harness.records import make_stream  # noqa: E402
from harness.sidecar import PROGRAM, Sidecars, clean_environment, fetch  # noqa: E402
from harness.waiting import eventually  # noqa: E402

ROUNDS = int(os.environ.get("BENCH_ROUNDS", 3))
SECONDS = int(os.environ.get("BENCH_SECONDS", 4))
RELEASE = ROOT / ".build/release"


class Table:
    """Rows of measured, target and ratio."""

    def __init__(self):
        self.rows = []

    def add(self, what, measured, target, unit, at_least=True):
        ratio = measured / target
        met = ratio >= 1 if at_least else ratio <= 1
        bound = "≥" if at_least else "≤"
        self.rows.append((what, f"{measured:,.2f} {unit}", f"{bound} {target:,.2f} {unit}", f"{ratio:.2f}", met))
        print(f"  {what}: {measured:,.2f} {unit}", flush=True)

    def show(self):
        heads = ("what", "measured", "target", "ratio", "")
        rows = [heads] + [row[:4] + ("met" if row[4] else "MISSED",) for row in self.rows]
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        print(f"\n{machine()}\n")
        for row in rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def machine():
    model = next(
        (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    load = os.getloadavg()[0]
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}, load {load:.1f}"


def build():
    """The benchmark's own programs; the product is built by make."""
    environment = dict(os.environ, BENCH="1")
    for product in ("bench-server", "HotPath"):
        subprocess.run(
            ["swift", "build", "-c", "release", "--static-swift-stdlib", "--product", product], cwd=ROOT, check=True,
            env=environment)
    subprocess.run(["swift", "build", "-c", "release"], cwd=ROOT / "Benchmarks/Foundation", check=True)


# MARK: The hot path


def hot_path(table, folder):
    print("hot path: GetRecords answer to events, one core")
    foundation = ROOT / "Benchmarks/Foundation/.build/release/FoundationHotPath"
    for payload in (200, 1000):
        answer = folder / f"answer-{payload}.json"
        subprocess.run([RELEASE / "HotPath", "generate", answer, str(payload)], check=True)
        ours, theirs, records = [], [], []
        for _ in range(ROUNDS):
            figures = json.loads(subprocess.check_output([RELEASE / "HotPath", "measure", answer, "2"]))
            ours.append(figures["answerMBPerSecond"])
            records.append(figures["recordsPerSecond"] / 1e6)
            theirs.append(json.loads(subprocess.check_output([foundation, answer, "2"]))["answerMBPerSecond"])
        median = statistics.median
        table.add(f"hot path, {payload} B payloads", median(ours), 600, "MB/s of answer")
        if payload == 200:
            table.add("hot path, records of 200 B", median(records), 1.5, "million/s")
        table.add(f"hot path, {payload} B, to Foundation", median(ours) / median(theirs), 20, "×")


# MARK: The server


class Nginx:
    """One worker that answers every request with 200, on a port that was free a moment ago."""

    def __init__(self, folder):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        (folder / "nginx.conf").write_text(f"""
            daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr error;
            events {{ worker_connections 2048; }}
            http {{
                access_log off; keepalive_requests 100000000; client_body_temp_path {folder}/body;
                proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
                scgi_temp_path {folder}/scgi;
                server {{ listen 127.0.0.1:{port}; location / {{ return 200; }} }}
            }}""")
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        self.process = subprocess.Popen(
            [nginx, "-p", folder, "-c", folder / "nginx.conf"], stderr=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{port}/"
        eventually(self._answers, 10, why="nginx answers")

    def _answers(self):
        try:
            return fetch(self.url).status == 200
        except OSError:
            return False

    def close(self):
        self.process.terminate()
        self.process.wait(10)


class BenchServer:
    def __init__(self):
        self.process = subprocess.Popen([RELEASE / "bench-server", "0"], stdout=subprocess.PIPE, text=True)
        self.url = f"http://{self.process.stdout.readline().split()[-1]}/"

    def close(self):
        self.process.kill()
        self.process.wait(10)


def wrk(url, connections, script):
    """Requests a second that were answered with 2xx."""
    out = subprocess.check_output(
        ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "-s", script, url], text=True)
    assert "Non-2xx" not in out and "Socket errors" not in out, out
    return float(next(line.split()[1] for line in out.splitlines() if line.startswith("Requests/sec")))


def post_script(folder, name, body):
    path = folder / name
    path.write_text(
        f"wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\nwrk.body = [==[{body}]==]\n")
    return path


def server_alone(table, folder, nginx):
    print("the server alone: POST of 1 KB, keep-alive")
    script = post_script(folder, "post.lua", "x" * 1024)
    server = BenchServer()
    try:
        for connections in (32, 256):
            ratios = compare(server.url, nginx.url, connections, script, script)
            table.add(f"server alone, {connections} connections, to nginx", ratios, 1.0, "×")
    finally:
        server.close()


def compare(ours, theirs, connections, our_script, their_script):
    """The ratio of medians over rounds that take turns."""
    rates = {ours: [], theirs: []}
    for _ in range(ROUNDS):
        rates[ours].append(wrk(ours, connections, our_script))
        rates[theirs].append(wrk(theirs, connections, their_script))
    mine, other = statistics.median(rates[ours]), statistics.median(rates[theirs])
    print(f"    {mine:,.0f} and {other:,.0f} requests/s")
    return mine / other


def puts(table, folder, nginx, sidecars):
    print("POST put of 1 KB, 64 connections, the embedded Kinesis in another process")
    service = sidecars.start("--local-limits", "off")
    make_stream(service.boto3(), "puts", 4)
    sidecar = sidecars.start_against(service.kinesis_url)
    body = json.dumps({"data": {"fill": "x" * 960}, "partitionKey": "k"})
    script = post_script(folder, "put.lua", body)
    plain = post_script(folder, "plain.lua", "x" * len(body))
    ratio = compare(f"{sidecar.url}/streams/puts/put", nginx.url, 64, script, plain)
    table.add("POST put, 64 connections, to nginx", ratio, 0.4, "×")
    sidecar.close()
    service.close()


# MARK: One reader


def one_reader(table, sidecars):
    print("records from the embedded Kinesis in another process to one reader")
    service = sidecars.start("--local-limits", "off")
    make_stream(service.boto3(), "reads", 4)
    payload = json.dumps({"n": 1, "fill": "x" * 4000})
    total = 0
    # 160 MB: a second of reading at the target and half another.
    for batch in range(100):
        records = [{"data": json.loads(payload), "partitionKey": f"{batch}-{i}"} for i in range(400)]
        answer = service.post("/streams/reads/put", {"records": records}, timeout=60)
        assert answer.status == 200, answer
        total += len(payload.replace(" ", "")) * len(records)
    rates = []
    for _ in range(ROUNDS):
        sidecar = sidecars.start_against(service.kinesis_url)
        rates.append(read_through(sidecar, total))
        sidecar.close()
    service.close()
    table.add("one SSE reader", statistics.median(rates) / 1e6, 100, "MB/s of payload")


def read_through(sidecar, payload_bytes):
    """Payload bytes a second, from the request to the last byte of the stream's present end."""
    query = "initialPositionInStream=TRIM_HORIZON&pollDelay=0"
    buffer = bytearray(1 << 20)
    with socket.create_connection(("127.0.0.1", sidecar.ports["http"]), timeout=1.5) as connection:
        started = last = time.monotonic()
        connection.sendall(f"GET /streams/reads/records?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        count = 0
        try:
            while got := connection.recv_into(buffer):
                count += got
                last = time.monotonic()
        except TimeoutError:
            pass  # quiet for longer than a poll takes: everything is here
    assert count > payload_bytes, f"{count} bytes came of {payload_bytes}"
    return payload_bytes / (last - started)


# MARK: At rest


def at_rest(table, sidecars):
    print("idle memory and start")
    service = sidecars.start()
    make_stream(service.boto3(), "idle", 4)
    sidecar = sidecars.start_against(service.kinesis_url)
    reader = sidecar.follow("idle")
    for n in range(20):
        service.put("idle", {"n": n}, partitionKey=str(n))
    reader.wait_records(20)
    time.sleep(5)
    table.add("idle, one stream of 4 shards", sidecar.resident_kilobytes() / 1024, 20, "MiB resident", at_least=False)
    table.add(
        "start to listening", statistics.median(start_time(service) for _ in range(11)) * 1e3, 50, "ms",
        at_least=False)
    sidecar.close()
    service.close()


def start_time(service):
    environment = clean_environment("/nonexistent", {
        "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "us-east-1"})
    command = [PROGRAM, "--endpoint", service.kinesis_url, "--listen", "127.0.0.1:0"]
    started = time.monotonic()
    with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert b"listens on" in process.stdout.readline()
        seconds = time.monotonic() - started
        process.kill()
    return seconds


def main():
    build()
    table = Table()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chmod(folder, 0o755)  # nginx's worker gives root up
        sidecars = Sidecars(folder)
        nginx = Nginx(folder)
        try:
            at_rest(table, sidecars)
            one_reader(table, sidecars)
            puts(table, folder, nginx, sidecars)
            server_alone(table, folder, nginx)
            hot_path(table, folder)
        finally:
            nginx.close()
            sidecars.close()
    table.show()


if __name__ == "__main__":
    main()
