"""What to do about what fails: a table of sentences, by what the tap says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from tap_yoc.api.retry import LONGEST_WAIT_SECONDS
from tap_yoc.errors import RetryableError, SettingsError, UnavailableError

if TYPE_CHECKING:
    from tap_yoc.errors import YOCError

ACCOUNT_MANAGER = (
    "Ask YOC's account manager to open the Reporting API for this login; hub.yoc.com shows what it may see."
)
REPORT = "Report it to the maintainers, with all of this: the answer has a form that the tap does not know."
MOST_WAIT_MINUTES = 0.5
"""A person waits for the doctor, so no request is repeated for longer."""
LATER = "Run the doctor again in some minutes, since YOC may be revising figures; report it if it stays."


class Remedy(NamedTuple):
    """What to do when the tap says something."""

    pattern: str
    do: str


# The first that is found in a sentence counts.
REMEDIES = (
    Remedy(
        "invalid_client",
        "Compare client_id and client_secret with what YOC's account manager sent, blanks included. If they are right, "
        "set client_auth to basic, or back to body.",
    ),
    Remedy(
        r"refuses the login \(HTTP 4(04|05|10)|holds no access_token",
        "Check auth_url: something else than YOC's login answers there. YOC's own is https://oauth.yoc.com.",
    ),
    Remedy(r"refuses the login \(HTTP 4(06|15|22)", "Set auth_format to form, or back to json."),
    Remedy(
        "refuses the login",
        "Log in at hub.yoc.com with the same username and password; if that works, check client_id and client_secret. "
        "The doctor asked once and stopped, since repeated refusals may lock a login.",
    ),
    Remedy(
        "refresh token is, or may be",
        "Set username and password, or get a new refresh_token. One works only once, so all runs of this login have to "
        "share one token_cache.",
    ),
    Remedy("token that it has just given", "Ask YOC's account manager whether the account is open for the API."),
    Remedy("does not let this account see|no columns|no column `date`|no metric", ACCOUNT_MANAGER),
    Remedy(
        "redirects (elsewhere|to nowhere)",
        "Set api_url and auth_url to where YOC really is; its own are https://api.yoc.com and https://oauth.yoc.com. "
        "Credentials are never sent after a redirect.",
    ),
    Remedy(
        r"^The proxy|\(the proxy: ",
        "Mend the environment variable HTTPS_PROXY, HTTP_PROXY or ALL_PROXY (http://host:port), or remove it where no "
        "proxy is needed.",
    ),
    Remedy(
        "certificate of",
        "If a proxy of your own network stands between, name its certificate in the environment variable "
        "REQUESTS_CA_BUNDLE. If not, somebody else answers: do not go on.",
    ),
    Remedy(
        "SSLError",
        "The address says https, and what answers there does not speak TLS: check host and port in api_url and "
        "auth_url, and whether this network needs a proxy (HTTPS_PROXY).",
    ),
    Remedy(
        "the name is not known",
        "This machine does not know the host's name: check the spelling in api_url and auth_url, then DNS, VPN or the "
        "container's network.",
    ),
    Remedy(
        "no connection",
        "Check api_url and auth_url, the firewall, and whether this network needs a proxy (HTTPS_PROXY). YOC's own "
        "addresses are https://api.yoc.com and https://oauth.yoc.com.",
    ),
    Remedy(
        r"not JSON \(text/html",
        "A web page answers instead of the API: a proxy, a firewall's login or a maintenance page. Open the address in "
        "a browser on this machine; set HTTPS_PROXY if this network needs one.",
    ),
    Remedy(
        "HTTP 429",
        "Wait, and run again. If it stays, have fewer jobs share this login at one time, and ask YOC's account manager "
        "for the quota.",
    ),
    Remedy(
        r"HTTP 5\d\d",
        "YOC fails or is overloaded: run again later. A scheduler that tries again on exit code 5 does so by itself.",
    ),
    Remedy("took longer than", "Raise request_timeout, and lower window_days if a report takes that long."),
    Remedy(
        "Setting token_cache: cannot",
        "Name a file in a folder that this user may write to, and that stays until the next run.",
    ),
    Remedy("Another run has been", "Let the other run finish, or end it; both share one token_cache."),
    Remedy("The config .* cannot be read", "Give a file that is there: --config config.json, or --config=ENV."),
    Remedy(
        "404 to the first report", "Look at hub.yoc.com whether the account has figures; if it has, report all of this."
    ),
    Remedy(
        "no single list|and a failure in one|is no whole answer|has no lists|without a name|holds a value that"
        "|same rows what",
        REPORT,
    ),
    Remedy(
        "refuses Page",
        "Report all of this. If only the step history fails, set start_date some days later until YOC takes it.",
    ),
    Remedy(", twice;", LATER),
)

OF_SETTINGS = "Mend it where the settings are kept, and run the doctor again; docs/settings.md has them all."
OTHERWISE = "Run the doctor again; report it if it stays, with all of this."


def explain(error: YOCError) -> tuple[str, str]:
    """Return what happened and what to do, each a sentence or two, without what identifies rows."""
    # The reports that the doctor asks for are called after it, and are no streams of the user's.
    says = without_rows(str(error)).replace("Stream doctor: c", "C")
    cause = error.__cause__
    is_waited_for = isinstance(error, UnavailableError) and isinstance(cause, RetryableError)
    if isinstance(cause, RetryableError) and is_waited_for:
        says = f"YOC gives no usable answer: {cause}.{_wait(cause.retry_after)}"
    for pattern, do in REMEDIES:
        if re.search(pattern, says):
            return (says if is_waited_for else _first_half(says)), do
    return says, OF_SETTINGS if isinstance(error, SettingsError) else OTHERWISE


def without_rows(sentence: str) -> str:
    """Return a sentence without what tells one row from another, which may be a name."""
    return re.sub(r"the row .*? came twice", "a row came twice", sentence)


def _wait(seconds: float | None) -> str:
    if not seconds:
        return ""
    return f" It asks to wait {seconds:.0f} seconds{' or more' if seconds >= LONGEST_WAIT_SECONDS else ''}."


def _first_half(sentence: str) -> str:
    """Return a sentence of the tap up to its own advice, which stands behind the last semicolon."""
    half, semicolon, _ = sentence.rpartition("; ")
    return f"{half}." if semicolon else sentence
