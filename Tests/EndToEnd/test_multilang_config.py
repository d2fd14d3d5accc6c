"""The MultiLangDaemon's properties file and `processors`: what they become, and what is refused at the start."""

import json

import pytest

from harness.sidecar import ROOT, run_program
from harness.waiting import eventually

RECORDINGS = ROOT / "Tests/Recordings/multilang"
PROPERTIES = """\
# The sample of amazon_kclpy.
executableName = cat -u
streamName = words
applicationName = PythonKCLSample
AwsCredentialsProvider = DefaultCredentialsProvider
processingLanguage = python/3.8
initialPositionInStream = TRIM_HORIZON
failoverTimeMillis = 10000
metricsLevel=NONE
"""


@pytest.fixture
def checked(tmp_path):
    """Runs `--check-config` over a properties file, with more lines behind it."""
    file = tmp_path / "app.properties"

    def check(more="", *arguments, text=PROPERTIES, env=None, config=None):
        file.write_text(text + more)
        if config is not None:
            path = tmp_path / "sidecar.yaml"
            path.write_text(config)
            arguments = (*arguments, "--config", path)
        return run_program("--multilang", file, "--check-config", *arguments, env=env, home=tmp_path)

    check.file = file
    return check


def test_each_property_is_shown_with_what_it_became(checked):
    shown = checked("", "--region", "eu-central-1")
    assert shown.returncode == 0, shown
    lines = shown.stdout.splitlines()
    for line in [
        "2  executableName=cat -u → command",
        "8  failoverTimeMillis=10000 → leaseDuration=10s",
        "9  metricsLevel=NONE has no effect: metrics are at /metrics, and sent over OTLP, not to CloudWatch",
    ]:
        assert f"# {checked.file}:{line}" in lines
    [processor] = [line for line in lines if line.startswith("  - {command: ['cat', '-u'], streamName: words, ")]
    assert "consumerGroup: PythonKCLSample" in processor and "shutdownGrace: 5000" in processor


def test_what_is_printed_can_be_the_configuration(checked, tmp_path):
    printed = checked("", "--local")
    again = tmp_path / "printed.yaml"
    again.write_text(printed.stdout)
    second = run_program("--config", again, "--check-config", home=tmp_path)
    assert second.returncode == 0, second
    processors = [line.split("  #")[0] for line in printed.stdout.splitlines() if line.startswith("  - ")]
    assert processors == [line.split("  #")[0] for line in second.stdout.splitlines() if line.startswith("  - ")]


@pytest.mark.parametrize("more, names", [
    ("maxRecords = many\n", [":10 maxRecords", "1 to 10000"]),
    ("regionName = Nowhere Land\n", [":10 regionName", "such as eu-central-1"]),
    ("kinesisEndpoint = gopher://x\n", [":10 kinesisEndpoint", "http://"]),
    ("retrievalMode = PUSH\n", [":10 retrievalMode", "POLLING, FANOUT or DEFAULT"]),
    ("AwsCredentialsProvider = com.example.Own\n", [":10 AwsCredentialsProvider", "com.example.Own", "DefaultCredentialsProvider"]),
    ("AwsCredentialsProvider = StsAssumeRoleCredentialsProvider|arn|x\n", ["role_arn", "ProfileCredentialsProvider|kcl"]),
    ("initialPositionInStreamExtended = 4102444800\n", ["still to come"]),
    ("executableName = /nowhere/at all\n", ["/nowhere/at cannot be run: No such file"]),
    ("executableName = kcl-nowhere x\n", [":10: kcl-nowhere is in no folder of PATH"]),
    ("executableName = /etc\n", ["/etc cannot be run"]),
    ("streamName = \n", ["app.properties: streamName is missing"]),
    ("a = \\u00\n", [":10", "four hexadecimal digits"]),
])
def test_a_mistake_ends_the_start_with_64_and_names_its_line(checked, more, names):
    for local in ((), ("--local",)):
        ended = checked(more, *local, env={} if local else {"AWS_REGION": "eu-central-1"})
        assert ended.returncode == 64, ended
        assert len(ended.stderr.splitlines()) == 1, ended
        for name in names:
            assert name in ended.stderr, ended.stderr


