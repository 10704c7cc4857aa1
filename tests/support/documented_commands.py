"""Who runs the commands that the pages tell readers to type: a test, CI itself, a person on a day, or nobody, and why.

A command that a page shows and that has no entry here fails `test_docs.py`.
"""

from __future__ import annotations

STEERING = "test_sandbox_docs.py::test_steering_from_outside"
SANDBOX_IN_SHELL = "test_sandbox_docs.py::test_shell_example"
SCHEDULE = "test_meltano.py::test_the_morning_schedule_fills_postgres"
SETTINGS_LISTED = "test_meltano.py::test_settings_are_listed_and_secrets_are_not"
SETTINGS_GIVEN = "test_meltano.py::test_the_tap_gets_its_settings_with_their_types"
STATE = "test_meltano.py::test_state_is_shown_and_set"
FULL_REFRESH = "test_meltano.py::test_first_second_and_full_refresh"
AT_A_TIME = "test_meltano.py::test_two_runs_at_a_time_have_a_state_each"
FIRST_RUN = "test_orchestration.py::test_the_first_run_of_the_page"
FIRST_ROWS = "test_readme.py::test_first_rows_work_in_the_order_of_the_page"

ADDED = "test_meltano.py::test_the_tap_is_added_to_a_project_by_one_command"

NO_DOCKER = "nobody yet: CI has no Docker, as the page says"

