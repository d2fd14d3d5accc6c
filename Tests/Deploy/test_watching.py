"""deploy/prometheus and deploy/grafana: by promtool, and against the metrics of programs that run."""

import hashlib
import json
import re
import subprocess

import pytest
import yaml

from harness.sidecar import ROOT, Sidecars
from harness.waiting import eventually
from tools import needs

FOLDER = ROOT / "deploy/prometheus"
RULES = [rule for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((ROOT / "deploy/grafana/dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]
# What Prometheus says itself of whom it asks.
PROMETHEUS_OWN = {"up"}
METRIC = re.compile(r"\b((?:kinesis_sidecar|process)_[a-z0-9_]+|up(?=\{))")


def promtool(*words):
    done = subprocess.run(["promtool", *words], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


@needs("promtool")
def test_promtool_takes_rules_and_configuration_and_their_tests_pass(tmp_path):
    code, said = promtool("check", "rules", FOLDER / "alerts.yaml")
    assert code == 0 and f"{len(RULES)} rules found" in said, said
    code, said = promtool("check", "config", FOLDER / "prometheus.yaml")
    assert code == 0, said
    code, said = promtool("test", "rules", FOLDER / "alerts.test.yaml")
    assert code == 0, said
    # A test that expects what does not come is one that fails.
    for name in ["alerts.yaml", "alerts.test.yaml"]:
        (tmp_path / name).write_text((FOLDER / name).read_text().replace("> 300", "> 500"))
    code, said = promtool("test", "rules", tmp_path / "alerts.test.yaml")
    assert code != 0, said


def test_each_alert_has_a_part_of_the_docs_and_each_such_part_an_alert():
    alerts = [rule["alert"] for rule in RULES]
    page = (ROOT / "docs/operating.md").read_text()
    for rule in RULES:
        file, anchor = rule["annotations"]["runbook"].split("#")
        assert file == "docs/operating.md", rule["alert"]
        assert anchor == rule["alert"].lower()
        assert rule["labels"]["severity"] in ["warning", "critical"]
    # As GitHub links a heading of one word.
    assert re.findall(r"^### (KinesisSidecar\w+)$", page, re.MULTILINE) == alerts


@pytest.fixture(scope="module")
def running(request, moto, tmp_path_factory):
    """The metrics of two sidecars that have met what the rules speak of: name → type."""
    folder = tmp_path_factory.mktemp("watched")
    sidecars = Sidecars(folder)
    request.addfinalizer(sidecars.close)
    token = "a token of the test"
    alone, shared = folder / "alone.yaml", folder / "shared.yaml"
    # JSON is YAML.
    alone.write_text(json.dumps({"tokens": [
        {"name": "all", "sha256": hashlib.sha256(token.encode()).hexdigest(), "verbs": ["read", "checkpoint", "put", "admin"]}]}))
    shared.write_text(json.dumps({
        "dynamoDb": {"endpoint": moto.url, "tableName": "watched"}, "useS3ForLargeItems": True,
        "s3": {"endpoint": moto.url}, "consumers": [{"streamName": "watched", "consumerGroup": "g"}],
        "processors": [{"command": ["cat"], "streamName": "watched", "consumerGroup": "children"}]}))
    types = {}

    def metrics(sidecar, headers=None):
        text = sidecar.get("/metrics", headers=headers or {}).body.decode()
        types.update(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
        return text

    first = sidecars.start("--config", alone, "--local-limits", "off")
    bearer = {"Authorization": f"Bearer {token}"}
    assert first.get("/streams/s/records").status == 401
    assert first.get("/streams/s/records?limit=bad", headers={**bearer, "Accept": "text/event-stream"}).status == 400
    first.fault("throttle", operation="PutRecords", count=1)
    assert first.post("/streams/s/put", {"data": 1}, headers=bearer).status == 200
    reader = first.follow("s", "useAutoCheckpoints=false&initialPositionInStream=TRIM_HORIZON", bearer)
    reader.wait_records(1)
    eventually(lambda: "kinesis_sidecar_oldest_unacknowledged_seconds{" in metrics(first, bearer), 20)
    second = sidecars.start("--config", shared, "--local-limits", "off")
    second.follow("watched", "consumerGroup=g")
    second.put("watched", 1)
    eventually(lambda: re.search(r"^kinesis_sidecar_leases\{.* 1(\.0)?$", metrics(second), re.MULTILINE), 20)
    eventually(lambda: "kinesis_sidecar_child_batches_total{" in metrics(second), 20)
    return types


@pytest.mark.seconds(120)
def test_every_metric_that_is_named_is_one_of_the_program(running):
    named = {name for rule in RULES for name in METRIC.findall(rule["expr"])} - PROMETHEUS_OWN
    queries = [variable["definition"] for variable in DASHBOARD["templating"]["list"] if "definition" in variable]
    shown = {name for text in EXPRESSIONS + queries for name in METRIC.findall(text)}
    assert len(named) > 10 and len(shown) > 20

    def known(name):
        # A histogram's samples have its name and one of these.
        family = re.sub(r"_(bucket|sum|count)$", "", name)
        return name in running or running.get(family) == "histogram"

    assert [name for name in sorted(named | shown) if not known(name)] == []
    # Rates are of what only grows, or they are nothing.
    for text in EXPRESSIONS + [rule["expr"] for rule in RULES]:
        for name in re.findall(r"(?:rate|increase)\((\w+)", text):
            assert running.get(name) == "counter" or name.endswith("_bucket"), name


def test_the_dashboard_is_laid_out_without_gaps_and_overlaps():
    identifiers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(identifiers)) == len(identifiers)
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z_]+)", json.dumps(DASHBOARD))) - {"__rate_interval"}
    assert {name for name in used if not name.startswith("__")} == variables


@needs("promtool")
def test_promtool_takes_the_dashboards_expressions(tmp_path):
    def check(expressions):
        rules = [{"record": f"panel:{number}", "expr": text.replace("$__rate_interval", "5m")}
                 for number, text in enumerate(expressions)]
        (tmp_path / "rules.yaml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
        return promtool("check", "rules", tmp_path / "rules.yaml")

    code, said = check(EXPRESSIONS)
    assert code == 0 and f"{len(EXPRESSIONS)} rules found" in said, said
    assert check([EXPRESSIONS[0] + ")"])[0] != 0
