"""The tap: its streams, its command, and a run from the first message to the last line."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any, ClassVar

import click
from singer_sdk.exceptions import MappingError
from singer_sdk.mapper import PluginMapper

from tap_yoc.cli.json_files import load_json_object
from tap_yoc.cli.progress import progress_display
from tap_yoc.clock import Clock
from tap_yoc.engine.run import Run
from tap_yoc.errors import OutputError, SettingsError, YOCError
from tap_yoc.singer.authenticator import YOCAuthenticator
from tap_yoc.singer.catalog import read_catalog, warn_of_differences
from tap_yoc.singer.configured_tap import ConfiguredTap
from tap_yoc.singer.messages import YOCMessageWriter
from tap_yoc.singer.state import check_state
from tap_yoc.singer.stream_maps import register
from tap_yoc.streams import EntityStream, ReportFieldsStream, ReportStream

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from singer_sdk.plugin_base import _ConfigInput
    from singer_sdk.streams import Stream


class TapYOC(ConfiguredTap):
    """Singer tap for YOC's publisher reporting API: daily ad figures by account, site, ad unit and country."""

    dynamic_catalog = True  # so that --discover checks the settings
    message_writer_class = YOCMessageWriter
    clock: ClassVar[Clock] = Clock()

    @override
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Read settings, columns and catalog; if this fails, the run ends with its last line."""
        try:
            super().__init__(*args, **kwargs)
        except (YOCError, SystemExit) as stop:
            if "run" in vars(self):
                if isinstance(stop, YOCError):
                    self.run.summary.fail(self.name, stop)
                    stop.is_logged = True
                self.finish()
            raise

    @cached_property
    def run(self) -> Run:
        """The run that all streams share."""
        return Run(self.settings, self.clock, self._redactor, authenticator=YOCAuthenticator)

    @override
    def discover_streams(self) -> Sequence[Stream]:
        """Return the streams that the account's columns allow: standard reports, custom reports, entities, metadata."""
        run = self.run
        streams = [
            *(ReportStream(self, run, report) for report in run.reports),
            *(EntityStream(self, run, entity) for entity in run.entities),
            ReportFieldsStream(self, run),
        ]
        run.require_something_to_read()
        return streams

    def finish(self) -> int:
        """End the run, log its last line, and return the exit code."""
        self.run.close()
        summary = self.run.summary
        if not summary.exit_code and not any(stream.selected for stream in self.streams.values()):
            summary.warn("No stream was read: none is selected.")
        level = logging.ERROR if summary.failures else logging.INFO
        # Structured logs get the summary as an attribute, regardless of the line's format.
        self.logger.log(
            level, "%s", summary.as_log_line(self.settings.summary_format), extra={"run_summary": summary.as_json()}
        )
        return summary.exit_code

    @contextmanager
    def finishing(self) -> Iterator[None]:
        """End the run after this context, however it ends: log the summary as the last line, and exit."""
        failed = self.run.summary.fail
        try:
            yield
        except OutputError as stopped:
            self.logger.error("%s", stopped)  # noqa: TRY400 - expected
            failed("target", stopped)
        except Exception as error:
            self.logger.exception("The run failed unexpectedly; please report this.")
            failed("tap", error)
        finally:
            code = self.finish()
        sys.exit(code)

    @override
    def setup_mapper(self) -> None:
        """Compare the catalog with the account before the schemas are announced."""
        warn = self.run.summary.warn
        warn_of_differences(self.input_catalog, self.streams, warn)
        for stream in self.streams.values():
            if isinstance(stream, ReportStream) and stream.selected and stream.has_no_metric_selected():
                warn(f"Stream {stream.name}: no metric is selected, so its rows have keys only.")
        try:
            self.mapper = PluginMapper(plugin_config=dict(self.config), logger=self.logger)
            register(self.mapper, self.catalog)
        except MappingError as error:
            raise SettingsError(f"Setting stream_maps: {str(error).rstrip('.')}.") from error

    @override
    def load_state(self, state: Any) -> None:
        """Take the bookmarks of earlier runs.

        Raises:
            SettingsError: The state does not have this tap's format.
        """
        check_state(state)
        super().load_state(state)

    @override
    def _handle_termination(self, signum: int, frame: object) -> None:
        """End the run with 128 + n.

        The state is not written here: it was written when it last changed, and the signal may interrupt a message.
        """
        self.logger.error("Stopped by signal %d; the bookmarks written so far are kept.", signum)
        self.run.summary.stopped_by_signal = signum
        sys.exit(self.run.summary.exit_code)

    @classmethod
    @override
    def invoke(  # type: ignore[override] # the SDK's Tap narrows it in the same way
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        state: IO[bytes] | None = None,
        catalog: IO[bytes] | None = None,
    ) -> None:
        """Run the command without --discover, --test and --version."""
        if about:
            cls.print_about(about_format)
            return
        cls.print_version(print_fn=cls.logger.info)
        tap = cls(
            config=dict(config.config) if config else {},
            parse_env_config=bool(config and config.parse_env),
            state=load_json_object(state.read(), "The state") if state else None,
            catalog=read_catalog(load_json_object(catalog.read(), "The catalog")) if catalog else None,
        )
        selected = sum(stream.selected for stream in tap.streams.values())
        with tap.finishing(), progress_display(tap.run.summary, selected):
            tap.sync_all()

    @classmethod
    @override
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Read one row of every stream, or with `--test=schema` write their schemas, and exit."""
        if value == "disabled":
            return
        if value not in {"all", "schema"}:
            raise click.BadParameter("use --test or --test=schema")
        config: _ConfigInput = ctx.params["config"]
        tap = cls(config=dict(config.config), parse_env_config=config.parse_env)
        with tap.finishing():
            if value == "schema":
                tap.write_schemas()
            else:
                tap.run_connection_test()
