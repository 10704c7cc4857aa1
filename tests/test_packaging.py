"""What is shipped, pinned and allowed to import what."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tomli
import yaml
from harness import needs

if TYPE_CHECKING:
    from collections.abc import Iterator

# The built package is made once a process: keep these tests in one.
pytestmark = pytest.mark.xdist_group("packaging")

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "tap_yoc"

UV = {"UV_SYSTEM_CERTS": "1", "UV_LINK_MODE": "copy"}

# Imports point down this list, never up. A package is one entry; within it, imports only must not run in circles.
LAYERS = [
    "__main__",
    "doctor",
    "dlt",
    "plan",
    "target_postgres",
    "tap",
    "streams",
    "singer",
    "engine",
    "api",
    "decoding",
    "settings",
    "reports",
    "cli",
    "stdout",
    "summary",
    "counters",
    "redaction",
    "clock",
    "dates",
    "wording",
    "exact_json",
    "exact_numbers",
    "errors",
    "__init__",
]
# What only an extra, or only the development environment, brings.
OPTIONAL = {
    "dlt",
    "duckdb",
    "fastapi",
    "fastapi_offline",
    "multipart",
    "pydantic",
    "rich",
    "starlette",
    "uvicorn",
}

PYPROJECT: dict[str, Any] = tomli.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT: dict[str, Any] = PYPROJECT["project"]
CLASSIFIED = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))


@cache
def imports(path: Path, *, only_at_import: bool = False) -> tuple[tuple[str, int], ...]:
    """Return what a file of the package imports, as absolute dotted names, with the line.

    Shape: `from tap_yoc.errors import X` and `from .errors import X` both give `tap_yoc.errors.X`.
    """
    package = [*path.relative_to(ROOT).parent.parts]
    found: list[tuple[str, int]] = []
    for node in runs_at_import(path) if only_at_import else ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = [*base, *(node.module or "").split(".")]
            found += [(".".join(filter(None, [*source, alias.name])), node.lineno) for alias in node.names]
    return tuple(found)


def runs_at_import(path: Path) -> Iterator[ast.AST]:
    """Yield the nodes that run when a file is imported: not the inside of functions, nor of `if TYPE_CHECKING`."""
    waiting: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting.extend(node.orelse)
            continue
        waiting.extend(ast.iter_child_nodes(node))


def inside(name: str, package: str) -> bool:
    """Return whether a dotted name is a package or something in it."""
    return name == package or name.startswith(f"{package}.")


def tap_modules() -> list[Path]:
    """Return the files of the tap, the sandbox left out."""
    return sorted(path for path in PACKAGE.rglob("*.py") if PACKAGE / "sandbox" not in path.parents)


def sandbox_modules() -> list[Path]:
    """Return the files of the sandbox."""
    return sorted((PACKAGE / "sandbox").rglob("*.py"))


def layer_of(path: Path) -> str:
    """Return the name a file goes by in `LAYERS`: its own, or its subpackage's."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def name_of(path: Path) -> str:
    """Return a test id: the path below the package."""
    return path.relative_to(PACKAGE).as_posix()


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with wheel and sdist: the one `make build` names, or a fresh one."""
    if given := os.environ.get("TAP_YOC_DIST"):
        return ROOT / given
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture
def wheel(dist: Path) -> Iterator[zipfile.ZipFile]:
    """Open the wheel."""
    (path,) = dist.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_wheel_ships_the_package_typed_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    """Type hints and sandbox reach the user; tests and settings of tools do not."""
    names = set(wheel.namelist())
    assert {"tap_yoc/py.typed", "tap_yoc/sandbox/__init__.py", "tap_yoc/__init__.py"} <= names
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"tap_yoc"}
    assert not [name for name in names if name.endswith((".pyc", ".env"))]
    source = {name_of(path) for path in PACKAGE.rglob("*") if path.suffix in {".py", ".html", ".css", ".js"}}
    assert source <= {name.removeprefix("tap_yoc/") for name in names}
    assert "tap_yoc/sandbox/static/index.html" in names


def test_wheel_declares_its_commands(wheel: zipfile.ZipFile) -> None:
    """Every command of pyproject.toml is in the wheel and points at a function that exists."""
    (entry_points,) = [name for name in wheel.namelist() if name.endswith("dist-info/entry_points.txt")]
    declared = wheel.read(entry_points).decode()
    for command, target in PROJECT["scripts"].items():
        assert f"{command} = {target}" in declared
        module = target.partition(":")[0].replace(".", "/")
        assert {f"{module}.py", f"{module}/__init__.py"} & set(wheel.namelist()), command


def test_wheel_metadata_is_complete(wheel: zipfile.ZipFile) -> None:
    """Licence, readme, version and extras travel along; the version is one that an index accepts."""
    (metadata,) = [name for name in wheel.namelist() if name.endswith("dist-info/METADATA")]
    fields = Parser().parsestr(wheel.read(metadata).decode())
    assert fields["License-Expression"] == "Apache-2.0"
    assert fields["License-File"] == "LICENSE"
    assert fields["Requires-Python"] == PROJECT["requires-python"]
    assert "+" not in fields["Version"]
    assert set(fields.get_all("Provides-Extra") or []) == set(PROJECT["optional-dependencies"])
    assert str(fields.get_payload()).strip()


def test_uvx_runs_a_checkout_and_a_wheel(dist: Path) -> None:
    """Nothing has to be installed to run the tap once."""
    (wheel,) = dist.glob("*.whl")
    uvx = Path(sys.executable).with_name("uvx")
    for source in (ROOT, wheel):
        command = [str(uvx), "--quiet", "--from", str(source), "tap-yoc", "--version"]
        said = subprocess.run(
            command, cwd=dist, capture_output=True, text=True, check=True, env={**os.environ, **UV}
        ).stdout
        assert said.startswith("tap-yoc v")


def test_sdist_can_be_built_and_tested_from(dist: Path) -> None:
    """Whoever packages the tap elsewhere finds sources, tests and pins in the archive, and no secrets."""
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "LICENSE", "README.md", "CHANGELOG.md", "Makefile", "tap_yoc/py.typed"} <= names
    assert {"requirements/dev.txt", ".github/workflows/test.yml", "tests/test_packaging.py"} <= names
    assert {"docs/errors.md", "benchmarks/report.py", "Dockerfile", ".dockerignore"} <= names
    assert not {".env", "config.json", "uv.lock"} & {Path(name).name for name in names}


PINS = sorted(path.relative_to(ROOT / "requirements").as_posix() for path in ROOT.glob("requirements/**/*.txt"))


@pytest.mark.parametrize("pins", PINS)
def test_pins_name_versions_and_hashes_only(pins: str) -> None:
    """Pins install from whichever index a machine is set up for."""
    text = (ROOT / "requirements" / pins).read_text("utf-8")
    assert not re.findall(r"(?i)http|index-url|find-links|file:|trusted-host", text)
    entries = re.split(r"\n(?=\S)", text.strip())
    assert [entry for entry in entries if not re.match(r"[\w.-]+==\S+", entry) or "--hash=sha256:" not in entry] == []


def test_one_uv_in_both_pin_files() -> None:
    """The uv that installs the environment is the one installed in it."""
    (bootstrap,) = re.findall(r"^uv==\S+", (ROOT / "requirements/uv.txt").read_text("utf-8"), re.MULTILINE)
    assert bootstrap in re.findall(r"^uv==\S+", (ROOT / "requirements/dev.txt").read_text("utf-8"), re.MULTILINE)


def test_every_requirement_is_pinned() -> None:
    """Whatever pyproject.toml asks for is in the pins: after a change there, `make pins`."""
    asked = [*PROJECT["dependencies"], *PYPROJECT["build-system"]["requires"]]
    for group in [*PROJECT["optional-dependencies"].values(), *PYPROJECT["dependency-groups"].values()]:
        asked += [entry for entry in group if isinstance(entry, str)]
    names = {re.split(r"[^\w.-]", requirement)[0].lower() for requirement in asked}
    pinned = re.findall(r"^([\w.-]+)==", (ROOT / "requirements/dev.txt").read_text("utf-8"), re.MULTILINE)
    assert names - set(pinned) == set()


def test_no_registry_host_and_no_lock_file_is_tracked() -> None:
    """Nothing in the repository decides where packages come from."""
    needs(None if (ROOT / ".git").exists() else "not a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    tracked = [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    assert [path.name for path in tracked if re.match(r"uv\.lock|pylock.*\.toml|poetry\.lock", path.name)] == []
    hosts = re.compile(rb"py(?:pi[.]org|thonhosted|packages[.])")
    assert [path.relative_to(ROOT).as_posix() for path in tracked if hosts.search(path.read_bytes())] == []


def test_python_versions_agree() -> None:
    """Classifiers, requires-python, the tools' targets and the workflow's matrix name the same versions."""
    minors = [int(version.partition(".")[2]) for version in CLASSIFIED]
    assert minors == list(range(minors[0], minors[-1] + 1))
    assert PROJECT["requires-python"] == f">={CLASSIFIED[0]}"
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py{CLASSIFIED[0].replace('.', '')}"
    assert PYPROJECT["tool"]["mypy"]["python_version"] == CLASSIFIED[0]
    jobs = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text("utf-8"))["jobs"]
    assert jobs["test"]["strategy"]["matrix"]["python-version"] == CLASSIFIED
    ends = [row["python-version"] for row in jobs["dependencies"]["strategy"]["matrix"]["include"]]
    assert ends == [CLASSIFIED[0], CLASSIFIED[-1]]
    assert f"--python-version {CLASSIFIED[0]} " in (ROOT / "Makefile").read_text("utf-8")


def test_an_older_python_is_named_before_anything_is_installed(tmp_path: Path) -> None:
    """`make setup` says in one sentence what a resolver would say in twenty lines."""
    major, minor = map(int, CLASSIFIED[0].split("."))
    older = tmp_path / "python"
    pretends = f"import sys; sys.version_info = ({major}, {minor - 1}); exec(sys.argv[2])"
    older.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{pretends}" "$@"\n', encoding="utf-8")
    older.chmod(0o755)
    made = tmp_path / "venv"
    done = subprocess.run(
        ["make", "setup", f"PYTHON={older}", f"VENV={made}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    says = f"Python {CLASSIFIED[0]} or later is needed, and {older} is not: name another one with PYTHON=."
    assert done.stderr.splitlines()[0] == says
    assert not made.exists()


@pytest.mark.parametrize("workflow", ["test.yml", "release.yml"])
def test_actions_are_pinned_by_commit(workflow: str) -> None:
    """A tag can be moved, a commit cannot; the comment says which release it is."""
    used = re.findall(r"uses: (.*)", (ROOT / ".github/workflows" / workflow).read_text("utf-8"))
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)] == []


def test_every_job_that_runs_all_tests_has_what_they_need() -> None:
    """Where `CI` is set nothing is skipped: PostgreSQL comes first, Chrome is on GitHub's runners."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    seen = 0
    for workflow in (ROOT / ".github/workflows").glob("*.yml"):
        for name, job in yaml.safe_load(workflow.read_text("utf-8"))["jobs"].items():
            runs = [step["run"] for step in job["steps"] if "run" in step]
            for target in re.findall(r"make ([a-z-]+)", " ".join(runs)):
                assert re.search(rf"^{target.rstrip('-')}", makefile, re.MULTILINE), target
            whole = [index for index, run in enumerate(runs) if re.match(r'make "?(test|check)', run)]
            seen += len(whole)
            assert all("install --yes --no-install-recommends postgresql" in runs[index - 1] for index in whole), name
    assert seen == 3


