"""deploy/ecs/task-definition.json, by boto3's model of ECS and by moto's ECS."""

import json

import boto3

from container import USER
from harness.sidecar import ROOT, run_program
from manifests import DATA_DIR, HEALTH_CHECK, drain_seconds, instruction, version

TASK = json.loads((ROOT / "deploy/ecs/task-definition.json").read_text())
SIDECAR, SERVICE = TASK["containerDefinitions"]


def test_ecs_takes_it(moto):
    """boto3 refuses what its model does not have; moto registers it."""
    ecs = boto3.client(
        "ecs", region_name="eu-central-1", endpoint_url=moto.url, aws_access_key_id="a", aws_secret_access_key="b")
    registered = ecs.register_task_definition(**TASK)["taskDefinition"]
    assert registered["status"] == "ACTIVE" and registered["family"] == TASK["family"]


def test_the_sidecar_is_the_image_that_the_dockerfile_makes():
    assert SIDECAR["image"].endswith(f"/kinesis-sidecar:{version()}")
    assert SIDECAR["user"] == USER and SIDECAR["readonlyRootFilesystem"]
    assert SIDECAR["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}
    check = SIDECAR["healthCheck"]
    assert check["command"] == ["CMD", *HEALTH_CHECK]
    assert f"--interval={check['interval']}s --timeout={check['timeout']}s" in instruction("HEALTHCHECK")
    (mount,) = SIDECAR["mountPoints"]
    assert mount == {"sourceVolume": TASK["volumes"][0]["name"], "containerPath": DATA_DIR}


def test_the_service_begins_behind_the_sidecar_and_both_have_time_to_end():
    assert SERVICE["dependsOn"] == [{"containerName": SIDECAR["name"], "condition": "HEALTHY"}]
    environment = {variable["name"]: variable["value"] for variable in SIDECAR["environment"]}
    assert drain_seconds(env=environment) < SIDECAR["stopTimeout"] <= 120
    # What Fargate gives to 0.25 of a processor, and what the containers may take of it.
    assert (TASK["cpu"], TASK["memory"]) == ("256", "512")
    assert SIDECAR["memory"] + SERVICE["memoryReservation"] <= int(TASK["memory"])


def test_the_environment_is_one_that_the_program_starts_with():
    environment = {variable["name"]: variable["value"] for variable in SIDECAR["environment"]}
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    report = run_program(*SIDECAR.get("command", []), "--check-config", env={**environment, **keys})
    assert report.returncode == 0 and "region: eu-central-1" in report.stdout, report
