"""From a failed HTTP exchange to the error to raise: a wrong setting, or a request that may be retried."""

from __future__ import annotations

import http.client
import re
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests
import urllib3.exceptions

from tap_yoc.api.deadline import TooLargeError
from tap_yoc.errors import IncompleteDataError, NotSentError, RetryableError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_yoc.errors import YOCError

LOGIN_WANTED = 407
_LATER = frozenset({408, 425, 429})
_LEAST_FAULT = 500
_IN_WORDS = {
    "TimeoutError": "timed out",
    "ConnectionRefusedError": "connection refused",
    "gaierror": "unknown host name",
    "NameResolutionError": "unknown host name",
}
_TOO_LATE = (requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError)
_EXPIRED, _NOT_YET_VALID, _OTHER_HOST, _OTHER_ADDRESS = 10, 9, 62, 64
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "HTTPS_PROXY_REQUEST"})
_TLS_ANSWERS = "\x15\x03"
"""The start of an answer from a server that expects TLS and gets plain HTTP."""


def classified(error: Exception, url: str, *, proxy: str | None, is_sent: bool, timeout_seconds: float) -> Exception:
    """Return what to raise for a failed exchange."""
    causes = [*_causes(error)]
    is_of_proxy = isinstance(error, requests.exceptions.ProxyError)
    if permanent := _permanent(error, causes, url, proxy, is_of_proxy=is_of_proxy):
        return permanent
    if is_sent and isinstance(error, _TOO_LATE):
        return RetryableError(f"the answer took longer than {timeout_seconds:g} seconds")
    why = _reason(causes)
    if is_of_proxy:
        why = f"the proxy: {why}"
    if not is_sent:
        return NotSentError(f"no connection to {urlsplit(url).netloc} ({why})")
    broken = isinstance(error, (requests.exceptions.ConnectionError, requests.exceptions.Timeout))
    what = f"no connection to {urlsplit(url).netloc}" if broken else "the answer was cut off"
    return RetryableError(f"{what} ({why})")


def proxy_refusal(status: int, url: str) -> SettingsError | None:
    """Return the setting to fix after a proxy's status, None if the failure may be temporary."""
    if status == LOGIN_WANTED:
        return SettingsError(
            f"The proxy requires a login, or rejects the one it got (HTTP {status}); set it in HTTPS_PROXY, "
            f"HTTP_PROXY or ALL_PROXY, as http://user:password@host:port."
        )
    if status in _LATER or status >= _LEAST_FAULT:
        return None
    return SettingsError(
        f"The proxy refuses to connect to {urlsplit(url).netloc} (HTTP {status}); have the proxy allow this host, or "
        f"add the host to NO_PROXY."
    )


def _permanent(
    error: Exception, causes: list[BaseException], url: str, proxy: str | None, *, is_of_proxy: bool
) -> YOCError | None:
    """Return the error for a failure that retries cannot fix, None for other failures."""
    if isinstance(error, requests.exceptions.InvalidJSONError):
        return SettingsError("A report's query contains a number that JSON does not allow, such as NaN.")
    if large := _too_large(causes):
        return IncompleteDataError(
            f"The answer from {urlsplit(url).netloc} is too large ({large}); lower window_days, or report this."
        )
    if wrong := _wrong_address(error, url):
        return wrong
    if refused := re.search(r"Tunnel connection failed: (\d{3})", str(error)):
        return proxy_refusal(int(refused[1]), url)
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _certificate_error(cause, f"the proxy of {url}" if is_of_proxy and _is_https(proxy) else url)
    return _wrong_protocol(causes, url, proxy)


def _too_large(causes: list[BaseException]) -> str:
    for cause in causes:
        if isinstance(cause, TooLargeError):
            return str(cause)
        if isinstance(cause, http.client.LineTooLong) or str(cause).startswith("got more than"):
            return "more headers than HTTP clients accept"
    return ""


def _wrong_address(error: Exception, url: str) -> SettingsError | None:
    if isinstance(error, requests.exceptions.InvalidSchema):
        return SettingsError("This kind of proxy needs another package: pip install 'requests[socks]'.")
    is_of_the_proxy = isinstance(error, (requests.exceptions.InvalidProxyURL, urllib3.exceptions.ProxySchemeUnknown))
    if is_of_the_proxy or (isinstance(error, requests.exceptions.InvalidURL) and _is_address(url)):
        return SettingsError("The proxy in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY is not a valid URL; fix it.")
    if isinstance(error, requests.exceptions.InvalidURL):
        return SettingsError(f"{url} is not a valid URL; fix api_url or auth_url.")
    return None


def _certificate_error(error: ssl.SSLCertVerificationError, whose: str) -> SettingsError:
    if error.verify_code in {_EXPIRED, _NOT_YET_VALID}:
        return SettingsError(
            f"The certificate of {whose} is not valid today ({error.verify_message}); check this machine's clock, or "
            f"ask the host's operator."
        )
    if error.verify_code in {_OTHER_HOST, _OTHER_ADDRESS}:
        return SettingsError(
            f"The certificate of {whose} is for another host; check api_url and auth_url, and whether there is a "
            f"proxy in between."
        )
    return SettingsError(
        f"The certificate of {whose} is not trusted ({error.verify_message}); if there is a proxy in between, "
        f"set REQUESTS_CA_BUNDLE to its certificate."
    )


def _wrong_protocol(causes: list[BaseException], url: str, proxy: str | None) -> SettingsError | None:
    """Return the error if only one side uses TLS, else None."""
    says_tls = any(
        isinstance(cause, http.client.BadStatusLine) and str(cause).startswith(_TLS_ANSWERS) for cause in causes
    )
    speaks_plain = any(isinstance(cause, ssl.SSLError) and cause.reason in _NOT_TLS for cause in causes)
    if proxy and (says_tls or (speaks_plain and _is_https(proxy))):
        right, wrong = ("https", "http") if says_tls else ("http", "https")
        return SettingsError(
            f"The proxy speaks {right}, not {wrong}; its URL in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY must start with "
            f"{right}://."
        )
    if says_tls:
        return SettingsError(f"{url} uses TLS; api_url and auth_url must start with https://.")
    if speaks_plain:
        return SettingsError(f"{url} does not use TLS; check host and port in api_url and auth_url.")
    return None


def _is_https(proxy: str | None) -> bool:
    return (proxy or "").lower().startswith("https:")


def _is_address(url: str) -> bool:
    try:
        return bool(urllib3.util.parse_url(url).host)
    except urllib3.exceptions.LocationParseError:
        return False


def _reason(causes: list[BaseException]) -> str:
    """Return the innermost cause in words or by class name, because its text may contain addresses and more."""
    if refused := re.search(r"Tunnel connection failed: (\d{3})", str(causes[0])):
        return f"HTTP {refused[1]}"
    reason = type(causes[-1]).__name__
    return _IN_WORDS.get(reason, reason)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes, the innermost last."""
    seen: list[BaseException] = []
    inner: BaseException | None = error
    while inner is not None and inner not in seen:
        seen.append(inner)
        yield inner
        inner = _inner(inner)


def _inner(error: BaseException) -> BaseException | None:
    reason = getattr(error, "reason", None)
    if isinstance(reason, BaseException):
        return reason
    for argument in error.args:
        if isinstance(argument, BaseException):
            return argument
    return error.__cause__ or error.__context__
