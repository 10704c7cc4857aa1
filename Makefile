# The same commands by hand, on commit and in CI. `make` alone lists them.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:

# The interpreter that .venv is made from; `make setup PYTHON=python3.13` takes another.
PYTHON ?= $(shell for p in python3.11 python3; do $$p -c 'import venv' 2>/dev/null && echo $$p && break; done)
# How many test processes, and further arguments of pytest or of what updates the pins: `make test WORKERS=0 ARGS="-k paging -x"`.
WORKERS ?= 2
ARGS =

VENV = .venv
BIN = $(VENV)/bin
PY = $(BIN)/python
STAMP = $(VENV)/.installed

# uv trusts the machine's certificates only when told to.
export UV_SYSTEM_CERTS = 1
# Processes start hundreds of times from here, and would take twice as long if each one compiled its modules again.
unexport PYTHONDONTWRITEBYTECODE
# The cache may lie on another file system, where hard links cannot reach.
export UV_LINK_MODE = copy
# Names the environment to uv, even if another one is activated.
export VIRTUAL_ENV = $(CURDIR)/$(VENV)

.PHONY: help setup test soak mutants test-oldest test-newest lint format types check demo sql bench docs build pins clean

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F '|' '{ printf "%-20s %s\n", $$1, $$2 }'

setup: $(STAMP) ## install the project and its pinned tools into .venv
	@:

$(BIN)/uv: requirements/uv.txt
	@test -n "$(PYTHON)" || { echo "No Python 3 found: install Python 3.11, or name one with PYTHON=." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "Python 3.10 or later is needed, and $(PYTHON) is not: name another one with PYTHON=." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(STAMP): $(BIN)/uv requirements/dev.txt pyproject.toml
	@$(BIN)/uv pip sync --quiet --require-hashes requirements/dev.txt
	@$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

test: setup ## run the test suite
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

soak: setup ## simulate whole lives of a pipeline; ARGS="--minutes 30" goes on
	@PYTHONPATH=.:tests $(PY) -m simulation $(ARGS)

mutants: setup ## break the tap in many places, one at a time, and see that the simulator finds each
	@PYTHONPATH=.:tests $(PY) -m mutants $(ARGS)

test-oldest: ## run the test suite on the oldest dependencies allowed
	@$(MAKE) .venv-lowest-direct/.resolved
	@.venv-lowest-direct/bin/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-newest: ## run the test suite on the newest dependencies allowed
	@$(MAKE) .venv-highest/.resolved
	@.venv-highest/bin/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

# Resolved every time, because these two test what an installation without the pins would get.
.PHONY: .venv-lowest-direct/.resolved .venv-highest/.resolved
.venv-lowest-direct/.resolved .venv-highest/.resolved: .venv-%/.resolved: $(BIN)/uv
	@$(BIN)/uv venv --quiet --clear --python $(PY) .venv-$*
	@$(BIN)/uv pip install --quiet --python .venv-$* --upgrade --resolution $* \
		--group dev --editable '.[postgres,sandbox]'
	@$(BIN)/uv pip list --quiet --python .venv-$* | grep -E '^(duckdb|fastapi|filelock|meltano|requests|singer-sdk) '

lint: setup ## check style, English, spelling, YAML, the workflows, meltano.yml and the Dockerfile
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/codespell
	@$(PY) tests/support/prose.py
	@$(BIN)/yamllint --strict .
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@if test -f meltano.yml; then $(BIN)/check-jsonschema \
		--schemafile "$$($(PY) -c "from importlib import resources as r; print(r.files('meltano.schemas') / 'meltano.schema.json')")" \
		meltano.yml; fi

format: setup ## format the code and fix what ruff can fix
	@$(BIN)/ruff check --quiet --fix-only
	@$(BIN)/ruff format --quiet

types: setup ## check the types of package and tests
	@$(BIN)/mypy

check: lint types test ## everything a pull request is asked for

demo: setup ## show the tap at work against the local sandbox
	@$(PY) -m demo.run $(ARGS)

sql: setup ## run the example queries of examples/sql on the demo's database
	@test -f .demo/yoc.duckdb || $(MAKE) demo ARGS=
	@$(PY) examples/sql/run.py $(ARGS)

bench: setup ## compare speed and correctness with other tools; ARGS="--only a,b" or --quick for less
	@PYTHONPATH=.:tests/support $(PY) -m benchmarks $(ARGS)

docs: setup ## write the pages that are made from the code: settings, streams, faults and more
	@PYTHONPATH=.:tests:tests/support $(PY) tests/support/reference.py
	@PYTHONPATH=.:tests:tests/support $(PY) tests/support/fault_matrix.py
	@PYTHONPATH=.:tests:tests/support $(PY) tests/support/doctor_cases.py
	@PYTHONPATH=.:tests:tests/support $(PY) tests/support/target_matrix.py
	@$(PY) -m benchmarks.capacity
	@PYTHONPATH=.:tests $(PY) -m simulation.page

build: setup ## build wheel and sdist into dist/ and check what is in them
	@rm -rf dist
	@$(PY) -m build --no-isolation --outdir dist
	@TAP_YOC_DIST=dist $(BIN)/pytest tests/test_packaging.py

pins: $(BIN)/uv ## renew requirements/ from pyproject.toml; ARGS=--upgrade for newer releases
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-header --no-annotate $(ARGS) \
		--all-extras --group dev --output-file requirements/dev.txt pyproject.toml
	@echo uv | $(BIN)/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-header --no-annotate $(ARGS) \
		--constraint requirements/dev.txt --output-file requirements/uv.txt -
	@for loader in requirements/loaders/*.in; do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-header --no-annotate $(ARGS) \
			--output-file "$${loader%.in}.txt" "$$loader" || exit 1; done

clean: ## remove everything these commands made
	@rm -rf $(VENV) examples/*/.venv examples/*/.demo .venv-bench .venv-lowest-direct .venv-highest dist .demo .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find tap_yoc tests -name __pycache__ -type d -prune -exec rm -rf {} +
