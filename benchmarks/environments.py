"""An environment for each contender, from its pins."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.contenders import ENVIRONMENTS, HERE
from benchmarks.ways import PIPES

REQUIREMENTS = HERE / "requirements"
LOADERS = HERE.parent / "requirements" / "loaders"
NAMES = ("floor", "tap_yoc", "dlt", "airbyte_cdk", "ordinary_sdk")
LOADING_NAMES = tuple(sorted({name for pipe in PIPES for name in pipe.environments} - set(NAMES)))
"""What only part (f) needs."""
COMPARED = {
    "tap_yoc": ("singer-sdk", "msgspec", "requests"),
    "floor": ("msgspec", "urllib3"),
    "dlt": ("dlt",),
    "airbyte_cdk": ("airbyte-cdk",),
    "ordinary_sdk": ("singer-sdk",),
    "tap_yoc_postgres": ("meltanolabs-target-postgres",),
    "pipelinewise-target-postgres": ("pipelinewise-target-postgres",),
    "target-jsonl": ("target-jsonl",),
    "dlt_tables": ("dlt", "duckdb"),
    "pyairbyte": ("airbyte", "airbyte-cdk", "duckdb"),
}


def _pins(name: str) -> Path:
    """Return the pins of an environment; loaders that the tests know have theirs there."""
    ours = REQUIREMENTS / f"{name}.txt"
    return ours if ours.exists() else LOADERS / f"{name}.txt"


def set_up(name: str) -> None:
    """Make an environment, unless it is there with the same pins; the tap's is this checkout."""
    pins = _pins(name)
    folder = ENVIRONMENTS / name
    stamp = folder / ".pins"
    mark = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()
    if stamp.exists() and stamp.read_text("ascii") == mark:
        return
    shutil.rmtree(folder, ignore_errors=True)
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}") or "uv"
    install = [uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python")]
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    subprocess.run([*install, "--compile-bytecode", "--requirement", str(pins)], check=True)
    if name.startswith("tap_yoc"):
        subprocess.run([*install, "--no-deps", "--editable", str(HERE.parent)], check=True)
    stamp.write_text(mark, encoding="ascii")


def versions() -> dict[str, str]:
    """Return the releases that are compared, by environment."""
    found = {}
    for name, packages in COMPARED.items():
        pins = [line.rstrip("\\ ").partition(";") for line in _pins(name).read_text("utf-8").splitlines()]
        # Where an older Python gets another release, the last line is the newest's.
        releases = dict(pin.strip().split("==") for pin, *_ in pins if "==" in pin)
        found[name] = ", ".join(f"{package} {releases[_bare(package, releases)]}" for package in packages)
    return found


def _bare(package: str, releases: dict[str, str]) -> str:
    """Return how the pins spell a package, extras included."""
    return next(name for name in releases if name.partition("[")[0] == package)
