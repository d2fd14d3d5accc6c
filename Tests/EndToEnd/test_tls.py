"""HTTP over TLS: curl, Python's ssl and openssl's s_client against the built program."""

import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess

import pytest

from harness.certificates import Authority
from harness.sidecar import run_program
from harness.sse import CurlReader
from harness.waiting import eventually


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def pair(authority):
    return authority.sign("server", "DNS:localhost,IP:127.0.0.1")


def secure(sidecars, pair, *arguments, **more):
    certificate, key = pair
    return sidecars.start("--tls-certificate", certificate, "--tls-key", key, *arguments, **more)


def curl(sidecar, authority, path, *arguments, body=None):
    url = f"https://127.0.0.1:{sidecar.ports['http']}{path}"
    command = ["curl", "-sS", "--noproxy", "*", "--cacert", authority.certificate, "-w", "\n%{http_version} %{http_code}",
               *arguments, url]
    return subprocess.run([str(part) for part in command], input=body, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_curl_puts_and_follows(sidecars, authority, pair, version, tls):
    sidecar = secure(sidecars, pair)
    expected = "1.1 200" if version == "--http1.1" else "2 200"
    put = curl(sidecar, authority, "/streams/s/put", version, "--tls-max", tls, "-d", '{"data": {"n": 1}}')
    assert put.stdout.endswith(expected), put
    reader = CurlReader(
        f"https://127.0.0.1:{sidecar.ports['http']}/streams/s/records?initialPositionInStream=TRIM_HORIZON&pollDelay=20",
        options=["--cacert", str(authority.certificate), version, "--tls-max", tls])
    sidecar.readers.append(reader)
    # Many records, and some that are larger than a record of TLS.
    records = [{"data": {"n": n, "fill": "x" * (50_000 if n % 20 == 0 else 100)}, "partitionKey": str(n)}
               for n in range(2, 202)]
    big = curl(sidecar, authority, "/streams/s/put", version, "-d", "@-", body=json.dumps({"records": records}))
    assert big.stdout.endswith(expected), big.stderr
    reader.wait_records(201)
    assert sorted(record["data"]["n"] for record in reader.records) == list(range(1, 202))


@pytest.mark.parametrize("says_end", [True, False])
@pytest.mark.parametrize("tls", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_what_a_client_got_that_ends_without_close_notify_comes_again(sidecars, authority, pair, tls, says_end):
    """A process that is killed sends a FIN, and so may anybody on the way."""
    sidecar = secure(sidecars, pair)
    put = curl(sidecar, authority, "/streams/s/put", "-d", '{"data": {"n": 1}}')
    assert put.stdout.endswith(" 200"), put.stderr
    path = "/streams/s/records?initialPositionInStream=TRIM_HORIZON&pollDelay=20&noRecordsPollDelay=250"
    context = ssl.create_default_context(cafile=authority.certificate)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.maximum_version = tls
    client = context.wrap_socket(
        socket.create_connection(("127.0.0.1", sidecar.ports["http"]), timeout=20), server_hostname="localhost")
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    received = b""
    while b'"n":1' not in received:
        received += client.recv(1 << 16)
    if says_end:
        # What the server sends meanwhile is no answer to it.
        with contextlib.suppress(ssl.SSLError):
            client.unwrap()
    # Python's own close says nothing either.
    client.close()
    eventually(lambda: "reader detached" in sidecar.log, 20, why="the reader's end is seen")
    assert ("orderly" if says_end else "lost") in next(
        line for line in sidecar.log.splitlines() if "reader detached" in line)
    again = CurlReader(
        f"https://127.0.0.1:{sidecar.ports['http']}{path}", options=["--cacert", str(authority.certificate)])
    sidecar.readers.append(again)
    curl(sidecar, authority, "/streams/s/put", "-d", '{"data": {"n": 2}}')
    again.wait_records(1 if says_end else 2)
    assert [record["data"]["n"] for record in again.records] == ([2] if says_end else [1, 2])


@pytest.mark.parametrize("mode, warnings", [(0o644, 1), (0o600, 0)])
def test_a_key_that_everybody_may_read_is_one_warning(sidecars, pair, tmp_path, mode, warnings):
    key = tmp_path / "tls.key"
    shutil.copy(pair[1], key)
    os.chmod(key, mode)
    sidecar = secure(sidecars, (pair[0], key))
    assert sidecar.log.count("everybody on this host may read the private key") == warnings


def test_a_plain_request_is_told_that_tls_is_spoken(sidecars, pair):
    sidecar = secure(sidecars, pair)
    answer = sidecar.get("/livez")
    assert answer.status == 400 and answer.json["code"] == "tlsRequired"


def test_clients_must_show_a_certificate_where_authorities_are_named(sidecars, authority, pair, tmp_path):
    sidecar = secure(sidecars, pair, "--tls-client-ca", authority.certificate)
    certificate, key = authority.sign("client", "DNS:orders.example,URI:spiffe://example/orders")
    with_one = curl(sidecar, authority, "/livez", "--cert", certificate, "--key", key)
    assert with_one.stdout.endswith(" 200"), with_one.stderr
    without = curl(sidecar, authority, "/livez")
    assert without.returncode != 0
    other = Authority(tmp_path, "other")
    certificate, key = other.sign("stranger", "DNS:orders.example")
    assert curl(sidecar, authority, "/livez", "--cert", certificate, "--key", key).returncode != 0


@pytest.mark.seconds(90)
def test_new_files_are_taken_and_a_pair_that_does_not_match_is_not(sidecars, authority, pair, tmp_path):
    served = tmp_path / "served"
    # As Kubernetes does it: the files are links through a link that is swapped.
    for name, (certificate, key) in {"first": pair, "second": authority.sign("second", "DNS:localhost,IP:127.0.0.1")}.items():
        (tmp_path / name).mkdir()
        shutil.copy(certificate, tmp_path / name / "tls.crt")
        shutil.copy(key, tmp_path / name / "tls.key")
    (tmp_path / "broken").mkdir()
    shutil.copy(tmp_path / "first/tls.crt", tmp_path / "broken/tls.crt")
    shutil.copy(tmp_path / "second/tls.key", tmp_path / "broken/tls.key")

    def point(name):
        os.symlink(tmp_path / name, tmp_path / "next")
        os.replace(tmp_path / "next", served)

    point("first")
    sidecar = secure(sidecars, (served / "tls.crt", served / "tls.key"))
    assert serial(sidecar) == serial_of(tmp_path / "first/tls.crt")
    os.chmod(tmp_path / "second/tls.key", 0o644)
    point("broken")
    eventually(lambda: "does not belong to the certificate" in sidecar.log, 20, why="the warning")
    assert serial(sidecar) == serial_of(tmp_path / "first/tls.crt")
    point("second")
    eventually(lambda: serial(sidecar) == serial_of(tmp_path / "second/tls.crt"), 20, why="the new certificate")


def serial(sidecar):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", sidecar.ports["http"]), timeout=10) as plain:
        with context.wrap_socket(plain) as secured:
            der = secured.getpeercert(binary_form=True)
    return der


def serial_of(path):
    return ssl.PEM_cert_to_DER_cert(path.read_text())


def test_sessions_are_resumed_and_the_old_protocols_refused(sidecars, authority, pair, tmp_path):
    sidecar = secure(sidecars, pair)
    session = tmp_path / "session"

    def client(*arguments):
        return subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{sidecar.ports['http']}", "-CAfile", authority.certificate,
             *map(str, arguments)], input=b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            capture_output=True, timeout=20)

    first = client("-ign_eof", "-sess_out", session)
    assert b"200 OK" in first.stdout and b"New, TLSv1.3" in first.stdout, first.stdout
    assert b"Reused, TLSv1.3" in client("-ign_eof", "-sess_in", session).stdout
    assert client("-tls1_1").returncode != 0


