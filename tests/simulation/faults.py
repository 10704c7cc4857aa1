"""The faults of a life: which kinds there are, how often they come up, and which exit codes they excuse."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulation.draw import (
    FOREVER,
    kill,
    of_a_stream,
    of_an_unchecked_stream,
    output,
    power_cut,
    server,
    status,
    stop,
    told_in_200,
    wire,
)
from simulation.server import METADATA, REPORT, TOKEN

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from simulation.draw import Draw, Options
    from simulation.streams import Stream

SERVER, WIRE, PROCESS, OUTPUT = "server", "wire", "process", "output"
DISK, CACHE, CLOCK, STATE = "disk", "cache", "clock", "state"
STATE_LOST = "state lost"

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


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of fault; `draw` returns None where a life offers no occasion for it."""

    layer: str
    codes: Codes
    draw: Draw
    weight: float = 1.0
    costs_the_token: bool = False


DAMAGE = {"shuffled", "row doubled", "foreign day", "wrong total", "row dropped", "page repeated"}
"""A second reading repairs one of these in a morning; two may hit both readings."""
KINDS: dict[str, Kind] = {
    "status": Kind(layer=SERVER, codes=MENDED, draw=status, weight=4),
    "forbidden": Kind(layer=SERVER, codes=frozenset({3}), draw=server("status", status=403, times=1)),
    "refused": Kind(layer=SERVER, codes=ANY_FAILURE, draw=server("status", status=422, times=1)),
    "not found": Kind(layer=SERVER, codes=ANY_FAILURE, draw=server("status", status=404)),
    "401": Kind(layer=SERVER, codes=MENDED, draw=server("status", status=401, times=1, where=REPORT)),
    "401 twice": Kind(layer=SERVER, codes=frozenset({3}), draw=server("status", status=401, times=2, where=REPORT)),
    "login refused": Kind(layer=SERVER, codes=frozenset({3}), draw=server("status", status=401, times=3, where=TOKEN)),
    "HTML": Kind(layer=SERVER, codes=MENDED, draw=server("html_200")),
    "cut JSON": Kind(layer=SERVER, codes=MENDED, draw=server("cut_json")),
    "cut body": Kind(layer=SERVER, codes=MENDED, draw=server("cut_body")),
    "reset": Kind(layer=SERVER, codes=MENDED, draw=server("reset_before"), weight=2),
    "reset within": Kind(layer=SERVER, codes=MENDED, draw=server("reset_after_headers")),
    "slow body": Kind(layer=SERVER, codes=MENDED, draw=server("slow_body", seconds=90.0)),
    "scalar": Kind(layer=SERVER, codes=ANY_FAILURE, draw=server("json_scalar")),
    "no rows": Kind(layer=SERVER, codes=ANY_FAILURE, draw=server("no_rows_key")),
    "redirect": Kind(
        layer=SERVER, codes=frozenset({2}), draw=server("redirect", times=1, location="https://elsewhere.example/")
    ),
    "echo": Kind(layer=SERVER, codes=ANY_FAILURE, draw=server("echo_secrets", times=1)),
    "lost rotation": Kind(
        layer=SERVER, codes=MENDED, draw=server("lost_rotation", where=TOKEN, times=1), costs_the_token=True
    ),
    "revoked": Kind(
        layer=SERVER, codes=MENDED, draw=server("revoke_family", where=REPORT, times=1), costs_the_token=True, weight=2
    ),
    "expired": Kind(layer=SERVER, codes=MENDED, draw=server("expire_access", where=REPORT, times=1), weight=2),
    "page repeated": Kind(
        layer=SERVER, codes=frozenset({4}), draw=of_an_unchecked_stream("repeat_page", page=2), weight=6
    ),
    "page not found": Kind(
        layer=SERVER, codes=frozenset({4}), draw=of_an_unchecked_stream("status", status=404), weight=2
    ),
    "shuffled": Kind(layer=SERVER, codes=MENDED, draw=server("shuffle", where=REPORT, times=1), weight=2),
    "row doubled": Kind(layer=SERVER, codes=MENDED, draw=server("duplicate_row", where=REPORT, times=1)),
    "foreign day": Kind(layer=SERVER, codes=MENDED, draw=server("foreign_day", where=REPORT, times=1)),
    "no date": Kind(layer=SERVER, codes=frozenset({4}), draw=server("null_date", where=REPORT, times=1)),
    "wrong total": Kind(layer=SERVER, codes=MENDED, draw=server("wrong_total", where=REPORT, times=1), weight=3),
    "garbage": Kind(layer=SERVER, codes=frozenset({4}), draw=server("garbage_cell", where=REPORT, times=1)),
    "NaN": Kind(layer=SERVER, codes=frozenset({4}), draw=server("nan_cell", where=REPORT, times=1)),
    "NUL": Kind(layer=SERVER, codes=frozenset({4}), draw=server("nul_cell", where=REPORT, times=1)),
    "row dropped": Kind(layer=SERVER, codes=frozenset({4}), draw=of_a_stream("drop_row"), weight=2),
    "outage": Kind(
        layer=SERVER, codes=frozenset({5}), draw=server("status", status=500, times=FOREVER, where=REPORT), weight=0.5
    ),
    "no connection": Kind(layer=WIRE, codes=MENDED, draw=wire("no connection"), weight=2),
    "proxy refuses": Kind(layer=WIRE, codes=MENDED, draw=wire("proxy refuses")),
    "hangs": Kind(layer=WIRE, codes=MENDED, draw=wire("hangs", seconds=61.0)),
    "slow": Kind(layer=WIRE, codes=MENDED, draw=wire("slow", seconds=40.0)),
    "told in a 200": Kind(layer=WIRE, codes=ANY_FAILURE, draw=told_in_200, weight=3),
    "empty answer": Kind(
        layer=WIRE, codes=frozenset({4}), draw=of_a_stream("empty answer", place="place", body='{"data":[]}')
    ),
    "unsorted": Kind(layer=WIRE, codes=frozenset({4}), draw=wire("unsorted", place=REPORT, times=FOREVER), weight=2),
    "secrets quoted": Kind(layer=WIRE, codes=ANY_FAILURE, draw=wire("secrets quoted", times=1), weight=2),
    "login quoted": Kind(layer=WIRE, codes=ANY_FAILURE, draw=wire("secrets quoted", place=TOKEN, times=1), weight=2),
    "revised meanwhile": Kind(layer=WIRE, codes=frozenset({4}), draw=wire("revised meanwhile", place=REPORT, times=1)),
    "kill": Kind(layer=PROCESS, codes=frozenset({-9}), draw=kill, weight=5, costs_the_token=True),
    "power cut": Kind(layer=PROCESS, codes=frozenset({-9}), draw=power_cut, weight=3, costs_the_token=True),
    "stop": Kind(layer=PROCESS, codes=frozenset({128 + 15, 128 + 2}), draw=stop, weight=3),
    "short writes": Kind(layer=OUTPUT, codes=MENDED, draw=output("short"), weight=2),
    "would block": Kind(layer=OUTPUT, codes=MENDED, draw=output("would block")),
    "stdout closed": Kind(layer=OUTPUT, codes=frozenset({1}), draw=output("closed")),
    "disk full": Kind(layer=OUTPUT, codes=frozenset({1}), draw=output("full")),
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
