"""What the manifests of deploy/ are compared with."""

import json
import re

from harness.sidecar import ROOT, run_program

DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()
LAST_STAGE = DOCKERFILE.split("FROM scratch\n")[1]
DATA_DIR = "/var/lib/kinesis-sidecar"


def instruction(name):
    """What the image's stage of the Dockerfile says behind `name`."""
    return re.search(rf"^{name} (.*)$", LAST_STAGE, re.MULTILINE)[1]


ENVIRONMENT = dict([instruction("ENV").split("=")])
ENTRY_POINT = json.loads(instruction("ENTRYPOINT"))
HEALTH_CHECK = json.loads(instruction("HEALTHCHECK").split(" CMD ")[1])


def version():
    return run_program("--version").stdout.split()[1]


def drain_seconds(*arguments, env=None):
    """drainTimeout and, where there is one, shutdownDelay, as they are in force."""
    report = run_program(*arguments, "--check-config", env=env)
    assert report.returncode == 0, report
    return sum(
        duration(value) for value in re.findall(r"^(?:drainTimeout|shutdownDelay): (\S+)", report.stdout, re.MULTILINE))


def duration(text):
    """Seconds of milliseconds, or of a number with its unit."""
    number, unit = re.fullmatch(r"(\d+)([a-z]*)", text).groups()
    return int(number) * {"": 0.001, "ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit]
