"""The pages that are made from the code: settings, streams, and the definition for Meltano's plugin index.

`make docs` writes them; the tests compare.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from harness import TODAY, YESTERDAY, run_tap
from singer_sdk import Tap
from test_packaging import LAYERS, PACKAGE

from tap_yoc.reports.standard import ENTITIES, REPORT_FIELDS, STANDARD_REPORTS
from tap_yoc.sandbox.columns import DIMENSIONS
from tap_yoc.sandbox.server import Sandbox
from tap_yoc.settings.schema import SETTINGS
from tap_yoc.tap import TapYOC

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness import Outcome

ROOT = Path(__file__).parents[2]

# The SDK adds its own settings to the same dictionary whenever a tap is made.
_SDK: dict[str, Any] = {"properties": {}}
Tap.append_builtin_config(_SDK)
SDK_SETTINGS = tuple(_SDK["properties"])
OWN_SETTINGS: dict[str, dict[str, Any]] = {
    name: schema for name, schema in SETTINGS["properties"].items() if name not in SDK_SETTINGS
}

# --- docs/settings.md

KINDS = {"integer": "integer", "number": "number", "array": "list", "string": "string"}
GROUPS = {
    "Login": (
        "client_id",
        "[Where the credentials come from](#where-the-credentials-come-from) explains how to get them.",
    ),
    "Days": ("start_date", "[incremental.md](incremental.md) shows their effect by example."),
    "Streams": (
        "reports",
        "See [streams.md](streams.md) for standard reports and [custom-reports.md](custom-reports.md) for your own.",
    ),
    "Requests": ("page_size", "The defaults suit most accounts."),
    "Checks and backfills": ("on_incomplete_day", "See also [backfills](incremental.md#backfills)."),
    "Addresses": ("api_url", "For the [sandbox](../README.md#first-rows), a proxy or a test."),
}
"""The first setting of each group, in the code's order, and a sentence above its table."""

SETTINGS_PAGE = """# Settings

This page is generated from the code (`make docs`).

There are three ways to configure the tap:

- **A file**: `--config config.json`. `sample_config.json` has every setting. If you pass several files, later ones take
  precedence.
- **Environment variables**: `--config=ENV` reads `TAP_YOC_<SETTING>`, with lists as JSON. `.env.example` has them all.
  With `--config config.json --config=ENV`, variables take precedence over the file. A misspelt variable is an error.
  The tap reads no `.env` file itself; Meltano and Docker do.
- **Meltano**: the same names in `meltano.yml`, or environment variables ([meltano.md](meltano.md#settings)).

Write days as `YYYY-MM-DD`; the tap ignores a time after the day. It treats an empty optional setting as not set. An
unknown setting or a wrong type ends the run before the first request, with
[exit code 2](errors.md#exit-code-2-settings-catalog-or-state).
{groups}
## Where the credentials come from

- `client_id` and `client_secret`: ask your account manager at YOC.
- `username` and `password`: the login of `hub.yoc.com`. The tap can extract what this user can see. Preferably use a
  technical user.
- `refresh_token` and `token_cache`, instead of the password: YOC's refresh token changes with every use, so the tap
  keeps the next one in a file. Several processes may share the file. Protect it like a password.

All streams of a run share one token. The tap renews it before it expires. Secrets appear in no log, row or error.

## Settings of the SDK

The Singer SDK adds `stream_maps`, `stream_map_config`, `faker_config`, `flattening_enabled`, `flattening_max_depth`,
`flattening_max_key_length`, `flattening_separator` and `batch_config`; [its documentation](https://sdk.meltano.com)
describes them. With stream maps or flattening, the tap writes row by row instead of page by page, which is slower. With
`batch_config`, the tap writes rows to files, which only [some targets](targets.md) can read.
"""


def kind_of(schema: dict[str, Any]) -> str:
    """Return the one JSON type that a setting has beside null."""
    (kind,) = {schema["type"]} if isinstance(schema["type"], str) else set(schema["type"]) - {"null"}
    return str(kind)


