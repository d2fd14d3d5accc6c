"""deploy/Dockerfile, the image that `make image` packs without Docker, and the tree that both consist of."""

import json
import os
import re
import subprocess
import tarfile

import pytest

from container import USER, Container
from harness.sidecar import PROGRAM, ROOT
from manifests import DATA_DIR, DOCKERFILE, ENTRY_POINT, ENVIRONMENT, HEALTH_CHECK, LAST_STAGE, instruction, version
from tools import needs, needs_root


@pytest.fixture
def contain(image_root, tmp_path):
    """Makes containers of the tree: `contain({"/etc/hosts": path})`."""
    made = []

    def make(files=None):
        made.append(Container(image_root, tmp_path, files))
        return made[-1]

    yield make
    for container in made:
        container.close()


@pytest.fixture(scope="module")
def image(script, tmp_path_factory):
    """The configuration of the packed image, the names in its only layer, and its archive."""
    folder = tmp_path_factory.mktemp("packed") / "image"
    script("image", folder)

    def blob(descriptor):
        return folder / "oci/blobs" / descriptor["digest"].replace(":", "/")

    index = json.loads((folder / "oci/index.json").read_text())
    manifest = json.loads(blob(index["manifests"][0]).read_text())
    (layer,) = manifest["layers"]
    with tarfile.open(blob(layer)) as tar:
        members = {"/" + member.name.strip("/"): member for member in tar}
    (archive,) = folder.glob("*.tar")
    return json.loads(blob(manifest["config"]).read_text())["config"], members, archive


@needs("readelf")
def test_an_image_of_ones_own_has_the_libraries_of_the_program():
    """docs/deploying.md names Debian 12's packages, which are called after their libraries (policy, 8.1), with exceptions."""
    exceptions = {"libcrypto.so.3": "libssl3", "libz.so.1": "zlib1g"}
    # The base image has C's.
    base = {"libc", "libm", "libgcc_s", "ld-linux-x86-64", "ld-linux-aarch64"}

    def package(library):
        name, _, number = library.partition(".so.")
        return exceptions.get(library) or f"{name}{'-' if name[-1].isdigit() else ''}{number}"

    told = subprocess.run(["readelf", "-d", PROGRAM], capture_output=True, text=True, check=True).stdout
    # Swift's own are inside the program of a release build.
    libraries = [name for name in re.findall(r"Shared library: \[(.*)\]", told)
                 if name.partition(".so")[0] not in base and not name.startswith("libswift")]
    assert len(libraries) > 5
    installed = (ROOT / "docs/deploying.md").read_text().split("--no-install-recommends ")[1].split("&&")[0]
    assert {package(library) for library in libraries} <= set(installed.split())


@needs("umoci")
@pytest.mark.seconds(120)
def test_the_packed_image_says_what_the_dockerfile_says(image):
    configuration, _, _ = image
    assert configuration["User"] == instruction("USER") == USER
    assert configuration["Entrypoint"] == ENTRY_POINT == ["/usr/bin/kinesis-sidecar"]
    assert list(configuration["ExposedPorts"]) == [f"{port}/tcp" for port in instruction("EXPOSE").split()]
    assert configuration["Env"] == [instruction("ENV")]
    assert list(configuration["Volumes"]) == json.loads(instruction("VOLUME")) == [DATA_DIR]
    assert configuration["WorkingDir"] == instruction("WORKDIR") == DATA_DIR
    check = configuration["Healthcheck"]
    assert check["Test"] == ["CMD", *HEALTH_CHECK] == ["CMD", "/usr/bin/kinesis-sidecar", "healthcheck"]
    written = dict(re.findall(r"--(\S+)=(\d+)", instruction("HEALTHCHECK")))
    assert {"interval": check["Interval"], "timeout": check["Timeout"], "start-period": check["StartPeriod"]} == {
        name: int(written[name]) * 10**9 for name in ["interval", "timeout", "start-period"]}
    assert check["Retries"] == int(written["retries"])


