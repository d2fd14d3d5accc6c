"""deploy/systemd: the unit by systemd's own judgement, and its configuration by the program's."""

import re
import shutil
import subprocess

from harness.sidecar import ROOT, run_program
from manifests import drain_seconds
from tools import needs

FOLDER = ROOT / "deploy/systemd"
UNIT = (FOLDER / "kinesis-sidecar.service").read_text()


def setting(name):
    return re.search(rf"^{name}=(.*)$", UNIT, re.MULTILINE)[1]


@needs("systemd-analyze")
def test_systemd_finds_no_mistake_in_the_unit(tmp_path):
    units = tmp_path / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    shutil.copy(FOLDER / "kinesis-sidecar.service", units)
    # Those that every service, or this one, names; before systemd 253 they must be there.
    for target in ["sysinit", "basic", "shutdown", "network-online", "multi-user"]:
        (units / f"{target}.target").write_text(f"[Unit]\nDescription={target}\nDefaultDependencies=no\n")
    program = tmp_path / setting("ExecStart").split()[0].lstrip("/")
    program.parent.mkdir(parents=True)
    shutil.copy("/bin/true", program)

    def verify():
        return subprocess.run(
            ["systemd-analyze", "verify", "--man=no", f"--root={tmp_path}", "/usr/lib/systemd/system/kinesis-sidecar.service"],
            capture_output=True, text=True, timeout=60)

    done = verify()
    # It warns of what it does not know, and ends with 0.
    assert done.returncode == 0 and "kinesis-sidecar" not in done.stdout + done.stderr, done
    (units / "kinesis-sidecar.service").write_text(UNIT.replace("ProtectClock=", "ProtectClocks="))
    assert "ProtectClocks" in verify().stderr


@needs("systemd-analyze")
def test_the_unit_is_hardened():
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager",
         FOLDER / "kinesis-sidecar.service"],
        capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@needs("systemd-sysusers")
def test_the_user_is_one_that_systemd_makes(tmp_path):
    done = subprocess.run(
        ["systemd-sysusers", f"--root={tmp_path}", FOLDER / "kinesis-sidecar.sysusers"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = {line.split(":")[0] for line in (tmp_path / "etc/passwd").read_text().splitlines()}
    assert names == {setting("User")} == {setting("Group")}


def test_the_configuration_that_is_installed_is_accepted(tmp_path):
    """As it is, and with its examples taken out of their comments."""
    file = tmp_path / "config.yaml"
    text = (FOLDER / "config.yaml").read_text()
    region = {"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    for content in [text, re.sub(r"^#(?=[a-z ] *\S*[:-])", "", text, flags=re.MULTILINE)]:
        file.write_text(content)
        done = run_program("--config", file, "--check-config", env=region)
        assert done.returncode == 0, done
    assert "orders" in done.stdout
    for line in (FOLDER / "environment").read_text().splitlines():
        assert line.startswith("#")


def test_the_unit_leaves_the_time_that_draining_takes():
    assert int(setting("TimeoutStopSec")) > drain_seconds("--local")
    # The exit code of a wrong configuration, which no restart mends.
    assert run_program("--bad").returncode == int(setting("RestartPreventExitStatus")) == 64
