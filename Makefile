# Two commands do all: `make demo` and `make test`. Everything lives in .venv; nothing else of the machine is changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests wait more than they work: on two cores four at a time take two thirds of the time of two.
PYTEST_WORKERS ?= $(shell $(PYTHON) -c "import os; print(max(4, os.cpu_count() or 1))")

COUNT ?= 100000

.PHONY: help demo dev test fuzz check bench chaos lock clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

$(VENV)/run: requirements.txt requirements-build.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked dependencies into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt -r requirements-build.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev: $(VENV)/run requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

demo: $(VENV)/run ## a signed GitHub push in, a Job run on this machine, its completion event out
	@$(BIN)/jobhook demo

dev: $(VENV)/run ## the same, kept running
	@$(BIN)/jobhook dev

test: $(VENV)/dev ## all tests
	@$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist worksteal -m "not slow"

fuzz: $(VENV)/dev ## bytes into the decoder, the providers and the whole application, COUNT inputs each (needs atheris)
	@$(BIN)/python tests/fuzz/run.py --count $(COUNT) $(TARGETS)

check: $(VENV)/dev ## ruff, mypy --strict, import-linter
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo --no-timing 2>/dev/null || $(BIN)/lint-imports

bench: $(VENV)/run ## measure beside other receivers, some twelve minutes; LONG=1 measures longer, ONLY="stub real" in part
	@$(BIN)/python -m bench.run $(if $(LONG),--long) $(if $(DOCS),--docs) $(if $(ONLY),--only $(ONLY))

chaos: $(VENV)/dev ## everything breaks, and the books balance; COUNT=1000 events by SEED=1
	@PYTHONPATH=tests $(BIN)/python -m chaos.run $(if $(filter-out file,$(origin COUNT)),--count $(COUNT)) $(if $(SEED),--seed $(SEED)) $(if $(SETTLE),--settle $(SETTLE)) $(if $(KEEP),--keep $(KEEP))

lock: ## resolve the requirements files anew (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links -c requirements.txt --group build -o requirements-build.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links -c requirements.txt pyproject.toml --group dev -o requirements-dev.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links -c requirements.txt bench/requirements.in -o bench/requirements.txt

clean: ## remove what was made
	rm -rf $(VENV) .jobhook dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache bench/out
