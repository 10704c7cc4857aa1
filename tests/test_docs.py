"""What the pages say is tried: commands, snippets, links, dates, messages; what is made from the code is as made."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from datetime import date
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest
import tomli
import yaml
from documented_commands import RUN_BY
from jsonschema import Draft202012Validator
from pages import PAGES, ROOT, anchors, commands, links, prose_of, rows_of, section, snippets, table, target_of, text_of
from reference import made_pages
from test_packaging import LAYERS, layer_of, tap_modules

from tap_yoc import errors
from tap_yoc.dates import ONE_DAY, Window
from tap_yoc.engine.bookmarks import advance
from tap_yoc.engine.windows import plan
from tap_yoc.errors import ExitCode, InconsistentWindowError, YOCError
from tap_yoc.reports.columns import columns_of
from tap_yoc.reports.custom import custom_reports
from tap_yoc.reports.metadata import AccountMetadata
from tap_yoc.sandbox.columns import metadata
from tap_yoc.sandbox.forms import Forms
from tap_yoc.tap import TapYOC

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALL_COMMANDS = {command: page for page in PAGES for command in commands(page)}
SNIPPETS = {
    f"{page}-{number}": (page, language, text)
    for page in PAGES
    for number, (language, text) in enumerate(snippets(page), start=1)
}


# --- Commands, snippets and links of all pages


def test_every_command_is_run_or_named() -> None:
    """A command that nothing runs would be a promise nobody keeps: `documented_commands.py` says who does."""
    assert {command: page for command, page in ALL_COMMANDS.items() if command not in RUN_BY} == {}
    assert set(RUN_BY) - set(ALL_COMMANDS) == set(), "no page shows these"
    for command, runner in RUN_BY.items():
        if not re.match(r"CI: \.|by hand on \d{4}-\d\d-\d\d\b|nobody yet: \w", runner):
            module, _, test = runner.partition("::")
            assert f"def {test}(" in (ROOT / "tests" / module).read_text("utf-8"), (command, runner)


@pytest.mark.parametrize(
    "target", sorted({name for page in PAGES for name in re.findall(r"`make ([a-z-]+)", text_of(page))})
)
def test_every_make_command_exists(target: str) -> None:
    """Whatever `make …` a page names is in the Makefile."""
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize(("page", "language", "text"), list(SNIPPETS.values()), ids=list(SNIPPETS))
def test_snippets_parse(page: str, language: str, text: str) -> None:
    """Every snippet is well-formed in its language, and says which that is."""
    if language == "python":
        ast.parse(text)
    elif language == "json":
        json.loads(text)
    elif language == "toml":
        tomli.loads(text)
    elif language in {"yaml", "yml"}:
        list(yaml.safe_load_all(text))
    elif language in {"sh", "bash"}:
        subprocess.run(["bash", "-n", "-c", text], check=True)
    else:
        assert language in {"console", "mermaid", "sql", "text"}, page


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """A path is a file of the project, an anchor is a heading of the page that it names."""
    for link in links(page):
        if re.match(r"https?://|mailto:", link):
            continue
        path, anchor = target_of(page, link)
        assert (ROOT / path).exists(), link
        assert not anchor or anchor in anchors(path), link


@pytest.mark.parametrize("page", PAGES)
def test_paths_in_the_prose_exist(page: str) -> None:
    """What a page names as a file of the project is there."""
    for path in re.findall(
        r"`((?:tap_yoc|tests|docs|benchmarks|demo|examples|requirements)/[\w./-]*)`", prose_of(page)
    ):
        assert (ROOT / path).exists(), path


def test_every_page_is_reached_from_the_readme() -> None:
    """Nobody writes for the drawer."""
    reached, waiting = {"README.md"}, ["README.md"]
    while waiting:
        page = waiting.pop()
        found = {target_of(page, link)[0] for link in links(page) if not re.match(r"https?://|mailto:", link)}
        waiting += [path for path in found - reached if path in PAGES]
        reached |= found
    assert set(PAGES) - reached == {"AGENTS.md"}, "AGENTS.md is looked for by its name"


# --- Pages that are made from the code


@cache
def made() -> dict[Path, str]:
    """Return what the pages should be, made once."""
    return made_pages()


@pytest.mark.parametrize(
    "name", ["docs/settings.md", "docs/streams.md", "docs/architecture.md", "docs/meltanohub/tap-yoc.yml"]
)
def test_made_pages_are_as_made(name: str) -> None:
    """What is written from the code follows it."""
    assert text_of(name) == made()[ROOT / name], "run: make docs"
    assert len(made()) == 4


def test_the_hub_definition_fits_meltanos_schema() -> None:
    """Without what only the plugin index has, it is a plugin as Meltano takes it; its keys are sorted."""
    definition = yaml.safe_load(text_of("docs/meltanohub/tap-yoc.yml"))
    assert list(definition) == sorted(definition)
    only_there = {"domain_url", "keywords", "maintenance_status", "quality"}
    plugin = {name: value for name, value in definition.items() if name not in only_there}
    schema = json.loads((resources.files("meltano.schemas") / "meltano.schema.json").read_text("utf-8"))
    project = {"plugins": {"extractors": [plugin]}}
    assert [error.message for error in Draft202012Validator(schema).iter_errors(project)] == []


def test_meltano_yml_and_the_hub_definition_agree() -> None:
    """A user of the index gets the settings and the groups that `meltano.yml` has."""
    (extractor,) = [
        plugin
        for plugin in yaml.safe_load(text_of("meltano.yml"))["plugins"]["extractors"]
        if plugin["name"] == "tap-yoc"
    ]
    definition = yaml.safe_load(text_of("docs/meltanohub/tap-yoc.yml"))
    for shared in ("capabilities", "commands", "settings_group_validation", "namespace", "executable", "settings"):
        assert definition[shared] == extractor[shared]


# --- docs/incremental.md


@pytest.mark.parametrize("cells", table("docs/incremental.md", "Runs by date"), ids=lambda cells: " ".join(cells[:2]))
def test_the_dates_are_what_the_tap_does(cells: list[str]) -> None:
    """Each row of the table is a run, and the code reads just these days."""
    today, bookmark = date.fromisoformat(cells[0]), None if cells[1] == "none" else date.fromisoformat(cells[1])
    days = plan(
        today=today,
        start_date=date(2026, 1, 1),
        end_date=None,
        bookmark=bookmark,
        lookback_days=7,
        window_days=31,
    )
    read = Window(first=days.windows[0].first, last=days.windows[-1].last)
    assert str(read) == cells[2]
    after = bookmark
    for window in days.windows:
        after = advance(after, window=window, newest_with_rows=window.last, yesterday=today - ONE_DAY, lookback_days=7)
    assert str(after) == cells[3]
    if days.lost:
        assert f"{days.lost} are lost" in cells[4]
    else:
        assert "lost" not in cells[4]


# --- docs/custom-reports.md


def example_reports() -> list[Any]:
    """Return the reports of the page's example, parsed against the sandbox's columns."""
    (text,) = [text for language, text in snippets("docs/custom-reports.md") if language == "yaml"]
    account = AccountMetadata(columns_of(json.loads(json.dumps(metadata(Forms())))))
    return custom_reports(yaml.safe_load(text)["reports"], account, 7)


def test_the_example_reports_are_accepted() -> None:
    """The tap takes the example as it stands, and its keys are what the page says."""
    keys = {
        cells[0].strip("`"): re.findall(r"`(\w+)`", cells[1]) for cells in table("docs/custom-reports.md", "The key")
    }
    reports = example_reports()
    assert {report.name: [column.name for column in report.key] for report in reports} == keys
    assert [report.lookback_days for report in reports] == [3, 7, 7]
    assert [report.is_daily for report in reports] == [True, True, False]


@pytest.mark.parametrize("cells", table("docs/custom-reports.md", "Filters"), ids=lambda cells: cells[0])
def test_the_example_filters_are_accepted(cells: list[str]) -> None:
    """Each row's example is a filter with one of the row's operators."""
    account = AccountMetadata(columns_of(json.loads(json.dumps(metadata(Forms())))))
    query = json.loads(cells[2].strip("`"))
    assert f"`{next(iter(query))}`" in cells[0]
    (report,) = custom_reports([{"name": "x", "group_by": ["date"], "query": query}], account, 7)
    assert report.query == query


# --- docs/errors.md

ERRORS = "docs/errors.md"


def class_of(name: str) -> type[BaseException] | None:
    """Return an exception of the tap by its name, None for others."""
    found = getattr(errors, name, None)
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


def template(node: ast.expr) -> str | None:
    """Return a text of the code with … in place of what is filled in; None when it is no text."""
    if isinstance(node, ast.JoinedStr):
        text = "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = re.sub(r"%(?:s|d|r|\.\d+f)", "…", node.value)
    else:
        return None
    return re.sub("…+", "…", text)


CALLS = {
    **dict.fromkeys(("warn", "_warn", "warning"), "Warnings"),
    "info": "For information",
    "error": "Exit code 1",
    "exception": "Exit code 1",
    **dict.fromkeys(("BadParameter", "ArgumentTypeError", "parser.error"), "Exit code 2"),
}
"""Under which heading a message belongs, by what it is given to."""


def heading_of(call: ast.Call) -> str | None:
    """Return the heading under which the text of a call belongs, None when it is no message."""
    whole = ast.unparse(call.func)
    name = whole.rpartition(".")[2]
    found = class_of(name)
    if found and issubclass(found, YOCError):
        return f"Exit code {int(found.exit_code)}"
    if found and issubclass(found, (InconsistentWindowError, errors.RetryableError)):
        return "Exit code 4" if issubclass(found, InconsistentWindowError) else "Exit code 5"
    return CALLS.get(whole, CALLS.get(name))


def raised() -> Iterator[tuple[str, str]]:
    """Yield every sentence of the tap that users can meet, with the heading under which it belongs."""
    for path in tap_modules():
        if layer_of(path) == "doctor":
            continue  # its findings are on a page of their own
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and node.args and (heading := heading_of(node)):
                text = template(node.args[0])
                if text and re.search(r"[A-Za-z]{3}", text):
                    yield text, "Stopped by a signal" if "by signal" in text else heading


def on_the_page() -> dict[str, str]:
    """Return the messages of the page, each with the heading that it stands under."""
    found: dict[str, str] = {}
    for part in text_of(ERRORS).split("\n## ")[1:]:
        heading = re.match(r"Exit code \d|[^\n]*", part)
        assert heading
        for line in part.splitlines():
            if match := re.match(r"\| (`+) ?(.+?) ?\1 \|", line):
                assert match[2] not in found, f"twice: {match[2]}"
                found[match[2]] = heading[0]
    return found


def test_every_message_of_the_code_is_on_the_page() -> None:
    """Whoever searches for a message finds it, below the exit code that it comes with."""
    page = on_the_page()
    code = set(raised())
    assert len(code) > 90, "the messages are found in the code"
    assert sorted((text, where) for text, where in code if page.get(text) != where) == []


def test_every_message_of_the_page_is_in_the_code() -> None:
    """What the tap no longer says is gone from the page."""
    texts = [
        text
        for path in tap_modules()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.expr) and (text := template(node))
    ]
    assert [message for message in on_the_page() if not any(message in text for text in texts)] == []


def test_the_exit_codes_are_complete() -> None:
    """The table has a row for every code, and signals."""
    assert [cells[0] for cells in table(ERRORS, "Exit codes")] == [*(str(int(code)) for code in ExitCode), "128 + n"]


# --- docs/assumptions.md, docs/architecture.md, AGENTS.md


@pytest.mark.parametrize("cells", rows_of(text_of("docs/assumptions.md")), ids=lambda cells: cells[0])
def test_the_places_of_assumptions_exist(cells: list[str]) -> None:
    """Files and names that the page points at are there."""
    places = re.findall(r"`(tap_yoc/[\w/]+\.py)` \(([^)]*)\)", cells[1])
    assert places
    for path, names in places:
        code = (ROOT / path).read_text("utf-8")
        found = re.findall(r"`([\w.]+)`", names)
        assert found
        for name in found:
            assert re.search(rf"\b{name.rpartition('.')[2]}\b", code), (path, name)


def test_the_diagram_shows_modules_that_exist() -> None:
    """Every box of the diagram is a module, or one of the two ends."""
    (diagram,) = [text for language, text in snippets("docs/architecture.md") if language == "mermaid"]
    boxes = re.findall(r'\w+(?:\["(.+?)"\]|\[\("(.+?)"\)\])', diagram)
    names = [name for box in boxes for name in (box[0] or box[1]).partition("<br/>")[0].split(", ")]
    assert len(names) > 10
    assert set(names) - {"YOC", "target", "warehouse"} <= set(LAYERS)
    node = r'\w+(?:\["[\w ,<>/]+"\]|\[\("\w+"\)\])?'
    line = re.compile(rf" *(flowchart TB|direction LR|end|subgraph \w+ \[[\w ]+\]|{node}(?: --> {node})+)")
    assert [text for text in diagram.splitlines() if not line.fullmatch(text)] == [], "a form that was seen to render"


def test_what_changes_is_where_the_page_says() -> None:
    """The files that the page points at are there, and have the names that it gives."""
    for what, where in table("docs/architecture.md", "Where a change belongs"):
        named = re.findall(r"`([^`]+)`", where)
        files = [ROOT / "tap_yoc" / name for name in named if name.endswith(".py")]
        assert files, what
        code = "".join(file.read_text("utf-8") for file in files)
        assert [name for name in named if not name.endswith(".py") and name not in code] == [], what


def test_the_private_methods_that_are_replaced_are_listed() -> None:
    """Each of them has its reason; a method that is replaced by chance, under a name of the SDK's, comes to light."""
    listed = {
        cells[0].strip("`").partition(".")[2] for cells in table("docs/architecture.md", "Private methods of the SDK")
    }
    assert TapYOC.__module__ in sys.modules  # and with it all modules that know the SDK
    ours = {
        owner
        for name, module in [*sys.modules.items()]
        if name.startswith("tap_yoc.") and not name.startswith("tap_yoc.target_postgres")  # a loader
        for owner in [*vars(module).values()]
        if isinstance(owner, type) and owner.__module__ == name
    }
    replaced = {
        attribute
        for owner in ours
        for base in owner.__mro__[1:]
        if base.__module__.partition(".")[0] == "singer_sdk"
        for attribute in vars(owner).keys() & vars(base).keys()
        if attribute.startswith("_") and not attribute.startswith("__") and attribute != "_abc_impl"
    }
    assert replaced == listed


def test_the_map_names_every_folder_with_code() -> None:
    """Whoever opens the map finds each package of the tap, and each folder beside it."""
    said = section("AGENTS.md", "Map")
    packages = {f"tap_yoc/{path.parent.name}" for path in (ROOT / "tap_yoc").glob("*/__init__.py")}
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")} | {"examples", "tests"}
    assert (packages | folders) - {"tap_yoc"} - set(re.findall(r"`([\w/]+)/`", said)) == set()


def test_every_command_of_the_makefile_is_explained() -> None:
    """What `make help` lists, but itself, stands in CONTRIBUTING.md."""
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    said = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert [target for target in targets if f"`make {target}`" not in said] == ["help"]
