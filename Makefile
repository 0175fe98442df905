# The only door: `make demo` and `make test` set everything up by themselves on a machine with Python >= 3.11, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BUILD := build
# Tests that talk to real servers share two cores with them: more workers only make them wait.
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup system demo test check bench fuzz fmt lint types contracts unit conformance docs docs-check schemas-check golden chart test-k8s wheel wheel-test image-context lock clean

help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(STAMP) ## virtual environment with the locked dependencies

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"wellhead needs Python 3.11 or newer, {sys.executable} is {v.major}.{v.minor}: run make PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the locked Python packages: the first time about 350 MB and some minutes"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# RUNLEVEL=1 keeps a package from starting a service of its own. Where nothing can be installed, the test that needs it says so.
system: ## what tests need from the system's packages (squid, prometheus), where apt is there and we may
	@PATH="$$PATH:/usr/sbin:/usr/local/sbin"; \
	for each in squid:squid promtool:prometheus; do \
	  program=$${each%%:*} package=$${each#*:}; \
	  command -v $$program >/dev/null && continue; \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "installing $$package, for tests"; \
	    export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1; \
	    apt-get install -qq -y --no-install-recommends $$package >/dev/null || \
	    { apt-get update -qq && apt-get install -qq -y --no-install-recommends $$package >/dev/null; } || true; \
	  fi; \
	  command -v $$program >/dev/null || echo "$$package is not installed: its tests will fail or say so; install it, as by 'sudo apt-get install $$package'"; \
	done

demo: setup ## the main job end to end on the embedded stack; leaves build/demo/
	$(BIN)/wellhead demo --out $(BUILD)/demo

test: system lint types contracts schemas-check docs-check ## every test but those of test-k8s, real servers included, then the unit tests against the built wheel
	$(BIN)/wellhead stack fetch
	@# What fails beside others is tried once more, by itself; both outcomes stand in the log. More than a few are no coincidence.
	$(BIN)/pytest -n $(WORKERS) --dist loadfile tests || \
	{ test $$? = 1 && echo "by itself, what failed beside others:" && $(BIN)/pytest --last-failed --last-failed-no-failures none --maxfail 3 tests; }
	@$(MAKE) --no-print-directory wheel-test

check: lint types contracts schemas-check unit conformance docs-check ## what to run all day: no broker, under 5 minutes

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: setup
	$(BIN)/mypy

contracts: setup
	$(BIN)/lint-imports

schemas-check: setup
	$(BIN)/wellhead schemas check --root schemas

unit: setup ## unit tests, no broker
	$(BIN)/pytest -q -n $(WORKERS) tests/unit tests/connectors tests/fuzz tests/docs

conformance: setup ## the contract, for every source
	$(BIN)/pytest -q -n $(WORKERS) tests/conformance

docs: setup ## rewrite everything that is generated
	$(BIN)/wellhead docs build

docs-check: setup
	$(BIN)/wellhead docs check

fmt: setup ## format and mend what can be mended
	$(BIN)/ruff check --fix --quiet
	$(BIN)/ruff format

fuzz: setup ## look long for input that a parser does not bear; what it finds belongs into tests/fuzz/corpus
	WELLHEAD_FUZZ_EXAMPLES=20000 $(BIN)/pytest -q -n $(WORKERS) --timeout 3600 tests/fuzz

golden: setup ## rewrite the golden samples from what the code gives now; read the diff
	WELLHEAD_GOLDEN=write $(BIN)/pytest -q tests/connectors -k golden

bench: setup ## the benchmarks: ratios measured in one run
	$(BIN)/python -m benchmarks

wheel: setup
	rm -rf $(BUILD)/wheel
	$(BIN)/python -m hatchling build -t wheel -d $(BUILD)/wheel

wheel-test: wheel
	rm -rf $(BUILD)/wheel-venv
	$(BIN)/python -m venv --without-pip $(BUILD)/wheel-venv
	$(BIN)/python -m pip --python $(BUILD)/wheel-venv/bin/python install --quiet --disable-pip-version-check --no-deps --no-index $(BUILD)/wheel/*.whl
	@# the locked dependencies, without the editable install beside them
	$(BIN)/python -c 'import pathlib, site, sys; [p.joinpath("locked.pth").write_text(site.getsitepackages()[0]) for p in pathlib.Path("$(BUILD)/wheel-venv/lib").glob("python*/site-packages")]'
	WELLHEAD_TEST_WHEEL=1 $(BUILD)/wheel-venv/bin/python -P -m pytest -q -n $(WORKERS) tests/unit tests/connectors tests/conformance

chart: setup ## the chart: lint, every example, values that must be refused; the first time helm is built, some minutes
	$(BIN)/pytest -q -n $(WORKERS) tests/chart

test-k8s: setup ## the chart in a real Kubernetes where no container runs; the first time it is built, some 10 minutes
	$(BIN)/pytest -q tests/k8s

# Wheels for the image's Python and platform, whatever machine this is; the lock's hashes say which they are.
image-context: wheel ## what the Dockerfile needs, in build/image
	rm -rf $(BUILD)/image && mkdir -p $(BUILD)/image/wheels
	cp Dockerfile helm/image/sbom.py $(BUILD)/image
	cp $(BUILD)/wheel/*.whl $(BUILD)/image/wheels
	$(BIN)/python helm/image/runtime_lock.py > $(BUILD)/image/runtime.lock
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: \
	  --python-version 3.11 --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
	  -r $(BUILD)/image/runtime.lock -d $(BUILD)/image/wheels

lock: setup ## resolve requirements.lock anew from pyproject.toml
	$(BIN)/python -m uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --all-extras pyproject.toml -o requirements.lock

clean: ## remove everything that is built, the virtual environment included
	rm -rf $(VENV) $(BUILD) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