def test_the_dockerfile_fits_the_package() -> None:
    """The image runs a command of the package, on a supported Python, and not as root."""
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    (base,) = [line.removeprefix("FROM ") for line in lines if line.startswith("FROM ")]
    assert re.fullmatch(r"python:(3\.\d+)-slim", base)
    assert base.removeprefix("python:").removesuffix("-slim") in CLASSIFIED
    (entry,) = [line for line in lines if line.startswith("ENTRYPOINT ")]
    assert json.loads(entry.removeprefix("ENTRYPOINT "))[0] in PROJECT["scripts"]
    assert "USER 1000" in lines
    (copied,) = [line.split()[1] for line in lines if line.startswith("COPY ")]
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert [line for line in ignored if not line.startswith("#")] == ["*", f"!{copied}"]


def test_backoff_is_not_named_as_a_dependency() -> None:
    """`backoff` and singer-sdk's `python-backoff` own the same module: whichever is installed last overwrites it."""
    named = {re.split(r"[^\w-]", requirement)[0].lower() for requirement in PROJECT["dependencies"]}
    assert "backoff" not in named


def imported_from(paths: list[Path], packages: set[str], *, only_at_import: bool = False) -> list[str]:
    """Return each import of one of these packages in a file, with its place."""
    return [
        f"{name_of(path)}:{line} {name}"
        for path in paths
        for name, line in imports(path, only_at_import=only_at_import)
        if any(inside(name, package) for package in packages)
    ]


