"""How the server behaves: well, or with one of the faults that the contenders are put before."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """One server; as it stands, a healthy one."""

    what: str = "a healthy server"
    latency_ms: int = 0
    """Between request and answer, of every report page."""
    token_life_seconds: int = 3600
    token_pages: int = 0
    """Pages until the first token is revoked; 0 for never."""
    throttled: tuple[int, ...] = ()
    """Which report requests, counted from 1, are answered with 429."""
    retry_after: str = ""
    """What 429 says: seconds, text, `date` for an HTTP date two seconds ahead; empty for nothing."""
    most_in_flight: int = 0
    """More requests than this at a time are answered with 429; 0 for no limit."""
    page_cap: int = 0
    """More rows than this are never in one page, whatever is asked for; 0 for no limit below 500."""
    cap_moves_pages: bool = True
    """Whether pages then follow each other without a gap; if not, the rows between two of them are left out."""
    has_total: bool = True
    past_end: str = "empty"
    """What comes past the end: `empty`, `404` or `repeat`, the last page again."""
    as_text: bool = False
    """Numbers as strings."""
    is_https: bool = False
    """Over TLS, and pages compressed for whoever accepts gzip."""


HEALTHY = Behaviour()
SLOW = Behaviour(what="100 ms a page", latency_ms=100)
HTTPS = Behaviour(what="TLS and gzip", is_https=True)
TWO_AT_MOST = Behaviour(
    what="two requests in flight at most, 429 for more", latency_ms=100, most_in_flight=2, retry_after="1"
)
THROTTLED = (3, 6)

FAULTS = {
    "healthy": HEALTHY,
    "token revoked": Behaviour(what="the token dies in the middle (401 after 5 pages)", token_pages=5),
    "short token": Behaviour(what="tokens live 2 s, the reading takes longer", token_life_seconds=2, latency_ms=600),
    "429 seconds": Behaviour(what="429 with `Retry-After: 1`", throttled=THROTTLED, retry_after="1"),
    "429 date": Behaviour(what="429 with `Retry-After` as a date", throttled=THROTTLED, retry_after="date"),
    "429 nothing": Behaviour(what="429 without `Retry-After`", throttled=THROTTLED),
    "429 nonsense": Behaviour(what="429 with `Retry-After: soon`", throttled=THROTTLED, retry_after="soon"),
    "two in flight": TWO_AT_MOST,
    "cap": Behaviour(what="pages capped at 200 rows, in silence", page_cap=200),
    "cap with gaps": Behaviour(what="likewise, and the rows in between left out", page_cap=200, cap_moves_pages=False),
    "404 past the end": Behaviour(what="no total, 404 past the end", has_total=False, past_end="404"),
    "last page again": Behaviour(what="no total, the last page again past the end", has_total=False, past_end="repeat"),
    "numbers as text": Behaviour(what='numbers as strings (`"34.67"`)', as_text=True),
}
