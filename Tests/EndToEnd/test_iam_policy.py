"""deploy/iam/policy.json against what the program can send."""

import json
import re

from harness.sidecar import ROOT

SERVICES = {"Kinesis": "kinesis", "DynamoDB": "dynamodb", "S3": "s3"}
# What IAM calls an operation that it does not call by its name.
ACTIONS = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
}


def operations():
    """The operations that the sources have as values, with their service as IAM names it."""
    names = set()
    for folder, service in SERVICES.items():
        for path in (ROOT / "Sources" / folder).rglob("*.swift"):
            names |= {f"{service}:{name}" for name in re.findall(r'static let name = "(\w+)"', path.read_text())}
    return {ACTIONS.get(name, name) for name in names}


def statements():
    return json.loads((ROOT / "deploy/iam/policy.json").read_text())["Statement"]


def actions(statement):
    return [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]


def test_the_policy_has_every_operation_once_and_no_other():
    listed = [action for statement in statements() for action in actions(statement)]
    assert len(listed) == len(set(listed))
    assert {"kinesis:GetRecords", "dynamodb:UpdateItem", "s3:PutObject"} <= operations()
    assert set(listed) == operations()


def test_a_statement_speaks_of_one_service_and_of_no_wildcard():
    for statement in statements():
        services = {action.split(":")[0] for action in actions(statement)}
        # How the name of a consumer ends, and its ARN, nobody knows beforehand.
        plain = json.dumps(statement).replace("/consumer/kinesis-sidecar-*", "")
        # Nor how the key of an item does.
        plain = plain.replace("/kinesis-sidecar/*", "")
        assert len(services) == 1 and "*" not in plain
        assert statement["Resource"].split(":")[2] in services


def test_what_options_need_is_in_the_policy_and_its_readme_names_them():
    needed = {}
    for line in (ROOT / "docs/options.md").read_text().splitlines():
        for action in re.findall(r"Needs (?:the right )?`(\w+:\w+)`", line):
            needed[re.match(r"\| `(\w+)`", line)[1]] = action
    assert {"aggregate", "rateLimit"} <= set(needed)
    allowed = {action for statement in statements() for action in actions(statement)}
    readme = (ROOT / "deploy/iam/README.md").read_text()
    for option, action in needed.items():
        assert action in allowed and f"`{option}`" in readme


def test_the_readme_says_what_each_statement_is_for():
    readme = (ROOT / "deploy/iam/README.md").read_text()
    for statement in statements():
        assert f"| `{statement['Sid']}` |" in readme
