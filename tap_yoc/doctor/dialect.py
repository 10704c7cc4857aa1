"""How the server answers, derived from recorded answers and from what the tap's pagination learned; pure.

Each trait has the sandbox's forms that reproduce it, so that a server nobody else can reach can be tested.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_yoc.api.transport import TOO_MANY_REQUESTS, UNAVAILABLE
from tap_yoc.decoding.envelope import rows_of, rows_path
from tap_yoc.decoding.total import ROW_LISTS, TOTAL_HEADER, TOTAL_HOLDERS, TOTALS, total_of
from tap_yoc.doctor.findings import Trait
from tap_yoc.doctor.recording_transport import REPORT
from tap_yoc.doctor.value_formats import blank_traits, cell_traits, metadata_traits
from tap_yoc.errors import UnknownEnvelopeError
from tap_yoc.exact_json import decode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_yoc.decoding.envelope import RawRow
    from tap_yoc.doctor.recording_transport import RecordedAnswer
    from tap_yoc.engine.server_behaviour import ServerBehaviour
    from tap_yoc.exact_json import Json
    from tap_yoc.reports.columns import Column

WORTH_COMPRESSING = 1024
"""If an uncompressed answer is at least this large, the server does not compress."""
ANSWERS_TO_THE_PAGE_BEFORE = {"error": "an error", "404": "404", "first": "page 1 again", "empty": "an empty page"}
ANSWERS_PAST_THE_END = {
    "empty": "an empty page",
    "204": "204 without a body",
    "404": "404",
    "last": "the last page again",
}


@dataclass(kw_only=True)
class Seen:
    """What the checks found out about the server's pagination; None means unknown."""

    before_first: str | None = None
    past_end: str | None = None
    """A value of the sandbox's form, or the status of another refusal."""
    asked_rows: int = 0
    given_rows: int = 0
    cap: int | None = None
    """Rows per page if the server sends fewer than requested although there are more."""
    cap_loses_rows: bool = False
    """Whether it advances by the page size requested, so that rows between two pages are lost."""


def traits_of(
    recorded: Sequence[RecordedAnswer], seen: Seen, behaviour: ServerBehaviour, columns: Sequence[Column]
) -> list[Trait]:
    """Return all traits, in the order in which they are printed."""
    readable = [(answer, body) for answer, body in _reports(recorded) if _is_readable(body)]
    with_rows = [(answer, body) for answer, body in readable if rows_of(body)]
    return [
        *_unreadable(recorded, rows_path(with_rows[0][1]) if with_rows else None),
        *_envelope(with_rows or readable, behaviour),
        *_paging(seen, behaviour),
        *cell_traits([(answer, rows_of(body)) for answer, body in with_rows], columns),
        *metadata_traits(recorded, columns),
        *blank_traits(recorded, with_rows),
        *_errors(recorded),
        *_tokens(recorded),
    ]


def _reports(recorded: Sequence[RecordedAnswer]) -> Iterator[tuple[RecordedAnswer, Json]]:
    """Yield the reports that came as JSON."""
    for answer in recorded:
        if answer.place == REPORT and answer.worked:
            try:
                yield answer, decode(answer.content)
            except ValueError:
                continue  # a proxy's page; the step that got it reports it


def _unreadable(recorded: Sequence[RecordedAnswer], path: tuple[str, ...] | None) -> Iterator[Trait]:
    for _, body in _reports(recorded):
        if not _is_readable(body) and (path is None or rows_at(path, body) is None):
            yield Trait(name="unknown_shape", value=_shape(body), says=_shape(body))
            return


def _envelope(reports: Sequence[tuple[RecordedAnswer, Json]], behaviour: ServerBehaviour) -> Iterator[Trait]:
    for answer, body in reports[:1]:
        path = rows_path(body)
        says = f"under `{'.'.join(path)}`" if path else "a bare list"
        yield Trait(name="rows", value=".".join(path), says=says, forms=_envelope_form(path))
        yield _total(answer, body, behaviour)


def _envelope_form(path: tuple[str, ...]) -> dict[str, str]:
    if len(path) > 1:
        return {"envelope": "nested"} if path == ("data", "rows") else {}
    name = path[0] if path else "bare"
    return {"envelope": name if name in {*ROW_LISTS, "bare"} else "other"}


def rows_at(path: tuple[str, ...], body: Json) -> list[RawRow] | None:
    """Return the list at this path, None if there is none.

    The tap does not accept an empty list under an unknown key as rows, but here the path comes from pages with rows.
    """
    for name in path:
        body = body.get(name) if isinstance(body, dict) else None
    return body if isinstance(body, list) else None


def _is_readable(body: Json) -> bool:
    try:
        rows_of(body)
    except UnknownEnvelopeError:
        return False
    return True


def _shape(body: Json, levels: int = 3) -> str:
    """Return keys and types of an answer, down to the first level of lists, without any value."""
    if isinstance(body, dict) and levels:
        return "{" + ", ".join(f"{name!s}: {_shape(inner, levels - 1)}" for name, inner in body.items()) + "}"
    if isinstance(body, list):
        return f"list of {len(body)}"
    kinds = {bool: "true or false", str: "text", dict: "mapping", type(None): "null"}
    return kinds.get(type(body), "number")


def _total(answer: RecordedAnswer, body: Json, behaviour: ServerBehaviour) -> Trait:
    place = _place_of_total(body, answer.headers)
    if place is None:
        return Trait(name="total", value=None, says="none", forms={"total": "none"})
    holder, name, value = place
    where = name if holder in {"", "header"} else f"{holder}.{name}"
    is_text = isinstance(value, str) and holder != "header"
    counts, counted = _COUNTED[behaviour.counts_all]
    forms: dict[str, str | int | bool] = {}
    if holder in {*TOTAL_HOLDERS, "header"}:
        forms["total"] = holder
    elif not holder:
        forms["total"] = "page_count" if counts == "page" else name
    if forms and is_text:
        forms["total_as_text"] = True
    says = f"{'header ' if holder == 'header' else ''}`{where}`{', as text' if is_text else ''}; counts {counted}"
    return Trait(name="total", value={"place": where, "counts": counts, "is_text": is_text}, says=says, forms=forms)