def shown_kind(schema: dict[str, Any]) -> str:
    """Return the kind of a setting as a reader wants it."""
    if schema.get("secret"):
        return "secret"
    if schema.get("format") == "date":
        return "date"
    if "enum" in schema:
        return " or ".join(f"`{choice}`" for choice in schema["enum"])
    return KINDS[kind_of(schema)]


def settings_page() -> str:
    """Return docs/settings.md."""
    starts = {first: (title, sentence) for title, (first, sentence) in GROUPS.items()}
    lines: list[str] = []
    for name, schema in OWN_SETTINGS.items():
        if name in starts:
            title, sentence = starts.pop(name)
            lines += ["", f"## {title}", "", sentence, ""]
            lines += ["| setting | type | default | meaning |", "|---|---|---|---|"]
        default = schema.get("default", "")
        default = f"`{default if isinstance(default, str) else json.dumps(default)}`" if default != "" else ""
        default = "required" if name in SETTINGS["required"] else default
        lines.append(f"| `{name}` | {shown_kind(schema)} | {default} | {schema['description']} |")
    assert not starts, "a group begins with a setting that is not there"
    return SETTINGS_PAGE.format(groups="\n".join([*lines, ""]))


# --- docs/streams.md

ROW_IS = {
    "daily_totals": "day",
    "account_daily": "day and account",
    "publisher_daily": "day and publisher",
    "country_daily": "day, publisher and country",
    "site_daily": "day and site",
    "ad_unit_daily": "day and ad unit",
    "ad_unit_country_daily": "day, ad unit and country",
    "companies": "company",
    "accounts": "credit-note account",
    "publishers": "publisher",
    "sites": "site",
    "ad_units": "ad unit",
    REPORT_FIELDS: "column of the account",
}
USES = {
    "companies": "newest name",
    "accounts": "newest name and company",
    "publishers": "newest name and account",
    "sites": "newest name and publisher",
    "ad_units": "newest name and site",
    REPORT_FIELDS: "available dimensions and metrics",
}
SHOWN = ("ad_unit_daily", "ad_units", REPORT_FIELDS)
STREAMS_PAGE = """# Streams

This page is generated from the code and the [sandbox](sandbox.md) (`make docs`). The tap determines names, keys and
replication. Metrics and types come from your account's metadata. The tables below show the sandbox's; to see yours, run
`tap-yoc --config config.json --discover`. Catalogs and SCHEMA messages have the meanings, too, as `description`.

| stream | one row per | key | replication | use it for |
|---|---|---|---|---|
{streams}

All figures come from `POST /api/v1/reporting/publishers`. `{fields}` comes from `GET` at the same URL.

- **Missing dimensions.** If the account lacks a stream's dimensions, the tap leaves the stream out and warns once.
- **Heavy.** {heavy} is off unless `standard_reports` names it.
- **Names** are in the entity streams only. In a fact stream, a renamed ad unit would become two rows.
- **Currency.** Sums across currencies are meaningless, so a `currency` metric is part of every fact stream's key. An
  account with two currencies has two rows where it would otherwise have one.
- **Selection.** The tap does not request metrics that you deselect in the catalog. Key columns cannot be deselected.

## Columns of the fact streams

Besides its key, each fact stream has all metrics that the account offers. In the sandbox:

| column | type | in | meaning |
|---|---|---|---|
{facts}

"or null" marks columns in which YOC may have no value.

## Columns of the entity streams

One row per id, with the name and parent from its newest day. Rows without an id are left out.

| stream | column | type | meaning |
|---|---|---|---|
{entities}

## Columns of `{fields}`

| column | type | meaning |
|---|---|---|
{metadata}

## How streams join

| from | column | to |
|---|---|---|
{parents}

## Values and keys

- In a key, a missing dimension value becomes `""` (text) or `0` (number). The log counts them once per stream. Missing
  metrics stay null.
- Money and rates are JSON numbers with exactly the digits that YOC sent. Let the target store them as decimals.
- Rates such as `vtr_percent` cannot be summed. Compute them from sums.
- A value that does not fit its declared type fails the stream; the error names stream, column and day. Unknown types
  become text, with one warning.

## Example rows

The tap wrote these on {today} for {day}, with the sandbox's made-up figures. Each is one line of the output.

{examples}
"""


