"""Every plausible form of an answer, as options; the defaults are those of a healthy server."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TRUE = {"true", "1", "yes", "on"}
FALSE = {"false", "0", "no", "off"}


class FormError(ValueError):
    """A form that does not exist, or a value it cannot take."""


def _choice(*choices: str, about: str) -> Any:  # noqa: ANN401 - dataclasses.field has the type of its default
    return field(default=choices[0], metadata={"choices": choices, "about": about})


def _number(default: int, *, about: str, least: int = 0) -> Any:  # noqa: ANN401 - likewise
    return field(default=default, metadata={"least": least, "about": about})


def _flag(*, default: bool = False, about: str) -> Any:  # noqa: ANN401 - likewise
    return field(default=default, metadata={"about": about})


def _text(about: str) -> Any:  # noqa: ANN401 - likewise
    return field(default="", metadata={"about": about})


@dataclass(frozen=True, kw_only=True)
class Forms:
    """How the server answers.

    Raises:
        FormError: A value is of the wrong kind or not one of the choices.
    """

    envelope: str = _choice(
        "data",
        "bare",
        "items",
        "results",
        "rows",
        "records",
        "nested",
        "other",
        about="Where the rows are: under this key, in a `bare` list, or `nested` in `data.rows`.",
    )
    total: str = _choice(
        "total",
        "none",
        "total_count",
        "count",
        "total_items",
        "pagination",
        "paging",
        "meta",
        "header",
        "page_count",
        about="Where the total is. `page_count` sends the number of rows on this page, under `count`.",
    )
    total_as_text: bool = _flag(about="Send the total as text.")
    first_page: int = field(default=1, metadata={"choices": (1, 0), "about": "Number of the first page."})
    before_first: str = _choice("error", "first", "empty", "404", about="Answer to the page before the first.")
    past_end: str = _choice("empty", "204", "404", "last", about="Answer to a page past the end.")
    page_cap: int = _number(0, about="Maximum rows per page, regardless of the page size requested; 0 is off.")
    cap_steps: str = _choice(
        "given", "asked", about="Whether capped pages advance by the rows `given` or by the rows `asked` for."
    )
    numbers: str = _choice("json", "text", about="Send numbers as JSON numbers or as text.")
    dates: str = _choice(
        "day",
        "datetime",
        "datetime_space",
        "datetime_z",
        about="What follows a day: nothing, or midnight in one of three formats.",
    )
    missing: str = _choice(
        "null",
        "empty",
        "absent",
        about="How to send a missing dimension value: as null, as an empty text, or without its key.",
    )
    booleans: str = _choice(
        "json", "int", "text_int", "text", about='How to send booleans: `true`, `1`, `"1"` or `"true"`.'
    )
    columns: str = _choice("current", "old", about="`old` calls the rates vtr and ctr, without _percent.")
    types: str = _choice(
        "upper", "lower", "odd", about="How the metadata spells types. `odd` adds a column of an unknown type."
    )
    metadata_blanks: bool = _flag(default=True, about="Put a stray blank before ad_unit_name in the metadata.")
    row_blanks: bool = _flag(about="Put the same blank into the keys of rows.")
    account: str = _choice(
        "full",
        "narrow",
        "none",
        about="`narrow` has no companies, no credit-note accounts and no money. `none` has no columns.",
    )
    compression: str = _choice("gzip", "none", about="Whether to compress answers for clients that accept it.")
    errors: str = _choice("json", "html", "empty", about="Body of an error answer.")
    expires_in: int = _number(3600, about="Lifetime of an access token, in seconds.")
    expires_in_as: str = _choice("number", "text", "absent", about="How to send `expires_in`.")
    rotation: str = _choice(
        "strict", "keep", about="`strict` accepts a refresh token once. `keep` accepts it again and sends no new one."
    )
    login_ends_sessions: bool = _flag(about="A password login ends all earlier sessions.")
    max_in_flight: int = _number(0, about="Number of concurrent reports before 429; 0 is off.")
    rate_limit_retry_after: str = _text("Retry-After of that 429; empty omits it.")
    latency_ms: int = _number(0, about="Minimum duration of a report, in milliseconds.")
    enforce_reach: bool = _flag(default=True, about="Refuse dates before six months ago or after yesterday.")
    six_months: str = _choice(
        "clamped",
        "overflowing",
        "180_days",
        about="What six months before 31 August is: the last of February, 3 March as in PHP, or 180 days back.",
    )
    stable_sort: bool = _flag(about="Keep the order of rows that `sort` leaves equal. Otherwise it varies by request.")

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if type(value) is not type(item.default):
                raise FormError(f"The form {item.name} takes a value like {item.default!r}, not {value!r}.")
            choices = item.metadata.get("choices")
            if choices and value not in choices:
                raise FormError(f"The form {item.name} takes one of {', '.join(map(str, choices))}, not {value!r}.")
            least = item.metadata.get("least")
            if least is not None and value < least:
                raise FormError(f"The form {item.name} takes {least} or more, not {value}.")

    def but(self, changes: Mapping[str, object]) -> Forms:
        """Return these forms with some changed.

        Raises:
            FormError: An unknown form, or a value it cannot take.
        """
        known = {item.name for item in fields(self)}
        unknown = sorted(set(changes) - known)
        if unknown:
            raise FormError(f"Unknown form {', '.join(unknown)}; known are {', '.join(sorted(known))}.")
        return replace(self, **dict(changes))  # type: ignore[arg-type]  # `__post_init__` checks the values

    def but_text(self, pairs: Iterable[str]) -> Forms:
        """Return these forms with `name=value` texts applied, as from a command line.

        Raises:
            FormError: A text without `=`, an unknown form, or a value it cannot take.
        """
        hints = get_type_hints(Forms)
        changes: dict[str, object] = {}
        for pair in pairs:
            name, separator, text = pair.partition("=")
            if not separator:
                raise FormError(f"A form must be name=value, not {pair!r}.")
            changes[name] = _from_text(name, text, hints.get(name, str))
        return self.but(changes)


def described() -> list[dict[str, Any]]:
    """Return all forms. Shape: `[{"name": ..., "about": ..., "healthy": default, "choices" or "least"}]`."""
    return [{"name": item.name, "healthy": item.default, **item.metadata} for item in fields(Forms)]


def _from_text(name: str, text: str, kind: type) -> object:
    if kind is bool:
        if text.lower() in TRUE | FALSE:
            return text.lower() in TRUE
        raise FormError(f"The form {name} takes true or false, not {text!r}.")
    if kind is int:
        try:
            return int(text)
        except ValueError:
            raise FormError(f"The form {name} takes a whole number, not {text!r}.") from None
    return text
