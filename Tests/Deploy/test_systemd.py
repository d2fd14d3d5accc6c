"""deploy/systemd: the unit by systemd's own judgement, and its configuration by the program's."""

import os
import pwd
import re
import shutil
import subprocess

from harness.sidecar import ROOT, Sidecar, run_program
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


def test_record_processors_get_no_signal_beside_the_program():
    assert setting("KillMode") == "mixed"


def test_what_the_docs_allow_record_processors_is_what_the_unit_forbids():
    text = (ROOT / "docs/deploying.md").read_text()
    (drop_in,) = re.findall(r"^```ini\n\[Service\]\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    for line in drop_in.splitlines():
        name, value = line.split("=")
        assert (setting(name), value) == ("yes", "no")


def members(name):
    """The system calls of one of systemd's sets, with those of the sets in it."""
    listed = subprocess.run(
        ["systemd-analyze", "--no-pager", "syscall-filter", name], capture_output=True, text=True, check=True).stdout
    found = set()
    for word in listed.split("\n")[1:]:
        word = word.strip()
        if word.startswith("@"):
            found |= members(word)
        elif word and not word.startswith("#"):
            found.add(word)
    return found


def allowed():
    """What SystemCallFilter leaves, line by line as systemd reads it."""
    calls = set()
    for line in re.findall(r"^SystemCallFilter=(.*)$", UNIT, re.MULTILINE):
        named = set().union(*(members(name) for name in line.lstrip("~").split()))
        calls = calls - named if line.startswith("~") else calls | named
    return calls


@needs("systemd-analyze", "strace")
def test_the_filter_leaves_the_system_calls_that_the_program_makes(sidecars, tmp_path):
    """From its start to its end, with a put, a reader, a Unix socket with an owner, and state on the disk."""
    traced = tmp_path / "trace"
    sidecar = Sidecar(
        ["--local", "--local-port", "0", "--listen", f"unix:{tmp_path}/http.sock", "--data-dir", tmp_path / "data"],
        {"KINESIS_SIDECAR_UNIX_SOCKET_OWNER": pwd.getpwuid(os.getuid()).pw_name}, tmp_path)
    # -D: the program is the child, and strace its child.
    sidecar.wrapper = ["strace", "-D", "-f", "-qq", "-o", str(traced)]
    sidecars.started.append(sidecar.start())
    reader = sidecar.follow("s", "initialPositionInStream=TRIM_HORIZON")
    sidecar.put("s", 1)
    reader.wait_records(1)
    assert sidecar.terminate() == 0, sidecar.log
    trace = traced.read_text()
    calls = set(re.findall(r"^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed)", trace, re.MULTILINE))
    assert {"epoll_wait", "sendto", "fdatasync", "bind"} & calls and len(calls) > 40, calls
    assert calls - allowed() == set()
    assert set(re.findall(r"\bsocket\((AF_\w+)", trace)) <= set(setting("RestrictAddressFamilies").split())
    # MemoryDenyWriteExecute.
    assert not re.search(r"PROT_WRITE\|PROT_EXEC|PROT_EXEC\|PROT_WRITE", trace)
