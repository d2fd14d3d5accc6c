"""Times and sizes with units, wherever a configuration stands."""

import pytest

from harness.sidecar import run_program


def in_force(printed):
    assert printed.returncode == 0, printed
    return {line.split(":")[0]: line.split("#")[0].split(":", 1)[1].strip() for line in printed.stdout.splitlines()}


def test_file_and_environment_take_units(tmp_path):
    file = tmp_path / "sidecar.yaml"
    file.write_text(
        "putTimeout: 1.5s\nmaxPutBytes: 64MiB\nretryOptions: {maxTimeout: 1h}\nunreadBytes: 1MB\nreaderGracePeriod: 250\n"
        "consumers: [{streamName: orders, statsInterval: 5m}]\n")
    environment = {"KINESIS_SIDECAR_IDLE_TIMEOUT": "2m", "KINESIS_SIDECAR_MAX_BODY_BYTES": "4KiB"}
    printed = run_program("--local", "--config", file, "--check-config", env=environment, home=tmp_path)
    values = in_force(printed)
    assert {name: values[name] for name in (
        "putTimeout", "maxPutBytes", "retryOptions.maxTimeout", "unreadBytes", "readerGracePeriod", "idleTimeout",
        "maxBodyBytes")} == {
            "putTimeout": "1500", "maxPutBytes": "67108864", "retryOptions.maxTimeout": "3600000",
            "unreadBytes": "1000000", "readerGracePeriod": "250", "idleTimeout": "120000", "maxBodyBytes": "4096"}
    assert "statsInterval: 5m" in printed.stdout


@pytest.mark.parametrize("option, value, names", [
    ("putTimeout", "30sec", ['"30sec"', "milliseconds from 1", "30s", "ms, s, m, h or d"]),
    ("putTimeout", "0.0001s", ['"0.0001s"', "milliseconds"]),
    ("putTimeout", "30d", ['"30d"', "to 2147483647"]),
    ("maxPutBytes", "64mb", ['"64mb"', "bytes from 1048576", "KiB, MiB or GiB"]),
    ("maxPutBytes", "1KiB", ['"1KiB"', "bytes from 1048576"]),
    ("maxPutBytes", "99999999999999GiB", ["bytes from 1048576"]),
    ("s3.itemExpiration", "36h", ['"36h"', "days from 1 to 36500", "7d"]),
])
def test_what_is_none_is_told(tmp_path, option, value, names):
    file = tmp_path / "sidecar.yaml"
    file.write_text(f"{option}: {value}\n")
    ended = run_program("--region", "eu-west-1", "--config", file, home=tmp_path)
    assert ended.returncode == 64
    for name in [f"sidecar.yaml:1 {option}", *names]:
        assert name in ended.stderr, ended.stderr


def test_a_query_takes_them_too(sidecars):
    sidecar = sidecars.start("--local-stream", "orders")
    started = sidecar.post("/streams/orders/start?pollDelay=1s&statsInterval=1m&maxEventBytes=32KiB", None)
    assert started.status == 200, started
    options = started.json["options"]
    assert (options["pollDelay"], options["statsInterval"], options["maxEventBytes"]) == (1000, 60000, 32768)
    refused = sidecar.post("/streams/orders/start?pollDelay=1sec", None)
    assert refused.status == 400 and "ms, s, m, h or d" in refused.json["detail"], refused


def test_help_says_which_are_times_and_sizes():
    text = run_program("--help").stdout
    assert "putTimeout=TIME" in text and "maxPutBytes=SIZE" in text and "s3.itemExpiration=TIME(days)" in text
