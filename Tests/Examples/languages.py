"""How each language's example is built and run, and what that needs of the machine."""

import shutil
import subprocess
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
# Where Debian's libjackson2-databind-java puts it.
JACKSON = [Path("/usr/share/java", f"jackson-{part}.jar") for part in ("core", "annotations", "databind")]


def _run_as_it_is(*command):
    return lambda folder: [str(part) for part in command]


def _build_go(folder):
    program = folder / "invoices"
    source = EXAMPLES / "go/invoices.go"
    subprocess.run(["go", "build", "-o", program, source], check=True, timeout=120)
    return [str(program)]


def _build_csharp(folder):
    version = subprocess.run(["dotnet", "--version"], check=True, capture_output=True, text=True, timeout=60).stdout
    # For the framework that came with the compiler, so that nothing is downloaded.
    subprocess.run(
        ["dotnet", "build", "--configuration", "Release", "--output", folder / "out",
         f"--property:TargetFramework=net{version.partition('.')[0]}.0",
         f"--property:BaseIntermediateOutputPath={folder}/obj/", EXAMPLES / "csharp/Invoices.csproj"],
        check=True, timeout=180)
    return ["dotnet", str(folder / "out/Invoices.dll")]


# What the machine must have, and what makes the command of it in a folder.
LANGUAGES = {
    "python": (["python3"], _run_as_it_is("python3", EXAMPLES / "python/invoices.py")),
    "nodejs": (["node"], _run_as_it_is("node", EXAMPLES / "nodejs/invoices.mjs")),
    "go": (["go"], _build_go),
    "java": (
        ["java", *JACKSON],
        _run_as_it_is("java", "-cp", ":".join(map(str, JACKSON)), EXAMPLES / "java/Invoices.java")),
    "csharp": (["dotnet"], _build_csharp),
    "ruby": (["ruby"], _run_as_it_is("ruby", EXAMPLES / "ruby/invoices.rb")),
    "shell": (["bash", "curl", "jq"], _run_as_it_is("bash", EXAMPLES / "shell/invoices.sh")),
}


def missing(language):
    """What the language's example needs and this machine has not."""
    needs, _ = LANGUAGES[language]
    return [str(one) for one in needs if not (one.exists() if isinstance(one, Path) else shutil.which(one))]


def command(language, folder):
    """The command that runs the example, built in `folder` where it has to be."""
    _, make = LANGUAGES[language]
    return make(folder)
