"""`python launch.py FILE COMMAND … [| COMMAND …]`: run commands as a pipe, and write to FILE what they took, as JSON.

A process of its own, and a small one, since Linux takes the memory of whoever starts a process for a part of its peak.
"""

import itertools
import json
import os
import sys
import time

commands = [list(words) for is_pipe, words in itertools.groupby(sys.argv[2:], "|".__eq__) if not is_pipe]
started = time.perf_counter()
pids, source = [], 0
for number, command in enumerate(commands, 1):
    following, sink = os.pipe() if number < len(commands) else (0, 1)
    ends = [(os.POSIX_SPAWN_DUP2, end, standard) for end, standard in ((source, 0), (sink, 1)) if end != standard]
    pids.append(os.posix_spawn(command[0], command, os.environ, file_actions=ends))
    for _, end, _ in ends:
        os.close(end)
    source = following
ended = [os.wait4(pid, 0) for pid in pids]
seconds = time.perf_counter() - started
usages = [usage for _, _, usage in ended]
codes = [os.waitstatus_to_exitcode(status) for _, status, _ in ended]
taken = {
    "seconds": seconds,
    "cpu_seconds": sum(usage.ru_utime + usage.ru_stime for usage in usages),
    "peak_mb": sum(usage.ru_maxrss for usage in usages) / (1e6 if sys.platform == "darwin" else 1e3),
    "exit_code": next((code for code in codes if code), 0),
}
with open(sys.argv[1], "w", encoding="utf-8") as file:  # noqa: PTH123 - pathlib would make this process larger
    json.dump(taken, file)
