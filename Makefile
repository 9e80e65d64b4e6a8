# Every target makes what it needs: a virtual environment from the lock files, then the real programs it talks to.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PYTHONDONTWRITEBYTECODE :=
# A process per core, each with a control plane of its own; the tests of a file stay together because they share one.
# Long files come first (tests/conftest.py sorts them); xdist's own order would end with those of few and long tests.
PARALLEL := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: help demo test check soak bench clean lock format
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Only a KUBECONFIG that is typed after `make demo` counts: the one in the shell's environment may be of production.
demo: $(VENV)/demo.stamp ## seal, commit, unseal by a real API server, repair; KUBECONFIG=FILE uses your cluster
	@$(BIN)/python -m tests.kit demo $(if $(filter command%,$(origin KUBECONFIG)),--kubeconfig "$(KUBECONFIG)")

test: $(VENV)/dev.stamp ## all tests, against real programs (built at first use, then cached)
	@$(BIN)/python -m tests.kit fetch test
	$(BIN)/python -m pytest $(PARALLEL) $(PYTEST_ARGS)

check: $(VENV)/dev.stamp ## format, lint, types, import contracts and unit tests, in under a minute
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -q $(PARALLEL) -m "not cluster and not interop and not slow"

soak: $(VENV)/dev.stamp ## kill the controller at random writes and look whether anything is lost; SECONDS=600
	$(BIN)/python -m tests.kit.soak --seconds $(or $(SECONDS),600)

bench: $(VENV)/dev.stamp ## measure beside the peers' programs; writes bench/RESULTS.md
	$(BIN)/python -m tests.kit fetch test
	$(BIN)/python -m bench

format: $(VENV)/dev.stamp ## rewrite the code in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/dev.stamp ## renew the lock files from pyproject.toml
	$(BIN)/python -m tests.kit lock

clean: ## remove what the targets made here (the programs in the user's cache stay)
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "kseal needs Python 3.11 or newer; say which one: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "this Python cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 2; }

$(VENV)/demo.stamp: requirements/demo.txt pyproject.toml | $(BIN)/python
	@echo "installing kseal into $(VENV) (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/demo.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "installing kseal and its test tools into $(VENV) (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/demo.stamp
