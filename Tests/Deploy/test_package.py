"""The Debian package of `make deb`, installed, run, removed and purged in a throw-away root."""

import json
import os
import re
import subprocess

import pytest

from harness.sidecar import ROOT, PROGRAM, fetch
from harness.waiting import eventually
from tools import needs, needs_root

CONFIGURATION = ["/etc/kinesis-sidecar/config.yaml", "/etc/default/kinesis-sidecar"]


@pytest.fixture(scope="module")
def package(script, tmp_path_factory):
    return script("deb", tmp_path_factory.mktemp("package")).strip()


def field(package, name):
    return subprocess.run(["dpkg-deb", "-f", package, name], capture_output=True, text=True, check=True).stdout.strip()


class Debian:
    """The smallest Debian of the machine's own release, in a folder, with what the package depends on."""

    def __init__(self, folder, package):
        self.folder = folder
        # Where this machine's packages come from, and by which way.
        origins = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"],
            capture_output=True, text=True, check=True).stdout.splitlines()
        mirror, release, component = next(line.split() for line in origins if "debian" in line and "security" not in line)
        # Of several that would do the second: systemd itself is large, and asleep in a folder.
        depends = [re.split(r" [|(]", choices.split(" | ")[1 if " | " in choices else 0])[0]
                   for choices in field(package, "Depends").split(", ")]
        settings = subprocess.run(
            ["apt-config", "dump", "--no-empty", "Acquire::Check-Valid-Until", "Acquire::http", "Acquire::https"],
            capture_output=True, text=True, check=True).stdout.splitlines()
        done = subprocess.run(
            ["mmdebstrap", "--quiet", "--mode=root", *(f"--aptopt={line}" for line in settings), "--variant=essential",
             f"--components={component}", f"--include={','.join(depends)}", release, folder, mirror],
            capture_output=True, text=True, timeout=150)
        assert done.returncode == 0, done.stderr

    def command(self, *words, user="0:0"):
        script = """
            set -e
            mount --make-rprivate / 2>/dev/null || true
            mount --bind /proc "$1/proc"
            mount --bind /dev "$1/dev"
            root=$1 user=$2; shift 2
            exec chroot --userspec="$user" "$root" "$@"
        """
        return ["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", script, "sh", str(self.folder), user, *words]

    def run(self, *words, user="0:0", accepted=(0,)):
        done = subprocess.run(
            self.command(*words, user=user), capture_output=True, text=True, timeout=120,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"})
        assert done.returncode in accepted, done.stdout + done.stderr
        return done.stdout

    def path(self, name):
        return self.folder / name.lstrip("/")


@needs("dpkg-shlibdeps", "dpkg-deb")
@pytest.mark.seconds(120)
def test_the_package_is_of_this_version_and_depends_on_what_is_linked(package):
    version = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    assert field(package, "Version") == version
    depends = field(package, "Depends")
    for library in ["libc6", "libcurl4", "libssl3", "libsqlite3-0", "libnghttp2-14", "libyaml-0-2", "libexpat1"]:
        assert re.search(rf"(^|, ){re.escape(library)}", depends), library
    assert "@" not in depends


@needs("dpkg-shlibdeps", "mandoc")
def test_the_manual_page_has_every_flag_and_no_mistakes(package, tmp_path):
    subprocess.run(["dpkg-deb", "-x", package, tmp_path], check=True)
    compressed = tmp_path / "usr/share/man/man1/kinesis-sidecar.1.gz"
    page = subprocess.run(["gzip", "-dc", compressed], capture_output=True, text=True, check=True).stdout
    lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning"], input=page, capture_output=True, text=True)
    assert lint.returncode == 0, lint.stdout + lint.stderr
    shown = subprocess.run(["mandoc", "-T", "utf8"], input=page, capture_output=True, text=True, check=True).stdout
    plain = re.sub(r".\x08", "", shown)
    flags = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout
    for flag in re.findall(r"^  (--[a-z0-9-]+)", flags, re.MULTILINE):
        assert re.search(rf"^ *{flag}\b", plain, re.MULTILINE), flag


@needs("dpkg-shlibdeps")
def test_the_shells_complete_its_commands(package, tmp_path):
    subprocess.run(["dpkg-deb", "-x", package, tmp_path], check=True)
    script = tmp_path / "usr/share/bash-completion/completions/kinesis-sidecar"
    line = f"source {script}; complete -p kinesis-sidecar"
    assert "kinesis-sidecar" in subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True).stdout
    for name in ["zsh/vendor-completions/_kinesis-sidecar", "fish/vendor_completions.d/kinesis-sidecar.fish"]:
        assert "healthcheck" in (tmp_path / "usr/share" / name).read_text()


@needs_root
@needs("mmdebstrap", "dpkg-shlibdeps", "unshare")
@pytest.mark.seconds(240)
def test_it_is_installed_runs_as_its_user_and_leaves_nothing_behind(package, tmp_path):
    debian = Debian(tmp_path / "root", package)
    (debian.folder / "package.deb").write_bytes(open(package, "rb").read())
    debian.run("dpkg", "--install", "/package.deb")
    assert debian.run("dpkg", "--verify", "kinesis-sidecar") == ""
    (user,) = [line.split(":") for line in debian.path("/etc/passwd").read_text().splitlines() if line.startswith("kin")]
    assert user[0] == "kinesis-sidecar" and user[5] == "/var/lib/kinesis-sidecar" and user[6].endswith("nologin")
    unit = debian.path("/usr/lib/systemd/system/kinesis-sidecar.service")
    assert unit.read_bytes() == (ROOT / "deploy/systemd/kinesis-sidecar.service").read_bytes()
    # The configuration is for root and the sidecar.
    folder = debian.path("/etc/kinesis-sidecar").stat()
    assert (folder.st_mode & 0o777, folder.st_uid, folder.st_gid) == (0o750, 0, int(user[3]))
    assert debian.path("/etc/default/kinesis-sidecar").stat().st_mode & 0o007 == 0

    # As the unit starts it: its command, its user, the folder that StateDirectory makes.
    command = re.search(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)[1].split()
    state = debian.path("/var/lib/kinesis-sidecar")
    state.mkdir(mode=0o750)
    os.chown(state, int(user[2]), int(user[3]))
    process = subprocess.Popen(
        debian.command(
            *command, "--local", "--local-port", "0", "--listen", "127.0.0.1:0", "--data-dir", "/var/lib/kinesis-sidecar",
            "--port-file", "/var/lib/kinesis-sidecar/ports", user="kinesis-sidecar"),
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        file = state / "ports"
        ports = eventually(lambda: file.exists() and json.loads(file.read_text()), 20)
        answer = fetch(f"http://127.0.0.1:{ports['http']}/streams/s/put", "POST", {"data": 1})
        assert answer.status == 200, answer
    finally:
        process.terminate()
        assert process.wait(timeout=40) == 0

    debian.path("/etc/kinesis-sidecar/config.yaml").write_text("region: eu-central-1\n")
    debian.run("dpkg", "--remove", "kinesis-sidecar")
    assert not debian.path("/usr/bin/kinesis-sidecar").exists()
    assert all(debian.path(name).exists() for name in CONFIGURATION) and state.exists()
    debian.run("dpkg", "--purge", "kinesis-sidecar")
    assert not [name for name in [*CONFIGURATION, "/etc/kinesis-sidecar", "/var/lib/kinesis-sidecar"]
                if debian.path(name).exists()]
    assert "kinesis-sidecar" not in debian.run("dpkg-query", "-W", "kinesis-sidecar*", accepted=(0, 1))
