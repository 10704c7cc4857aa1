"""The command `tap-yoc-target-postgres`: load Singer messages from standard input into PostgreSQL."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

from tap_yoc.cli.process import no_garbage_collection, run_and_exit

PACKAGE, RELEASE = "meltanolabs-target-postgres", "0.8.1"
"""Another release may have renamed the replaced methods, and would then round money."""
USAGE = 2


def main() -> int:
    """Load the messages; return 2 if the underlying loader is missing or has another version."""
    try:
        found = version(PACKAGE)
    except PackageNotFoundError:
        found = "none"
    if found != RELEASE:
        advice = f"pip install {PACKAGE}=={RELEASE}"
        sys.stderr.write(f"tap-yoc-target-postgres needs {PACKAGE} {RELEASE}, but found {found}; run: {advice}\n")
        return USAGE

    import_when_used("paramiko")  # only SSH tunnels need it, and it is slow
    with no_garbage_collection():
        from tap_yoc.target_postgres.loader import ExactTarget  # noqa: PLC0415 - needs the package checked above

    run_and_exit(ExactTarget.cli)
    return 0


def import_when_used(name: str) -> None:
    """Load a package at the first use of one of its names, not at its import."""
    empty = ModuleType(name)

    def __getattr__(attribute: str) -> object:  # noqa: N807 - Python calls it for names that the module lacks
        if sys.modules.get(name) is empty:
            del sys.modules[name]
        return getattr(import_module(name), attribute)

    vars(empty)["__getattr__"] = __getattr__
    sys.modules[name] = empty


if __name__ == "__main__":
    sys.exit(main())
