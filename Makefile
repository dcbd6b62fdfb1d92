# Two commands are all a newcomer needs: `make run` and `make test`. The rest is for working on the code.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PB := gw_extproc/extproc/pb
ROUNDS ?= 5
MINUTES ?= 30

.PHONY: run test check format fix lint types tests long generated protos envoy-yaml openapi lock bench bench-smoke bench-peers bench-state bench-hosted bench-background bench-telemetry soak clean

run: $(VENV)/.runtime ## start Envoy, the processor and (without an upstream) the demo model
	@exec $(BIN)/gw-extproc run $(ARGS)

test: check ## all that CI checks

check: format lint types generated tests ## format, lint, strict types, generated files, tests with coverage

$(VENV)/.runtime: requirements.lock pyproject.toml
	@echo "installing into $(VENV) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --no-deps --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q gw_extproc # as pip does with what it installs: the first start need not
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	@echo "installing the development tools ..."
	@$(PIP) install --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

format: $(VENV)/.dev
	@$(BIN)/ruff format --check .

lint: $(VENV)/.dev
	@$(BIN)/ruff check .

types: $(VENV)/.dev
	@$(BIN)/mypy

tests: $(VENV)/.dev
	@$(BIN)/python -m pytest -n 2 --dist loadfile --cov --cov-report term

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
