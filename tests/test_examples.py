"""The examples run as their READMEs say, each in an environment of its own."""

from __future__ import annotations

import faulthandler
import os
import re
import subprocess
from pathlib import Path

import pytest
from harness import needs

ROOT = Path(__file__).parents[1]
ENGINES = ("dagster", "airflow")
SHOWN = {
    "cron": (r"Done: 12 streams, 18\d days", r"Done: 12 streams, [78] days", r" rows/south/site_daily\.jsonl"),
    "dlt": (r"^20\d\d-\d\d-\d\d +[\d,.]+ EUR", r"replaces its days", r"^20.* EUR$"),
    "pipeline": (r"^north-\S+: Done: 12 streams", r"^site_daily sums up to daily_totals$", r"south .* EUR "),
}
"""What the demos that take seconds show, in this order."""


def make(example: str, target: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run one of an example's commands, which may take longer than a test usually should, within a limit of its own."""
    faulthandler.cancel_dump_traceback_later()
    return subprocess.run(
        [
            "make",
            "-C",
            str(ROOT / "examples" / example),
            target,
            *(f"{name}={value}" for name, value in variables.items()),
        ],
        # What `make test` was given, such as ARGS, is for these tests and not for those of an example.
        env={name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKEOVERRIDES", "ARGS"}},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1800,
        check=False,
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_the_engine_runs_the_plan(engine: str) -> None:
    """Accounts by months, each read by the tap; outages tried again, refused logins not; every table sums up."""
    prepared = make(engine, "setup")
    needs(f"{engine} cannot be installed here: {prepared.stdout[-1000:]}" if prepared.returncode else None)
    tested = make(engine, "test")
    assert tested.returncode == 0, tested.stdout[-5000:]
    assert re.search(r"^\d+ passed\b(?!.*(failed|skipped|error))", tested.stdout, re.MULTILINE), tested.stdout[-5000:]


@pytest.mark.parametrize("example", SHOWN)
def test_the_demo_runs(example: str, tmp_path: Path) -> None:
    """The one command of the README, with its files elsewhere."""
    prepared = make(example, "setup")
    needs(f"{example} cannot be installed here: {prepared.stdout[-1000:]}" if prepared.returncode else None)
    done = make(example, "demo", DEMO=str(tmp_path / "demo"))
    assert done.returncode == 0, done.stdout[-5000:]
    assert re.search(".*".join(f"(?m:{shown})" for shown in SHOWN[example]), done.stdout, re.DOTALL), done.stdout


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_is_not_among_the_taps_dependencies(engine: str) -> None:
    """Whoever installs the tap, or its development environment, gets neither engine; the engine's has no tap."""
    names = re.compile(r"^(?:apache-)?(dagster|airflow|tap-yoc|singer-sdk)\b", re.MULTILINE)
    assert names.findall((ROOT / "requirements/dev.txt").read_text("utf-8")) == ["singer-sdk"]
    pins = (ROOT / "examples" / engine / "requirements.txt").read_text("utf-8")
    assert set(names.findall(pins)) == {engine}
    assert not re.findall(r"(?i)https?:|index-url|find-links|file:|trusted-host", pins)
    entries = re.split(r"\n(?=\S)", pins.strip())
    assert [entry for entry in entries if not re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+", entry)] == []
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
