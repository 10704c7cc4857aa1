"""The command `tap-yoc-sandbox`: runs the local YOC until stopped."""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import signal
import sys
import threading
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tap_yoc.sandbox.forms import FormError, Forms

if TYPE_CHECKING:
    from collections.abc import Sequence

NEEDS = ("duckdb", "fastapi", "fastapi_offline", "python_multipart", "uvicorn")
FAILED, USAGE = 1, 2


def _version() -> str:
    try:
        return version("tap-yoc")
    except PackageNotFoundError:
        return "0"


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tap-yoc-sandbox",
        description="A local YOC with generated facts. Prints the settings that reach it, and serves until stopped.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8098, help="port to listen on, 0 for a free one (%(default)s)")
    parser.add_argument("--today", type=date.fromisoformat, help="current day, YYYY-MM-DD (today in Berlin)")
    parser.add_argument("--seed", type=int, default=7, help="a different seed gives different figures (%(default)s)")
    parser.add_argument("--scale", type=int, default=1, help="multiplies the number of ad units (%(default)s)")
    parser.add_argument(
        "--gap-day", type=date.fromisoformat, action="append", default=[], help="a day without rows; repeatable"
    )
    parser.add_argument("--form", action="append", default=[], metavar="NAME=VALUE", help="how to answer; repeatable")
    parser.add_argument("--version", action="version", version=f"%(prog)s v{_version()}", help="print the version")
    parser.add_argument("--write-config", type=Path, metavar="FILE", help="also write the settings to a file")
    return parser.parse_args(arguments)


def _fail(sentence: str, code: int) -> int:
    sys.stderr.write(f"{sentence}\n")
    return code


def _may_write(path: Path, host: str) -> bool:
    """Return whether a file may be overwritten: it is missing, empty, or a sandbox's settings."""
    if not path.is_file() or not path.stat().st_size:
        return True
    try:
        found = urlsplit(json.loads(path.read_text(encoding="utf-8"))["api_url"]).hostname
        return found in {host, "localhost"} or ipaddress.ip_address(found).is_loopback
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return False


def _obstacle(options: argparse.Namespace) -> str | None:
    """Return why the sandbox cannot start, None if it can."""
    if any(find_spec(name) is None for name in NEEDS):
        return "The sandbox needs more packages: pip install 'tap-yoc[sandbox]'"
    if options.scale < 1:
        return "The scale must be 1 or more."
    if (path := options.write_config) and not _may_write(path, options.host):
        return f"{path} contains settings that are not a sandbox's; choose another file."
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; return 0, or 1 if it cannot serve, or 2 for wrong arguments or a missing extra."""
    options = _arguments(arguments)
    if obstacle := _obstacle(options):
        return _fail(obstacle, USAGE)
    try:
        forms = Forms().but_text(options.form)
    except FormError as error:
        return _fail(str(error), USAGE)

    from tap_yoc.sandbox.server import Sandbox  # noqa: PLC0415 - needs the extra, checked above

    stopped = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stopped.set())
    sandbox = Sandbox(
        today=options.today,
        seed=options.seed,
        scale=options.scale,
        forms=forms,
        gap_days=options.gap_day,
        host=options.host,
        port=options.port,
    )
    try:
        sandbox.start()
    except (OSError, OverflowError) as error:
        say = f"Cannot listen on {options.host}:{options.port}: {error}; try another --port, or 0 for a free one."
        return _fail(say, FAILED)
    try:
        config = json.dumps(sandbox.config, indent=2, ensure_ascii=False)
        if options.write_config:
            options.write_config.write_text(config + "\n", encoding="utf-8")
        sys.stdout.write(config + "\n")
        sys.stdout.flush()
        sys.stderr.write(f"The sandbox is running; open {sandbox.url}/. Stop it with Ctrl-C or `kill {os.getpid()}`.\n")
        sys.stderr.flush()
        while not stopped.wait(1):  # a wait without end would not notice signals on Windows
            pass
    except OSError as error:
        return _fail(f"Cannot write the settings: {error}", FAILED)
    finally:
        sandbox.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
