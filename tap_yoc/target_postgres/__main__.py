"""The command `tap-yoc-target-postgres`: load Singer messages from standard input into PostgreSQL."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version

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

    from tap_yoc.target_postgres.loader import ExactTarget  # noqa: PLC0415 - needs the package checked above

    ExactTarget.cli()
    return 0


if __name__ == "__main__":
    sys.exit(main())
