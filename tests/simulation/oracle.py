"""What has to be true after each morning, held against the sandbox's own facts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from simulation.conduct import Conduct, told_secrets
from simulation.days import ONE_DAY
from simulation.ending import (
    DAYS_LOST,
    failed_streams,
    incomplete_days,
    says_uncompared,
    wrong_ending,
    wrong_figures,
)
from simulation.entities import wrong_entities
from simulation.figures import days_asked_for
from simulation.records import wrong_records
from simulation.target import BrokenOutputError, bookmarks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from simulation.expectation import Expectation
    from simulation.morning import Outcome
    from simulation.server import ChangingWorld
    from simulation.streams import Stream
    from simulation.target import Key, Row, State, Target

Days = dict[str, dict["Key", "Row"]]
LOGIN, INCOMPLETE = 3, 4
"""Exit codes."""


@dataclass(kw_only=True)
class Oracle:
    """Judges one life."""

    world: ChangingWorld
    target: Target
    streams: list[Stream]
    unverified: dict[str, set[str]] = field(default_factory=dict)
    """Days by stream that have changed in the source since they were last seen to be equal."""
    forgiven: dict[str, set[str]] = field(default_factory=dict)
    """Days by stream that may be wrong for good, since the run that read them said so."""
    found: list[str] = field(default_factory=list)
    _conduct: Conduct = field(default_factory=Conduct)
    _previous: tuple[date, dict[str, dict[str, bool]]] | None = None
    """The day of the last clean run, and by stream which days it left final."""

    def _doubt(self, days: Iterable[date]) -> None:
        """Note days whose figures may differ from what is stored."""
        names = {day.isoformat() for day in days}
        for stream in self.streams:
            self.unverified.setdefault(stream.name, set()).update(names)

    def judge(self, outcome: Outcome, expected: Expectation) -> list[str]:
        """Return what is wrong with a morning, in sentences."""
        self.found = []
        self._doubt(self.world.account.changed)
        self.world.account.changed.clear()
        source, before = self._source(expected), bookmarks(self.target.state)

        def at_state(before: State, after: State) -> None:
            self._judge_state(before, after, source, expected, outcome)

        may_end_anywhere = outcome.is_killed or outcome.has_lost_output or outcome.exit_code >= 128
        try:
            records = self.target.take(outcome.received, may_end_anywhere=may_end_anywhere, at_state=at_state)
        except BrokenOutputError as error:
            self.found.append(f"broken output: {error}")
            return self.found
        self.found += wrong_records(records, self.streams, self.target, outcome, expected)
        if self.found:
            return self.found
        self.found += wrong_ending(outcome, expected)
        if outcome.exit_code == 0:
            self.found += wrong_figures(outcome, len(records))
            self._judge_progress(before, source, outcome, expected)
            self._judge_days(self.streams, source, outcome, expected)
            self._judge_finality(records, source, expected)
            self.found += wrong_entities(records, self.world, expected)
        else:
            self._previous = None
            self._judge_others(source, outcome, expected)
        self.found += self._conduct.wrong_requests(outcome, expected)
        self.found += told_secrets(outcome, self.world.tokens)
        for stream in self.streams:  # days that no later run reads again
            marked = bookmarks(self.target.state).get(stream.name, "")
            passed = {day for day in self.unverified[stream.name] & self._excused(stream, outcome) if day <= marked}
            self.unverified[stream.name] -= passed
            self.forgiven.setdefault(stream.name, set()).update(passed)
        return self.found

    def judge_all(self, expected: Expectation) -> list[str]:
        """Hold every day against the source, at the end of a life whose last run went well."""
        self._doubt(self.world.account.published)
        for name, days in self.forgiven.items():
            self.unverified[name] -= days
        self.found = []
        self._judge_days(self.streams, self._source(expected), None, expected)
        return self.found

    def _source(self, expected: Expectation) -> dict[str, Days]:
        found = {}
        for stream in self.streams:
            days = self.unverified.get(stream.name)
            first = date.fromisoformat(min(days)) if days else expected.last_day
            first = max(first, expected.first_day)
            found[stream.name] = stream.source(self.world, first, expected.last_day)
        return found

    def _judge_state(
        self, before: State, after: State, source: dict[str, Days], expected: Expectation, outcome: Outcome
    ) -> None:
        old, new = bookmarks(before), bookmarks(after)
        for stream in self.streams:
            name, was, now = stream.name, old.get(stream.name), new.get(stream.name)
            if was and (now is None or now < was):
                self.found.append(f"the bookmark of {name} moves back from {was} to {now}")
            if now is None or now == was:
                continue
            if now > expected.last_day.isoformat():
                self.found.append(f"the bookmark of {name} is at {now}, after the newest day {expected.last_day}")
            excused = self._excused(stream, outcome)
            stored = self.target.tables[name].days if name in self.target.tables else {}
            if not any(stored.values()):
                self.found.append(f"{name} has a bookmark ({now}) and not one row")
            settled = (expected.today - ONE_DAY * (2 + stream.lookback_days)).isoformat()
            if not stream.query and now > max(settled, *(day for day, rows in stored.items() if rows), ""):
                self.found.append(f"the bookmark of {name} is at {now}, behind days that may still be filled")
            for day, rows in source[name].items():
                if (was or "") < day <= now and day not in expected.loose_days | excused:
                    lacking = rows.keys() - stored.get(day, {}).keys()
                    if lacking:
                        self.found.append(
                            f"the bookmark of {name} is at {now}, and {len(lacking)} rows of {day} are not stored"
                        )

    def _judge_progress(
        self, before: dict[str, str], source: dict[str, Days], outcome: Outcome, expected: Expectation
    ) -> None:
        """Check that a successful run leaves nothing behind without a message."""
        marks = bookmarks(self.target.state)
        for stream in self.streams:
            newest = max((day for day in source[stream.name] if day <= expected.last_day.isoformat()), default="")
            if expected.is_clean and newest and marks.get(stream.name, "") < newest:
                self.found.append(f"the bookmark of {stream.name} is {marks.get(stream.name)}, and not yet {newest}")
            was = before.get(stream.name)
            is_lost = was and date.fromisoformat(was) + ONE_DAY < min(expected.served_from, expected.last_day)
            if is_lost and not any(DAYS_LOST in line for line in outcome.log):
                self.found.append(f"days of {stream.name} after {was} are no longer served, and no message says so")

    def _judge_others(self, source: dict[str, Days], outcome: Outcome, expected: Expectation) -> None:
        """Check that a stream whose data is at fault does not make the others fail."""
        failed = failed_streams(outcome)
        if outcome.exit_code == INCOMPLETE and LOGIN not in expected.codes and failed <= self.target.tables.keys():
            others = [stream for stream in self.streams if stream.name not in failed]
            self._judge_days(others, source, outcome, expected)

    def _judge_days(
        self, streams: list[Stream], source: dict[str, Days], outcome: Outcome | None, expected: Expectation
    ) -> None:
        first, last = expected.first_day.isoformat(), expected.last_day.isoformat()
        for stream in streams:
            excused = self._excused(stream, outcome)
            table = self.target.tables.get(stream.name)
            days = self.unverified.setdefault(stream.name, set())
            forgiven = self.forgiven.setdefault(stream.name, set())
            for day in sorted(days):
                if day > last or day in expected.loose_days:
                    continue
                (forgiven.add if day in excused else forgiven.discard)(day)
                if first <= day and day not in excused:
                    wanted = source[stream.name].get(day, {})
                    got = table.newest(day) if table else {}
                    if wanted and (wrong := _difference(got, wanted, stream.figures)):
                        code = outcome.exit_code if outcome else 0
                        self.found.append(f"exit {code}, and {stream.name} of {day}: {wrong}")
                        continue
                days.discard(day)

    def _excused(self, stream: Stream, outcome: Outcome | None) -> set[str]:
        """Return the days of a stream that a run may have wrong, since it has said so.

        Without the account's totals, only the days whose own answer lacked rows may be wrong.
        """
        if outcome is None:
            return set()
        spoilt = outcome.spoilt if says_uncompared(outcome) else []
        return incomplete_days(outcome).union(
            *(days_asked_for(body) for body in spoilt if tuple(body["group_by"]) == stream.group_by)
        )

    def _judge_finality(self, records: list[Row], source: dict[str, Days], expected: Expectation) -> None:
        """Check that a clean run rereads exactly the days that the clean run of the day before left open."""
        read: dict[str, set[str]] = {stream.name: set() for stream in self.streams}
        for message in records:
            if message["stream"] in read:
                read[message["stream"]].add(message["record"]["date"])
        today = expected.last_day
        if self._previous and expected.is_clean and self._previous[0] + ONE_DAY == today:
            for name, days in self._previous[1].items():
                for day, is_final in days.items():
                    if is_final and day in read[name]:
                        self.found.append(f"{name} of {day} was final, and is read again")
                    if not is_final and day not in read[name] and source[name].get(day):
                        self.found.append(f"{name} of {day} was not final, and is not read again")
        self._previous = (today, self._finality(read)) if expected.is_clean else None

    def _finality(self, read: dict[str, set[str]]) -> dict[str, dict[str, bool]]:
        return {
            name: {day: all(row["is_final"] for row in self.target.tables[name].newest(day).values()) for day in days}
            for name, days in read.items()
        }


def _difference(got: dict[Key, Row], wanted: dict[Key, Row], figures: tuple[str, ...]) -> str:
    if lacking := wanted.keys() - got.keys():
        return f"{len(lacking)} of {len(wanted)} rows are missing"
    if beyond := got.keys() - wanted.keys():
        return f"{len(beyond)} rows are not in the source"
    for key, row in wanted.items():
        for name in figures:
            if isinstance(got[key][name], str) or Decimal(got[key][name] or 0) != Decimal(row[name] or 0):
                return f"{name} of {key} is {got[key][name]} instead of {row[name]}"
    return ""
