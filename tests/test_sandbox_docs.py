"""What docs/sandbox.md says is so: its tables, its options, its snippets."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import runpy
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import requests
from harness import command, needs
from pages import section, snippets, table, text_of
from timeouts import SECONDS

from tap_yoc.sandbox import faults, forms
from tap_yoc.sandbox.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path

    from tap_yoc.sandbox.server import Sandbox

PAGE = "docs/sandbox.md"
PATH = f"{command('tap-yoc').parent}{os.pathsep}{os.environ['PATH']}"


def cell(value: object) -> str:
    """Return a value as the tables have it."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"`{text}`" if text else "empty"


def others(form: dict[str, Any]) -> str:
    """Return what a form takes beside its healthy value, as the table has it."""
    if isinstance(form["healthy"], bool):
        return cell(not form["healthy"])
    if "least" in form:
        return f"{form['least']} or more"
    return ", ".join(cell(choice) for choice in form.get("choices", ()) if choice != form["healthy"]) or "text"


def test_tables_are_as_in_the_code(sandbox: Sandbox) -> None:
    """Forms, faults and endpoints are all there, with what the code says that they do."""
    assert table(PAGE, "Forms") == [
        [f"`{form['name']}`", cell(form["healthy"]), others(form), form["about"]] for form in forms.described()
    ]
    assert table(PAGE, "Faults") == [
        [f"`{kind}`", ", ".join(f"`{name}`" for name in faults.OWN_OPTIONS.get(kind, ())), about]
        for kind, about in faults.KINDS.items()
    ]
    assert f"fails in {len(faults.KINDS)} ways" in text_of(PAGE)
    described = requests.get(f"{sandbox.url}/openapi.json", timeout=10).json()["paths"]
    assert table(PAGE, "Control endpoints") == [
        [f"`{method.upper()} {path}`", f"{operation['summary']}."]
        for path, operations in described.items()
        if path.startswith("/_sandbox/")
        for method, operation in operations.items()
    ]


def test_options_are_as_in_the_command() -> None:
    """The page has each option of the command, and no other."""
    told = io.StringIO()
    with contextlib.redirect_stdout(told), pytest.raises(SystemExit):
        main(["--help"])
    options = re.findall(r"^  (--[\w-]+)", told.getvalue(), re.MULTILINE)
    assert [cells[0].strip("`") for cells in table(PAGE, "Options")] == options
    assert "8098" in section(PAGE, "Options")


def test_steering_from_outside(sandbox: Sandbox) -> None:
    """The page's curl commands order a fault, change a form, and show what a client met."""
    needs(None if shutil.which("curl") else "needs curl")
    script = snippet("sh", "curl -X POST").replace("http://127.0.0.1:8098", sandbox.url).rstrip()
    order, look = script.rsplit("\n", 1)
    subprocess.run(["bash", "-euc", order], check=True, capture_output=True)
    assert sandbox.forms.envelope == "nested"
    reports = f"{sandbox.url}/api/v1/reporting/publishers"
    statuses = [requests.post(reports, json={"page": page}, timeout=10).status_code for page in (1, 2, 3)]
    assert statuses == [503, 503, 401]
    seen = json.loads(subprocess.run(["bash", "-euc", look], check=True, capture_output=True).stdout)
    assert [(one["body"]["page"], one["fault"]) for one in seen] == [(2, "status"), (3, None)]


def test_python_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example test passes as it stands, with the installed tap."""
    monkeypatch.setenv("PATH", PATH)
    example = tmp_path / "test_example.py"
    example.write_text(snippet("python", "import json"), encoding="utf-8")
    runpy.run_path(str(example))["test_pipeline_survives_a_busy_api"](tmp_path)
    assert '"type":"RECORD"' in (tmp_path / "rows.jsonl").read_text("utf-8")


def test_shell_example(tmp_path: Path) -> None:
    """The example of a pipeline's shell script waits for the sandbox, runs the tap, and stops the sandbox."""
    done = subprocess.run(
        ["bash", "-euc", snippet("sh", "--port 0") + "wait $!"],
        cwd=tmp_path,
        env={**os.environ, "PATH": PATH},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert '"type":"RECORD"' in (tmp_path / "rows.jsonl").read_text("utf-8")
    assert json.loads((tmp_path / "sandbox.log").read_text("utf-8")) == json.loads(
        (tmp_path / "config.json").read_text("utf-8")
    )


def snippet(language: str, part: str) -> str:
    """Return the page's only snippet of a language with a text in it."""
    (found,) = [text for name, text in snippets(PAGE) if name == language and part in text]
    return found
