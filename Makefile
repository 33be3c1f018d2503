# A private electronic post office. `make help` lists what can be made.
PORT = 8025
DATA = data
BIN = .venv/bin
SHELL = /bin/bash
.DEFAULT_GOAL = help
.NOTPARALLEL:
.PHONY: help up setup traces test-setup test check audit chaos format constraints clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):.*## */make \1\t/' | expand -t 18

up: setup  ## start everything here (PORT=8025 DATA=data); Ctrl-C stops it
	@exec $(BIN)/postoffice up --port $(PORT) --data "$(DATA)"

setup:  ## prepare the system and .venv for running; quick when nothing is missing
	@.ci/packages run
	@.ci/venv run

traces: setup  ## add what traces need (OpenTelemetry); see POSTOFFICE_TRACES_URL
	@.ci/traces

test-setup:  ## prepare the system and .venv for every test
	@.ci/packages test
	@.ci/venv all

test: test-setup check  ## everything: check, then the tests with real servers, printers and browsers
	$(BIN)/pytest -m "slow and not real" -n 2
	$(BIN)/pytest -m "real and not fax" -n 2 --dist loadfile
	$(BIN)/pytest -m fax

check:  ## style, types, floors and the fast tests
	@.ci/packages run
	@.ci/venv all
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -m "not real and not slow" -n 2

audit: setup  ## known faults of the packages that a running office has; says so where nobody can be asked
	@.ci/audit

chaos:  ## wreck a running office at random, again and again, then count (RUNS=3 SEED=1 ITEMS=2000)
	@$(BIN)/python -m tests.chaos --runs $(RUNS) --seed $(SEED) --items $(ITEMS)
RUNS = 3
SEED = 1
ITEMS = 2000

format:  ## put the code in shape
	@.ci/venv all
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

constraints:  ## pin the newest versions that pyproject.toml allows
	@test -x .setup/uv/bin/uv || { $$(.ci/python) -m venv .setup/uv && .setup/uv/bin/pip install --quiet uv; }
	.setup/uv/bin/uv $(COMPILE) --upgrade --all-extras --generate-hashes -o constraints.txt
	.setup/uv/bin/uv $(COMPILE) --extra build --constraints constraints.txt -o .ci/run-pins.txt
	.setup/uv/bin/uv $(COMPILE) --extra build --extra traces --constraints constraints.txt -o .ci/traces-pins.txt
COMPILE = pip compile --quiet pyproject.toml --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url

clean:  ## remove .venv and all caches; data folders stay
	rm -rf .venv .setup .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist
	find . -name __pycache__ -type d -not -path './$(DATA)/*' -prune -exec rm -rf {} +
