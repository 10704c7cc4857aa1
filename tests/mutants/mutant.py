"""A mutant: one promise of the tap, broken by replacing a piece of its code."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "tap_yoc"


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A deliberate breakage."""

    breaks: str
    """The promise that no longer holds, as a user would miss it."""
    file: str
    """Where in the package."""
    old: str
    """Code that is there exactly once; pieces of code, since messages are reworded."""
    new: str

    @property
    def times_found(self) -> int:
        """How often the old code is in the package."""
        return (PACKAGE / self.file).read_text(encoding="utf-8").count(self.old)

    def write(self, folder: Path) -> None:
        """Write a copy of the package with the breakage into a folder.

        Raises:
            ValueError: The code is not there exactly once.
        """
        if self.times_found != 1:
            raise ValueError(f"{self.file} has {self.old!r} {self.times_found} times")
        copy_package(folder)
        broken = folder / "tap_yoc" / self.file
        broken.write_text(broken.read_text(encoding="utf-8").replace(self.old, self.new), encoding="utf-8")


def copy_package(folder: Path) -> None:
    """Write a copy of the package as it is into a folder."""
    shutil.copytree(PACKAGE, folder / "tap_yoc", ignore=shutil.ignore_patterns("__pycache__"))
