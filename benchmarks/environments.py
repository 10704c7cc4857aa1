"""An environment for each contender, from its pins."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.contenders import ENVIRONMENTS, HERE

REQUIREMENTS = HERE / "requirements"
NAMES = ("floor", "tap_yoc", "dlt", "airbyte_cdk", "ordinary_sdk")
COMPARED = {
    "tap_yoc": ("singer-sdk", "msgspec", "requests"),
    "floor": ("msgspec", "urllib3"),
    "dlt": ("dlt",),
    "airbyte_cdk": ("airbyte-cdk",),
    "ordinary_sdk": ("singer-sdk",),
}


def set_up(name: str) -> None:
    """Make an environment, unless it is there with the same pins; the tap's is this checkout."""
    pins = REQUIREMENTS / f"{name}.txt"
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
    if name == "tap_yoc":
        subprocess.run([*install, "--no-deps", "--editable", str(HERE.parent)], check=True)
    stamp.write_text(mark, encoding="ascii")


def versions() -> dict[str, str]:
    """Return the releases that are compared, by environment."""
    found = {}
    for name, packages in COMPARED.items():
        pins = (
            line.partition(";")[0].strip() for line in (REQUIREMENTS / f"{name}.txt").read_text("utf-8").splitlines()
        )
        releases = dict(pin.split("==") for pin in pins if "==" in pin)
        found[name] = ", ".join(f"{package} {releases[_bare(package, releases)]}" for package in packages)
    return found


def _bare(package: str, releases: dict[str, str]) -> str:
    """Return how the pins spell a package, extras included."""
    return next(name for name in releases if name.partition("[")[0] == package)
