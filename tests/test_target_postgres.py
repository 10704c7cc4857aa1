"""The command `tap-yoc-target-postgres`, with the settings of meltano.yml, and a real PostgreSQL."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from decimal import Decimal
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from loaders import SCHEMA, ToPostgres
from singer_sdk.sinks import Sink
from target_matrix import release
from target_postgres.sinks import PostgresSink
from test_targets import DIGITS, PROBE, TUNED

from tap_yoc.target_postgres import __main__ as loader_command
from tap_yoc.target_postgres.loader import ExactSink

if TYPE_CHECKING:
    from postgres import PostgresServer

    Row = dict[str, Any]

# What COPY writes in a way of its own, or could take for something else.
TEXTS = ["\\N", "\\.", "\\", "a\\nb", "a\tb", "a\nb\r\n", "\"a\", 'b'", "null", "Küste 😀\u2028", "", None]


def probe(*rows: dict[str, Any], **columns: str) -> list[bytes]:
    """Return the lines of a stream whose key is `id`; the other columns may be null."""
    kinds = {"id": {"type": "integer"}, **{name: {"type": [kind, "null"]} for name, kind in columns.items()}}
    schema = {"type": "object", "required": ["id"], "properties": kinds}
    messages = [{"type": "SCHEMA", "stream": "probe", "schema": schema, "key_properties": ["id"]}]
    messages += [{"type": "RECORD", "stream": "probe", "record": row} for row in rows]
    return [json.dumps(message).encode() for message in messages]


@pytest.fixture
def postgres(postgres_server: PostgresServer, tmp_path: Path) -> ToPostgres:
    """target-postgres as meltano.yml has it, and an empty database."""
    return ToPostgres(tmp_path, postgres_server.database())


def test_postgres_keeps_texts_and_numbers_that_copy_could_mistake(postgres: ToPostgres) -> None:
    """Backslashes, tabs, line ends, quotes, COPY's mark of null, empty text and null each come back as they were."""
    sent: list[Row] = [{"id": place, "note": text, "yes": place % 2 == 0} for place, text in enumerate(TEXTS)]
    sent += [{"id": 2**63 - 1, "note": None, "yes": None}, {"id": -1, "note": "minus", "yes": False}]
    assert postgres.load(probe(*sent, note="string", yes="boolean")).returncode == 0
    assert sorted(postgres.rows("probe"), key=lambda row: int(row["id"])) == sorted(sent, key=lambda row: row["id"])


def test_postgres_keeps_every_digit(postgres: ToPostgres) -> None:
    """Numbers in all the forms that JSON has for them, and more digits than floating point or a `bigint` holds."""
    sent = [DIGITS, f"-{DIGITS}", "0.000000001", "0.1", "1.50", "12345678901234567890123", "-0", "1e2", "2.5E-7"]
    lines = probe(*({"id": place, "amount": place} for place in range(len(sent))), amount="number")
    rows = [
        line.replace(b'"amount": %d}' % place, b'"amount": %s}' % amount.encode())
        for place, (line, amount) in enumerate(zip(lines[1:], sent, strict=True))
    ]
    assert postgres.load([lines[0], *rows]).returncode == 0
    found = {row["id"]: row["amount"] for row in postgres.rows("probe")}
    assert found == {place: Decimal(amount) for place, amount in enumerate(sent)}


def test_postgres_has_each_key_once_within_a_batch_and_across(postgres: ToPostgres) -> None:
    """10,000 rows are a batch; of a key that comes again in it, or in the next one, the last row stays."""
    rows = [{"id": number, "clicks": 1} for number in range(10_001)]
    rows.insert(5, {"id": 3, "clicks": 2})
    rows.append({"id": 4, "clicks": 3})
    assert postgres.load(probe(*rows, clicks="integer")).returncode == 0
    expected = dict.fromkeys(range(10001), 1) | {3: 2, 4: 3}
    found = postgres.rows("probe")
    assert len(found) == len(expected)
    assert {row["id"]: row["clicks"] for row in found} == expected


def test_postgres_writes_a_new_row_once(postgres: ToPostgres) -> None:
    """The rows are where they were first put; those that came again were written once more."""
    place = f"SELECT id, ctid::text FROM {SCHEMA}.probe ORDER BY id"  # noqa: S608 - written here
    assert postgres.load(probe({"id": 1}, {"id": 2})).returncode == 0
    assert [row["ctid"] for row in postgres.database.rows(place)] == ["(0,1)", "(0,2)"]
    assert postgres.load(probe({"id": 2}, {"id": 3})).returncode == 0
    assert [row["ctid"] for row in postgres.database.rows(place)] == ["(0,1)", "(0,3)", "(0,4)"]


