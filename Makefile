# Two commands matter: `make demo` shows the system, `make test` proves it. Each sets up what it needs.
PORT ?= 8080
BROKER ?= nats
DAYS ?= 60
PYTEST ?=
SEEDS ?= 200
FIRST ?= 0
CASES ?= 20000
BIN := .venv/bin

.PHONY: help demo compare test check fix docs lock simulate fuzz mutate bench-wire bench-agent bench-slots clean

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: ## broker, hub and three simulated sites, until Ctrl-C (PORT=8080 BROKER=nats|mosquitto DAYS=60)
	@scripts/setup demo
	@$(BIN)/python -m demo --port $(PORT) --broker $(BROKER) --days $(DAYS)

compare: ## hold the running demo's figures against what happened in the simulated villages
	@$(BIN)/python -m demo compare

test: ## every test, with real brokers, serial lines and browser
	@scripts/test-packages
	@scripts/setup dev
	@$(BIN)/python -m pytest $(PYTEST)

simulate: ## lives of a site and its hub with every kind of fault, each from one seed (SEEDS=200 FIRST=0)
	@scripts/setup dev
	@$(BIN)/python -m tests.simulation --seeds $(SEEDS) --first $(FIRST)

fuzz: ## broken and hostile input to everything that takes bytes from outside (CASES=20000 FIRST=0)
	@scripts/setup dev
	@$(BIN)/python -m tests.fuzz --cases $(CASES) --first $(FIRST)

mutate: ## break each promise on purpose and see the simulation notice
	@scripts/setup dev
	@$(BIN)/python -m scripts.mutate

check: ## style, types, architecture, schemas
	@scripts/setup dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/check-jsonschema --schemafile firmware_config/schemas/device.schema.json firmware_config/devices/*.yaml
	@$(BIN)/check-jsonschema --schemafile firmware_config/schemas/board.schema.json firmware_config/boards/*.yaml
	@$(BIN)/python scripts/sizes.py

fix: ## format, and mend what can be mended
	@scripts/setup dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: ## write docs/devices.md from the device profiles
	@scripts/setup dev
	@$(BIN)/python -m scripts.devices_page

lock: ## pin every dependency anew, with hashes and without addresses
	@scripts/setup dev
	@$(PIN) --extra edge -o locks/edge.txt
	@$(PIN) --extra hub --extra nats -o locks/hub.txt
	@$(PIN) --extra demo --group build -o locks/demo.txt
	@$(PIN) --all-extras --group dev -o locks/dev.txt

PIN = $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet --upgrade

bench-wire: ## bytes of a day on the wire, every packet counted (needs root to capture)
	@scripts/test-packages
	@scripts/setup dev
	@$(BIN)/python -m bench.wire

bench-agent: ## memory and CPU of the agent beside a 25-line script
	@scripts/test-packages
	@scripts/setup dev
	@$(BIN)/python -m bench.agent

bench-slots: ## worst delay of slot sampling beside dead, slow and garbling devices
	@scripts/setup dev
	@$(BIN)/python -m bench.slots

clean: ## forget what the commands above made
	rm -rf .venv .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
