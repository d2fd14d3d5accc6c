"""TLS beside nginx: full handshakes, and bytes of a large response.

Both servers have one thread, the same certificate (P-256), and what h2load offers: HTTP/1.1, and one cipher and group of
TLS 1.3; what was negotiated is looked at. No session is resumed: h2load keeps none, where wrk would, and each server sends the
two tickets that are OpenSSL's default. The large response is the sidecar's contract (96 KB, six records of TLS), which it sends
from memory as it is; nginx sends a file with the same bytes from the page cache.

The target is of what a server does in a second of its own processor time. By the clock it is the client that is measured: a
handshake costs h2load more than either server, and more so on two cores.
"""

import re
import statistics
import subprocess
import time

from harness.certificates import Authority

from . import ROOT, ROUNDS, SECONDS
from .http_load import Nginx
from .puts import thread_nanoseconds

# Below the usual limit of a process's open files.
CONNECTIONS = 500
OFFER = ["--tls13-ciphers=TLS_AES_128_GCM_SHA256", "--groups=X25519"]
NEGOTIATED = ["TLS Protocol: TLSv1.3", "Cipher: TLS_AES_128_GCM_SHA256", "Server Temp Key: X25519 253 bits"]


def tls(bench):
    print(f"TLS: a request on each of {CONNECTIONS} connections; a large response over 8 that are kept")
    folder = bench.folder / "tls"
    folder.mkdir()
    pair = Authority(folder).sign("server", "DNS:localhost")
    (folder / "contract").write_bytes((ROOT / "openapi.yaml").read_bytes())
    nginx = Nginx(folder, pair)
    sidecar = bench.sidecars.start("--tls-certificate", pair[0], "--tls-key", pair[1])
    ours, theirs = f"https://127.0.0.1:{sidecar.ports['http']}/", nginx.tls_url
    try:
        for what, unit, load, our_path, their_path in (
                ("full handshakes", "handshakes/s", handshakes, "livez", ""),
                ("bytes of a large response", "MB/s", large_responses, "openapi.yaml", "files/contract")):
            rounds = [
                (measured(sidecar.process.pid, load, ours + our_path), measured(nginx.worker, load, theirs + their_path))
                for _ in range(ROUNDS)]
            (mine, by_clock), (other, other_by_clock) = (
                map(statistics.median, zip(*(both[server] for both in rounds))) for server in (0, 1))
            print(f"    {mine:,.0f} and {other:,.0f} {unit} of processor time, {by_clock:,.0f} and {other_by_clock:,.0f} by "
                  "the clock")
            bench.table.add(f"TLS, {what}, processor time, to nginx", mine / other, "×", 0.9)
            bench.table.add(f"TLS, {what}, by the clock, to nginx", by_clock / other_by_clock, "×")
    finally:
        nginx.close()
        sidecar.close()


def measured(server, load, url):
    """What the load counts, for each second that the server's thread was on a processor, and for each of the clock."""
    before, started, count, seconds = thread_nanoseconds(server), time.monotonic(), 0, 0
    while time.monotonic() < started + SECONDS:
        more, took = load(url)
        count, seconds = count + more, seconds + took
    return count / (thread_nanoseconds(server) - before) * 1e9, count / seconds


def handshakes(url):
    """How many, and the seconds that they took."""
    told, seconds = h2load(url, f"-c{CONNECTIONS}", f"-n{CONNECTIONS}")
    assert f"{CONNECTIONS} succeeded" in told, told
    return CONNECTIONS, seconds


def large_responses(url):
    """Their bodies in MB, and the seconds that they took."""
    told, seconds = h2load(url, "-c8", "-D", str(SECONDS))
    return int(re.search(r"\((\d+)\) data$", told, re.MULTILINE)[1]) / 1e6, seconds


def h2load(url, *arguments):
    told = subprocess.check_output(["h2load", "--h1", *OFFER, *arguments, url], text=True, stderr=subprocess.STDOUT)
    assert " 0 failed, 0 errored" in told and " 0 4xx, 0 5xx" in told, told
    assert all(line in told.splitlines() for line in NEGOTIATED), told
    done, rate = (float(re.search(rf"([\d.]+) {what}", told)[1]) for what in ("done", "req/s"))
    return told, done / rate
