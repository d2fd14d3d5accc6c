"""NDJSON bodies of puts: a record a line, each line a request of its own, of any length."""

import json
import signal
import subprocess
import threading

import pytest

from harness.lines import LinesClient, NDJSON, line, put_file
from harness.records import make_stream, read_stream
from harness.sidecar import fetch
from harness.waiting import eventually

MEBIBYTE = 1 << 20


@pytest.fixture
def service(sidecars):
    """An embedded Kinesis without the service's throttles, in a process of its own."""
    return sidecars.start("--local-limits", "off")


def data_of(kinesis, stream):
    return [record["Data"].decode() for record in read_stream(kinesis, stream)]


def waiting_bytes(sidecar):
    return sidecar.metric("kinesis_sidecar_put_waiting_bytes")


@pytest.mark.seconds(120)
def test_a_file_of_any_length_is_stored_and_memory_stays_small(sidecars, service, tmp_path):
    count = 100_000
    kinesis = service.boto3()
    make_stream(kinesis, "s", 4)
    sidecar = sidecars.start_against(service.kinesis_url)
    with open(tmp_path / "events.ndjson", "w") as file:
        for n in range(count):
            file.write(line({"n": n, "fill": "x" * 150}, partitionKey=f"k{n % 100}"))
    before = sidecar.resident_kilobytes()
    answer = put_file(sidecar, "/streams/s/put", tmp_path / "events.ndjson")
    assert answer.objects == [{"lines": count, "accepted": count, "failed": 0, "encryptionType": "NONE"}]
    grown = (sidecar.resident_kilobytes() - before) / 1024
    assert grown < 25, f"{grown:.0f} MiB more for a body of {(tmp_path / 'events.ndjson').stat().st_size >> 20} MiB"
    numbers = sorted(json.loads(data)["n"] for data in data_of(kinesis, "s"))
    assert numbers == list(range(count))


def test_all_results_stand_in_the_order_of_the_lines(sidecar, kinesis, tmp_path):
    make_stream(kinesis, "s", 2)
    (tmp_path / "body").write_text("".join(line(f"d{n}") for n in range(700)))
    answer = put_file(sidecar, "/streams/s/put?results=all", tmp_path / "body")
    assert [result["line"] for result in answer.results] == list(range(1, 701))
    assert answer.end == {"lines": 700, "accepted": 700, "failed": 0, "encryptionType": "NONE"}
    stored = {(r["SequenceNumber"], r["Data"].decode()) for r in read_stream(kinesis, "s")}
    assert stored == {(result["sequenceNumber"], f"d{result['line'] - 1}") for result in answer.results}


BAD_LINES = {
    "malformedJSON": ["hello", "[1]", '{"data":1', '{"data":1} x', '{"data":01}', "\x00"],
    "missingField": ["{}", '{"partitionKey":"k"}'],
    "unknownField": ['{"data":1,"Data":1}', '{"records":[{"data":1}]}', '{"data":1,"streamName":"s"}'],
    "repeatedField": ['{"data":1,"data":2}'],
    "badField": [
        '{"data":1,"partitionKey":""}', '{"data":1,"explicitHashKey":5}', '{"data":"AAE","dataEncoding":"base64"}',
        '{"data":"\\ud800"}', '{"data":1,"sequenceNumberForOrdering":"x"}'],
    "recordTooLarge": [line("x" * MEBIBYTE).strip()],
    "bodyTooLarge": [line("x" * 16 * MEBIBYTE).strip()],
}


def test_bad_lines_are_answered_in_their_places_with_the_code_that_a_put_of_them_gets(sidecar, kinesis, tmp_path):
    make_stream(kinesis, "s")
    bad = [(code, text) for code, texts in BAD_LINES.items() for text in texts]
    lines, expected = [], {}
    for code, text in bad:
        lines += [line(f"before {len(lines)}"), text + "\n", " \r\n"]
        expected[len(lines) - 1] = code
    lines.append(line("last").strip())  # without a line end
    (tmp_path / "body").write_text("".join(lines))
    answer = put_file(sidecar, "/streams/s/put", tmp_path / "body")
    assert answer.codes == expected
    assert all(failure["errorMessage"] for failure in answer.failures)
    assert answer.end == {
        "lines": len(lines), "accepted": len(bad) + 1, "failed": len(bad), "encryptionType": "NONE"}
    assert len(data_of(kinesis, "s")) == len(bad) + 1
    for code, text in bad:
        assert sidecar.post("/streams/s/put", text).json.get("code") == code or "records" in text, text[:100]