def sandbox_run() -> Outcome:
    """Run all streams for one day against a sandbox of a fixed day."""
    with Sandbox(today=TODAY) as sandbox:
        names = [report.name for report in STANDARD_REPORTS]
        run = run_tap({**sandbox.config, "start_date": YESTERDAY.isoformat(), "standard_reports": names})
    assert run.exit_code == 0, run.log
    return run


def shown_type(schema: dict[str, Any]) -> str:
    """Return a JSON Schema in words."""
    kinds = [schema["type"]] if isinstance(schema["type"], str) else list(schema["type"])
    kinds[0] = schema.get("format", kinds[0])
    return " or ".join(kinds)


def row(*cells: str) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(cells)} |"


def ticked(names: Iterable[str]) -> str:
    """Return names as code, in one cell."""
    return ", ".join(f"`{name}`" for name in names)


def stream_rows(run: Outcome) -> list[str]:
    """Return the table of streams."""
    uses = {report.name: report.use for report in STANDARD_REPORTS} | USES
    rows = []
    for name, one in ROW_IS.items():
        schema = run.schema(name)
        replication = "incremental" if schema.get("bookmark_properties") else "full table"
        rows.append(row(f"`{name}`", one, ticked(schema["key_properties"]), replication, uses[name]))
    return rows


def fact_rows(run: Outcome) -> list[str]:
    """Return the columns of all fact streams, each once, with the streams that have it."""
    schemas = {report.name: run.schema(report.name) for report in STANDARD_REPORTS}
    columns: dict[str, tuple[str, str, list[str]]] = {}
    # The dimensions first, in YOC's order; the others as they come.
    for name in [*(column.name for column in DIMENSIONS), *schemas["daily_totals"]["schema"]["properties"]]:
        for stream, message in schemas.items():
            if schema := message["schema"]["properties"].get(name):
                kind, about, streams = columns.setdefault(name, (shown_type(schema), schema["description"], []))
                assert (kind, about) == (shown_type(schema), schema["description"])
                streams.extend([stream] if stream not in streams else [])
    return [
        row(
            f"`{name}`" + (" (key)" if name in schemas[streams[0]]["key_properties"] else ""),
            kind,
            "all" if len(streams) == len(schemas) else ticked(streams),
            about,
        )
        for name, (kind, about, streams) in columns.items()
    ]


def entity_rows(run: Outcome) -> list[str]:
    """Return the columns of the entity streams."""
    rows = []
    for entity in ENTITIES:
        for name, schema in run.schema(entity.name)["schema"]["properties"].items():
            column = f"`{name}`" + (" (key)" if name == entity.id_column else "")
            rows.append(row(f"`{entity.name}`", column, shown_type(schema), schema["description"]))
    return rows


def parent_rows() -> list[str]:
    """Return which id leads from where to where."""
    by_id = {entity.id_column: entity.name for entity in ENTITIES}
    sources = [(report.name, report.dimensions) for report in STANDARD_REPORTS]
    sources += [(entity.name, entity.attributes) for entity in ENTITIES]
    rows = []
    for column, entity in by_id.items():
        streams = [name for name, columns in sources if column in columns]
        rows.append(row(ticked(streams), f"`{column}`", f"`{entity}`"))
    return rows


def streams_page(run: Outcome) -> str:
    """Return docs/streams.md."""
    examples = []
    for name in SHOWN:
        start = f'{{"type":"RECORD","stream":"{name}","record":{{'
        line = next(line for line in map(bytes.decode, run.lines) if line.startswith(start))
        cells = line.removeprefix(start).partition("}")[0]
        broken = re.sub(r',(?="\w+":)', ",\n  ", cells).replace('":', '": ')
        examples.append(f"`{name}`:\n\n```json\n{{\n  {broken}\n}}\n```")
    return STREAMS_PAGE.format(
        fields=REPORT_FIELDS,
        heavy=ticked(report.name for report in STANDARD_REPORTS if report.is_heavy),
        streams="\n".join(stream_rows(run)),
        facts="\n".join(fact_rows(run)),
        entities="\n".join(entity_rows(run)),
        metadata="\n".join(
            row(f"`{name}`", shown_type(schema), schema["description"])
            for name, schema in run.schema(REPORT_FIELDS)["schema"]["properties"].items()
        ),
        parents="\n".join(parent_rows()),
        day=YESTERDAY,
        today=TODAY,
        examples="\n\n".join(examples),
    )


