# Two commands are all a newcomer needs: `make run` and `make test`. The rest is for working on the code.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PB := gw_extproc/extproc/pb

.PHONY: run test check format fix lint types tests generated protos envoy-yaml openapi lock bench-smoke bench-state bench-hosted clean

run: $(VENV)/.runtime ## start Envoy, the processor and (without an upstream) the demo model
	@exec $(BIN)/gw-extproc run $(ARGS)

test: check ## all that CI checks

check: format lint types generated tests ## format, lint, strict types, generated files, tests with coverage

$(VENV)/.runtime: requirements.lock pyproject.toml
	@echo "installing into $(VENV) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	@echo "installing the development tools ..."
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

format: $(VENV)/.dev
	@$(BIN)/ruff format --check .

lint: $(VENV)/.dev
	@$(BIN)/ruff check .

types: $(VENV)/.dev
	@$(BIN)/mypy

tests: $(VENV)/.dev
	@$(BIN)/python -m pytest -n 2 --dist loadfile --cov --cov-report term

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

bench-smoke: $(VENV)/.dev ## ratios: plain Envoy, an echoing processor, ours
	@$(BIN)/python -m bench.smoke

bench-state: $(VENV)/.dev ## a long chain and a long conversation beside short ones
	@$(BIN)/python -m bench.state

bench-hosted: $(VENV)/.dev ## memory of Envoy and of ours where one side of a large body is slow
	@$(BIN)/python -m bench.hosted

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .coverage .hypothesis