def test_a_body_without_lines(sidecar):
    for body in ("", "\n\n \n"):
        answer = sidecar.post("/streams/s/put", body, headers={"Content-Type": NDJSON})
        assert answer.status == 200 and answer.headers["Content-Type"] == NDJSON
        assert answer.json == {"lines": body.count("\n"), "accepted": 0, "failed": 0}


def test_each_line_can_name_its_stream(sidecar, kinesis, tmp_path):
    names = ["a", "b", "c"]
    for name in names:
        make_stream(kinesis, name)
    lines = [line(n, streamName=names[n % 3]) for n in range(3000)]
    (tmp_path / "body").write_text("".join(lines) + line("nowhere") + line(1, streamName="a b"))
    answer = put_file(sidecar, "/put?results=all", tmp_path / "body")
    assert answer.codes == {3001: "missingField", 3002: "badField"}
    assert answer.end["accepted"] == 3000
    for index, name in enumerate(names):
        assert sorted(map(int, data_of(kinesis, name))) == list(range(index, 3000, 3))


def test_lines_of_a_stream_that_is_not_there_fail_and_others_do_not(sidecars, service, tmp_path):
    make_stream(service.boto3(), "s")
    sidecar = sidecars.start_against(service.kinesis_url)
    (tmp_path / "body").write_text(line(1, streamName="s") + line(2, streamName="t") + line(3, streamName="s"))
    answer = put_file(sidecar, "/put", tmp_path / "body")
    assert answer.codes == {2: "ResourceNotFoundException"}
    assert data_of(service.boto3(), "s") == ["1", "3"]


def test_a_record_that_goes_alone_keeps_its_place(sidecar, kinesis, tmp_path):
    make_stream(kinesis, "s")
    first = sidecar.put("s", 0, partitionKey="k")["sequenceNumber"]
    (tmp_path / "body").write_text(
        line(1) + line(2, partitionKey="k", sequenceNumberForOrdering=first) + line(3))
    answer = put_file(sidecar, "/streams/s/put?results=all", tmp_path / "body")
    assert answer.end["accepted"] == 3
    assert int(answer.results[1]["sequenceNumber"]) > int(first)


def test_a_body_that_is_cut_loses_no_whole_line(sidecar, kinesis):
    make_stream(kinesis, "s")
    client = LinesClient(sidecar, "/streams/s/put")
    client.send(line("a") + line("b") + '{"data":"c"}')
    client.sock.shutdown(1)
    end = client.read_answer().end
    assert (end["lines"], end["accepted"], end["problem"]["code"]) == (2, 2, "malformedRequest")
    assert client.read_to_end()
    assert data_of(kinesis, "s") == ["a", "b"]


def test_a_body_with_a_length_that_is_cut_loses_no_whole_line(sidecar, kinesis):
    make_stream(kinesis, "s")
    client = LinesClient(sidecar, "/livez")  # the connection; its request gets 405 and its end
    client.finish()
    client.read_until("405")
    client.sock.sendall(
        b"POST /streams/s/put HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
        b"Content-Length: 1000\r\n\r\n" + (line("a") + line("b")).encode())
    client.sock.shutdown(1)
    client.received = b""
    assert client.read_answer().end["accepted"] == 2
    assert data_of(kinesis, "s") == ["a", "b"]


def test_a_slow_body_is_put_and_answered_line_by_line(sidecar):
    client = LinesClient(sidecar, "/streams/s/put?results=all")
    for n in range(1, 6):
        client.send(line(n))
        client.read_until(f'{{"line":{n},"sequenceNumber"')
    client.finish()
    assert client.read_answer().end["accepted"] == 5


def send_all_then_read(sidecar, bad, count):
    """With small buffers, so that what is not read waits in the sidecar."""
    client = LinesClient(sidecar, "/streams/s/put", receive_buffer=4096, send_buffer=4096)
    for _ in range(0, count, 1000):
        client.send(bad * 1000)
    client.finish()
    answer = client.read_answer()
    assert answer.end["failed"] == answer.end["lines"] == len(answer.results)
    assert sidecar.resident_kilobytes() < 60 * 1024
    # The body was read to its end, so the connection goes on.
    client.sock.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert client.read_to_end().rstrip().endswith(b"}")
    return answer.end


def test_a_client_that_sends_everything_before_it_reads_is_no_dead_lock(sidecar):
    """3 MB of failures: more than the sockets hold, less than waits in the sidecar at most."""
    end = send_all_then_read(sidecar, '{"partitionKey":"k"}' + " " * 100 + "\n", 30_000)
    assert end == {"lines": 30_000, "accepted": 0, "failed": 30_000}


