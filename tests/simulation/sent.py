"""Requests that left the tap, and what became of them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from simulation.server import TOKEN


@dataclass(kw_only=True)
class Sent:
    """A request that left the tap: what became of it is an HTTP status, `not sent`, or `lost`."""

    place: str
    at: float
    grant: str | None = None
    refresh_token: str | None = None
    became: int | str = "lost"


def sent_by(place: str, body: bytes, at: float) -> Sent:
    """Return a request by its body, which is JSON or, at the token endpoint, perhaps a form."""
    if place != TOKEN:
        return Sent(place=place, at=at)
    fields: dict[str, str] = {}
    try:
        fields = json.loads(body)
    except ValueError:
        for part in body.split(b'name="')[1:]:
            name, _, rest = part.partition(b'"')
            fields[name.decode()] = rest.partition(b"\r\n\r\n")[2].partition(b"\r\n--")[0].decode()
    return Sent(place=place, at=at, grant=fields.get("grant_type"), refresh_token=fields.get("refresh_token"))
