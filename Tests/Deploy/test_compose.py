"""deploy/compose.yaml, by docker-compose's own judgement, and what it starts."""

import json
import subprocess

import pytest
import yaml

from harness.sidecar import ROOT, fetch
from manifests import DATA_DIR, DOCKERFILE, drain_seconds, duration, instruction, version
from tools import needs

FILE = ROOT / "deploy/compose.yaml"
COMPOSE = yaml.safe_load(FILE.read_text())
SIDECAR, SERVICE = COMPOSE["services"]["sidecar"], COMPOSE["services"]["service"]


@needs("docker-compose")
def test_docker_compose_reads_it(tmp_path):
    def check(file):
        return subprocess.run(["docker-compose", "-f", file, "config", "-q"], capture_output=True, text=True, timeout=60)

    done = check(FILE)
    assert done.returncode == 0, done.stderr
    broken = tmp_path / "compose.yaml"
    broken.write_text(FILE.read_text().replace("read_only:", "reads_only:"))
    assert check(broken).returncode != 0


def test_it_builds_the_dockerfile_as_this_version_with_a_root_that_is_only_read():
    build = SIDECAR["build"]
    assert (FILE.parent / build["context"] / build["dockerfile"]).read_text() == DOCKERFILE
    assert SIDECAR["image"] == f"kinesis-sidecar:{version()}"
    assert SIDECAR["read_only"] and SIDECAR["cap_drop"] == ["ALL"]
    (volume,) = SIDECAR["volumes"]
    name, path = volume.split(":")
    assert name in COMPOSE["volumes"] and path == DATA_DIR
    assert duration(SIDECAR["stop_grace_period"]) > drain_seconds(*SIDECAR["command"])


def test_the_service_waits_for_the_health_check_and_shares_the_network():
    assert SERVICE["network_mode"] == "service:sidecar"
    assert SERVICE["depends_on"] == {"sidecar": {"condition": "service_healthy"}}
    assert instruction("HEALTHCHECK")


@pytest.mark.seconds(60)
def test_its_command_serves_what_the_service_asks_for(sidecars):
    command = [{"0.0.0.0:8701": "127.0.0.1:0"}.get(word, word) for word in SIDECAR["command"]]
    assert command != SIDECAR["command"] and SIDECAR["ports"] == ["127.0.0.1:8701:8701"]
    sidecar = sidecars.start(*command, "--local-port", "0", local=False)
    assert fetch(f"http://127.0.0.1:{sidecar.ports['admin']}/metrics").status == 200
    reader = sidecar.follow(SERVICE["command"][-1].removeprefix("http://localhost:8700/streams/").split("/")[0])
    # The second line of the file's head.
    example = json.loads(FILE.read_text().split("curl -d '")[1].split("'")[0])
    sidecar.put("orders", example["data"])
    reader.wait_records(1)
    assert reader.records[0]["data"] == {"hello": "world"}