# --- docs/meltanohub/tap-yoc.yml

PACKAGE_VARIABLE = "YOC_TAP_PACKAGE"
"""What pip installs: a checkout, a wheel or an address. Meltano fills it in."""
GROUPS_TO_START = [
    ["client_id", "client_secret", "username", "password"],
    ["client_id", "client_secret", "refresh_token", "token_cache"],
]


def hub_setting(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return a setting as Meltano's plugin index describes it; it has integers for numbers."""
    kind = {"number": "integer"}.get(kind_of(schema), kind_of(schema))
    kind = "options" if "enum" in schema else "date_iso8601" if schema.get("format") == "date" else kind
    setting: dict[str, Any] = {
        "description": schema["description"],
        "kind": kind,
        "label": schema["title"],
        "name": name,
    }
    if "enum" in schema:
        setting["options"] = [{"label": choice, "value": choice} for choice in schema["enum"]]
    if schema.get("secret"):
        setting["sensitive"] = True
    if "default" in schema:
        setting["value"] = schema["default"]
    return setting


def hub_definition() -> str:
    """Return docs/meltanohub/tap-yoc.yml; `meltano.yml` describes the commands and the SDK's settings."""
    extractors = yaml.safe_load((ROOT / "meltano.yml").read_text("utf-8"))["plugins"]["extractors"]
    of_the_sdk = [setting for setting in extractors[0]["settings"] if setting["name"] in SDK_SETTINGS]
    definition = {
        "capabilities": sorted(capability.value for capability in TapYOC.capabilities),
        "commands": extractors[0]["commands"],
        "description": "Daily ad figures of a publisher's YOC account, from totals down to ad units and countries.",
        "domain_url": "https://yoc.com",
        "executable": "tap-yoc",
        "keywords": ["api", "meltano_sdk"],
        "label": "YOC",
        "maintenance_status": "active",
        "name": "tap-yoc",
        "namespace": "tap_yoc",
        "pip_url": f"${PACKAGE_VARIABLE}",
        "quality": "unknown",
        "settings": [*(hub_setting(name, schema) for name, schema in OWN_SETTINGS.items()), *of_the_sdk],
        "settings_group_validation": GROUPS_TO_START,
    }
    return yaml.safe_dump(definition, allow_unicode=True, sort_keys=True, width=80)


# --- docs/architecture.md


def architecture_page() -> str:
    """Return docs/architecture.md as it stands, with the table of modules made again: layers, and first lines."""
    path = ROOT / "docs/architecture.md"
    head = "| module | job |\n|---|---|\n"
    before, _, rest = path.read_text("utf-8").partition(head)
    _, _, after = rest.partition("\n\n")
    rows = []
    for layer in LAYERS:
        module = next(
            (path for name in (f"{layer}.py", f"{layer}/__init__.py") if (path := PACKAGE / name).exists()), None
        )
        if module and module != PACKAGE / "__init__.py":
            job = (ast.get_docstring(ast.parse(module.read_text("utf-8"))) or "").partition("\n")[0]
            rows.append(row(f"`{module.relative_to(PACKAGE).as_posix().removesuffix('__init__.py')}`", job))
    return f"{before}{head}" + "\n".join(rows) + f"\n\n{after}"


def made_pages() -> dict[Path, str]:
    """Return each page that is made, and what stands in it."""
    return {
        ROOT / "docs/settings.md": settings_page(),
        ROOT / "docs/streams.md": streams_page(sandbox_run()),
        ROOT / "docs/architecture.md": architecture_page(),
        ROOT / "docs/meltanohub/tap-yoc.yml": hub_definition(),
    }


if __name__ == "__main__":
    for path, content in made_pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