def test_tap_runs_without_extras() -> None:
    """The tap imports with its plain dependencies; an extra is imported where it is used."""
    others = [path for path in tap_modules() if layer_of(path) != "dlt"]  # which is for dlt's users only
    assert imported_from(others, OPTIONAL, only_at_import=True) == []


def test_tap_imports_nothing_of_the_sandbox() -> None:
    """The sandbox is a server to the tap, not a library."""
    assert imported_from(tap_modules(), {"tap_yoc.sandbox"}) == []


def test_sandbox_imports_nothing_of_the_tap() -> None:
    """Tap and sandbox read the API's documentation separately, so that one mistake is not made in both."""
    found = imported_from(sandbox_modules(), {"tap_yoc"})
    assert [name for name in found if not inside(name.split()[1], "tap_yoc.sandbox")] == []


def test_imports_point_down() -> None:
    """A module knows only its own package and what lies below it in `LAYERS`."""
    above = []
    for path in tap_modules():
        layer = layer_of(path)
        assert layer in LAYERS, f"give {layer} its place in LAYERS"
        reachable = LAYERS[LAYERS.index(layer) + (layer == path.stem) :]
        above += imported_from([path], {f"tap_yoc.{other}" for other in set(LAYERS) - set(reachable)})
    assert above == []


def test_what_lies_below_the_api_does_not_know_the_sdk() -> None:
    """Settings, reports and rows are of use without the Singer SDK."""
    below = LAYERS[LAYERS.index("api") + 1 :]
    knowing = {
        name_of(path)
        for path in tap_modules()
        if layer_of(path) in below and any(inside(name, "singer_sdk") for name, _ in imports(path))
    }
    assert knowing == set()


def test_no_imports_run_in_circles() -> None:
    """No module needs itself, by whatever way, so that each can be read before those that use it."""
    modules = {path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."): path for path in tap_modules()}
    needs_of = {
        module: {known for known in modules if any(inside(name, known) for name, _ in imports(path))} - {module}
        for module, path in modules.items()
    }
    while leaves := [module for module, needed in needs_of.items() if not needed & needs_of.keys()]:
        for module in leaves:
            del needs_of[module]
    assert sorted(needs_of) == []


def test_only_the_singer_side_knows_the_sdk() -> None:
    """Whatever reads reports runs without the Singer SDK."""
    with_sdk = {"__main__", "doctor", "plan", "target_postgres", "tap", "streams", "singer"}
    without = [path for path in tap_modules() if layer_of(path) not in with_sdk]
    assert imported_from(without, {"singer_sdk"}) == []
