"""The pages of docs/: what they tell people to type works as it stands, and their lists are the program's."""

import os
import re
import signal
import subprocess

import pytest
import yaml

from harness.multilang import KCLPY
from harness.sidecar import PROGRAM, ROOT, clean_environment, run_program
from harness.waiting import eventually

# Pages whose blocks of `sh` are typed one after the other, from an empty folder on.
TYPED = ["index.md", "tutorials/first-stream.md", "tutorials/from-multilangdaemon.md"]
BLOCK = re.compile(r"^```sh\n(.*?)^```\n(?:\s*^```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)


def page(name):
    return (ROOT / "docs" / name).read_text()


def first_cells(text):
    """The cells of the first column of a text's tables, but for their rules."""
    cells = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")]
    return [cell for cell in cells if not set(cell) <= set("-: ")]


def names(cell):
    return re.findall(r"`([^`]+)`", cell)


class Terminal:
    """A block of a page as somebody types it, in a shell of its own; it may go on without an end."""

    def __init__(self, network, folder, number, text):
        self.text = text
        self.out, self.errors = folder / f".{number}.out", folder / f".{number}.err"
        environment = clean_environment(folder)
        environment["PATH"] = f"{folder / '.bin'}:{environment['PATH']}"
        with open(self.out, "wb") as out, open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                ["nsenter", f"--net=/proc/{network.pid}/ns/net", "bash", "-c", text], cwd=folder, env=environment,
                stdin=subprocess.DEVNULL, stdout=out, stderr=errors, start_new_session=True,
                # A run in the background ignores it, and so would what is started here.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    def wait(self, expected):
        """Until it shows what the page says, where `…` stands for anything; without that until it ends well."""

        def shows():
            ended = self.process.poll() is not None
            assert not ended or self.process.returncode == 0, self.errors.read_text()
            if expected is None:
                return ended
            pattern = ".*?".join(re.escape(part) for part in expected.strip().split("…"))
            assert re.search(pattern, self.out.read_text(), re.DOTALL), f"{self.text}: {self.out.read_text()}"
            return True

        eventually(shows, 20, why=self.text)

    def close(self, number=signal.SIGINT):
        """As Ctrl-C does."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass
        self.process.wait(30)


@pytest.fixture
def network():
    """A process in a network of its own, where port 8700 is nobody's."""
    process = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec sleep infinity"], stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL)
    try:
        if process.stdout.readline() != b"up\n":
            pytest.skip("a network of its own needs root, unshare and ip")
        yield process
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


@pytest.mark.seconds(180)
@pytest.mark.parametrize("name", TYPED)
def test_what_a_page_says_to_type_works_from_an_empty_folder(network, tmp_path, name):
    (tmp_path / ".bin").mkdir()
    (tmp_path / ".bin/kinesis-sidecar").symlink_to(PROGRAM)
    # What a page says to fetch: there is nothing to fetch from.
    (tmp_path / "kclpy").symlink_to(KCLPY)
    blocks = BLOCK.findall(page(name))
    assert len(blocks) >= 5
    terminals = []
    try:
        for number, (text, expected) in enumerate(blocks):
            terminals.append(Terminal(network, tmp_path, number, text))
            terminals[-1].wait(expected or None)
            if "--local" not in text:
                terminals.pop().close()
    finally:
        for terminal in terminals:
            terminal.close(signal.SIGKILL)


CONTRACT = yaml.safe_load((ROOT / "openapi.yaml").read_text())


def test_the_problem_codes_of_the_docs_are_those_of_the_contract():
    table = page("operating.md").partition("\n## Problem codes")[2]
    described = [code for cell in first_cells(table)[1:] for code in names(cell)]
    assert sorted(described) == sorted(CONTRACT["components"]["schemas"]["ProblemCode"]["enum"])


def test_the_metrics_of_the_docs_are_in_the_program(sidecar):
    table = page("operating.md").partition("\n## Metrics")[2].partition("\n## ")[0]
    described = [name for cell in first_cells(table)[1:] for name in names(cell) if "_" in name]
    assert len(described) > 40
    # Some metrics come only with what they count; text of up to 15 bytes is in the program's code, and in no one piece.
    told = PROGRAM.read_bytes() + sidecar.get("/metrics").body
    assert [name for name in described if name.encode() not in told] == []


def test_the_events_of_the_docs_are_those_of_the_contract():
    records = CONTRACT["paths"]["/streams/{streamName}/records"]["get"]["responses"]["200"]["content"]
    events = set(records["text/event-stream"]["schema"]["x-events"])
    row = next(line for line in page("glossary.md").splitlines() if line.startswith("| event |"))
    assert set(names(row)) == events


def test_the_status_page_names_chapters_that_are_there(sidecar):
    links = re.findall(r"docs/([\w/-]+\.md)#([\w-]+)", sidecar.get("/").body.decode())
    assert len(links) > 5
    for file, anchor in links:
        heads = re.findall(r"^#+ (.*)", page(file), re.MULTILINE)
        # As GitHub and mkdocs make anchors of heads.
        anchors = [re.sub(r"[^\w -]", "", head).strip().lower().replace(" ", "-") for head in heads]
        assert anchor in anchors, f"{file}#{anchor}"


def options():
    """The options of docs/options.md, each with its default as the page says it; that of some is another option."""
    found = {}
    for table in page("options.md").split("\n\n"):
        head, *rows = [re.split(r"(?<!\\)\|", line) for line in table.splitlines() if line.startswith("|")] or [[]]
        titles = [title.strip() for title in head]
        if "option" in titles and "default" in titles:
            for row in rows[1:]:
                found |= {name: row[titles.index("default")].strip() for name in names(row[titles.index("option")])}
    return found


def options_in_force():
    """What the program says that it would run with."""
    checked = run_program("--check-config", "--region", "us-east-1", env={
        "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"})
    assert checked.returncode == 0, checked
    return yaml.safe_load(checked.stdout)


def query_options():
    return {
        parameter["name"] for item in CONTRACT["paths"].values() for operation in item.values()
        if isinstance(operation, dict) for parameter in operation.get("parameters", []) if parameter.get("in") == "query"}


def test_every_option_of_the_program_is_in_the_docs():
    described = options().keys()
    assert set(options_in_force()) - described == set()
    assert query_options() - described == set()
    flags = set(re.findall(r"^ *(--[a-z0-9-]+)", run_program("--help").stdout, re.MULTILINE))
    assert len(flags) > 20
    assert [flag for flag in flags if f"`{flag}" not in page("options.md")] == []


def test_every_option_of_the_docs_is_the_programs(tmp_path):
    described = options().keys() - query_options()
    assert len(described) > 80
    path = tmp_path / "sidecar.yaml"
    path.write_text("".join(f"{name}: ''\n" for name in sorted(described)))
    checked = run_program("--check-config", "--config", path)
    assert checked.returncode == 64
    assert [line for line in checked.stderr.splitlines() if "there is no option" in line] == []


def test_the_defaults_of_the_docs_are_the_programs():
    plain = {
        name: yaml.safe_load(default.strip("`")) for name, default in options().items()
        if re.fullmatch(r"`[\w.-]+`|[0-9]+", default) and default.strip("`") not in options()}
    in_force = options_in_force()
    assert len(plain.keys() & in_force) > 40
    assert {name: plain[name] for name in plain if name in in_force and plain[name] != in_force[name]} == {}
