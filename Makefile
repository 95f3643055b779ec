# Commands for a checkout. They need only Python 3.11 or newer and make.
# uv is used if it is installed, because it is several times faster; otherwise venv and pip.

HOST ?= 127.0.0.1
PORT ?= 5000
# Number of processes for `make test`. `python -m pytest` uses one, which is faster for a few tests.
WORKERS ?= 2
# Additional arguments for `trackway serve`, pytest or the benchmarks: make test ARGS="-k batch -x"
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.installed-runtime
TESTING := $(VENV)/.installed-test
UV := $(shell command -v uv 2>/dev/null)

# A Python on the PATH may be a stub (pyenv) or too old, so each one is run to check its version.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	"$$name" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$name"; break; }; \
	done)

ifdef UV
# --seed installs pip, so that the environment still works if uv is removed from the PATH.
CREATE = $(UV) venv --seed --allow-existing --python $(or $(PYTHON),3.11) $(VENV)
INSTALL = $(UV) pip install --python $(BIN)/python
else
CREATE = $(PYTHON) -m venv $(VENV)
INSTALL = $(BIN)/python -m pip install --disable-pip-version-check
endif

.DEFAULT_GOAL := help
.PHONY: help serve test check format hold board bench bench-full bench-start bench-scaling soak lock clean

help:
	@echo "make serve          run the server on http://$(HOST):$(PORT), with its data in ./trackway-data"
	@echo "make test           run all tests on SQLite and PostgreSQL; nothing to set up"
	@echo "make check          run linter, formatter and type checker; check that generated code is up to date"
	@echo "make format         apply the fixes of the linter and the formatter"
	@echo "make board          test nine releases of MLflow's client and write COMPATIBILITY.md"
	@echo "make bench          compare with MLflow's server and FastTrackML and write BENCHMARKS.md (10 minutes)"
	@echo "make hold           try hostile clients and faults against fresh servers, write docs/hold.md (8 minutes)"
	@echo "make bench-full     the same with longer measurements (50 minutes)"
	@echo "make bench-start    measure start-up time and idle memory"
	@echo "make bench-scaling  measure larger data and more servers, write docs/scaling.md (30 minutes, 10 GB of disk)"
	@echo "make soak           apply steady load for 30 minutes and check that memory and latency do not grow"
	@echo "make lock           write constraints.txt from pyproject.toml (needs uv; ARGS=--upgrade for newer versions)"
	@echo "make clean          remove the virtual environments and all built files"
	@echo "Variables: HOST, PORT (make serve); WORKERS (make test); PYTHON; ARGS (additional arguments)"

serve: $(RUNTIME)
	-@$(BIN)/trackway ui fetch || echo "==> the web UI could not be fetched; serving without it"
	$(BIN)/trackway serve --host $(HOST) --port $(PORT) $(ARGS)

test: $(TESTING)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

check: $(TESTING)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m trackway.client_compat._generate --check
	$(BIN)/python -m trackway.client_compat.traces._generate_prices --check

format: $(TESTING)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

hold: $(TESTING)
	rm -f build/hold.jsonl; mkdir -p build
	TRACKWAY_TEST_HOLD_RESULTS=$(CURDIR)/build/hold.jsonl $(BIN)/python -m pytest tests/hold $(ARGS)
	$(BIN)/python -m tests.hold.figures build/hold.jsonl docs/hold.md

board: $(TESTING)
	$(BIN)/python -m tests.board $(ARGS)

bench: $(TESTING)
	$(BIN)/python -m benchmarks --quick $(ARGS)

bench-full: $(TESTING)
	$(BIN)/python -m benchmarks --full $(ARGS)

bench-start: $(TESTING)
	$(BIN)/python -m benchmarks --rows start,memory-idle --servers trackway --stores sqlite $(ARGS)

bench-scaling: $(TESTING)
	$(BIN)/python -m benchmarks.scaling $(ARGS)

soak: $(TESTING)
	$(BIN)/python -m benchmarks.soak $(ARGS)

# Without header and annotations, so that the file contains only versions, not the index they came from.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --extra test --output-file constraints.txt $(ARGS) pyproject.toml

clean:
	rm -rf $(VENV) .venv-board .venv-bench build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(UV)$(PYTHON)" || { echo "No Python 3.11 or newer with the venv module was found on the PATH." >&2; exit 1; }
	@echo "==> creating $(VENV) with $(or $(PYTHON),a Python that uv installs)"
	$(CREATE)

$(RUNTIME): pyproject.toml constraints.txt | $(BIN)/python
	@echo "==> installing Trackway into $(VENV)"
	$(INSTALL) -c constraints.txt -e .
	@touch $@

$(TESTING): pyproject.toml constraints.txt | $(BIN)/python
	@echo "==> installing Trackway and its test dependencies into $(VENV) (about 100 packages; a minute or two the first time)"
	$(INSTALL) -c constraints.txt -e '.[test]'
	@touch $@ $(RUNTIME)
