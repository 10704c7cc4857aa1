"""How long a test waits for what comes at once, unless the machine is busy."""

from __future__ import annotations

SECONDS = 300.0
