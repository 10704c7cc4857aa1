"""Fuzzing settings and answers: no traceback, no hang, no secret, no silent loss."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from harness import ADDITIVE, assert_equal_to_source, run_tap, settings_of
from hypothesis import given
from hypothesis import strategies as st
from sampling import examples, seeds

from tap_yoc.api.transport import Transport
from tap_yoc.errors import SettingsError
from tap_yoc.tap import TapYOC

if TYPE_CHECKING:
    from tap_yoc.api.transport import Response
    from tap_yoc.sandbox.server import Sandbox

SECRET = "s3cr3t-c4n4ry"
NAMES = sorted(TapYOC.config_jsonschema["properties"])

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12),
    st.sampled_from(["", "7", "-1", "2026-02-30", "2026-06-01", "[]", "{}", "null", "http://x", SECRET, "UTC"]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=6,
)
GOOD = {"client_id": "id", "client_secret": SECRET, "username": "me", "password": SECRET}


@examples(400)
@given(st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=8)), VALUES, max_size=4))
def test_any_settings_are_taken_or_refused_in_a_sentence(changes: dict[str, Any]) -> None:
    """Whatever stands in a config, the tap runs with it or says in one sentence which setting to fix."""
    raw = {**GOOD, **changes}
    try:
        settings_of(raw)
    except SettingsError as error:
        sentence = str(error)
        assert sentence.endswith((".", "?"))
        assert "\n" not in sentence or any("\n" in name for name in changes)
        assert SECRET not in sentence or any(SECRET in name for name in changes)


class Spoiler:
    """Spoils the bodies of reports on their way from the connection to the tap."""

    def __init__(self, seed: int, *, rows_only: bool) -> None:
        """Choose what to do to which answer; the seed decides, since answers arrive in threads."""
        self.random = random.Random(seed)  # noqa: S311 - for tests
        self.rows_only = rows_only
        self.count = 0
        self.at = self.random.randrange(7)
        self.is_lasting = self.random.random() < 0.5
        self.send = Transport.send

    def __call__(self, transport: Transport, method: str, url: str, **options: Any) -> Response:  # noqa: ANN401 - as it is
        """Send as the tap does, and spoil the answer."""
        response = self.send(transport, method, url, **options)
        if method != "POST" or b'"data"' not in response.content:
            return response
        self.count += 1
        if self.count <= self.at or (self.count > self.at + 1 and not self.is_lasting):
            return response
        content = self._spoil_rows(response.content) if self.rows_only else self._spoil_bytes(response.content)
        return replace(response, content=content)

    def _spoil_rows(self, content: bytes) -> bytes:
        body = json.loads(content)
        rows = body["data"]
        kind = self.random.choice(["drop", "double", "swap", "cell", "no row", "empty", "twice"])
        if rows:
            index = self.random.randrange(len(rows))
            column = self.random.choice(sorted(rows[index]))
            if kind == "drop":
                del rows[index]
            elif kind == "double":
                rows.insert(index, rows[index])
            elif kind == "swap":
                rows[index], rows[0] = rows[0], rows[index]
            elif kind == "cell":
                rows[index][column] = self.random.choice([[], {}, "2026-13-01 n/a"])
            elif kind == "no row":
                rows[index] = [column]
            elif kind == "empty":
                rows.clear()
            else:
                rows += rows
        return json.dumps(body).encode()

    def _spoil_bytes(self, content: bytes) -> bytes:
        start = self.random.randrange(len(content) + 1)
        end = self.random.randint(start, len(content))
        return content[:start] + self.random.randbytes(self.random.randrange(12)) + content[end:]


@pytest.mark.parametrize("seed", seeds(20))
def test_spoilt_rows_are_never_lost_in_silence(sandbox: Sandbox, seed: int) -> None:
    """Rows dropped, doubled, swapped or misspelt on the way: right rows, a warning about the day, or a failure."""
    config = {**sandbox.config, "start_date": "2026-06-08", "page_size": 30}
    with patch.object(Transport, "send", _as_method(Spoiler(seed, rows_only=True))):
        run = run_tap(config, streams=["site_daily"])
    assert "Traceback" not in run.log, run.log[-2000:]
    assert run.exit_code in {0, 4}, run.log[-2000:]
    if run.exit_code == 0 and "may be incomplete" not in run.log:
        assert_equal_to_source(run, "site_daily", sandbox, date(2026, 6, 8), figures=ADDITIVE, newest_vintage=True)


@pytest.mark.parametrize("seed", seeds(25))
def test_any_bytes_are_read_or_refused_in_a_sentence(sandbox: Sandbox, seed: int) -> None:
    """Whatever bytes a connection brings, the run ends, and without a traceback."""
    config = {**sandbox.config, "start_date": "2026-06-10", "page_size": 30, "max_wait_minutes": 1}
    with patch.object(Transport, "send", _as_method(Spoiler(seed, rows_only=False))):
        run = run_tap(config, streams=["site_daily", "sites"])
    assert "Traceback" not in run.log, run.log[-2000:]
    assert run.exit_code in {0, 4, 5}, run.log[-2000:]


def _as_method(spoiler: Spoiler) -> Any:  # noqa: ANN401 - a function to put in the place of a method
    def send(self: Transport, method: str, url: str, **options: Any) -> Response:  # noqa: ANN401 - as it is
        return spoiler(self, method, url, **options)

    return send
