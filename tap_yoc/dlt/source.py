"""The dlt source: the tap's settings as arguments, one resource for each stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dlt

from tap_yoc.clock import Clock
from tap_yoc.dlt.log import log_to_dlt
from tap_yoc.dlt.resources import entity_resource, fields_resource, report_resource
from tap_yoc.engine import Run
from tap_yoc.redaction import Redactor
from tap_yoc.settings.coercion import coerced_config
from tap_yoc.settings.parsing import parse, secrets_in
from tap_yoc.settings.schema import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlt.extract import DltResource


@dlt.source(name="yoc", section="yoc")
def yoc(  # noqa: PLR0913 - the tap's settings, by name
    *,
    client_id: str = dlt.config.value,
    client_secret: dlt.TSecretStrValue = dlt.secrets.value,
    username: str | None = None,
    password: dlt.TSecretStrValue | None = None,
    refresh_token: dlt.TSecretStrValue | None = None,
    token_cache: str | None = None,
    client_auth: str | None = None,
    auth_format: str | None = None,
    start_date: str | None = None,
    end_date: str | None = None,
    timezone: str | None = None,
    lookback_days: int | None = None,
    reports: list[dict[str, Any]] | None = None,
    standard_reports: list[str] | None = None,
    page_size: int | None = None,
    window_days: int | None = None,
    concurrency: int | None = None,
    request_timeout: float | None = None,
    max_wait_minutes: float | None = None,
    on_incomplete_day: str | None = None,
    backfill_from: str | None = None,
    backfill_to: str | None = None,
    api_url: str | None = None,
    auth_url: str | None = None,
    user_agent: str | None = None,
) -> Iterator[DltResource]:
    """Read YOC's reports: facts by day (a day that is read again is replaced completely), and names by id.

    The arguments are the tap's settings and have its defaults; dlt fills them in from `secrets.toml`, `config.toml`
    (`[sources.yoc]`) and the environment (`SOURCES__YOC__CLIENT_ID`). Calling it asks YOC for the account's columns.

    Raises:
        SettingsError: A setting is wrong; says what to fix.
        YOCError: YOC refuses the login, or cannot be reached.
    """
    given = {name: value for name, value in locals().items() if value is not None}
    redactor = Redactor(secrets_in(given))
    redactor.add_basic_credentials(str(client_id), str(client_secret))
    log_to_dlt(redactor)
    run = Run(parse(coerced_config(given, SETTINGS)), Clock(), redactor)
    try:
        run.require_something_to_read()
    except BaseException:
        run.close()
        raise
    for report in run.reports:
        yield report_resource(run, report)
    for entity in run.entities:
        yield entity_resource(run, entity)
    yield fields_resource(run)
