"""All mutants by name."""

from mutants.of_days import DAYS
from mutants.of_pages import PAGES
from mutants.of_requests import REQUESTS
from mutants.of_rows import ROWS
from mutants.of_runs import RUNS

MUTANTS = {**DAYS, **PAGES, **ROWS, **REQUESTS, **RUNS}
