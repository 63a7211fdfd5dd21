# Every target sets itself up: a virtual environment in .venv from the hashed lock in requirements/.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --no-input --require-hashes
ARGS ?=
# The tests listen on free ports, so they can run side by side; JOBS=0 runs them one after the other.
JOBS ?= 4
PYTEST := $(BIN)/pytest -n $(JOBS) --dist worksteal
# The tests start hundreds of processes: what one has compiled is kept for the others, whatever the environment says.
export PYTHONDONTWRITEBYTECODE :=
BENCH ?= probes scale failover outage quorum clusters startup
# The campaign of `make check`: its first three storms have a fault of every kind.
CI_SEED := 57
PODMAN ?= podman
PODMAN_ARGS ?=

.PHONY: help demo test check unit live simulate fuzz soak lint types floors bench mutate lock clean docs site deb dist podman-build-bookworm
help:  ## show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 24

.venv/bin/python:
	@tools/make-venv $(PYTHON)

.venv/run.stamp: requirements/run.txt requirements/build.txt pyproject.toml | .venv/bin/python
	@echo "installing rrdnsd into .venv"
	@$(PIP) -r requirements/build.txt -r requirements/run.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev.stamp: requirements/dev.txt .venv/run.stamp
	@echo "installing the development tools into .venv"
	@$(PIP) -r requirements/dev.txt
	@touch $@

.venv/system.stamp: tools/system-packages | .venv/bin/python
	@tools/system-packages
	@touch $@

demo: .venv/run.stamp  ## watch rrdnsd take a dead endpoint out of DNS and put it back
	@$(BIN)/rrdnsd demo $(ARGS)

test: .venv/dev.stamp .venv/system.stamp  ## every test, with real DNS servers
	@tools/second-look $(PYTEST) $(ARGS)

unit: .venv/dev.stamp  ## the fast inner loop: no server needed
	@$(PYTEST) tests/unit $(ARGS)

live: .venv/dev.stamp .venv/system.stamp  ## only the tests against real servers
	@$(PYTEST) tests/live $(ARGS)

simulate: .venv/dev.stamp  ## many runs of a simulated cluster: SEEDS=100000 FIRST=1
	@PYTHONPATH=tests $(BIN)/python -m simulation --seeds $(or $(SEEDS),2000) --first $(or $(FIRST),1) --jobs $(JOBS)

fuzz: .venv/dev.stamp  ## feed what parses with nonsense: SECONDS=600 each, FUZZ="dns_query ..." for some
	@PYTHONPATH=tests:bench $(BIN)/python -m fuzz $(FUZZ) --seconds $(or $(SECONDS),60) $(ARGS)

soak: .venv/dev.stamp .venv/system.stamp  ## three real nodes and named under random faults, watched from outside: MINUTES=30 SEED=7, needs root
	@PYTHONPATH=tests:bench $(BIN)/python -m soak --minutes $(or $(MINUTES),2) $(if $(SEED),--seed $(SEED)) $(ARGS)

lint: .venv/dev.stamp  ## ruff, rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: .venv/dev.stamp  ## mypy, strict
	@$(BIN)/mypy

floors: .venv/dev.stamp  ## which room may import which
	@$(BIN)/lint-imports

check: lint types floors test  ## all that CI runs; the soak comes last, because the tests beside it would slow it down
	@if [ "$$(id -u)" = 0 ] || [ -n "$$CI" ]; then $(MAKE) --no-print-directory soak SEED=$(or $(SEED),$(CI_SEED)); \
	else echo "the soak is left out: it needs root; run: sudo make soak"; fi

bench: .venv/dev.stamp  ## measure against HAProxy, gdnsd and blackbox_exporter; writes docs/performance.md (BENCH=quorum: one of them)
	@tools/system-packages bench
	@for name in $(BENCH); do $(BIN)/python bench/$$name.py $(ARGS) || exit 1; done

mutate: .venv/dev.stamp  ## change the core in thousands of ways, each must fail a test; writes docs/reliability.md
	@PYTHONPATH=tests:bench $(BIN)/python -m mutation $(ARGS)

docs: .venv/dev.stamp  ## write the generated pages of docs/ anew
	@$(BIN)/python tools/generate_docs.py

site: docs  ## the documentation as a web site, in build/site; every warning is an error
	@$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --builder html --doctree-dir build/doctrees docs build/site
	@echo "open build/site/index.html"

podman-build-bookworm:  ## build the container image localhost/rrdnsd:bookworm (PODMAN_ARGS="--build-arg LIBRARIES=all")
	@tools/need-podman $(firstword $(PODMAN))
	@$(PODMAN) build --format docker --tag localhost/rrdnsd:bookworm $(PODMAN_ARGS) --file Containerfile .

deb:  ## build the Debian package, dist/rrdnsd.deb
	@tools/make-deb

dist: .venv/dev.stamp  ## build the wheel and the source archive, in dist/
	@$(BIN)/python -m build --no-isolation

lock: .venv/dev.stamp  ## renew the hashed lock
	@$(BIN)/pip install --quiet uv
	@tools/lock

clean:  ## remove what the targets made
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build artifacts