def test_a_missing_file_is_told(tmp_path):
    ended = run_program("--local", "--multilang", tmp_path / "none.properties")
    assert ended.returncode == 64 and "none.properties cannot be read: No such file" in ended.stderr


def test_a_secret_of_the_file_is_not_shown(checked):
    shown = checked("AwsCredentialsProvider = KclStaticCredentialsProvider|ID|hush-hush\n", "--region", "eu-west-1")
    assert shown.returncode == 0 and "hush" not in shown.stdout + shown.stderr
    assert "credentials.accessKeyId: ID" in shown.stdout


def test_a_consumer_of_the_same_group_is_a_mistake(checked):
    ended = checked(
        "", "--local", config="consumers: [{streamName: words, consumerGroup: PythonKCLSample}]\n")
    assert ended.returncode == 64 and "is listed twice, also at" in ended.stderr


def test_the_file_can_be_named_by_environment_and_file(checked, tmp_path):
    checked.file.write_text(PROPERTIES)
    config = tmp_path / "c.yaml"
    config.write_text(f"local: true\nmultilang: {checked.file}\n")
    by_file = run_program("--config", config, "--check-config", home=tmp_path)
    by_variable = run_program(
        "--local", "--check-config", env={"KINESIS_SIDECAR_MULTILANG": str(checked.file)}, home=tmp_path)
    for shown in (by_file, by_variable):
        assert shown.returncode == 0 and "streamName: words, consumerGroup: PythonKCLSample" in shown.stdout, shown


def test_an_entry_of_processors_is_checked_and_shown(tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("processors:\n- {command: cat, streamName: a, timeout: 1m}\n- {command: [cat], streamName: b}\n")
    shown = run_program("--local", "--config", config, "--check-config", home=tmp_path)
    assert shown.returncode == 0 and "  - {command: ['cat'], streamName: a, maxEventBytes: 262144, timeout: 60000" in shown.stdout, shown
    config.write_text("processors:\n- {command: cat, streamName: a, useAutoCheckpoints: true}\n")
    ended = run_program("--local", "--config", config, "--check-config", home=tmp_path)
    assert ended.returncode == 64 and "a record processor checkpoints by itself" in ended.stderr


@pytest.mark.parametrize("recording", sorted(RECORDINGS.glob("*.json")), ids=lambda path: path.stem)
def test_the_files_of_recorded_daemons_are_taken(checked, recording):
    properties = json.loads(recording.read_text()).get("properties")
    if properties is None:
        assert recording.stem == "20-node-aws-kcl"  # Driven by a stand-in for the daemon.
        return
    properties["executableName"] = "cat"
    text = "".join(f"{key} = {value}\n" for key, value in properties.items()).replace("PORT", "4567")
    shown = checked("", text=text)
    assert shown.returncode == 0, shown
    assert shown.stdout.count(f"\n# {checked.file}:") == len(properties)
    assert "region: us-east-1" in shown.stdout and "dynamoDb.enabled: true" in shown.stdout


def test_at_the_start_the_log_names_once_what_has_no_effect(sidecars, tmp_path):
    file = tmp_path / "app.properties"
    file.write_text(PROPERTIES + "retrivalMode = FANOUT\nfailoverTimeMillis = 1000\n")
    sidecar = sidecars.start("--multilang", file)

    def told(message):
        """The log has a thread of its own."""
        lines = [json.loads(line) for line in sidecar.log.splitlines()]
        return [line for line in lines if line["message"].startswith(message)]

    [line] = eventually(lambda: told("properties without effect here"), 10)
    assert line["level"] == "notice" and line["file"] == str(file)
    for name in ("processingLanguage", "metricsLevel", "retrivalMode (did you mean retrievalMode?)"):
        assert name in line["names"]
    [line] = eventually(lambda: told("not all is as it was"), 10)
    assert "leaseDuration is 5s at least" in line["reason"] and "records are polled" in line["reason"]