def test_more_failures_than_may_wait_end_the_lines(sidecar):
    end = send_all_then_read(sidecar, '{"partitionKey":"k"}' + " " * 100 + "\n", 100_000)
    assert end["problem"]["code"] == "tooManyFailures"
    assert 30_000 < end["lines"] < 80_000


def test_a_client_that_asks_for_all_results_and_takes_none_is_closed(sidecars):
    sidecar = sidecars.start("--local-limits", "off", env={"KINESIS_SIDECAR_READER_WRITE_TIMEOUT": "500"})
    sidecar.put("s", 0)
    client = LinesClient(sidecar, "/streams/s/put?results=all", receive_buffer=4096, send_buffer=4096)
    with pytest.raises(OSError):
        while True:
            client.send(line("x" * 100) * 100)
    eventually(lambda: sidecar.metric("kinesis_sidecar_http_requests_in_flight") == 1, why="the request has ended")
    assert waiting_bytes(sidecar) == 0
    assert sidecar.resident_kilobytes() < 80 * 1024


def test_where_there_is_no_room_the_body_waits_and_no_line_fails(sidecars, service, tmp_path):
    kinesis = service.boto3()
    make_stream(kinesis, "s", 2)
    sidecar = sidecars.start_against(
        service.kinesis_url, env={"KINESIS_SIDECAR_MAX_PUT_BYTES": str(MEBIBYTE)})
    service.fault("delay", operation="PutRecords", milliseconds=100, count=-1)
    (tmp_path / "body").write_text("".join(line("x" * 1000) for _ in range(2000)))
    most, answers = [], []
    putting = [
        threading.Thread(target=lambda: answers.append(put_file(sidecar, "/streams/s/put", tmp_path / "body")))
        for _ in range(6)]
    for thread in putting:
        thread.start()
    eventually(lambda: waiting_bytes(sidecar) > MEBIBYTE / 2, why="lines wait")
    while any(thread.is_alive() for thread in putting):
        # A whole put has room all the while.
        sidecar.put("s", 1)
        most.append(waiting_bytes(sidecar))
    assert [answer.end["failed"] for answer in answers] == [0] * 6
    assert max(most) <= MEBIBYTE
    assert waiting_bytes(sidecar) == 0


def test_one_body_takes_a_quarter_of_the_room_at_most(sidecars, service, tmp_path):
    make_stream(service.boto3(), "s", 2)
    sidecar = sidecars.start_against(
        service.kinesis_url, env={"KINESIS_SIDECAR_MAX_PUT_BYTES": str(4 * MEBIBYTE)})
    service.fault("delay", operation="PutRecords", milliseconds=1500, count=2)
    client = LinesClient(sidecar, "/streams/s/put")
    sender = threading.Thread(target=lambda: [client.send(line("x" * 10_000) * 100) for _ in range(10)])
    sender.start()
    waiting = eventually(
        lambda: (w := waiting_bytes(sidecar)) > MEBIBYTE / 2 and w, why="lines wait")
    assert waiting <= MEBIBYTE
    sender.join(30)
    client.finish()
    assert client.read_answer().end["accepted"] == 1000


def test_a_line_that_is_not_answered_in_time_says_so_and_the_others_go_on(sidecars, service):
    make_stream(service.boto3(), "s")
    sidecar = sidecars.start_against(service.kinesis_url, env={"KINESIS_SIDECAR_PUT_TIMEOUT": "300"})
    service.fault("delay", operation="PutRecords", milliseconds=1000)
    client = LinesClient(sidecar, "/streams/s/put?results=all")
    client.send(line("late"))
    client.read_until('{"line":1,')
    client.send(line("next"))
    client.finish()
    answer = client.read_answer()
    assert answer.codes == {1: "putTimeout"}
    assert "may have been written" in answer.failures[0]["errorMessage"]
    assert "sequenceNumber" in answer.results[1]


def test_sigterm_puts_and_answers_what_was_read(sidecars, service):
    make_stream(service.boto3(), "s")
    sidecar = sidecars.start_against(service.kinesis_url)
    client = LinesClient(sidecar, "/streams/s/put?results=all")
    client.send(line("a"))
    client.read_until('{"line":1,')
    service.fault("delay", operation="PutRecords", milliseconds=300)
    client.send(line("b") + '{"data":"half')
    eventually(lambda: waiting_bytes(sidecar) > 0, why="b is on its way")
    sidecar.process.send_signal(signal.SIGTERM)
    answer = client.read_answer()
    assert [result["line"] for result in answer.results] == [1, 2] and not answer.failures
    assert (answer.end["lines"], answer.end["problem"]["code"]) == (2, "draining")
    assert client.read_to_end(), "and the connection ends"
    assert sidecar.process.wait(20) == 0
    assert data_of(service.boto3(), "s") == ["a", "b"]


