"""Config, catalog and state as files: in whichever encoding Windows writes them, and what is said of broken ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import preloaded
import pytest
from harness import last_days, run_command
from hypothesis import given
from hypothesis import strategies as st

from tap_yoc.cli.json_files import load_json_object
from tap_yoc.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from tap_yoc.sandbox.server import Sandbox

BOM = "\ufeff"
# What Windows writes: Notepad, PowerShell 7, PowerShell 5.1's `>`, and the rest that begins with its byte order mark.
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def encoded(text: str, encoding: str) -> bytes:
    """Return a text as Windows writes it, with a byte order mark where the encoding has one."""
    return (BOM + text if encoding in {"utf-16-le", "utf-16-be"} else text).encode(encoding)


@given(st.dictionaries(TEXT, st.one_of(TEXT, st.integers(-(10**9), 10**9), st.none()), max_size=4), st.booleans())
def test_an_object_is_read_in_every_encoding(value: dict[str, object], is_ascii: bool) -> None:  # noqa: FBT001 - drawn
    """Whatever the keys and values are, and whoever wrote the file."""
    text = json.dumps(value, ensure_ascii=is_ascii, indent=2).replace("\n", "\r\n")
    for encoding in ENCODINGS:
        assert load_json_object(encoded(text, encoding), "The state") == value


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"", "The state is empty; it must be a JSON object.", id="empty"),
        pytest.param(encoded("\r\n", "utf-16"), "The state is empty; it must be a JSON object.", id="blank"),
        pytest.param(b"[]", "The state must be a JSON object.", id="a list"),
        pytest.param(b'"text"', "The state must be a JSON object.", id="text"),
        pytest.param(b'{"a": 1\n "b": 2}', "is not JSON: Expecting ',' delimiter, line 2, column 2.", id="comma"),
        pytest.param(b"{'a': 1}", "line 1, column 2.", id="single quotes"),
        pytest.param(b'{"a": "p4ssword}', "Unterminated string starting at, line 1, column 7.", id="cut"),
        pytest.param(encoded('{"a": \r\n', "utf-16"), "Expecting value, line 2", id="cut, of Windows"),
        pytest.param(b'{"a": 1} {', "The state is not JSON: Extra data, line 1, column 10.", id="two objects"),
        pytest.param(b"client_id: 5", "The state is not JSON: Expecting value, line 1, column 1.", id="YAML"),
        pytest.param(b'{"a": "\xdf"}', "The state must be text in UTF-8.", id="Latin-1"),
        pytest.param(b'{"a": ' + b"9" * 5000 + b"}", "The state must be a JSON object.", id="thousands of digits"),
        pytest.param(b'{"a": ' + b"[" * 100_000, "The state must be a JSON object.", id="thousands of brackets"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_one_sentence(content: bytes, says: str) -> None:
    """The place is named, and nothing of what stands there, which may be a secret."""
    with pytest.raises(SettingsError) as caught:
        load_json_object(content, "The state")
    assert says in str(caught.value)
    assert "p4ssword" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_the_tap_reads_all_its_files_from_windows(live: Sandbox, tmp_path: Path, encoding: str) -> None:
    """Config, catalog and state, as the options have them, for the tap, the doctor and the plan."""
    (tmp_path / "north.json").write_bytes(encoded(json.dumps(last_days(live, "daily_totals")), encoding))
    catalog = run_command("--config", "north.json", "--discover", cwd=tmp_path).stdout
    (tmp_path / "catalog.json").write_bytes(encoded(catalog, encoding))
    mark = {"replication_key": "date", "replication_key_value": str(live.today.replace(day=1))}
    (tmp_path / "state.json").write_bytes(
        encoded(json.dumps({"bookmarks": {"accounts": {}, "daily_totals": mark}}), encoding)
    )
    options = ["--config", "north.json", "--catalog", "catalog.json", "--state", "state.json"]
    done = run_command(*options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[0])["value"]["bookmarks"]["daily_totals"] == mark
    for name in ("tap-yoc-plan north.json", "tap-yoc-doctor --config north.json"):
        program, *arguments = name.split()
        done = preloaded.run(program, *arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
