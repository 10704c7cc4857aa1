"""What to do about failures: a table of advice by error message."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from tap_yoc.api.retry import LONGEST_WAIT_SECONDS
from tap_yoc.errors import RetryableError, SettingsError, UnavailableError

if TYPE_CHECKING:
    from tap_yoc.errors import YOCError

ACCOUNT_MANAGER = (
    "Ask YOC's account manager to enable the Reporting API for this login. hub.yoc.com shows what it can see."
)
REPORT = "Report this to the maintainers, with the whole output: the tap does not know this form of an answer."
MOST_WAIT_MINUTES = 0.5
"""How long the doctor retries a request, because a person is waiting."""
LATER = (
    "Run the doctor again in a few minutes, because YOC may be revising figures. If the problem persists, report it."
)


class Remedy(NamedTuple):
    """What to do about a message that matches a pattern."""

    pattern: str
    do: str


# The first match counts.
REMEDIES = (
    Remedy(
        "invalid_client",
        "Compare client_id and client_secret with those from YOC's account manager, including blanks. If they match, "
        "set client_auth to basic, or back to body.",
    ),
    Remedy(
        r"refuses the login \(HTTP 4(04|05|10)|no usable access_token",
        "Check auth_url: the server there is not YOC's login. The default is https://oauth.yoc.com.",
    ),
    Remedy(r"refuses the login \(HTTP 4(06|15|22)", "Set auth_format to form, or back to json."),
    Remedy(
        "refuses the login",
        "Log in at hub.yoc.com with the same username and password. If that works, check client_id and client_secret. "
        "The doctor tried only once, because repeated failures may lock a login.",
    ),
    Remedy(
        "refresh token is, or may be",
        "Set username and password, or get a new refresh_token. Each works only once, so all runs of this login must "
        "share one token_cache.",
    ),
    Remedy(
        "although it accepted earlier ones|soon after they began",
        "Let all runs of this login share one token_cache, or run one at a time.",
    ),
    Remedy(
        "token that it has just issued",
        "Let all runs of this login share one token_cache. If there is no other run, ask YOC's account manager whether "
        "the account may use the API.",
    ),
    Remedy("does not let this account see|no columns|no column `date`|no metric", ACCOUNT_MANAGER),
    Remedy(
        "redirects (elsewhere|to nowhere)",
        "Set api_url and auth_url to YOC's real URLs. The defaults are https://api.yoc.com and https://oauth.yoc.com. "
        "The tap never sends credentials to another address.",
    ),
    Remedy(
        r"^The proxy|^This kind of proxy|\(the proxy: ",
        "Fix the environment variable HTTPS_PROXY, HTTP_PROXY or ALL_PROXY (http://host:port), or remove it if no "
        "proxy is needed.",
    ),
    Remedy(
        "_CA_BUNDLE points to",
        "Set the environment variable to a file with certificates in PEM format, or remove it if your network has no "
        "proxy that decrypts connections.",
    ),
    Remedy(
        "certificate of .* is not valid today",
        "Check this machine's clock. If it is right, the host needs a new certificate: run again later, or contact "
        "its operator.",
    ),
    Remedy(
        "certificate of .* is for another host",
        "Check the host in api_url and auth_url. If they are right, somebody else is answering: do not continue.",
    ),
    Remedy(
        "certificate of",
        "If there is a proxy in between, set the environment variable REQUESTS_CA_BUNDLE to its certificate. If not, "
        "somebody else is answering: do not continue.",
    ),
    Remedy(
        "does not use TLS|SSLError",
        "The URL says https, but the server there does not use TLS. Check host and port in api_url and "
        "auth_url, and whether this network needs a proxy (HTTPS_PROXY).",
    ),
    Remedy("uses TLS", "The server there uses TLS: api_url and auth_url must start with https."),
    Remedy(
        "which the tap did not request",
        "Something between this machine and YOC, such as a proxy, compresses answers again: have it pass them on "
        "unchanged.",
    ),
    Remedy("is too large|is nested deeper|with more than .* digits", REPORT),
    Remedy(
        "unknown host name",
        "This machine cannot resolve the host name. Check the spelling in api_url and auth_url, then DNS, VPN or the "
        "container's network.",
    ),
    Remedy(
        "no connection",
        "Check api_url and auth_url, the firewall, and whether this network needs a proxy (HTTPS_PROXY). The default "
        "URLs are https://api.yoc.com and https://oauth.yoc.com.",
    ),
    Remedy(
        r"not JSON \(text/html",
        "The answer is a web page, from a proxy, a firewall's login or maintenance. Open the URL in "
        "a browser on this machine. Set HTTPS_PROXY if this network needs a proxy.",
    ),
    Remedy(
        "HTTP 429",
        "Wait, then run again. If the problem persists, let fewer jobs use this login at a time, and ask YOC's "
        "account manager about the quota.",
    ),
    Remedy(
        r"HTTP 5\d\d",
        "YOC is failing or overloaded: run again later. A scheduler that retries on exit code 5 does so by itself.",
    ),
    Remedy("took longer than", "Raise request_timeout. If a report takes that long, lower window_days."),
    Remedy(
        "Setting token_cache: cannot",
        "Name a file in a folder that this user can write to and that persists until the next run.",
    ),
    Remedy("Another run has held", "Let the other run finish, or stop it. Both share one token_cache."),
    Remedy("The config .* cannot be read", "Name an existing file (--config config.json), or use --config=ENV."),
    Remedy(
        "404 to the first report",
        "Check at hub.yoc.com whether the account has figures. If it does, report the whole output.",
    ),
    Remedy(
        "no single list|but an error in the body|is not a complete answer|has no lists|without a name"
        "|contains a value that|same rows for",
        REPORT,
    ),
    Remedy(
        "refuses Page",
        "Report the whole output. If only the step history fails, set start_date a few days later until YOC "
        "accepts it.",
    ),
    Remedy(", twice;", LATER),
)

OF_SETTINGS = "Fix it in your configuration and run the doctor again. docs/settings.md lists all settings."
OTHERWISE = "Run the doctor again. If the problem persists, report the whole output."


def explain(error: YOCError) -> tuple[str, str]:
    """Return what happened and what to do, one or two sentences each, without identifying rows."""
    # The doctor's reports are named after it; they are not the user's streams.
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
    """Return a sentence without the keys of rows, which may be names."""
    return re.sub(r"the row .*? appeared twice", "a row appeared twice", sentence)


def _wait(seconds: float | None) -> str:
    if not seconds:
        return ""
    return f" It asks to wait {seconds:.0f} seconds{' or more' if seconds >= LONGEST_WAIT_SECONDS else ''}."


def _first_half(sentence: str) -> str:
    """Return a message of the tap without its advice, which follows the last semicolon."""
    half, semicolon, _ = sentence.rpartition("; ")
    return f"{half}." if semicolon else sentence