def test_sigterm_ends_a_client_that_never_stops_sending(sidecars, service):
    make_stream(service.boto3(), "s", 2)
    sidecar = sidecars.start_against(service.kinesis_url)
    client = LinesClient(sidecar, "/streams/s/put")

    def send():
        try:
            while True:
                client.send(line("x" * 100) * 100)
        except OSError:
            pass

    sender = threading.Thread(target=send)
    sender.start()
    eventually(lambda: waiting_bytes(sidecar) > 0, why="lines are on their way")
    sidecar.process.send_signal(signal.SIGTERM)
    end = client.read_answer().end
    assert end["problem"]["code"] == "draining"
    assert end["accepted"] == end["lines"] > 0
    assert sidecar.process.wait(20) == 0
    sender.join(10)
    assert len(read_stream(service.boto3(), "s")) == end["accepted"]


def test_a_client_that_vanishes_leaves_nothing_behind(sidecars, service):
    make_stream(service.boto3(), "s")
    sidecar = sidecars.start_against(service.kinesis_url)
    service.fault("delay", operation="PutRecords", milliseconds=300)
    client = LinesClient(sidecar, "/streams/s/put?results=all")
    client.send("".join(line(n) for n in range(100)) + '{"data":"half')
    eventually(lambda: waiting_bytes(sidecar) > 0, why="lines are on their way")
    client.reset()
    # The one that asks is the only request in flight.
    eventually(lambda: sidecar.metric("kinesis_sidecar_http_requests_in_flight") == 1, why="the request has ended")
    assert waiting_bytes(sidecar) == 0
    assert data_of(service.boto3(), "s") == [str(n) for n in range(100)]
    assert sidecar.terminate() == 0


def test_a_killed_curl_leaves_nothing_behind(sidecars, service):
    make_stream(service.boto3(), "s")
    sidecar = sidecars.start_against(service.kinesis_url)
    curl = subprocess.Popen(
        ["curl", "-sS", "-N", "-X", "POST", "-T", ".", "-H", f"Content-Type: {NDJSON}",
         sidecar.url + "/streams/s/put?results=all"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    curl.stdin.write((line("a") + line("b")).encode())
    curl.stdin.flush()
    assert b'"line":1' in curl.stdout.readline()
    curl.kill()
    curl.wait(10)
    curl.stdin.close()
    curl.stdout.close()
    eventually(lambda: sidecar.metric("kinesis_sidecar_http_requests_in_flight") == 1, why="the request has ended")
    assert data_of(service.boto3(), "s") == ["a", "b"]


@pytest.mark.parametrize("ordered", [True, False])
def test_lines_survive_entries_that_fail_and_ordered_ones_keep_their_keys_order(sidecars, service, tmp_path, ordered):
    kinesis = service.boto3()
    make_stream(kinesis, "s", 2)
    sidecar = sidecars.start_against(service.kinesis_url)
    service.fault("failEntries", operation="PutRecords", count=8, fraction=0.3)
    count, keys = 2000, 100
    (tmp_path / "body").write_text("".join(line(n, partitionKey=f"k{n % keys}") for n in range(count)))
    answer = put_file(sidecar, f"/streams/s/put?ordered={str(ordered).lower()}", tmp_path / "body")
    assert answer.objects == [{"lines": count, "accepted": count, "failed": 0, "encryptionType": "NONE"}]
    records = read_stream(kinesis, "s")
    assert sorted(int(record["Data"]) for record in records) == list(range(count))
    if ordered:
        for key in range(keys):
            numbers = [int(r["Data"]) for r in records if r["PartitionKey"] == f"k{key}"]
            assert numbers == list(range(key, count, keys))


def test_options_are_checked_before_a_line_is_read(sidecar):
    for query, code in [("partitionKey=k", "unknownOption"), ("results=some", "badOption"), ("ordered=2", "badOption")]:
        answer = fetch(f"{sidecar.url}/streams/s/put?{query}", "POST", line(1), {"Content-Type": NDJSON})
        assert (answer.status, answer.json["code"]) == (400, code)
        if code == "unknownOption":
            assert answer.json["accepted"] == ["ordered", "results", "raw"]