def test_who_never_says_hello_is_let_go_and_holds_nobody_up(sidecars, authority, pair):
    sidecar = secure(sidecars, pair)
    silent = [socket.create_connection(("127.0.0.1", sidecar.ports["http"])) for _ in range(50)]
    for connection in silent[25:]:
        connection.sendall(b"\x16\x03\x01\x02\x00")  # a record that never comes
    assert curl(sidecar, authority, "/livez").stdout.endswith(" 200")
    for connection in silent:
        connection.settimeout(20)
    assert [connection.recv(1) for connection in silent] == [b""] * 50


def test_wrong_files_are_named_at_the_start_and_by_check_config(authority, pair, tmp_path):
    certificate, key = pair
    _, other = authority.sign("other", "DNS:localhost")
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("nothing")
    for arguments, words in [
            (["--tls-certificate", certificate], "TLS needs both tls.certificateFile and tls.keyFile"),
            (["--tls-certificate", certificate, "--tls-key", tmp_path / "missing"], "cannot be read"),
            (["--tls-certificate", nothing, "--tls-key", key], "no certificate in PEM"),
            (["--tls-certificate", certificate, "--tls-key", other], "does not belong to the certificate"),
            (["--tls-certificate", certificate, "--tls-key", key, "--tls-client-ca", tmp_path / "missing"], "cannot be read"),
            (["--tls-certificate", certificate, "--tls-key", key, "--tls-client-ca", nothing],
             f"tls.clientCAFile {nothing}: no certificates of client authorities in PEM"),
            (["--tls-client-ca", certificate], "needs tls.certificateFile and tls.keyFile")]:
        ended = run_program("--local", "--local-port", 0, "--listen", "127.0.0.1:0", *arguments, home=tmp_path)
        assert ended.returncode != 0 and words in ended.stderr, ended
        checked = run_program("--local", "--check-config", *arguments, home=tmp_path)
        assert (checked.returncode, checked.stdout) == (ended.returncode, ""), checked
        assert words in checked.stderr and ended.stderr.endswith(checked.stderr), checked
    checked = run_program(
        "--local", "--check-config", "--tls-certificate", certificate, "--tls-key", key, "--tls-client-ca", certificate,
        home=tmp_path)
    assert checked.returncode == 0 and f"tls.keyFile: {key}" in checked.stdout, checked
