# Everything a checkout needs, with Python 3.11 or newer, make, and nothing else installed.
# uv is used where it is found, because it is several times faster; else venv and pip.

HOST ?= 127.0.0.1
PORT ?= 5000
# Processes that run tests. `python -m pytest` by itself uses one, which is quicker for a few tests.
WORKERS ?= 2
# More words for `trackway serve`, `pytest` and the benchmark: make test ARGS="-k batch -x"
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.installed-runtime
TESTING := $(VENV)/.installed-test
UV := $(shell command -v uv 2>/dev/null)

# A name on the PATH may be a stub (pyenv) or too old: each is asked before it is taken.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	"$$name" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$name"; break; }; \
	done)

ifdef UV
# --seed: the environment has pip of its own, so it still serves when uv is gone from the PATH.
CREATE = $(UV) venv --seed --allow-existing --python $(or $(PYTHON),3.11) $(VENV)
INSTALL = $(UV) pip install --python $(BIN)/python
else
CREATE = $(PYTHON) -m venv $(VENV)
INSTALL = $(BIN)/python -m pip install --disable-pip-version-check
endif

.DEFAULT_GOAL := help
.PHONY: help serve test check format board bench bench-full bench-start bench-scaling soak lock clean

help:
	@echo "make serve        run the server on http://$(HOST):$(PORT), data in ./trackway-data"
	@echo "make test         run every test (SQLite and PostgreSQL; nothing to set up)"
	@echo "make check        linter, formatter, type checker, generated code"
	@echo "make format       let the linter and the formatter change the files"
	@echo "make board        run nine releases of the client and write COMPATIBILITY.md"
	@echo "make bench        measure beside MLflow and FastTrackML, write BENCHMARKS.md (ten minutes)"
	@echo "make bench-full   the same at full length (50 minutes)"
	@echo "make bench-start  print start-up times and idle memory"
	@echo "make bench-scaling  what grows with what, into docs/scaling.md (half an hour, 10 GB of disk)"
	@echo "make soak         30 minutes of steady load: do memory and latency stay flat?"
	@echo "make lock         write constraints.txt after pyproject.toml (needs uv; ARGS=--upgrade for newer versions)"
	@echo "make clean        remove the environment and everything built"

serve: $(RUNTIME)
	-@$(BIN)/trackway ui fetch || echo "==> serving without the web UI"
	$(BIN)/trackway serve --host $(HOST) --port $(PORT) $(ARGS)

test: $(TESTING)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

check: $(TESTING)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m trackway.client_compat._generate --check

format: $(TESTING)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

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

# No header and no annotations: the file holds versions, not the address they came from.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --extra test --output-file constraints.txt $(ARGS) pyproject.toml

clean:
	rm -rf $(VENV) .venv-board .venv-bench build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(UV)$(PYTHON)" || { echo "Trackway needs Python 3.11 or newer with its venv module; none is on the PATH." >&2; exit 1; }
	@echo "==> making $(VENV) with $(or $(PYTHON),a Python that uv brings)"
	$(CREATE)

$(RUNTIME): pyproject.toml constraints.txt | $(BIN)/python
	@echo "==> installing Trackway into $(VENV)"
	$(INSTALL) -c constraints.txt -e .
	@touch $@

$(TESTING): pyproject.toml constraints.txt | $(BIN)/python
	@echo "==> installing Trackway and what its tests need into $(VENV) (some 100 packages, a minute or two the first time)"
	$(INSTALL) -c constraints.txt -e '.[test]'
	@touch $@ $(RUNTIME)
