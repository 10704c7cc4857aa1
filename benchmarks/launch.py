"""`python launch.py FILE COMMAND …`: run a command, and write to FILE what it took, as JSON.

A process of its own, and a small one, since Linux takes the memory of whoever starts a process for a part of its peak.
"""

import json
import os
import sys
import time

started = time.perf_counter()
process = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(process, 0)
taken = {
    "seconds": time.perf_counter() - started,
    "cpu_seconds": usage.ru_utime + usage.ru_stime,
    "peak_mb": usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3),
    "exit_code": os.waitstatus_to_exitcode(status),
}
with open(sys.argv[1], "w", encoding="utf-8") as file:  # noqa: PTH123 - pathlib would make this process larger
    json.dump(taken, file)
