# Posthorse: run `make` for the list of what can be made.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# A machine-wide PYTHONDONTWRITEBYTECODE would make every start two to three times as slow.
unexport PYTHONDONTWRITEBYTECODE
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

PYTHON ?= python3
UV     ?= uv
BREAK  ?= none
SEEDS  ?= $(if $(filter none,$(BREAK)),50,200)
ARGS   ?=

BIN := .venv/bin

# One environment, two stages: a stamp per lock, named by the lock's hash, so that a changed lock installs again and an
# unchanged one costs nothing.
RUN_STAMP := .venv/.run-$(shell sha256sum requirements.txt pyproject.toml | sha256sum | cut -c1-16)
DEV_STAMP := .venv/.dev-$(shell sha256sum requirements-dev.txt pyproject.toml | sha256sum | cut -c1-16)

# Clients of others that only the whole test run needs.
CLIENTS     := tests/clients
AWS_STAMP   := .venv/.awscli-$(shell sha256sum $(CLIENTS)/awscli/requirements.txt | cut -c1-16)
NODE_STAMP  := $(CLIENTS)/node/node_modules/.made-$(shell sha256sum $(CLIENTS)/node/package-lock.json | cut -c1-16)

.PHONY: help
help: ## show this list
	@printf 'Posthorse. Two commands matter:  make run   and   make test\n\n'
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'
	@printf '\n  PYTHON=python3.12 make ...  uses another Python (3.11 or later)\n'

# --- what a user runs ---------------------------------------------------------------------------------------------

.PHONY: run
run: $(RUN_STAMP) ## install, then run a gateway with two simulated providers in front of a local mailbox (Ctrl-C stops it)
	@exec $(BIN)/posthorse serve --quickstart $(ARGS)

.PHONY: demo
demo: $(DEV_STAMP) ## 30 seconds: mail by SMTP and from boto3, a provider dies and comes back; ends with the ledger
	@exec $(BIN)/posthorse demo $(ARGS)

# --- what a developer runs ----------------------------------------------------------------------------------------

.PHONY: test
test: $(DEV_STAMP) ## everything: environment, lint, types, contracts, every test (minutes)
	@tools/debian_packages
	@$(MAKE) clients
	@$(MAKE) lint
	POSTHORSE_TESTS=all $(BIN)/python -m pytest $(ARGS)

.PHONY: quick
quick: $(DEV_STAMP) ## lint, types, unit tests, the memory spool's contract, one simulated failover (under 90 s)
	@$(MAKE) -j2 --output-sync=target lint units

.PHONY: units
units: $(DEV_STAMP) ## the tests of `make quick` alone
	$(BIN)/python -m pytest -q -m quick $(wildcard tests/unit tests/contract tests/simulation) $(ARGS)

.PHONY: lint
lint: $(DEV_STAMP) ## style, types, import contracts, the lint for ports
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python tools/lint_ports.py

.PHONY: clients
clients: $(AWS_STAMP) $(NODE_STAMP) ## install the AWS command line and the JavaScript clients that the tests drive

.PHONY: sim
sim: $(RUN_STAMP) ## the seeded world; SEEDS=50, BREAK=commit|fencing|release|budget|suppression|known-message|untaken|last-open|probe removes a safeguard
	@$(BIN)/python -m posthorse.lab.world --seeds $(SEEDS) --break $(BREAK) $(ARGS)

.PHONY: bench
bench: $(RUN_STAMP) ## measure beside Postfix on this machine and write docs/performance.md (ARGS="--only api", ARGS=--show)
	@tools/debian_packages
	@$(BIN)/python -m bench $(ARGS)

.PHONY: docs
docs: $(DEV_STAMP) ## write the generated parts of docs/ again
	@$(BIN)/python tools/generated.py

.PHONY: lock
lock: ## write requirements*.txt again, with hashes (needs uv)
	@tools/lock $(UV)

.PHONY: clean
clean: ## remove the environment and all caches
	rm -rf .venv $(CLIENTS)/node/node_modules build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment ----------------------------------------------------------------------------------------------

$(RUN_STAMP):
	@tools/make_venv $(PYTHON) requirements.txt
	@rm -f .venv/.run-* && touch $@

$(DEV_STAMP): $(RUN_STAMP)
	@tools/make_venv $(PYTHON) requirements-dev.txt
	@rm -f .venv/.dev-* && touch $@

$(AWS_STAMP): $(RUN_STAMP)
	@tools/make_clients awscli
	@rm -f .venv/.awscli-* && touch $@

$(NODE_STAMP):
	@tools/make_clients node
	@rm -f $(CLIENTS)/node/node_modules/.made-* && touch $@
