"""The faults of a life: which there are, how they are drawn, and which exit codes they excuse."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from simulation.streams import Stream

REPORT, METADATA, TOKEN = "report", "metadata", "token"
SERVER, WIRE, PROCESS, OUTPUT = "server", "wire", "process", "output"
DISK, CACHE, CLOCK, STATE = "disk", "cache", "clock", "state"
STATE_LOST = "state lost"
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

Options = dict[str, Any]
Codes = frozenset[int]
MENDED: Codes = frozenset()
"""The run has to end well in spite of it."""
BEFORE_SENDING = {"no connection", "proxy refuses"}
"""Kinds in which no byte leaves, so that no refresh token is used up."""
BY_PLACE = {REPORT: frozenset({4, 5}), METADATA: frozenset({2, 4}), TOKEN: frozenset({3})}
ANY_FAILURE: Codes = frozenset().union(*BY_PLACE.values())
"""The exit code tells where an answer was that nobody can do anything with."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault of one morning."""

    number: int
    morning: int
    kind: str
    options: Options = field(default_factory=dict)

    def __str__(self) -> str:
        options = "".join(f" {name}={value!r}" for name, value in self.options.items())
        return f"#{self.number} morning {self.morning}: {self.kind}{options}"

    @property
    def layer(self) -> str:
        """Where it happens."""
        return KINDS[self.kind].layer

    def codes(self, *, has_password: bool) -> Codes:
        """Return the exit codes that it excuses beside 0."""
        place = self.options.get("where") or self.options.get("place")
        codes = KINDS[self.kind].codes
        if codes == ANY_FAILURE:
            codes = BY_PLACE[place or REPORT]
        costs_the_token = place == TOKEN
        if (
            not has_password
            and (costs_the_token or KINDS[self.kind].costs_the_token)
            and self.kind not in BEFORE_SENDING
        ):
            codes |= {3}
        return codes


Draw = "Callable[[random.Random, Sequence[Stream]], Options | None]"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of fault; `draw` returns None where a life offers no occasion for it."""

    layer: str
    codes: Codes
    draw: Callable[[random.Random, Sequence[Stream]], Options | None]
    weight: float = 1.0
    costs_the_token: bool = False


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


def _server(kind: str, **more: Any) -> Callable[[random.Random, Sequence[Stream]], Options | None]:  # noqa: ANN401 - options
    def draw(rng: random.Random, streams: Sequence[Stream]) -> Options:
        place = more.get("where") or _place(rng)
        which = _which(rng, place, streams)
        return {"kind": kind, "where": place, **which, "times": rng.choice([1, 1, 2]), **more}

    return draw


def _status(rng: random.Random, streams: Sequence[Stream]) -> Options:
    options = _server("status")(rng, streams) or {}
    options["status"] = rng.choice([429, 429, 500, 502, 503, 504])
    if options["status"] in {429, 503} and rng.random() < 0.7:
        options["retry_after"] = str(rng.choice([1, 7, 30, 120]))
    return options


def _of_a_stream(name: str, place: str = "where", **more: Any) -> Any:  # noqa: ANN401 - a function that draws
    def draw(rng: random.Random, streams: Sequence[Stream]) -> Options | None:
        options = {place: REPORT, "kind": name, "match": rng.choice(streams).body_text, "times": 1}
        return {**options, "after": rng.choice([0, 0, 1]), **more}

    return draw


def _of_an_unchecked_stream(name: str, **more: Any) -> Any:  # noqa: ANN401 - a function that draws
    """Return what draws a fault for a stream that is not compared with the account's totals, if there is one."""

    def draw(rng: random.Random, streams: Sequence[Stream]) -> Options | None:
        unchecked = [stream for stream in streams if not stream.is_compared]
        if not unchecked:
            return None
        after = rng.choice([0, 0, 1, 2])
        match = rng.choice(unchecked).body_text
        return {"where": REPORT, "kind": name, "match": match, "times": 1, "after": after, **more}

    return draw


def _wire(kind: str, **more: Any) -> Callable[[random.Random, Sequence[Stream]], Options | None]:  # noqa: ANN401 - options
    def draw(rng: random.Random, streams: Sequence[Stream]) -> Options:
        place = more.get("place") or _place(rng)
        which = _which(rng, place, streams)
        return {"kind": kind, "place": place, **which, "times": rng.choice([1, 1, 2]), **more}

    return draw


def _told_in_200(rng: random.Random, streams: Sequence[Stream]) -> Options:
    match = rng.choice([stream.body_text for stream in streams] + [""])
    times = rng.choice([1, 2, FOREVER])
    after = rng.choice([0, 0, 0, 1, 3])
    body = rng.choice(TOLD_IN_200)
    return {"kind": "told in a 200", "place": REPORT, "match": match, "times": times, "after": after, "body": body}


