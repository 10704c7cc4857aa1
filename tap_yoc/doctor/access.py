"""The steps before reading figures: settings, login, refresh, columns, streams; and checks afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_yoc.api.transport import RETRYABLE_STATUSES
from tap_yoc.doctor.advice import without_rows
from tap_yoc.doctor.findings import note, ok, skipped
from tap_yoc.errors import PermissionDeniedError
from tap_yoc.reports.custom import custom_reports
from tap_yoc.reports.standard import REPORT_FIELDS, STANDARD_REPORTS, available_entities, standard_reports

if TYPE_CHECKING:
    from tap_yoc.doctor.findings import Step
    from tap_yoc.doctor.observed_tap import ObservedTap

YOC_ADDRESSES = {"https://api.yoc.com", "https://oauth.yoc.com"}
SHORT_LIFE_SECONDS = 300
MOST_CLOCK_OFFSET_SECONDS = 60
SLOW_SECONDS = 10


def settings(observed: ObservedTap) -> Step:
    """Report what a run with these settings would read."""
    wanted, configured = observed.run.reach.wanted, observed.settings
    if wanted is None:
        return note(
            "Valid, but YOC serves no day from start_date to end_date: a run would read nothing.",
            "Fix or remove start_date and end_date. YOC serves the last six months, up to yesterday.",
        )
    says = f"Valid; a run reads {wanted}; days end at midnight in {configured.timezone.key}."
    if {configured.api_url, configured.auth_url} != YOC_ADDRESSES:
        says += " The URLs are not YOC's."
    if configured.start_date and configured.start_date < wanted.first:
        return note(
            f"{says} YOC no longer serves the days before that, from start_date ({configured.start_date}) on.",
            "Those days are lost. Run daily from now on.",
        )
    return ok(says)


def login(observed: ObservedTap) -> Step:
    """Get a token, as a run does."""
    observed.run.tokens.access_token()
    grants = observed.grants()
    used = grants[-1].asked["grant_type"] if grants else None
    how = {
        None: "The token_cache has a valid token",
        "password": "Logged in with the password",
        "refresh_token": "Logged in with the refresh token",
    }[used]
    failed = [answer for answer in grants if answer.asked["grant_type"] == "refresh_token" and not answer.tokens]
    if used == "password" and failed:
        return note(
            "The refresh token was rejected; logged in with the password.",
            "Nothing, if no other program uses the same refresh token: each works only once.",
        )
    tokens = next((answer.tokens for answer in reversed(grants) if answer.tokens), None)
    seconds = tokens.lifetime_seconds if tokens else None
    if seconds is not None and seconds < SHORT_LIFE_SECONDS:
        return note(
            f"{how}; the token is valid for only {seconds:g} seconds.",
            "Nothing: the tap renews it in time. YOC's tokens are usually valid for an hour.",
        )
    lives = f"; the token is valid for {seconds / 60:g} minutes" if seconds is not None else ""
    return ok(f"{how}{lives}.")


def refresh(observed: ObservedTap) -> Step:
    """Renew the tokens once, as a run does when they expire, but never at the risk of losing the only login."""
    tokens, before = observed.run.tokens, observed.grants()
    pair = tokens.store.pair
    if any(answer.tokens and answer.asked["grant_type"] == "refresh_token" for answer in before):
        return ok("The login was already a refresh.")
    if pair is None or not pair.refresh_token:
        return ok("YOC sent no refresh token, so each renewal is a login.")
    if not observed.settings.password:
        says = "Skipped: without a password, a lost answer would lock you out."
        return skipped(says)
    tokens.renew(f"Bearer {pair.access_token}")
    done = observed.grants()[len(before) :]
    if not done:
        return ok("Another run renewed the token pair in the meantime.")
    if not done[-1].tokens or done[-1].tokens.rotates is None:
        return note(
            "The refresh token was rejected; the tap logged in with the password again.",
            "Nothing, as long as a password is set. If the problem persists, report it: runs renew their tokens "
            "in this way.",
        )
    kind = "returns a new refresh token" if done[-1].tokens.rotates else "keeps the refresh token"
    return ok(f"Renewing the token works and {kind}.")


def columns(observed: ObservedTap) -> Step:
    """Read the metadata.

    Raises:
        PermissionDeniedError: It is empty.
    """
    metadata = observed.run.metadata
    observed.findings.columns = metadata.columns
    if not metadata.columns:
        raise PermissionDeniedError("The login works, but YOC offers it no columns.")
    says = f"{len(metadata.dimensions)} dimensions and {len(metadata.metrics)} metrics"
    if of_unknown_type := metadata.of_unknown_type:
        named = ", ".join(column.with_type for column in of_unknown_type)
        return note(
            f"{says}; of unknown type: {named}.",
            "Nothing for now: the tap reads them as text. Report it, so that they get their type.",
        )
    return ok(f"{says}, all of known types.")


def streams(observed: ObservedTap) -> Step:
    """Report which streams a run would have."""
    chosen, metadata, found = observed.settings, observed.run.metadata, observed.findings
    observed.reports = standard_reports(chosen.standard_reports, metadata, chosen.lookback_days, found.left_out.append)
    known = available_entities(metadata, found.left_out.append)
    found.streams = [report.name for report in observed.reports]
    mine = custom_reports(chosen.reports, metadata, chosen.lookback_days)
    found.off = [report.name for report in STANDARD_REPORTS if not report.is_on(chosen.standard_reports)]
    found.streams += [*(report.name for report in mine), *(entity.name for entity in known), REPORT_FIELDS]
    says = f"{len(found.streams)} streams"
    if mine:
        says += f", including {len(mine)} of your own"
    if found.off:
        says += f"; turned off by standard_reports: {', '.join(found.off)}"
    if found.left_out:
        return note(
            f"{says}; {len(found.left_out)} left out because columns are missing (see below).",
            "Nothing, if the account is not meant to see more. Otherwise ask YOC's account manager for these "
            "dimensions.",
        )
    return ok(f"{says}.")


def clock(observed: ObservedTap) -> Step | None:
    """Compare this machine's clock with the server's, if its answers have a time."""
    offsets = [answer.clock_offset_seconds for answer in observed.recorded if answer.clock_offset_seconds is not None]
    if not offsets:
        return None
    offset = min(offsets, key=abs)
    if abs(offset) <= MOST_CLOCK_OFFSET_SECONDS:
        return ok("This machine's clock agrees with the server's.")
    way = "ahead of" if offset > 0 else "behind"
    return note(
        f"This machine's clock is {abs(offset) / 60:.0f} minutes {way} the server's.",
        "Set this machine's clock (NTP). Otherwise runs near midnight read the wrong day and waits after a 429 "
        "are wrong.",
    )


def speed(observed: ObservedTap) -> Step | None:
    """Report slow requests, even if they succeeded: a run requests more days at once than the doctor."""
    slow = [answer.seconds for answer in observed.recorded if answer.seconds > SLOW_SECONDS]
    if not slow or observed.findings.exit_code:
        return None
    return note(
        f"{len(slow)} of {len(observed.recorded)} requests took longer than {SLOW_SECONDS} seconds, "
        f"the slowest {max(slow):.0f}.",
        "Run at another hour. If the problem persists, lower window_days to make requests smaller, or raise "
        f"request_timeout (now {observed.settings.request_timeout:g} seconds).",
    )


def rereads(observed: ObservedTap) -> Step | None:
    """Report what had to be read again, even if it was consistent in the end."""
    if not observed.rereads or observed.seen.cap or observed.findings.exit_code:
        return None
    return note(
        f"The tap read something twice. {without_rows(' '.join(observed.rereads))}",
        "Nothing, if it is rare: YOC revises figures. If the problem persists, report it.",
    )


def repeats(observed: ObservedTap) -> Step | None:
    """Report retried requests, even if they succeeded in the end."""
    summary = observed.run.summary
    if not summary.retries or observed.findings.exit_code:
        return None
    reasons = sorted({answer.status for answer in observed.recorded if answer.status in {0, *RETRYABLE_STATUSES}})
    named = ", ".join(f"HTTP {status}" if status else "a broken connection" for status in reasons) or "no JSON"
    return note(
        f"{summary.retries} of {summary.requests} requests had to be retried ({named}).",
        "Nothing: the tap waits and retries. If the problem persists, run at another hour or lower concurrency.",
    )
