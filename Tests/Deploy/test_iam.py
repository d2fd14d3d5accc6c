"""deploy/iam against what the program can send."""

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
# What Kinesis does with a stream's key on behalf of whoever calls these.
# Source: Kinesis's developer guide, "Permissions to use user-generated KMS keys".
ON_BEHALF = {"kms:GenerateDataKey": "kinesis:PutRecords", "kms:Decrypt": "kinesis:GetRecords"}
# Requests of STS that take no credentials, and so no rights.
UNSIGNED = {"sts:AssumeRoleWithWebIdentity"}
POLICIES = {path.stem: json.loads(path.read_text()) for path in (ROOT / "deploy/iam").glob("*.json")}
README = (ROOT / "deploy/iam/README.md").read_text()


def operations():
    """The operations that the sources have as values, with their service as IAM names it."""
    names = set()
    for folder, service in SERVICES.items():
        for path in (ROOT / "Sources" / folder).rglob("*.swift"):
            names |= {f"{service}:{name}" for name in re.findall(r'static let name = "(\w+)"', path.read_text())}
    (sts,) = (ROOT / "Sources/AWS/Credentials").rglob("STS.swift")
    names |= {f"sts:{name}" for name in re.findall(r'request\("(\w+)"', sts.read_text())}
    return {ACTIONS.get(name, name) for name in names}


def actions(statement):
    return [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]


def statements():
    return [statement for policy in POLICIES.values() for statement in policy["Statement"]]


def test_the_policies_have_every_operation_and_no_other():
    listed = {action for statement in statements() for action in actions(statement)}
    assert {"kinesis:GetRecords", "dynamodb:UpdateItem", "s3:PutObject", "sts:AssumeRole"} <= operations()
    assert listed - set(ON_BEHALF) == operations() - UNSIGNED
    assert set(ON_BEHALF) <= listed and set(ON_BEHALF.values()) <= operations()


def test_no_policy_has_an_action_twice():
    for name, policy in POLICIES.items():
        listed = [(action, statement["Resource"]) for statement in policy["Statement"] for action in actions(statement)]
        assert len(listed) == len(set(listed)), name


def test_a_statement_speaks_of_one_service_and_of_no_wildcard():
    for statement in statements():
        services = {action.split(":")[0] for action in actions(statement)}
        # How a consumer's name and the key of an item end nobody knows beforehand.
        plain = json.dumps(statement).replace("/consumer/kinesis-sidecar-*", "").replace("/kinesis-sidecar/*", "")
        assert len(services) == 1
        assert "*" not in plain.replace("arn:aws:s3:::orders/*", "")
        # Roles are IAM's, STS is asked for them.
        assert statement["Resource"].split(":")[2].replace("iam", "sts") in services


def test_what_reads_and_what_puts_are_apart():
    def of(name):
        return {action for statement in POLICIES[name]["Statement"] for action in actions(statement)}

    changing = re.compile(r":(Put|Update|Delete|Create|Add|Start|Tag|Register|Deregister)")
    for name in ["read", "read-encrypted", "items-read"]:
        assert not [action for action in of(name) if changing.search(action)], name
    assert not [action for name in ["put", "put-encrypted", "items-put"] for action in of(name) if ":Get" in action]
    # The keys serve Kinesis alone.
    for name in ["read-encrypted", "put-encrypted"]:
        (statement,) = POLICIES[name]["Statement"]
        assert statement["Condition"] == {"StringEquals": {"kms:ViaService": "kinesis.eu-central-1.amazonaws.com"}}


def test_what_options_need_is_in_a_policy_that_the_readme_names_them_for():
    needed = {}
    for line in (ROOT / "docs/options.md").read_text().splitlines():
        for action in re.findall(r"Needs (?:the right )?`(\w+:\w+)`", line):
            needed[re.match(r"\| `(\w+)`", line)[1]] = action
    assert {"aggregate", "rateLimit"} <= set(needed)
    for option, action in needed.items():
        (row,) = [line for line in README.splitlines() if line.startswith("| [") and f"`{option}`" in line]
        policy = POLICIES[re.match(r"\| \[`([\w-]+)`\]", row)[1]]
        assert action in {action for statement in policy["Statement"] for action in actions(statement)}


def test_the_readme_says_what_each_policy_is_for():
    assert set(re.findall(r"^\| \[`([\w-]+)`\]\(\1\.json\) \|", README, re.MULTILINE)) == set(POLICIES)