def _kill(rng: random.Random, _streams: Sequence[Stream]) -> Options:
    tokens = ["send token", "leaving token", "answered token"]
    instant = rng.choice(["any", "any", "any", "write", "answered", "flush", "flushed", *tokens])
    number = 1 if "token" in instant else rng.choice([rng.randrange(1, 12), rng.randrange(1, 60)])
    return {"instant": instant, "number": rng.randrange(1, 5) if "flush" in instant else number}


def _power_cut(rng: random.Random, streams: Sequence[Stream]) -> Options:
    return {**_kill(rng, streams), "loses_power": True}


def _stop(rng: random.Random, streams: Sequence[Stream]) -> Options:
    return {**_kill(rng, streams), "signal": rng.choice([15, 15, 2])}


def _output(mode: str) -> Callable[[random.Random, Sequence[Stream]], Options]:
    def draw(rng: random.Random, _streams: Sequence[Stream]) -> Options:
        room = rng.choice([0, rng.randrange(3000), rng.randrange(60000)])
        return {"mode": mode, "room": room, "is_unbuffered": rng.random() < 0.6}

    return draw


DAMAGE = {"shuffled", "row doubled", "foreign day", "wrong total", "row dropped", "page repeated"}
"""One of these in a morning is mended by reading once more; two may hit both readings."""
KINDS: dict[str, Kind] = {
    "status": Kind(layer=SERVER, codes=MENDED, draw=_status, weight=4),
    "forbidden": Kind(layer=SERVER, codes=frozenset({3}), draw=_server("status", status=403, times=1)),
    "refused": Kind(layer=SERVER, codes=ANY_FAILURE, draw=_server("status", status=422, times=1)),
    "not found": Kind(layer=SERVER, codes=ANY_FAILURE, draw=_server("status", status=404)),
    "401": Kind(layer=SERVER, codes=MENDED, draw=_server("status", status=401, times=1, where=REPORT)),
    "401 twice": Kind(layer=SERVER, codes=frozenset({3}), draw=_server("status", status=401, times=2, where=REPORT)),
    "login refused": Kind(layer=SERVER, codes=frozenset({3}), draw=_server("status", status=401, times=3, where=TOKEN)),
    "HTML": Kind(layer=SERVER, codes=MENDED, draw=_server("html_200")),
    "cut JSON": Kind(layer=SERVER, codes=MENDED, draw=_server("cut_json")),
    "cut body": Kind(layer=SERVER, codes=MENDED, draw=_server("cut_body")),
    "reset": Kind(layer=SERVER, codes=MENDED, draw=_server("reset_before"), weight=2),
    "reset within": Kind(layer=SERVER, codes=MENDED, draw=_server("reset_after_headers")),
    "slow body": Kind(layer=SERVER, codes=MENDED, draw=_server("slow_body", seconds=90.0)),
    "scalar": Kind(layer=SERVER, codes=ANY_FAILURE, draw=_server("json_scalar")),
    "no rows": Kind(layer=SERVER, codes=ANY_FAILURE, draw=_server("no_rows_key")),
    "redirect": Kind(
        layer=SERVER, codes=frozenset({2}), draw=_server("redirect", times=1, location="https://elsewhere.example/")
    ),
    "echo": Kind(layer=SERVER, codes=ANY_FAILURE, draw=_server("echo_secrets", times=1)),
    "lost rotation": Kind(
        layer=SERVER, codes=MENDED, draw=_server("lost_rotation", where=TOKEN, times=1), costs_the_token=True
    ),
    "revoked": Kind(
        layer=SERVER, codes=MENDED, draw=_server("revoke_family", where=REPORT, times=1), costs_the_token=True, weight=2
    ),
    "expired": Kind(layer=SERVER, codes=MENDED, draw=_server("expire_access", where=REPORT, times=1), weight=2),
    "page repeated": Kind(
        layer=SERVER, codes=frozenset({4}), draw=_of_an_unchecked_stream("repeat_page", page=2), weight=6
    ),
    "page not found": Kind(
        layer=SERVER, codes=frozenset({4}), draw=_of_an_unchecked_stream("status", status=404), weight=2
    ),
    "shuffled": Kind(layer=SERVER, codes=MENDED, draw=_server("shuffle", where=REPORT, times=1), weight=2),
    "row doubled": Kind(layer=SERVER, codes=MENDED, draw=_server("duplicate_row", where=REPORT, times=1)),
    "foreign day": Kind(layer=SERVER, codes=MENDED, draw=_server("foreign_day", where=REPORT, times=1)),
    "no date": Kind(layer=SERVER, codes=frozenset({4}), draw=_server("null_date", where=REPORT, times=1)),
    "wrong total": Kind(layer=SERVER, codes=MENDED, draw=_server("wrong_total", where=REPORT, times=1)),
    "garbage": Kind(layer=SERVER, codes=frozenset({4}), draw=_server("garbage_cell", where=REPORT, times=1)),
    "NaN": Kind(layer=SERVER, codes=frozenset({4}), draw=_server("nan_cell", where=REPORT, times=1)),
    "NUL": Kind(layer=SERVER, codes=frozenset({4}), draw=_server("nul_cell", where=REPORT, times=1)),
    "row dropped": Kind(layer=SERVER, codes=frozenset({4}), draw=_of_a_stream("drop_row"), weight=2),
    "outage": Kind(
        layer=SERVER, codes=frozenset({5}), draw=_server("status", status=500, times=FOREVER, where=REPORT), weight=0.5
    ),
    "no connection": Kind(layer=WIRE, codes=MENDED, draw=_wire("no connection"), weight=2),
    "proxy refuses": Kind(layer=WIRE, codes=MENDED, draw=_wire("proxy refuses")),
    "hangs": Kind(layer=WIRE, codes=MENDED, draw=_wire("hangs", seconds=61.0)),
    "slow": Kind(layer=WIRE, codes=MENDED, draw=_wire("slow", seconds=40.0)),
    "told in a 200": Kind(layer=WIRE, codes=ANY_FAILURE, draw=_told_in_200, weight=3),
    "empty answer": Kind(
        layer=WIRE, codes=frozenset({4}), draw=_of_a_stream("empty answer", place="place", body='{"data":[]}')
    ),
    "unsorted": Kind(layer=WIRE, codes=frozenset({4}), draw=_wire("unsorted", place=REPORT, times=FOREVER), weight=2),
    "secrets quoted": Kind(layer=WIRE, codes=ANY_FAILURE, draw=_wire("secrets quoted", times=1), weight=2),
    "revised meanwhile": Kind(layer=WIRE, codes=frozenset({4}), draw=_wire("revised meanwhile", place=REPORT, times=1)),
    "kill": Kind(layer=PROCESS, codes=frozenset({-9}), draw=_kill, weight=5, costs_the_token=True),
    "power cut": Kind(layer=PROCESS, codes=frozenset({-9}), draw=_power_cut, weight=3, costs_the_token=True),
    "stop": Kind(layer=PROCESS, codes=frozenset({128 + 15, 128 + 2}), draw=_stop, weight=3),
    "short writes": Kind(layer=OUTPUT, codes=MENDED, draw=_output("short"), weight=2),
    "would block": Kind(layer=OUTPUT, codes=MENDED, draw=_output("would block")),
    "stdout closed": Kind(layer=OUTPUT, codes=frozenset({1}), draw=_output("closed")),
    "disk full": Kind(layer=OUTPUT, codes=frozenset({1}), draw=_output("full")),
    "cache disk full": Kind(
        layer=DISK, codes=frozenset({2}), draw=lambda rng, _: {"number": rng.choice([1, 1, 2, 3])}, costs_the_token=True
    ),
    "cache damaged": Kind(
        layer=CACHE, codes=MENDED, draw=lambda rng, _: {"how": rng.choice(["cut", "empty", "noise"])},
        costs_the_token=True,
    ),
    "dated wait": Kind(
        layer=CLOCK, codes=frozenset({2}),
        draw=lambda rng, _: {"seconds": rng.choice([-7200, -600, 600, 7200]), "retry_after": rng.choice([60, 120])},
    ),
    "clock off": Kind(
        layer=CLOCK, codes=frozenset({2}),
        draw=lambda rng, _: {"seconds": rng.choice([-7200, -600, -90, 90, 600, 7200, rng.randrange(-7200, 7200)])},
    ),
    STATE_LOST: Kind(layer=STATE, codes=MENDED, draw=lambda _rng, _streams: {}, weight=0.5),
}  # fmt: skip


def drawn_faults(rng: random.Random, mornings: int, streams: Sequence[Stream], share: float = 0.6) -> list[Fault]:
    """Return the faults of a life: on this share of the mornings one to four of them."""
    names, weights = list(KINDS), [kind.weight for kind in KINDS.values()]
    found: list[Fault] = []
    for morning in range(mornings):
        if rng.random() >= share:
            continue
        for kind in rng.choices(names, weights, k=rng.choice([1, 1, 1, 2, 2, 3, 4])):
            options = KINDS[kind].draw(rng, streams)
            if options is not None:
                found.append(Fault(number=len(found) + 1, morning=morning, kind=kind, options=options))
    return found
