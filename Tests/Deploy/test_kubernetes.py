"""deploy/kubernetes: built by kubectl, judged by Kubernetes' own schemas, and run as far as a program alone can be."""

import subprocess

import pytest
import yaml

from container import USER
from harness.sidecar import ROOT, fetch
from harness.waiting import eventually
from manifests import DATA_DIR, drain_seconds, version
from tools import needs

# From which on a container that starts first may stay.
NATIVE_SIDECARS = "1.29"
OVERLAYS = ["base", "local"]
REGION = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_EC2_METADATA_DISABLED": "true"}
pytestmark = needs("kubectl")


@pytest.fixture(scope="module", params=OVERLAYS)
def objects(request):
    """What `kubectl apply -k` would send, by kind."""
    return build(request.param)


def build(overlay):
    done = subprocess.run(
        ["kubectl", "kustomize", ROOT / "deploy/kubernetes" / overlay], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return {document["kind"]: document for document in yaml.safe_load_all(done.stdout)}


def pod(objects):
    return objects["Deployment"]["spec"]["template"]["spec"]


def sidecar_of(objects):
    (container,) = pod(objects)["initContainers"]
    return container


def configuration_of(objects, folder):
    """The file that the sidecar is given, written to `folder`."""
    (name, text), = objects["ConfigMap"]["data"].items()
    assert f"/etc/kinesis-sidecar/{name}" in sidecar_of(objects)["args"]
    (folder / name).write_text(text)
    return folder / name


def test_every_object_is_one_of_kubernetes(objects):
    import kubernetes_validate

    for document in objects.values():
        kubernetes_validate.validate(document, NATIVE_SIDECARS, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        broken = objects["Deployment"] | {"spec": objects["Deployment"]["spec"] | {"replica": 1}}
        kubernetes_validate.validate(broken, NATIVE_SIDECARS, strict=True)


def test_the_sidecar_is_a_native_one_of_this_version_that_may_do_nothing(objects):
    sidecar = sidecar_of(objects)
    assert sidecar["restartPolicy"] == "Always"
    assert sidecar["image"] == f"kinesis-sidecar:{version()}"
    security = pod(objects)["securityContext"]
    assert security["runAsNonRoot"] and security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert f"{security['runAsUser']}:{security['runAsGroup']}" == f"{security['fsGroup']}:{security['fsGroup']}" == USER
    for container in [sidecar, *pod(objects)["containers"]]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        assert container["resources"]["limits"]["memory"]
    assert objects["ServiceAccount"]["automountServiceAccountToken"] is False
    assert pod(objects)["serviceAccountName"] == objects["ServiceAccount"]["metadata"]["name"]


def test_what_is_mounted_is_there(objects):
    volumes = {volume["name"]: volume for volume in pod(objects)["volumes"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in sidecar_of(objects)["volumeMounts"]}
    assert set(mounts) == set(volumes) and mounts["state"] == DATA_DIR
    # Its name ends with the content's hash.
    assert volumes["config"]["configMap"]["name"] == objects["ConfigMap"]["metadata"]["name"] != "kinesis-sidecar"


def test_the_pod_has_the_time_that_ending_takes(objects, tmp_path):
    drain = drain_seconds("--config", configuration_of(objects, tmp_path), env=REGION)
    # The service's 30 s, which is what Kubernetes gives by default.
    assert pod(objects)["terminationGracePeriodSeconds"] >= drain + 30


def test_the_network_policy_lets_in_who_comes_to_the_admin_port_alone(objects):
    policy = objects["NetworkPolicy"]["spec"]
    labels = objects["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"] == labels == objects["Deployment"]["spec"]["selector"]["matchLabels"]
    admin = sidecar_of(objects)["ports"][0]["containerPort"]
    assert [port["port"] for rule in policy["ingress"] for port in rule["ports"]] == [admin]
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {53, 443, 80}


@pytest.mark.seconds(90)
def test_its_configuration_starts_and_its_probes_and_hook_are_answered(sidecars, tmp_path):
    """The local overlay, on free ports in the place of those that it would take in a pod."""
    local = build("local")
    sidecar = sidecars.start("--config", configuration_of(local, tmp_path), "--admin-listen", "127.0.0.1:0")
    admin = f"http://127.0.0.1:{sidecar.ports['admin']}"
    (orders,) = [consumer for consumer in sidecar.get("/streams").json["consumers"]]
    assert (orders["streamName"], orders["consumerGroup"]) == ("orders", "orders")
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"]:
        request = sidecar_of(local)[probe]["httpGet"]
        assert request["port"] == sidecar_of(local)["ports"][0]["name"]
        assert fetch(admin + request["path"]).status == 200
    service, = pod(local)["containers"]

    def here(url):
        return url.replace("http://localhost:8700", sidecar.url)

    reader = sidecar.follow("orders", here(service["args"][0]).split("?")[1])
    sidecar.put("orders", "before")
    reader.wait_records(1)
    hook = [here(word) for word in service["lifecycle"]["preStop"]["exec"]["command"]]
    done = subprocess.run(hook, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and "problem" not in done.stdout, done
    ready = sidecar_of(local)["readinessProbe"]["httpGet"]["path"]
    eventually(lambda: fetch(admin + ready).status == 503, 30)
    assert fetch(admin + sidecar_of(local)["livenessProbe"]["httpGet"]["path"]).status == 200
    # What the service puts until it ends still goes out.
    sidecar.put("orders", "after")


def test_the_base_is_accepted_and_names_no_secret(tmp_path):
    base = build("base")
    assert drain_seconds("--config", configuration_of(base, tmp_path), env=REGION) > 0
    assert "eks.amazonaws.com/role-arn" in base["ServiceAccount"]["metadata"]["annotations"]
    assert "secret" not in base["ConfigMap"]["data"]["config.yaml"].lower().replace("secrets have no place", "")
