"""Mutants of a run as a process: its stdout, its end, its exit code."""

from mutants.mutant import Mutant

RUNS = {
    "short write": Mutant(
        breaks="what a pipe does not take at once is written again",
        file="stdout.py",
        old="rest = rest[taken:]",
        new="rest = rest[len(rest) :]",
    ),
    "pipe that would block": Mutant(
        breaks="a run waits for a reader that is slow",
        file="stdout.py",
        old="                    select.select([], [self._raw], [])\n",
        new="                    break\n",
    ),
    "closed stdout": Mutant(
        breaks="a run whose output does not arrive fails",
        file="stdout.py",
        old="            raise self._failure from error\n",
        new="            self._failure = None\n            return memoryview(data).nbytes\n",
    ),
    "stop": Mutant(
        breaks="a run ends when it is stopped by a signal",
        file="tap.py",
        old="        self.run.summary.stopped_by_signal = signum\n        sys.exit(self.run.summary.exit_code)\n",
        new="        self.run.summary.stopped_by_signal = signum\n",
    ),
    "exit code of a stop": Mutant(
        breaks="a run that was stopped does not end with 0",
        file="summary.py",
        old="return FIRST_SIGNAL_CODE + self.stopped_by_signal",
        new="return ExitCode.ALL_THERE",
    ),
    "exit code 0": Mutant(
        breaks="a run with a stream that failed does not end with 0",
        file="summary.py",
        old="return failure.exit_code if isinstance(failure, YOCError) else ExitCode.UNEXPECTED",
        new="return ExitCode.ALL_THERE if len(self.failures) < self.streams else failure.exit_code  # type: ignore",
    ),
    "exit code of an outage": Mutant(
        breaks="an outage ends with 5",
        file="errors.py",
        old="exit_code = ExitCode.UNAVAILABLE",
        new="exit_code = ExitCode.INCOMPLETE",
    ),
    "bad stream": Mutant(
        breaks="one bad stream does not cost the others",
        file="singer/base_stream.py",
        old="            if isinstance(error, LoginError):\n",
        new="            if isinstance(error, YOCError):\n",
    ),
    "last line": Mutant(
        breaks="the last line says how the run ended",
        file="summary.py",
        old='return "stopped" if self.stopped_by_signal else "failed" if self.failures else "done"',
        new='return "done"',
    ),
}
