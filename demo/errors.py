"""What ends the demo early."""

from __future__ import annotations


class DemoError(Exception):
    """A step that did not work out; the message says which, and where to look."""
