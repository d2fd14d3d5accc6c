"""`make dist`: what a release consists of, and the version that stands in one place."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile

import pytest

from harness.sidecar import PROGRAM, ROOT
from manifests import version
from tools import needs

CHANGELOG = (ROOT / "CHANGELOG.md").read_text()


@pytest.fixture(scope="module")
def dist(script, tmp_path_factory):
    """The folder, and the archive unpacked."""
    folder = tmp_path_factory.mktemp("dist")
    script("dist", folder)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = tar.getnames()
        tar.extractall(folder / "unpacked", filter="data")
    assert {name.split("/")[0] for name in names} == {archive.name.removesuffix(".tar.gz")}
    return folder, folder / "unpacked" / archive.name.removesuffix(".tar.gz")


@needs("dpkg-query", "swift")
@pytest.mark.seconds(120)
def test_the_archive_has_the_stripped_program_and_what_belongs_to_it(dist):
    _, tree = dist
    said = subprocess.run([tree / "kinesis-sidecar", "--version"], capture_output=True, text=True, check=True).stdout
    assert said == f"kinesis-sidecar {version()}\n" and f"-{version()}-linux-" in tree.name
    assert (tree / "kinesis-sidecar").stat().st_size < PROGRAM.stat().st_size
    for name in ["LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md", "openapi.yaml", "kinesis-sidecar.1",
                 "deploy/systemd/kinesis-sidecar.service", "docs/operating.md"]:
        assert (tree / name).stat().st_size > 0
    assert (tree / "openapi.yaml").read_bytes() == (ROOT / "openapi.yaml").read_bytes()


@needs("dpkg-query", "swift")
@pytest.mark.seconds(120)
def test_the_checksums_are_those_of_the_files(dist):
    folder, _ = dist
    (sums,) = folder.glob("*.sha256")
    listed = dict(reversed(line.split()) for line in sums.read_text().splitlines())
    assert len(listed) == 2
    for name, digest in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


@needs("dpkg-query", "swift")
@pytest.mark.seconds(120)
def test_the_list_of_parts_is_cyclonedx_and_has_every_library(dist):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    folder, tree = dist
    (file,) = folder.glob("*.cdx.json")
    assert file.read_bytes() == (tree / "kinesis-sidecar.cdx.json").read_bytes()
    validator = JsonStrictValidator(SchemaVersion.V1_5)
    assert validator.validate_str(file.read_text()) is None
    assert validator.validate_str(file.read_text().replace('"components"', '"component"')) is not None
    document = json.loads(file.read_text())
    (digest,) = document["metadata"]["component"]["hashes"]
    assert digest["content"] == hashlib.sha256((tree / "kinesis-sidecar").read_bytes()).hexdigest()
    parts = {part["name"]: part for part in document["components"]}
    linked = subprocess.run(["ldd", PROGRAM], capture_output=True, text=True, check=True).stdout
    # Names of packages begin with the library's, mostly.
    for library in re.findall(r"^\s*(lib(?:curl|crypto|sqlite3|nghttp2|yaml-0|expat|z|c))\.so", linked, re.MULTILINE):
        package = {"libcrypto": "libssl3", "libz": "zlib1g", "libc": "libc6"}.get(library, library)
        assert [name for name in parts if name.startswith(package)], library
    assert {"swift", "swift-log"} <= set(parts)
    assert all(part["version"] and part["purl"].startswith("pkg:") for part in parts.values())
    assert "/opt/" not in file.read_text() and "/work/" not in file.read_text()
    # Each part that somebody else has written comes with their words.
    for name in set(parts) - {"swift"}:
        assert (tree / "licences" / f"{name}.txt").stat().st_size > 100, name


def test_the_version_stands_in_one_place_and_others_are_compared_with_it(tmp_path):
    subprocess.run([ROOT / "Scripts/version", "--check"], check=True)
    said = subprocess.run([ROOT / "Scripts/version"], capture_output=True, text=True, check=True).stdout.strip()
    assert said == version()
    # Another one in any of the files is told.
    files = ["openapi.yaml", "CHANGELOG.md", "deploy/compose.yaml", "deploy/ecs/task-definition.json", "deploy/Dockerfile",
             "deploy/kubernetes/base/kustomization.yaml", "Sources/kinesis-sidecar/Settings/Output/Help.swift", "Scripts/version"]
    for changed in ["openapi.yaml", "deploy/compose.yaml", "deploy/ecs/task-definition.json", "deploy/Dockerfile",
                    "deploy/kubernetes/base/kustomization.yaml"]:
        copy = tmp_path / changed.replace("/", "-")
        for name in files:
            os.makedirs((copy / name).parent, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
        (copy / changed).write_text((copy / changed).read_text().replace(said, "99.0.0"))
        done = subprocess.run([copy / "Scripts/version", "--check"], capture_output=True, text=True)
        assert done.returncode == 1 and changed in done.stderr, done


def test_the_changelog_is_kept_as_keep_a_changelog_says():
    assert "https://keepachangelog.com/en/1.1.0/" in CHANGELOG
    releases = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    assert releases[0] == "[Unreleased]"
    for release in releases[1:]:
        assert re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", release), release
    for section in re.split(r"^## ", CHANGELOG, flags=re.MULTILINE)[1:]:
        kinds = re.findall(r"^### (.*)$", section, re.MULTILINE)
        assert len(set(kinds)) == len(kinds), kinds
        assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
