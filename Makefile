# Two commands are all a newcomer needs: `make run` and `make test`. The rest is for working on the code.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# By all cores, which pip leaves idle. Some packages carry files for other Pythons, which pip passes over too.
COMPILE := $(BIN)/python -m compileall -qq -j 0 $(VENV)/lib gw_extproc || true
PB := gw_extproc/extproc/pb
ROUNDS ?= 5
MINUTES ?= 30
# Processes of tests: one more than the two cores of CI, because much of what they do is waiting.
TESTERS ?= 3
PYTEST := $(BIN)/python -m pytest -p no:xdist
# Each group of tests is a process of its own, which imports only what it needs and starts its gateways once. Those that take longest
# come first; tests/others is what is in no folder named here. What each has to say comes when it ends, where make can do that.
FOLDERS := tests/local tests/disaster tests/real tests/clients tests/telemetry tests/tools tests/session tests/inspector
MEASURED := tests/core tests/schema tests/openapi tests/test_generated.py
GROUPS := tests/others tests/measured $(FOLDERS)
AT_ONCE := --keep-going -j $(TESTERS) $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

# Otherwise each of the hundreds of processes that the tests start would compile the program again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test check format fix lint types tests $(GROUPS) long generated protos envoy-yaml openapi lock bench bench-smoke bench-peers bench-state bench-hosted bench-background bench-telemetry soak clean

run: $(VENV)/.runtime ## start Envoy, the processor and (without an upstream) the demo model
	@exec $(BIN)/gw-extproc run $(ARGS)

test: check ## all that CI checks

check: format lint ## format, lint, strict types beside tests with coverage, one of which looks at the generated files
	@$(MAKE) --no-print-directory $(AT_ONCE) types $(GROUPS)

$(VENV)/.pip: requirements-pip.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --no-deps --require-hashes -r requirements-pip.lock
	@touch $@

$(VENV)/.runtime: $(VENV)/.pip requirements.lock pyproject.toml
	@echo "installing into $(VENV) ..."
	@$(PIP) install --no-compile --no-deps --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@$(COMPILE)
	@touch $@

$(VENV)/.tools: $(VENV)/.pip requirements.lock requirements-dev.lock
	@echo "installing the development tools ..."
	@awk '/^[^ #]/ { wanted = NR == FNR ? 0 : !($$1 in other) } NR == FNR && /^[^ #]/ { other[$$1] } wanted' \
		requirements.lock requirements-dev.lock > $(VENV)/tools.lock
	@$(PIP) install --no-compile --no-deps --require-hashes -r $(VENV)/tools.lock
	@touch $@

# One pip keeps one core busy: what development needs besides is installed beside the rest.
$(VENV)/.dev: requirements-pip.lock requirements.lock requirements-dev.lock pyproject.toml
	@$(MAKE) --no-print-directory -j 2 $(VENV)/.runtime $(VENV)/.tools
	@$(COMPILE)
	@touch $@

format: $(VENV)/.dev
	@$(BIN)/ruff format --check .

lint: $(VENV)/.dev
	@$(BIN)/ruff check .

types: $(VENV)/.dev
	@$(BIN)/mypy

tests: $(VENV)/.dev ## all of them, with the coverage that core and schema must have
	@$(MAKE) --no-print-directory $(AT_ONCE) $(GROUPS)

$(FOLDERS): $(VENV)/.dev
	@$(PYTEST) $@

tests/measured: $(VENV)/.dev
	@$(PYTEST) --cov --cov-report term $(MEASURED)

tests/others: $(VENV)/.dev
	@$(PYTEST) tests $(patsubst %,--ignore=%,$(FOLDERS) $(MEASURED))

long: $(VENV)/.dev ## bursts through gateways and stores that die again and again
	@$(BIN)/python -m pytest -n 2 -m long

generated: $(VENV)/.dev ## generated files are what their sources give
	@$(BIN)/python -m tests.generated --check

fix: $(VENV)/.dev ## mend what can be mended
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

protos: $(VENV)/.dev ## regenerate the gRPC classes from protos/
	@$(BIN)/python -m tests.generated protos

envoy-yaml: $(VENV)/.dev ## regenerate envoy/envoy.yaml
	@$(BIN)/python -m tests.generated envoy-yaml

openapi: $(VENV)/.dev ## regenerate openapi.yaml and what it says of OpenAI's document
	@$(BIN)/python -m tests.generated openapi openapi-differences

lock: ## pin the newest versions (needs uv)
	echo pip | uv pip compile - --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -q -o requirements-pip.lock
	uv pip compile pyproject.toml --group build --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements.lock
	uv pip compile pyproject.toml --group build --group dev -c requirements.lock --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements-dev.lock
	uv pip compile --group bench --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements-bench.lock
	uv pip compile bench/peers/requirements.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o bench/peers/requirements.lock

bench: $(VENV)/.dev $(VENV)/bench/.ready ## ratios: plain Envoy, an echoing processor, ours in three ways; growth; workers (about 25 minutes)
	@$(BIN)/python -m bench --rounds $(ROUNDS)
	@$(VENV)/bench/bin/python bench/plot.py bench/results/panels.json bench/results/latest.png

bench-smoke: $(VENV)/.dev ## one round of the comparison, to see that it runs
	@$(BIN)/python -m bench --rounds 1 --only compare

bench-peers: $(VENV)/.dev $(VENV)/peers/.ready ## LiteLLM's proxy and ours
	@$(BIN)/python -m bench.peers --rounds $(ROUNDS) --python $(VENV)/peers/bin/python

soak: $(VENV)/.dev ## mixed traffic with disconnects and errors: memory and descriptors stay flat
	@$(BIN)/python -m bench.soak --minutes $(MINUTES)

$(VENV)/bench/.ready: requirements-bench.lock | $(VENV)/.dev
	@$(PYTHON) -m venv $(VENV)/bench
	@$(VENV)/bench/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --require-hashes -r $<
	@touch $@

$(VENV)/peers/.ready: bench/peers/requirements.lock | $(VENV)/.dev
	@$(PYTHON) -m venv $(VENV)/peers
	@$(VENV)/peers/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --require-hashes -r $<
	@touch $@

bench-state: $(VENV)/.dev ## a long chain and a long conversation beside short ones
	@$(BIN)/python -m bench.state

bench-hosted: $(VENV)/.dev ## memory of Envoy and of ours where one side of a large body is slow
	@$(BIN)/python -m bench.hosted

bench-telemetry: $(VENV)/.dev ## CPU of a token and a small request with nothing on, with metrics, with all that shows what it does
	@$(BIN)/python -m bench.telemetry --rounds $(ROUNDS) 2> $(VENV)/bench-telemetry.log

bench-background: $(VENV)/.dev ## 500 background responses on two replicas, one of which is killed half way
	@$(BIN)/python -m bench.background

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .coverage .hypothesis