_COUNTED = {
    True: ("report", "the whole report"),
    False: ("page", "the rows of the page"),
    None: (None, "the report or the page (not known)"),
}


def _place_of_total(body: Json, headers: Mapping[str, str]) -> tuple[str, str, Any] | None:
    """Return where the tap finds the total, its key there, and its value."""
    if isinstance(body, dict):
        for holder in ("", *TOTAL_HOLDERS, *ROW_LISTS):
            part = body.get(holder) if holder else body
            if isinstance(part, dict):
                for name in TOTALS:
                    if total_of({name: part.get(name)}, {}) is not None:
                        return holder, name, part[name]
    return ("header", TOTAL_HEADER, headers[TOTAL_HEADER]) if total_of({}, headers) is not None else None


def _paging(seen: Seen, behaviour: ServerBehaviour) -> Iterator[Trait]:
    if (first := behaviour.first_page) is not None:
        yield Trait(name="first_page", value=first, says=str(first), forms={"first_page": first})
    if seen.before_first:
        yield _trait_of_page("before_first", seen.before_first, ANSWERS_TO_THE_PAGE_BEFORE)
    if seen.past_end:
        yield _trait_of_page("past_end", seen.past_end, ANSWERS_PAST_THE_END)
    if not seen.asked_rows:
        return
    says = f"asked for {seen.asked_rows} rows, got {seen.given_rows}"
    forms: dict[str, str | int | bool] = {"page_cap": 0}
    if seen.cap:
        loses = ", and advances by the page size requested, so rows get lost" if seen.cap_loses_rows else ""
        says += f": the server caps its pages without saying so{loses}"
        forms = {"page_cap": seen.cap, "cap_steps": "asked" if seen.cap_loses_rows else "given"}
    elif seen.given_rows < seen.asked_rows:
        says += ", which was everything"
    value = {"asked": seen.asked_rows, "given": seen.given_rows, "cap": seen.cap, "loses_rows": seen.cap_loses_rows}
    yield Trait(name="page_size", value=value, says=says, forms=forms)


def _trait_of_page(name: str, answer: str, words: Mapping[str, str]) -> Trait:
    forms = {name: answer} if answer in words else {}
    return Trait(name=name, value=answer, says=words.get(answer, answer), forms=forms)


def _errors(recorded: Sequence[RecordedAnswer]) -> Iterator[Trait]:
    kinds = sorted({_kind_of_body(answer) for answer in recorded if answer.is_refusal})
    if kinds:
        forms = {"errors": kinds[0]} if len(kinds) == 1 and kinds[0] in {"json", "html", "empty"} else {}
        statuses = sorted({answer.status for answer in recorded if answer.is_refusal})
        words = {"json": "JSON", "html": "a web page", "empty": "nothing", "other": "something else"}
        says = (
            f"{', '.join(f'HTTP {status}' for status in statuses)}, with {' or '.join(words[kind] for kind in kinds)}"
        )
        yield Trait(name="errors", value={"statuses": statuses, "bodies": kinds}, says=says, forms=forms)
    if waits := sorted(
        {_kind_of_wait(answer) for answer in recorded if answer.status in {TOO_MANY_REQUESTS, UNAVAILABLE}}
    ):
        yield Trait(name="retry_after", value=waits, says=" or ".join(waits))
    encodings = sorted({answer.headers.get("Content-Encoding", "none") for answer in recorded if answer.worked})
    if zipped := [encoding for encoding in encodings if encoding != "none"]:
        yield Trait(name="compression", value=zipped, says=", ".join(zipped), forms={"compression": "gzip"})
    elif any(len(answer.content) >= WORTH_COMPRESSING for answer in recorded):
        yield Trait(name="compression", value=[], says="none", forms={"compression": "none"})


def _kind_of_body(answer: RecordedAnswer) -> str:
    try:
        decode(answer.content)
    except ValueError:
        text = answer.content.strip()
        return "html" if text.startswith(b"<") else "other" if text else "empty"
    return "json"


def _kind_of_wait(answer: RecordedAnswer) -> str:
    header = answer.headers.get("Retry-After", "").strip()
    if not header:
        return "none"
    return "seconds" if header.replace(".", "", 1).isdecimal() else "a date" if ":" in header else "something else"


def _tokens(recorded: Sequence[RecordedAnswer]) -> Iterator[Trait]:
    tokens = [answer.tokens for answer in recorded if answer.tokens]
    if not tokens:
        return
    forms: dict[str, str | int | bool] = {"expires_in_as": tokens[0].lifetime_as}
    says, seconds = "not sent", tokens[0].lifetime_seconds
    if seconds is not None:
        says = f"{seconds:g} s (sent as {'text' if tokens[0].lifetime_as == 'text' else 'a number'})"
        forms["expires_in"] = int(seconds)
    yield Trait(
        name="token_lifetime", value={"seconds": seconds, "sent_as": tokens[0].lifetime_as}, says=says, forms=forms
    )
    if rotations := [traits.rotates for traits in tokens if traits.rotates is not None]:
        says = "a new one with each refresh" if rotations[-1] else "the same one every time"
        form = {"rotation": "strict" if rotations[-1] else "keep"}
        yield Trait(name="refresh_token", value="rotates" if rotations[-1] else "stays", says=says, forms=form)
