"""One life of a pipeline: its mornings one after another, under the faults that its seed draws."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulation.expectation import days_of_run, expected, without_lost_days
from simulation.faults import STATE_LOST, drawn_faults
from simulation.morning import run_in_process
from simulation.oracle import Oracle
from simulation.pipeline import Pipeline, rng_for
from simulation.script import damage_cache, is_real_too, machine_of, off_by_seconds, troubles_of
from simulation.target import Target

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Collection

    from simulation.expectation import Expectation
    from simulation.faults import Fault
    from simulation.morning import Outcome
    from simulation.process import Workshop

NOWHERE = "http://127.0.0.1:9"
"""Nothing listens there: in this process, no request gets so far."""
SHARE_LIVES_WITH_PROCESSES, SHARE_PROCESSES = 1 / 8, 1 / 5
"""One life in eight has every fifth morning as a real process: one morning in forty."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A morning on which something was wrong."""

    seed: int
    morning: int
    what: list[str]
    faults: list[Fault]
    log: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Totals:
    """What was played."""

    mornings: int = 0
    clean: int = 0
    real: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    exit_codes: Counter[int] = field(default_factory=Counter)


def has_processes(seed: int) -> bool:
    """Return whether some mornings of a life are real processes."""
    return rng_for(seed, "processes").random() < SHARE_LIVES_WITH_PROCESSES


class Life:
    """A pipeline from its first morning on.

    `only` keeps no more than these of its faults; `until` is the last morning to play; with a `workshop`, some mornings
    of some lives are real processes.
    """

    def __init__(
        self,
        seed: int,
        *,
        until: int | None = None,
        only: Collection[int] | None = None,
        workshop: Workshop | None = None,
    ) -> None:
        self.seed = seed
        self.totals = Totals()
        self._workshop = workshop
        self._target = Target()
        self._pipeline = Pipeline(seed, url=workshop.url if workshop else NOWHERE)
        self._oracle = Oracle(world=self._pipeline.world, target=self._target, streams=self._pipeline.streams)
        drawn = self._pipeline.mornings
        self._mornings = drawn if until is None else min(drawn, until + 1)
        self.faults = [
            fault
            for fault in drawn_faults(rng_for(seed, "faults"), drawn, self._pipeline.streams)
            if only is None or fault.number in only
        ]
        self._share_real = SHARE_PROCESSES if workshop and has_processes(seed) else 0.0
        self._is_login_doubtful = False

    def close(self) -> None:
        """Remove the files of the life."""
        self._pipeline.close()

    def play(self, is_over: Callable[[], bool]) -> Failure | None:
        """Play all mornings, or until `is_over`, and return the first one on which something is wrong."""
        outcome = expectation = None
        for morning in range(self._mornings):
            if is_over():
                break
            rng = rng_for(self.seed, f"morning {morning}")
            if morning:
                self._pipeline.next_day(rng, morning)
            outcome, expectation, what = self._play(rng, [fault for fault in self.faults if fault.morning == morning])
            if what:
                return Failure(seed=self.seed, morning=morning, what=what, faults=self.faults, log=outcome.log)
        if outcome and expectation and outcome.exit_code == 0 and (what := self._oracle.judge_all(expectation)):
            return Failure(seed=self.seed, morning=self._mornings - 1, what=what, faults=self.faults)
        return None

    def _play(self, rng: random.Random, faults: list[Fault]) -> tuple[Outcome, Expectation, list[str]]:
        self._pipeline.world.new_morning()
        is_real = rng.random() < self._share_real
        faults = [fault for fault in faults if not is_real or is_real_too(fault)]
        damage_cache(self._pipeline.token_cache, faults)
        days = days_of_run(self._pipeline, faults)
        if any(fault.kind == STATE_LOST for fault in faults):
            self._target.state = {}
        state = self._target.state
        loose_days: set[str] = set()
        outcomes = self._run_as_processes(rng, faults) if is_real else [self._run_in_process(rng, faults, loose_days)]
        days = without_lost_days(days, self._pipeline)
        expectation = expected(
            self._pipeline,
            faults,
            days=days,
            is_login_doubtful=self._is_login_doubtful,
            loose_days=frozenset(loose_days),
            are_two=len(outcomes) > 1,
        )
        what = []
        for outcome in outcomes:
            self._target.state = state  # each of two runs at once has started from it
            what += self._oracle.judge(outcome, expectation)
        self._pipeline.seconds_ahead = max(0.0, off_by_seconds(faults))
        self._settle(outcomes[-1], faults)
        self._count(outcomes, faults, is_real=is_real)
        return outcomes[-1], expectation, what

    def _run_as_processes(self, rng: random.Random, faults: list[Fault]) -> list[Outcome]:
        pipeline = self._pipeline
        assert self._workshop
        troubles = troubles_of(pipeline, faults, rng=rng)
        return self._workshop.run(pipeline.world, pipeline.folder, pipeline.config, self._target.state, troubles)

    def _run_in_process(self, rng: random.Random, faults: list[Fault], loose_days: set[str]) -> Outcome:
        pipeline = self._pipeline
        machine = machine_of(pipeline, faults, rng=rng, loose_days=loose_days)
        outcome = run_in_process(machine, pipeline.config, self._target.state, pipeline.is_selected)
        machine.disk.settle()
        return outcome

    def _settle(self, outcome: Outcome, faults: list[Fault]) -> None:
        """Do what a user without a password does after a morning that has cost the login: bring a new refresh token."""
        if self._pipeline.has_password:
            return
        if outcome.exit_code == 3:
            self._pipeline.config["refresh_token"] = self._pipeline.bought_refresh_token()
        may_be_lost = any(3 in fault.codes(has_password=False) for fault in faults)
        self._is_login_doubtful = outcome.exit_code not in {0, 3} and (self._is_login_doubtful or may_be_lost)

    def _count(self, outcomes: list[Outcome], faults: list[Fault], *, is_real: bool) -> None:
        self.totals.mornings += 1
        self.totals.real += is_real
        self.totals.clean += not faults
        self.totals.faults.update(fault.kind for fault in faults)
        self.totals.faults["two at once"] += len(outcomes) - 1
        self.totals.exit_codes.update(outcome.exit_code for outcome in outcomes)