@needs_root
@needs("umoci")
@pytest.mark.seconds(120)
def test_umoci_unpacks_what_was_changed_behind_it(image, image_root, tmp_path):
    """It compares the digests of all that it reads."""
    _, _, archive = image
    bundle = tmp_path / "bundle"
    done = subprocess.run(
        ["umoci", "unpack", "--image", f"{archive.parent / 'oci'}:{version()}", bundle], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in ["usr/bin/kinesis-sidecar", "etc/passwd"]:
        assert (bundle / "rootfs" / name).read_bytes() == (image_root / name).read_bytes()
    assert json.loads((bundle / "config.json").read_text())["process"]["args"] == ENTRY_POINT


@needs("umoci")
@pytest.mark.seconds(120)
def test_the_packed_image_has_the_tree_and_no_shell(image, image_root):
    _, members, archive = image
    for path in image_root.rglob("*"):
        assert "/" + str(path.relative_to(image_root)) in members
    assert not [name for name in members if re.search(r"/(sh|bash|dash|busybox)$", name)]
    state = members["/var/lib/kinesis-sidecar"]
    assert (state.mode, state.uid, state.gid) == (0o750, *map(int, USER.split(":"))) or os.geteuid() != 0
    assert archive.stat().st_size < 60 << 20
    with tarfile.open(archive) as tar:
        assert {"oci-layout", "index.json"} <= set(tar.getnames())


def test_nobody_but_root_may_write_what_is_in_the_tree_beside_the_state(image_root):
    for path in image_root.rglob("*"):
        if path.name != "kinesis-sidecar" or path.is_file():
            assert path.stat().st_mode & 0o022 == 0, path


def test_the_dockerfile_makes_its_tree_with_the_same_script():
    first = DOCKERFILE.split("FROM scratch\n")[0]
    assert "make build && Scripts/image-root /image" in first
    assert "COPY --from=build /image /\n" in LAST_STAGE
    assert f"COPY --from=build --chown={USER} /image/var/lib/kinesis-sidecar /var/lib/kinesis-sidecar" in LAST_STAGE
    # Where only that folder is a volume, `docker build` sends what git has, and no build of this machine.
    ignored = (ROOT / "deploy/Dockerfile.dockerignore").read_text().split()
    assert {".git", ".build*", ".venv"} <= set(ignored)


@needs_root
@needs("unshare", "chroot")
def test_the_program_runs_in_the_tree_alone(contain):
    container = contain()
    assert container.run(*ENTRY_POINT, "--version").stdout.startswith("kinesis-sidecar ")
    container.start(*ENTRY_POINT, "--local", "--local-port", "0", "--local-stream", "orders", env=ENVIRONMENT)
    reader = container.follow("orders", "initialPositionInStream=TRIM_HORIZON")
    container.put("orders", {"hello": "tree"})
    reader.wait_records(1)
    assert [record["data"] for record in reader.records] == [{"hello": "tree"}]
    # State is in the volume, and the process is the user that the image names.
    assert (container.volume / "state.db").stat().st_uid == int(USER.split(":")[0])
    assert container.terminate() == 0, container.log


@needs_root
@needs("unshare", "chroot")
def test_the_health_check_tells_a_sidecar_that_runs_from_one_that_does_not(contain):
    container = contain()
    container.start(*ENTRY_POINT, "--local", "--local-port", "0", env=ENVIRONMENT)
    listen = {"KINESIS_SIDECAR_LISTEN": f"127.0.0.1:{container.ports['http']}"}
    running = container.run(*HEALTH_CHECK, env=listen)
    assert running.returncode == 0, running
    assert container.terminate() == 0, container.log
    stopped = container.run(*HEALTH_CHECK, env=listen)
    assert stopped.returncode == 1, stopped


@needs_root
@needs("unshare", "chroot")
def test_the_tree_has_what_names_and_certificates_take(contain, sidecars, tmp_path):
    """Puts go to a Kinesis whose name /etc/hosts has, and whose certificate the tree's own file of them vouches for."""
    authority, hosts = tmp_path / "authority.pem", tmp_path / "hosts"
    kinesis = sidecars.start(
        "--local-tls", str(authority), "--local-stream", "orders", env={"KINESIS_SIDECAR_ALLOWED_HOSTS": "kinesis.test"})
    hosts.write_text("127.0.0.1 kinesis.test\n")
    container = contain({"/etc/hosts": hosts, "/etc/ssl/certs/ca-certificates.crt": authority})
    port = kinesis.ports["kinesis"]
    container.start(
        *ENTRY_POINT, "--kinesis-endpoint", f"https://kinesis.test:{port}", "--dynamodb", "off",
        "--region", "us-east-1", env={**ENVIRONMENT, "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"})
    container.put("orders", 1)
    (shard,) = kinesis.boto3().list_shards(StreamName="orders")["Shards"]
    iterator = kinesis.boto3().get_shard_iterator(
        StreamName="orders", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    assert [record["Data"] for record in kinesis.boto3().get_records(ShardIterator=iterator)["Records"]] == [b"1"]