def test_postgres_replaces_rows_in_a_table_that_has_no_primary_key(postgres: ToPostgres) -> None:
    """Somebody removed it, so the loader's own statements find the rows."""
    assert postgres.load(probe({"id": 1, "clicks": 1}, {"id": 2, "clicks": 1}, clicks="integer")).returncode == 0
    postgres.database.rows(f"ALTER TABLE {SCHEMA}.probe DROP CONSTRAINT probe_pkey")
    assert postgres.load(probe({"id": 2, "clicks": 2}, {"id": 3, "clicks": 2}, clicks="integer")).returncode == 0
    assert {row["id"]: row["clicks"] for row in postgres.rows("probe")} == {1: 1, 2: 2, 3: 2}
    assert len(postgres.rows("probe")) == 3


def test_the_package_for_ssh_tunnels_is_imported_when_it_is_used() -> None:
    """It takes a fifth of the loader's start-up, and few need it."""
    code = """
import sys
from tap_yoc.target_postgres.__main__ import import_when_used
import_when_used("paramiko")
import target_postgres.connector
assert "paramiko.transport" not in sys.modules
assert issubclass(target_postgres.connector.paramiko.Ed25519Key, target_postgres.connector.paramiko.PKey)
assert "paramiko.transport" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_postgres_adds_the_rows_of_a_stream_without_key(postgres: ToPostgres) -> None:
    """Nothing tells them apart, so that all are kept."""
    rows = [json.loads(line) for line in probe({"id": 1}, {"id": 1})]
    rows[0]["key_properties"] = []
    assert postgres.load([json.dumps(row).encode() for row in rows]).returncode == 0
    assert [row["id"] for row in postgres.rows("probe")] == [1, 1]


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"stream_maps": {"probe": {"note": "'mapped'"}}}, id="stream maps"),
        pytest.param({"validate_records": True}, id="checked against the schema"),
        pytest.param({"add_record_metadata": True}, id="with metadata"),
        pytest.param({"sanitize_null_text_characters": True}, id="U+0000 replaced"),
    ],
)
def test_postgres_does_what_other_settings_of_the_loader_ask_for(postgres: ToPostgres, settings: Row) -> None:
    """Rows that something has to be done to take the loader's own way through, and digits stay."""
    assert postgres.load(PROBE, {**postgres.config, **settings}).returncode == 0
    rows = {row["id"]: row for row in postgres.rows("probe")}
    assert {row["note"] for row in rows.values()} == ({"mapped"} if "stream_maps" in settings else {None, "", "x"})
    assert ("_sdc_received_at" in rows[1]) == ("add_record_metadata" in settings)
    if "sanitize_null_text_characters" not in settings:
        assert str(rows[1]["amount"]) == DIGITS
    text = probe({"id": 1, "clicks": "many"}, clicks="integer")
    assert postgres.load(text, {**postgres.config, **settings}).returncode == 1


