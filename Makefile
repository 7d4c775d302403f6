# Two commands: `make demo` shows the main job, `make test` checks it. Both set up .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: all demo test test-all checked lint docs wheel bench clean page serve
.DEFAULT_GOAL := all

BUILT := gocnn/page/built/index.html
WEB := $(shell find web -path web/node_modules -prune -o -type f -print)

all: $(VENV)/.warm $(BUILT)

$(VENV)/.ready: pyproject.toml constraints.txt
	@echo "Setting up $(VENV), once: PyTorch and the rest are fetched and installed, some minutes in silence."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

# Kernels compiled before the first move waits for them.
$(VENV)/.warm: $(VENV)/.ready
	$(BIN)/gocnn warm-up
	touch $@

# The page, bundled by esbuild; node comes with the environment, so that the machine needs none.
page: $(BUILT)

web/node_modules/.ready: web/package-lock.json $(VENV)/.ready
	cd web && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --ignore-scripts --no-audit --no-fund --silent
	touch $@

$(BUILT): $(WEB) web/node_modules/.ready
	cd web && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent build

serve: $(VENV)/.warm $(BUILT)
	$(BIN)/python cli.py serve --open

demo: $(VENV)/.warm $(BUILT)
	$(BIN)/python cli.py demo

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# One process more than cores: what waits for a browser or another program leaves a core idle.
WORKERS = $$($(BIN)/python -c "import os; print((os.cpu_count() or 1) + 1)")
PYTEST = $(BIN)/pytest --numprocesses $(WORKERS) --dist worksteal --durations=10

# Some minutes: all but the tests that are marked as slow. The workflow on three systems runs those too.
test: checked
	$(PYTEST) -m "not slow"

test-all: checked
	$(PYTEST)

# The linters leave a core idle: beside them the kernels are compiled that the tests use.
checked: $(BUILT)
	@$(MAKE) --no-print-directory --jobs 2 lint .cache/.warm

.cache/.warm: $(VENV)/.ready
	GOCNN_CACHE=.cache $(BIN)/gocnn warm-up
	touch $@

docs: $(VENV)/.ready
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[docs]'
	$(BIN)/mkdocs build --strict
	@echo "The pages begin at site/index.html."

wheel: $(VENV)/.ready $(BUILT)
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .

bench: $(VENV)/.ready
	$(BIN)/python benchmarks/samples.py
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/optimisers.py
	$(BIN)/python benchmarks/feeding.py
	$(BIN)/python benchmarks/augment.py
	$(BIN)/python benchmarks/photographs.py
	$(BIN)/python benchmarks/latency.py

clean:
	rm -rf $(VENV) web/node_modules gocnn/page/built build dist site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache runs
