# What the examples' Makefiles share: the tap in the repository's .venv, and two sandboxes that stand for two accounts.
# An example with PINS has an environment of its own for them; the others run in the repository's.

.DEFAULT_GOAL := demo
MAKEFLAGS += --no-print-directory

ROOT = $(abspath ../..)
DEMO = $(CURDIR)/.demo
PY = $(if $(PINS),$(CURDIR),$(ROOT))/.venv/bin/python

export PATH := $(CURDIR)/.venv/bin:$(ROOT)/.venv/bin:$(PATH)
export PYTHONPATH = $(abspath ..)
export YOC_ACCOUNTS = $(DEMO)/accounts
export YOC_WAREHOUSE = $(DEMO)/warehouse
export UV_SYSTEM_CERTS = 1
export UV_LINK_MODE = copy

WITH_SANDBOXES = $(PY) -m pipeline.sandboxes $(YOC_ACCOUNTS)
OR_END_OF_LOG = || { tail -n 20 $(DEMO)/log.txt; exit 1; }
SHOW_WAREHOUSE = cd $(ROOT) && $(PY) -m pipeline.warehouse $(YOC_WAREHOUSE:$(ROOT)/%=%)

.PHONY: setup demo ui test pins clean

ifdef PINS
setup: .venv/.installed
	@:

.venv/.installed: $(PINS)
	@$(MAKE) -C $(ROOT) setup
	@uv venv --quiet --clear --python $(ROOT)/.venv/bin/python .venv
	@uv pip install --quiet --python $(PY) --require-hashes --requirement $(PINS)
	@touch $@
else
setup:
	@$(MAKE) -C $(ROOT) setup
endif

ifneq ($(wildcard tests),)
test: setup # against two sandboxes
	@$(PY) -m pytest -q -c /dev/null --rootdir . -p no:cacheprovider $(ARGS) tests
endif

ifneq ($(wildcard requirements.in),)
pins: requirements.in # renew requirements.txt
	@uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-header --no-annotate $(ARGS) \
		--output-file requirements.txt requirements.in
endif

clean: # remove everything these commands made
	@rm -rf .venv .demo
