"""Requests a second under wrk, ours and nginx's by turns."""

import re
import shutil
import socket
import statistics
import subprocess
from pathlib import Path

from harness.sidecar import fetch
from harness.waiting import eventually

from . import RELEASE, ROUNDS, SECONDS


class Nginx:
    """One worker that answers every request with 200, on ports that were free a moment ago."""

    def __init__(self, folder, pair=None):
        """`pair`: files of a certificate and its key, for TLS, over which `/files/` is what lies in the folder."""
        port, http2_port, tls_port = free_ports(3)
        (folder / "nginx.conf").write_text(f"""
            daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr error;
            events {{ worker_connections 2048; }}
            http {{
                access_log off; keepalive_requests 100000000; client_body_temp_path {folder}/body;
                proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
                scgi_temp_path {folder}/scgi;
                server {{ listen 127.0.0.1:{port}; location / {{ return 200; }} }}
                server {{ listen 127.0.0.1:{http2_port} http2; location / {{ return 200; }} }}
                {tls_server(folder, tls_port, *pair) if pair else ""}
            }}""")
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        self.process = subprocess.Popen(
            [nginx, "-p", folder, "-c", folder / "nginx.conf"], stderr=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{port}/"
        self.http2_url = f"http://127.0.0.1:{http2_port}/"
        self.tls_url = f"https://127.0.0.1:{tls_port}/"
        eventually(self._answers, 10, why="nginx answers")

    @property
    def worker(self):
        """Its process identifier."""
        master = self.process.pid
        return int(Path(f"/proc/{master}/task/{master}/children").read_text().split()[0])

    def _answers(self):
        try:
            return fetch(self.url).status == 200
        except OSError:
            return False

    def close(self):
        self.process.terminate()
        self.process.wait(10)


def tls_server(folder, port, certificate, key):
    # A file in pieces as large as a record of TLS can be, from a descriptor that stays open; connections wait where they
    # come all at once.
    return f"""server {{
        listen 127.0.0.1:{port} ssl backlog=4096; ssl_certificate {certificate}; ssl_certificate_key {key};
        open_file_cache max=10; output_buffers 4 64k;
        location / {{ return 200; }}
        location /files/ {{ alias {folder}/; }}
    }}"""


def free_ports(count):
    opened = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in opened]
    for each in opened:
        each.close()
    return ports


class BenchServer:
    """The server alone (Benchmarks/bench-server): every request is answered with 200."""

    def __init__(self):
        self.process = subprocess.Popen([RELEASE / "bench-server", "0"], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])
        self.url = f"http://127.0.0.1:{self.port}/"

    def close(self):
        self.process.kill()
        self.process.wait(10)


def compare(ours, theirs, connections, our_script, their_script):
    return by_turns(
        lambda: wrk(ours, connections, our_script), lambda: wrk(theirs, connections, their_script))


def by_turns(our_rate, their_rate):
    """The ratio of medians over rounds that take turns, so that what else the machine does hits both."""
    rates = [(our_rate(), their_rate()) for _ in range(ROUNDS)]
    mine, other = (statistics.median(column) for column in zip(*rates))
    print(f"    {mine:,.0f} and {other:,.0f} requests/s")
    return mine / other


def h2load(url, streams, body, *fields, failing=0):
    """Requests a second over 32 connections of HTTP/2 with so many streams each, all answered with 2xx, but for a share of
    them that may fail."""
    headers = [argument for field in fields for argument in ("-H", field)]
    out = subprocess.check_output(
        ["h2load", "-c32", f"-m{streams}", "-D", str(SECONDS), *headers, "-d", body, url], text=True, stderr=subprocess.STDOUT)
    done, failed = (int(re.search(rf"(\d+) {what},", out)[1]) for what in ("done", "failed"))
    assert failed <= done * failing and " 0 4xx, 0 5xx" in out, out
    finished = next(line for line in out.splitlines() if line.startswith("finished in"))
    return float(finished.split(",")[1].split()[0])


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


def server_alone(bench):
    print("the server alone: POST of 1 KB, keep-alive")
    script = post_script(bench.folder, "post.lua", "x" * 1024)
    server = BenchServer()
    try:
        for connections in (32, 256):
            ratio = compare(server.url, bench.nginx.url, connections, script, script)
            bench.table.add(f"server alone, {connections} connections, to nginx", ratio, "×", 1.0)
    finally:
        server.close()


def http2(bench):
    print("the server alone over HTTP/2: POST of 1 KB, 32 connections")
    body = bench.folder / "post-body"
    body.write_text("x" * 1024)
    server = BenchServer()
    try:
        for streams in (1, 16):
            ratio = by_turns(
                lambda: h2load(server.url, streams, body),
                # Under h2load 1.70 about 1 in 1,000 requests to nginx 1.30 fails; why was not looked for.
                lambda: h2load(bench.nginx.http2_url, streams, body, failing=0.01))
            bench.table.add(f"HTTP/2, {streams} streams a connection, to nginx", ratio, "×", 1.0)
    finally:
        server.close()
