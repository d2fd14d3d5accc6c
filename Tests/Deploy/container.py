"""The program in the tree of Scripts/image-root as a container runs it, without a container's runtime."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from harness.sidecar import Sidecar
from harness.waiting import eventually

# The user of the image; deploy/Dockerfile is compared with it.
USER = "65532:65532"


class Container(Sidecar):
    """The image's user, a root that is mounted read-only, a volume for state, and the host's /proc and network.

    `files` are laid over files of the tree: `{"/etc/hosts": path}`.
    """

    # Mounts of its own, which end with the process: "$1" is the tree, "$2" the volume, "$3" how many pairs of files
    # follow.
    SCRIPT = f"""
        set -e
        # In a chroot / is no mount, and whoever made that has made its mounts private.
        mount --make-rprivate / 2>/dev/null || true
        root=$1
        mount --bind "$root" "$root"
        mount -o remount,bind,ro "$root"
        mount --bind /proc "$root/proc"
        mount --bind "$2" "$root/var/lib/kinesis-sidecar"
        pairs=$3; shift 3
        while [ $pairs -gt 0 ]; do
            mount --bind "$2" "$root$1"; shift 2; pairs=$((pairs - 1))
        done
        exec chroot --userspec={USER} "$root" "$@"
    """

    def __init__(self, tree, folder, files=None):
        super().__init__([], {}, folder)
        self.tree, self.files = tree, files or {}
        self.volume = Path(tempfile.mkdtemp(dir=folder, prefix="volume-"))
        os.chown(self.volume, *map(int, USER.split(":")))
        self.log_path = self.folder / "stderr.log"

    def command(self, *words):
        pairs = [str(part) for pair in self.files.items() for part in pair]
        return ["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", self.SCRIPT, "sh", str(self.tree),
                str(self.volume), str(len(self.files)), *pairs, *words]

    def run(self, *words, env=None):
        """One command in the container, to its end."""
        return subprocess.run(
            self.command(*words), env={"PATH": os.environ["PATH"], **(env or {})}, capture_output=True, text=True,
            timeout=30)

    def start(self, *words, env=None):
        """The command, with free ports in place of those that it would take."""
        words = [*words, "--listen", "127.0.0.1:0", "--port-file", "/var/lib/kinesis-sidecar/ports.json"]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                self.command(*words), env={"PATH": os.environ["PATH"], **(env or {})}, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=log)
        file = self.volume / "ports.json"

        def ports():
            if self.process.poll() is not None:
                raise RuntimeError(f"the program ended with {self.process.returncode}:\n{self.log}")
            return file.exists() and json.loads(file.read_text())

        self.ports = eventually(ports, 20, why="port file")
        return self

    def close(self):
        if self.process:
            super().close()
        self.process = None