def test_the_loaders_own_copy_rounds(postgres: ToPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """What docs/targets.md warns of: `use_copy` without the tap's command."""
    monkeypatch.setattr(ToPostgres, "command", lambda _=None: Path(sys.executable).with_name("target-postgres"))
    assert postgres.load(PROBE).returncode == 0
    (big,) = [row["amount"] for row in postgres.rows("probe") if row["id"] == 1]
    assert str(big) == "12345678901234568"


@pytest.mark.parametrize("found", ["none", "0.9.0"])
def test_the_command_refuses_another_release_of_the_loader(
    found: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would not call the methods that keep the digits."""

    def version(package: str) -> str:
        if found == "none":
            raise PackageNotFoundError(package)
        return found

    monkeypatch.setattr(loader_command, "version", version)
    assert loader_command.main() == 2
    advice = f"pip install {release('target-postgres').replace(' ', '==')}"
    said = f"tap-yoc-target-postgres needs {release('target-postgres')}, but found {found}; run: {advice}"
    assert capsys.readouterr().err.splitlines() == [said]


@pytest.mark.parametrize(
    ("owner", "name", "signature"),
    [
        pytest.param(
            PostgresSink,
            "bulk_insert_records",
            "(self, table: 'sqlalchemy.Table', schema: 'dict[str, t.Any]', records: 't.Iterable[dict[str, t.Any]]', "
            "primary_keys: 't.Sequence[str]', connection: 'sqlalchemy.engine.Connection') -> 'int | None'",
            id="bulk_insert_records",
        ),
        pytest.param(
            PostgresSink,
            "upsert",
            "(self, from_table: 'sqlalchemy.Table', to_table: 'sqlalchemy.Table', schema: 'dict[str, t.Any]', "
            "join_keys: 't.Sequence[str]', connection: 'sqlalchemy.engine.Connection') -> 'int | None'",
            id="upsert",
        ),
        pytest.param(
            Sink,
            "_parse_timestamps_in_record",
            "(self, record: 'dict', schema: 'dict', treatment: 'DatetimeErrorTreatmentEnum') -> 'None'",
            id="_parse_timestamps_in_record",
        ),
    ],
)
def test_the_methods_that_are_replaced_are_those_of_the_release(owner: type, name: str, signature: str) -> None:
    """Before the loader's release is raised, see whether it still does what `tap_yoc/target_postgres` replaces."""
    assert name in vars(ExactSink)
    assert str(inspect.signature(vars(owner)[name])) == signature


@pytest.mark.parametrize(
    ("row", "column"),
    [
        pytest.param({"note": "a\x00b"}, {"note": "string"}, id="the tap drops U+0000 from texts"),
        pytest.param({"clicks": 1.5}, {"clicks": "integer"}, id="a fraction for an integer"),
        pytest.param({"clicks": "many"}, {"clicks": "integer"}, id="a text for an integer"),
        pytest.param({"id": None}, {"note": "string"}, id="no key"),
    ],
)
def test_postgres_refuses_what_does_not_fit(postgres: ToPostgres, row: Row, column: dict[str, str]) -> None:
    """Without the loader's own check, the database is the one that fails the load."""
    assert postgres.load(probe({"id": 1, **row}, **column)).returncode == 1
    assert postgres.rows("probe") == []


def test_a_failure_in_mid_load_leaves_whole_batches_and_no_later_state(postgres: ToPostgres) -> None:
    """A batch is there as a whole or not at all, what was there before is as it was, and the next run repairs it."""
    assert postgres.load(probe({"id": 3, "clicks": 0}, {"id": 10_001, "clicks": 0}, clicks="integer")).returncode == 0
    rows = [{"id": number, "clicks": 1} for number in range(10_003)]
    good = probe(*rows, clicks="integer")
    bad = probe(*rows[:-1], {"id": 10_002, "clicks": "many"}, clicks="integer")
    states = [json.dumps({"type": "STATE", "value": {"days": days}}).encode() for days in (1, 2)]
    done = postgres.load([*bad[:10_001], states[0], *bad[10_001:], states[1]])
    assert done.returncode == 1
    assert b'"days": 2' not in done.stdout
    found = {row["id"]: row["clicks"] for row in postgres.rows("probe")}
    assert found == {**dict.fromkeys(range(10_000), 1), 10_001: 0}
    done = postgres.load([*good, states[1]])
    assert done.returncode == 0
    assert json.loads(done.stdout.splitlines()[-1]) == {"days": 2}
    assert {row["id"]: row["clicks"] for row in postgres.rows("probe")} == dict.fromkeys(range(10_003), 1)


def test_rows_that_were_there_are_not_changed_when_new_ones_are_refused(postgres: ToPostgres) -> None:
    """All rows of a batch, new or revised, are written by one statement."""
    assert postgres.load(probe({"id": 1, "clicks": 1}, clicks="integer")).returncode == 0
    postgres.database.rows(f"ALTER TABLE {SCHEMA}.probe ADD CHECK (clicks < 100)")
    assert postgres.load(probe({"id": 1, "clicks": 2}, {"id": 2, "clicks": 100}, clicks="integer")).returncode == 1
    assert [(row["id"], row["clicks"]) for row in postgres.rows("probe")] == [(1, 1)]


def test_tables_of_the_loaders_defaults_are_loaded_into_with_those_of_meltano_yml(postgres: ToPostgres) -> None:
    """Whoever upgrades keeps the tables: their metadata stays as it was, rows are replaced, columns are added."""
    defaults = {name: value for name, value in postgres.config.items() if name not in TUNED}
    assert (
        postgres.load(probe({"id": 1, "clicks": 1}, {"id": 2, "clicks": 1}, clicks="integer"), defaults).returncode == 0
    )
    (before, kept) = sorted(postgres.rows("probe"), key=lambda row: int(row["id"]))
    assert before["_sdc_sequence"]
    later = probe(
        {"id": 1, "clicks": 2, "note": "x"}, {"id": 3, "clicks": 3, "note": ""}, clicks="integer", note="string"
    )
    assert postgres.load(later).returncode == 0
    empty = dict.fromkeys(before)
    assert sorted(postgres.rows("probe"), key=lambda row: int(row["id"])) == [
        {**before, "clicks": 2, "note": "x"},
        {**kept, "note": None},
        {**empty, "id": 3, "clicks": 3, "note": ""},
    ]
