# `make` prints what there is to make.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
CODE   := $(wildcard src tests benchmarks tools)

# Debian packages that tests use and that no Python package carries, one a line. Without VEDETTE_TEST_APT=1 nothing is
# installed, and a test whose program is missing is skipped with a line that names the package.
DEBIAN_PACKAGES := curl prometheus victoria-metrics

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup run test fuzz fuzz-api simulate trace soak bench lint types imports format docs debian-packages lock clean

help: ## Print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: $(VENV)/.installed ## Create .venv and install from the lock files; quick when nothing changed
	@:

run: setup ## Start the server in the foreground on ./var; targets on this machine are allowed
	@exec $(BIN)/vedette serve --allow-network 127.0.0.0/8 --allow-network ::1/128

test: setup debian-packages lint types imports ## Run everything: lint, types, import contracts, all tests
	$(BIN)/python -m pytest -n 2

fuzz: setup ## Feed parser, compiler and script reader with whatever bytes for an hour, or `make fuzz SECONDS=60`
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),3600) $(F)

fuzz-api: setup ## Try the API with made-up requests, some 12,000; FUZZ=1000 for as many of each operation
	FUZZ_EXAMPLES=$(or $(FUZZ),100) $(BIN)/python -m pytest -n 2 tests/conformance/test_fuzz.py

simulate: setup ## 20,000 simulated worlds in which everything breaks; WORLDS=100000 for as many, SHOW=7 to see one
	$(BIN)/python -m tests.simulation $(if $(SHOW),--show $(SHOW),--seeds $(or $(WORLDS),20000) --first $(or $(FIRST),0))

trace: setup ## Generate 30 days of faults: who is paged, what of it is right, and what one zone would have paged; SEED=2
	$(BIN)/python -m tests.traces --seed $(or $(SEED),1)

soak: setup ## A day of 1,000 agents in some minutes: memory must stay where it is
	$(BIN)/python -m benchmarks.soak

bench: setup ## Measure: all benchmarks, or one by `make bench B=api`
	$(BIN)/python -m benchmarks $(B)

lint: setup ## Check style and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: setup ## Check types
	$(BIN)/mypy $(CODE)

imports: setup ## Check who imports whom
	$(BIN)/lint-imports --no-cache

format: setup ## Mend style and format in place
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

docs: setup ## Write the reference pages anew from the declarations in the source
	$(BIN)/python tools/reference.py

debian-packages:
	@tools/debian_packages $(DEBIAN_PACKAGES)

lock: setup ## Write the lock files anew; with UPGRADE=1 take the newest releases
	$(COMPILE) --extra server --extra dev pyproject.toml requirements/build.in --output-file requirements/dev.lock
	$(COMPILE) --constraint requirements/dev.lock requirements/build.in --output-file requirements/build.lock

clean: ## Remove .venv and caches; ./var is kept
	rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# --no-config: the hashes must be those of what everybody's registry serves, whatever this machine is set up to use.
COMPILE = UV_CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/uv --no-config pip compile --quiet --universal \
	--python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade)

$(VENV)/.locked: requirements/build.lock requirements/dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
		"Vedette needs Python 3.11 or newer; name one by `make PYTHON=/path/to/python3.11`")'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@echo 'Installing what the lock files name into $(VENV) (about a minute the first time)'
	@$(BIN)/python -m pip install -qq --require-hashes -r requirements/build.lock
	@$(BIN)/python -m pip install -qq --require-hashes --no-build-isolation -r requirements/dev.lock
	@touch $@

$(VENV)/.installed: $(VENV)/.locked pyproject.toml src/vedette/__init__.py
	@$(BIN)/python -m pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@
