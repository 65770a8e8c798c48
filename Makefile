.DEFAULT_GOAL := help
SHELL := /bin/sh

# The first Python from 3.10 to 3.13 that is found; `make PYTHON=/path/to/python …` names one.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.10; do \
	  "$$p" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
# pip asks nobody and no index but the configured one; dbt and Dagster send no usage statistics.
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export DO_NOT_TRACK = 1
PYTEST := $(BIN)/python -m pytest
PYTEST_WORKERS ?= 2

.PHONY: help demo test test-all check style types sql format bench ui docs clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed  ## Set up, sync a sample archive twice on DuckDB, and show the result
	@$(BIN)/profiles-sync demo

test: check  ## Checks and the quick test suite (under 20 minutes on 2 cores)
	$(PYTEST) -n $(PYTEST_WORKERS) --dist loadfile -m 'not slow' tests/python

test-all: check  ## Everything, the long proofs as well (under 90 minutes on 2 cores)
	$(PYTEST) -n $(PYTEST_WORKERS) --dist loadfile tests/python

check: $(VENV)/.installed-dev  ## Style and types: ruff, mypy, sqlfluff
	@$(MAKE) --no-print-directory --jobs 2 style types sql

style:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:
	$(BIN)/mypy

sql:
	$(BIN)/python tests/lint_sql.py

format: $(VENV)/.installed-dev  ## Let ruff write the layout of Python files
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-dev  ## Measure speed and cost, as ratios in one run
	$(BIN)/python benchmarks/run.py

ui: $(VENV)/.installed  ## Start Dagster's web interface and the hourly schedule
	@$(BIN)/profiles-sync up

docs: $(VENV)/.installed-dev  ## dbt's documentation site, in target/
	DBT_PROFILES_DIR=$(CURDIR) $(BIN)/dbt docs generate

clean:  ## Remove what the targets made, but no deployment's home
	rm -rf $(VENV) .demo target logs dbt_packages .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	@if [ -z "$(PYTHON)" ]; then echo "Profiles Sync needs Python 3.10, 3.11, 3.12 or 3.13, and none was found. Install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; fi
	@"$(PYTHON)" -c 'import sys; v = sys.version_info[:2]; (3, 10) <= v < (3, 14) or sys.exit("Profiles Sync needs Python 3.10, 3.11, 3.12 or 3.13, but $(PYTHON) is %d.%d." % v)'
	@"$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing Profiles Sync into $(VENV) (a minute or two) …"
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing Profiles Sync and its test tools into $(VENV) (a minute or two) …"
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $(VENV)/.installed $@
