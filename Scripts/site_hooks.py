"""What `make site` adds to the pages of docs/ (mkdocs's hooks): the reference of routes and events, made of openapi.yaml; files
of the repository that pages link to, under repository/; and in the navigation the decisions, and what it does not name.
"""

import posixpath
import re
from pathlib import Path

import yaml
from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"(?<=\]\()([^)\s#:]+)(?=[)#])")


def on_config(config):
    named = set(_pages_of(config.nav))
    pages = sorted(path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md"))
    decisions = [page for page in pages if page.startswith("decisions/")]
    section = {next(iter(section)): section for section in config.nav}
    section["How it is made"]["How it is made"].append({"Decisions": decisions})
    section["Guides"]["Guides"] += [page for page in pages if page not in named and page not in decisions]


def _pages_of(nav):
    for entry in nav:
        for part in entry.values() if isinstance(entry, dict) else [entry]:
            yield from _pages_of(part) if isinstance(part, list) else [part]


def on_files(files, config):
    contract = yaml.safe_load((ROOT / "openapi.yaml").read_text())
    files.append(File.generated(config, "reference/routes.md", content=routes(contract)))
    files.append(File.generated(config, "reference/events.md", content=events(contract)))
    waiting = [file.src_uri for file in files if file.src_uri.endswith(".md")] + ["repository/openapi.yaml"]
    while waiting:
        page = waiting.pop()
        if page.startswith("repository/") and files.get_file_from_path(page) is None:
            if _source(page).exists():
                files.append(File.generated(config, page, abs_src_path=str(_source(page))))
            else:
                files.append(File.generated(config, page, content=_listing(page)))
        if page.endswith(".md"):
            linked = (_target(page, link) for link in LINK.findall(files.get_file_from_path(page).content_string))
            waiting += [
                one for one in linked
                if one and one.startswith("repository/") and files.get_file_from_path(one) is None]
    return files


def on_page_markdown(markdown, page, config, files):
    here = page.file.src_uri

    def rewritten(link):
        target = _target(here, link[1])
        return posixpath.relpath(target, posixpath.dirname(here) or ".") if target else link[0]

    return LINK.sub(rewritten, markdown)


def _source(page):
    """The file of the repository that a page of the site, or a file of it, is made from."""
    return ROOT / (page.removeprefix("repository/") if page.startswith("repository/") else f"docs/{page}")


def _target(page, link):
    """The page of the site, or the file, that a link leads to; None where it is none of the repository's. A folder is its
    readme, or a page that lists what is in it."""
    try:
        path = (_source(page).parent / link).resolve().relative_to(ROOT).as_posix()
    except ValueError:
        return None
    if (ROOT / path).is_dir():
        path += "/README.md"
    elif not (ROOT / path).is_file():
        return None
    return path.removeprefix("docs/") if path.startswith("docs/") else f"repository/{path}"


def _listing(page):
    """Of a folder without a readme."""
    folder = _source(page).parent
    entries = sorted(entry.name for entry in folder.iterdir())
    return "\n".join([f"# {folder.relative_to(ROOT)}/\n", *(f"- [{name}]({name})" for name in entries)])


def routes(contract):
    """Every route with its options, and every status with its problem codes."""
    parts = [
        "# Routes\n\nMade of [openapi.yaml](../../openapi.yaml), which the running program serves as `/openapi.yaml` and"
        " which its tests hold every answer to. What each problem code means stands in"
        " [Operating it](../operating.md#problem-codes).\n"]
    for path, item in contract["paths"].items():
        for method, operation in item.items():
            if method not in ("get", "post", "put", "delete"):
                continue
            verb = operation.get("x-verb")
            parts += [
                f"## {method.upper()} {path}\n", _sentence(operation["summary"]) + (f" Verb: `{verb}`." if verb else ""),
                "", operation.get("description", ""), ""]
            parameters = [_resolved(contract, one) for one in operation.get("parameters", [])]
            if parameters:
                parts += ["| option | | what it does |", "| --- | --- | --- |"]
                parts += [
                    f"| `{one['name']}`{' (header)' if one['in'] == 'header' else ''} | {_values(one['schema'])} "
                    f"| {_cell(one.get('description', ''))} |" for one in parameters]
                parts += [""]
            parts += ["| status | | problem codes |", "| --- | --- | --- |"]
            for status, answer in operation["responses"].items():
                answer = _resolved(contract, answer)
                codes = ", ".join(f"`{code}`" for code in answer.get("x-codes", []))
                parts += [f"| {status} | {_cell(answer['description'])} | {codes} |"]
            parts += [""]
    return "\n".join(parts)


def events(contract):
    """Every event with its members, and an example of a stream of them."""
    answer = contract["paths"]["/streams/{streamName}/records"]["get"]["responses"]["200"]["content"]["text/event-stream"]
    parts = [
        "# Events\n\nWhat `GET /streams/{s}/records` sends; made of [openapi.yaml](../../openapi.yaml). Lines"
        " (`Accept: application/x-ndjson`) have the same members behind `event` and, of `records`, `id`."
        " [What is promised](../delivery.md) says when they come.\n",
        answer["schema"]["description"], "", "```text", answer["example"].rstrip(), "```", "",
        "An event `problem` has one of these codes while the stream goes on: "
        + ", ".join(f"`{code}`" for code in answer["schema"]["x-event-codes"])
        + "; [Operating it](../operating.md#problem-codes) says what to do.\n"]
    for name, schema in answer["schema"]["x-events"].items():
        parts += [f"## {name}\n", *_members(contract, _resolved(contract, schema))]
    item = _resolved(contract, contract["components"]["schemas"]["RecordsEvent"])["properties"]["records"]["items"]
    parts += ["## A record of `records`\n", *_members(contract, _resolved(contract, item))]
    return "\n".join(parts)


def _members(contract, schema):
    lines = [schema.get("description", ""), "", "| member | | |", "| --- | --- | --- |"]
    required = schema.get("required", [])
    for name, member in schema.get("properties", {}).items():
        member = _resolved(contract, member)
        there = "" if name in required else "not always there. "
        lines.append(f"| `{name}` | {_values(member)} | {there}{_cell(member.get('description', ''))} |")
    return lines + [""]


def _resolved(contract, part):
    while "$ref" in part:
        found = contract
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        part = {**found, **{name: value for name, value in part.items() if name != "$ref"}}
    return part


def _values(schema):
    if len(schema.get("enum", [])) > 20:
        return f"one of {len(schema['enum'])} words"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    kind = schema.get("type", "any")
    kind = " or ".join(kind) if isinstance(kind, list) else kind
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None:
        return f"{kind}, {least} to {most}" if most is not None else f"{kind}, from {least}"
    return kind


def _cell(text):
    return " ".join(text.split()).replace("|", "\\|")


def _sentence(text):
    return text if text.endswith(".") else text + "."
