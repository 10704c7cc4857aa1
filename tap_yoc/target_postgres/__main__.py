"""The command `tap-yoc-target-postgres`: load Singer messages from standard input into PostgreSQL."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version

PACKAGE, RELEASE = "meltanolabs-target-postgres", "0.8.1"
"""Another release may have renamed the methods that are replaced, and would then round money."""
USAGE = 2


def main() -> int:
    """Load what comes in; return 2 if the loader that this builds upon is missing or another release."""
    try:
        found = version(PACKAGE)
    except PackageNotFoundError:
        found = "missing"
    if found != RELEASE:
        advice = f"pip install {PACKAGE}=={RELEASE}"
        sys.stderr.write(f"tap-yoc-target-postgres needs {PACKAGE} {RELEASE}, which is {found}: {advice}\n")
        return USAGE

    from tap_yoc.target_postgres.loader import ExactTarget  # noqa: PLC0415 - needs the package looked for above

    ExactTarget.cli()
    return 0


if __name__ == "__main__":
    sys.exit(main())
