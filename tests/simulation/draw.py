"""How the options of a fault are drawn: each function draws those of one kind, or returns what does."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from simulation.server import METADATA, REPORT, TOKEN

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from simulation.streams import Stream

    Options: TypeAlias = dict[str, Any]
    Draw: TypeAlias = Callable[[random.Random, Sequence[Stream]], Options | None]

FOREVER = 10_000
TOLD_IN_200 = (
    '{"status":500,"data":[]}',
    '{"code":429,"message":"quota","data":[]}',
    '{"success":"false","data":[]}',
    '{"success":0,"data":[]}',
    '{"data":{"error":"boom","rows":[]}}',
    '{"error":{"code":"E17"},"data":[],"total":0}',
    '{"status":"error","data":[]}',
    '{"errors":["quota"],"rows":[]}',
)


def _place(rng: random.Random) -> str:
    return rng.choices([REPORT, METADATA, TOKEN], [8, 1, 2])[0]


def _which(rng: random.Random, place: str, streams: Sequence[Stream]) -> Options:
    """Return which of a run's requests a fault is for: of reports, a stream's or just the next ones.

    The first ones are for the account's totals. Streams that are not compared with those are chosen more often.
    """
    if place != REPORT:
        return {"after": 0}
    if rng.random() < 0.4:
        return {"after": rng.choice([0, 0, 1, 2, 4])}
    unchecked = [stream for stream in streams if not stream.is_compared]
    return {"match": rng.choice([*streams, *unchecked, *unchecked]).body_text, "after": rng.choice([0, 0, 0, 1, 2])}


def at_a_request(place_option: str, kind: str, **more: Any) -> Draw:  # noqa: ANN401 - options
    """Return what draws a fault for some requests; `place_option` is the option that says which place they go to."""

    def draw(rng: random.Random, streams: Sequence[Stream]) -> Options:
        place = more.get(place_option) or _place(rng)
        which = _which(rng, place, streams)
        return {"kind": kind, place_option: place, **which, "times": rng.choice([1, 1, 2]), **more}

    return draw


server = partial(at_a_request, "where")
"""The options of a fault of the sandbox."""
wire = partial(at_a_request, "place")
"""The options of a fault of the wire."""


def status(rng: random.Random, streams: Sequence[Stream]) -> Options:
    """An error status that is retried, with or without `Retry-After`."""
    options = server("status")(rng, streams) or {}
    options["status"] = rng.choice([429, 429, 500, 502, 503, 504])
    if options["status"] in {429, 503} and rng.random() < 0.7:
        options["retry_after"] = str(rng.choice([1, 7, 30, 120]))
    return options


def of_a_stream(name: str, place: str = "where", **more: Any) -> Any:  # noqa: ANN401 - a function that draws
    """Return what draws a fault for one of a stream's first requests."""

    def draw(rng: random.Random, streams: Sequence[Stream]) -> Options | None:
        options = {place: REPORT, "kind": name, "match": rng.choice(streams).body_text, "times": 1}
        return {**options, "after": rng.choice([0, 0, 1]), **more}

    return draw


def of_an_unchecked_stream(name: str, **more: Any) -> Any:  # noqa: ANN401 - a function that draws
    """Return what draws a fault for a stream that is not compared with the account's totals, if there is one."""

    def draw(rng: random.Random, streams: Sequence[Stream]) -> Options | None:
        unchecked = [stream for stream in streams if not stream.is_compared]
        if not unchecked:
            return None
        after = rng.choice([0, 0, 1, 2])
        match = rng.choice(unchecked).body_text
        return {"where": REPORT, "kind": name, "match": match, "times": 1, "after": after, **more}

    return draw


def told_in_200(rng: random.Random, streams: Sequence[Stream]) -> Options:
    """A failure in the body of a good answer."""
    match = rng.choice([stream.body_text for stream in streams] + [""])
    times = rng.choice([1, 2, FOREVER])
    after = rng.choice([0, 0, 0, 1, 3])
    body = rng.choice(TOLD_IN_200)
    return {"kind": "told in a 200", "place": REPORT, "match": match, "times": times, "after": after, "body": body}


def kill(rng: random.Random, _streams: Sequence[Stream]) -> Options:
    """An instant at which the process dies."""
    tokens = ["send token", "leaving token", "answered token"]
    instant = rng.choice(["any", "any", "any", "write", "answered", "flush", "flushed", *tokens])
    number = 1 if "token" in instant else rng.choice([rng.randrange(1, 12), rng.randrange(1, 60)])
    return {"instant": instant, "number": rng.randrange(1, 5) if "flush" in instant else number}


def power_cut(rng: random.Random, streams: Sequence[Stream]) -> Options:
    """The same, and what was not flushed to the disk is lost."""
    return {**kill(rng, streams), "loses_power": True}


def stop(rng: random.Random, streams: Sequence[Stream]) -> Options:
    """An instant at which SIGTERM or SIGINT arrives."""
    return {**kill(rng, streams), "signal": rng.choice([15, 15, 2])}


def output(mode: str) -> Draw:
    """Return what draws how much stdout takes before it misbehaves."""

    def draw(rng: random.Random, _streams: Sequence[Stream]) -> Options:
        room = rng.choice([0, rng.randrange(3000), rng.randrange(60000)])
        return {"mode": mode, "room": room, "is_unbuffered": rng.random() < 0.6}

    return draw