RUN_BY = {
    # README.md
    "make demo": "test_demo.py::test_demo_from_nothing",
    "make test": "CI: .ci/run, and .github/workflows/test.yml",
    "make setup": "CI: .ci/run, before anything else",
    ". .venv/bin/activate": "test_readme.py::test_what_make_setup_installs_is_on_the_path_afterwards",
    "pip install '.[progress]'": "by hand on 2026-11-25: in a fresh environment",
    "uvx --from . tap-yoc --version": "test_packaging.py::test_uvx_runs_a_checkout_and_a_wheel",
    "pipx run --spec . tap-yoc --version": "by hand on 2026-11-25: in a fresh environment",
    "until test -s config.json || ! kill -0 $!; do sleep 0.1; done": (
        "test_readme.py::test_waiting_for_a_sandbox_that_cannot_start_ends"
    ),
    "export YOC_TAP_PACKAGE=../tap-yoc": ADDED,
    "meltano add tap-yoc --from-ref ../tap-yoc/docs/meltanohub/tap-yoc.yml": ADDED,
    "tap-yoc-sandbox --write-config config.json &": "sandbox/test_sandbox_command.py::test_serves_until_stopped",
    "tap-yoc --config config.json --discover > catalog.json": FIRST_ROWS,
    "tap-yoc --config config.json > rows.jsonl": FIRST_ROWS,
    'grep \'"type":"STATE"\' rows.jsonl | tail -n 1 '
    "| python3 -c 'import json; print(json.dumps(json.loads(input())[\"value\"]))' > state.json": FIRST_ROWS,
    "tap-yoc --config config.json --catalog catalog.json --state state.json > rows.jsonl": FIRST_ROWS,
    "tap-yoc --about": FIRST_ROWS,
    "tap-yoc --about --format json": FIRST_ROWS,
    "tap-yoc --version": FIRST_ROWS,
    "tap-yoc-sandbox &": "sandbox/test_sandbox_command.py::test_serves_until_stopped",
    "meltano install": "test_meltano.py::project",
    "meltano run tap-yoc target-jsonl": FULL_REFRESH,
    "meltano --environment=production run tap-yoc target-jsonl": FULL_REFRESH,
    # docs/meltano.md
    "export TARGET_POSTGRES_HOST=db.example.com TARGET_POSTGRES_DATABASE=warehouse": SCHEDULE,
    "export TARGET_POSTGRES_USER=loader TARGET_POSTGRES_PASSWORD='a secret'": SCHEDULE,
    "meltano --environment=production run tap-yoc target-postgres": SCHEDULE,
    "TAP_YOC_STANDARD_REPORTS='[\"site_daily\"]' meltano run tap-yoc target-jsonl": FULL_REFRESH,
    "meltano --environment=sandbox config list tap-yoc --all": SETTINGS_LISTED,
    "meltano --environment=sandbox config print tap-yoc": SETTINGS_GIVEN,
    "meltano --environment=sandbox config test tap-yoc": "test_meltano.py::test_meltano_can_test_the_settings",
    "meltano --environment=sandbox select tap-yoc --list --all": (
        "test_meltano.py::test_streams_are_selected_and_keys_cannot_be_left_out"
    ),
    "meltano state list": STATE,
    "meltano state get sandbox:tap-yoc-to-target-jsonl": STATE,
    "meltano state set --force sandbox:tap-yoc-to-target-jsonl "
    '\'{"singer_state": {"bookmarks": {"site_daily": '
    '{"replication_key": "date", "replication_key_value": "2026-06-10"}}}}\'': STATE,
    "meltano state clear --force sandbox:tap-yoc-to-target-jsonl": FULL_REFRESH,
    "meltano run --full-refresh tap-yoc target-jsonl": FULL_REFRESH,
    "TAP_YOC_BACKFILL_FROM=2026-06-01 TAP_YOC_BACKFILL_TO=2026-06-07 meltano run tap-yoc target-jsonl": (
        "test_meltano.py::test_a_backfill_by_variables_leaves_the_bookmarks"
    ),
    "meltano el --state-id=north-2026-06-01 tap-yoc target-jsonl": AT_A_TIME,
    "meltano schedule list": SCHEDULE,
    "meltano schedule run every-morning": SCHEDULE,
    # examples/sql/README.md
    "make sql": "test_demo.py::test_demo_from_nothing",
    "python examples/sql/run.py --duckdb warehouse.duckdb": "test_sql.py::test_the_alarms_have_an_exit_code",
    "python examples/sql/run.py --postgres postgresql://me@host/warehouse --schema tap_yoc": (
        "test_sql.py::test_the_alarms_have_an_exit_code"
    ),
    "python examples/sql/run.py --alarms --postgres postgresql://me@host/warehouse --schema tap_yoc": (
        "test_sql.py::test_the_alarms_have_an_exit_code"
    ),
    "PGOPTIONS='-c search_path=tap_yoc' "
    "psql postgresql://me@host/warehouse -f examples/sql/metrics.sql -f examples/sql/alarm.sql": (
        "test_sql.py::test_files_run_as_they_stand_in_psql"
    ),
    # docs/docker.md
    "make build": "by hand on 2026-11-24; CI: .github/workflows/release.yml",
    "docker build --tag tap-yoc .": NO_DOCKER,
    "docker run --rm tap-yoc --version": NO_DOCKER,
    "docker run --rm --env-file .env tap-yoc --config=ENV > rows.jsonl": NO_DOCKER,
    # docs/orchestration.md
    "tap-yoc-plan accounts/north.json accounts/south.json": (
        "test_fan_out.py::test_the_installed_command_prints_accounts_times_windows"
    ),
    "tap-yoc-plan accounts/north.json accounts/south.json > plan.json": FIRST_RUN,
    'python3 -c \'import json; [json.dump(r["state"], open(r["id"] + ".json", "w")) '
    'for r in json.load(open("plan.json"))]\'': FIRST_RUN,
    "TAP_YOC_BACKFILL_FROM=2026-06-01 TAP_YOC_BACKFILL_TO=2026-06-14 "
    "tap-yoc --config accounts/north.json --config=ENV --state north-2026-06-01.json > north-2026-06-01.jsonl": (
        FIRST_RUN
    ),
    "TAP_YOC_BACKFILL_FROM=2026-06-01 TAP_YOC_BACKFILL_TO=2026-06-14 "
    "meltano el --state-id=north-2026-06-01 tap-yoc target-jsonl": AT_A_TIME,
    # docs/sandbox.md
    "curl -X POST http://127.0.0.1:8098/_sandbox/faults -H 'Content-Type: application/json' "
    '-d \'{"kind": "status", "status": 503, "retry_after": "1", "times": 2}\'': STEERING,
    "curl -X PATCH http://127.0.0.1:8098/_sandbox/forms -H 'Content-Type: application/json' "
    '-d \'{"envelope": "nested"}\'': STEERING,
    "curl 'http://127.0.0.1:8098/_sandbox/requests?most=2'": STEERING,
    "tap-yoc-sandbox --port 0 --write-config config.json > sandbox.log &": SANDBOX_IN_SHELL,
    "pip install '.[sandbox,progress]'": "by hand on 2026-11-24: in a fresh environment",
    "kill $!": SANDBOX_IN_SHELL,
    # docs/doctor.md
    "tap-yoc-doctor --config config.json": "test_doctor.py::test_the_command_takes_a_file_or_the_environment",
    "tap-yoc-doctor --config=ENV": "test_doctor.py::test_the_command_takes_a_file_or_the_environment",
    "tap-yoc-doctor --config config.json --json": "test_doctor.py::test_the_command_takes_a_file_or_the_environment",
    "meltano invoke tap-yoc:doctor --text": "test_meltano.py::test_the_doctor_runs_where_a_run_would_not",
    "meltano test tap-yoc": "test_meltano.py::test_meltano_test_says_whether_a_run_will_work",
    # docs/dlt.md, examples/dlt/README.md
    "pip install '.[dlt]'": "by hand on 2026-11-25: in a fresh environment",
    "make -C examples/dlt demo": "test_examples.py::test_the_demo_runs",
    # examples/cron/README.md, examples/pipeline/README.md
    "make -C examples/cron demo": "test_examples.py::test_the_demo_runs",
    "make -C examples/pipeline demo": "test_examples.py::test_the_demo_runs",
    # examples/dagster/README.md, examples/airflow/README.md
    "make -C examples/dagster demo": (
        "by hand on 2026-11-24: it backfills six months; test_examples.py runs the same in part"
    ),
    "make -C examples/airflow demo": "by hand on 2026-11-24: likewise",
    # docs/benchmarks.md
    "make bench": "by hand on 2026-11-25: it takes under twenty minutes, and docs/benchmarks.md is what it writes",
    "make bench ARGS=--quick": "by hand on 2026-11-25: it sets up the other tools, which takes minutes and a network",
    'make bench ARGS="--only a,b"': "by hand on 2026-11-24: likewise",
    "make bench ARGS=--render": "test_benchmarks.py::test_page_shows_the_results_that_are_kept",
}
"""By command, as `pages.commands` gives it: `file::test` below `tests/`, `CI: …`, `by hand on …` or `nobody yet: …`."""
