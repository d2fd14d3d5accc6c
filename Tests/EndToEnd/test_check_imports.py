"""Scripts/check-imports on a made-up tree of two targets."""

import subprocess
import sys

import pytest

from harness.sidecar import ROOT

PACKAGE = """
let package = Package(
    targets: [
        .target(name: "JSON", dependencies: ["Bytes"{more}]),
        .target(name: "Bytes"),
        .testTarget(
            name: "JSONTests",
            dependencies: [
                "JSON", log,
            ]),
    ])
"""


@pytest.fixture
def tree(tmp_path):
    write(tmp_path, "Package.swift", PACKAGE.replace("{more}", ""))
    write(tmp_path, "Sources/JSON/Text.swift", "import Bytes\nimport func Glibc.memchr\n")
    write(tmp_path, "Sources/Bytes/Buffer.swift", "struct Buffer {}\n")
    write(tmp_path, "Tests/JSONTests/TextTests.swift", "import Logging\n@testable import JSON\n")
    return tmp_path


def write(tree, name, text):
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def check(tree):
    """Exit code and lines."""
    ended = subprocess.run(
        [sys.executable, ROOT / "Scripts/check-imports", tree], capture_output=True, text=True, timeout=30)
    assert not ended.stderr, ended.stderr
    return ended.returncode, ended.stdout.splitlines()


def test_what_is_declared_and_used_is_fine(tree):
    assert check(tree) == (0, ["imports are as the design has them"])


def test_an_import_that_is_in_no_row_is_refused(tree):
    write(tree, "Sources/Bytes/More.swift", "// a file\nimport JSON\n")
    assert check(tree) == (1, ["Sources/Bytes/More.swift:2: Bytes must not import JSON"])


def test_an_import_that_a_row_allows_and_no_file_has_is_refused(tree):
    write(tree, "Sources/JSON/Text.swift", "import Bytes\n")
    assert check(tree) == (1, ["Scripts/check-imports: JSON may import Glibc.memchr, and does not"])


def test_a_dependency_that_no_file_imports_is_refused(tree):
    write(tree, "Package.swift", PACKAGE.replace("{more}", ', "Time"'))
    assert check(tree) == (1, ["Package.swift: JSON depends on Time, and does not import it"])


def test_a_product_of_a_package_that_no_test_imports_is_refused(tree):
    write(tree, "Tests/JSONTests/TextTests.swift", "@testable import JSON\n")
    assert check(tree) == (1, ["Package.swift: JSONTests depends on Logging, and does not import it"])


def test_a_target_without_a_readable_declaration_is_refused(tree):
    write(tree, "Sources/Time/Instant.swift", "import Glibc\n")
    assert check(tree) == (1, ["Package.swift: Time has no declaration that this script can read"])


@pytest.mark.parametrize("name", ["Foundation", "Dispatch", "NIOCore"])
def test_what_the_event_loop_stands_in_for_is_refused_everywhere(tree, name):
    write(tree, "Tests/JSONTests/More.swift", f"import {name}\n")
    assert check(tree) == (1, [f"Tests/JSONTests/More.swift:1: {name} is not used in this project"])
