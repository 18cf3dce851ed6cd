# Yurt. `make help` lists what there is.
PYTHON ?= python3
# Another Python gets an environment of its own: make run PYTHON=python3.12
VENV ?= .venv$(if $(filter-out python3,$(PYTHON)),-$(notdir $(PYTHON)))
BIN := $(VENV)/bin
CODE := portal apps demo scripts scripts/services benchmarks tests manage.py
.DEFAULT_GOAL := help
.PHONY: help run test suite lint format types checks services bench messages shell soak environment install-services

help:  ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run:  ## Run the portal: with demo mail, or as the site that .env describes (PORT, HOST, TLS=1)
	@$(PYTHON) scripts/run.py $(VENV)

test: environment install-services lint types checks suite  ## Everything CI runs: linters, types, checks, all tests

suite: environment  ## The tests alone: all, and drawn ones with apps absent and on MariaDB (ARGS="-k name" for pytest)
	@$(BIN)/python -m scripts.messages compile
	@$(BIN)/python -m scripts.suite $(ARGS)

lint: environment  ## Formatting, linters, import contracts, templates, style sheets, scripts
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/djlint --lint --quiet templates portal apps
	$(BIN)/python -m scripts.checks.templates
	$(BIN)/lint-imports

format: environment  ## Let ruff format and fix the code
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

types: environment  ## mypy --strict
	$(BIN)/mypy

checks: environment  ## Django's deployment checks, migrations, message catalogues
	$(BIN)/python -m scripts.messages check
	$(BIN)/python -m scripts.messages compile
	$(BIN)/python -m scripts.checks.deployment

services:  ## Start Dovecot, Exim, MariaDB and Redis for development (scripts/services down stops them)
	@scripts/services up

bench: environment  ## Time what people do beside bare IMAP; a whole run is kept in docs/evidence/ (ARGS="--quick", --help)
	@$(BIN)/python -m benchmarks $(ARGS)

messages: environment  ## Bring the message catalogues up to date with the source, and compile them
	@$(BIN)/python -m scripts.messages update
	@$(BIN)/python -m scripts.messages compile

shell:  ## Django's shell in the local site
	@$(PYTHON) scripts/run.py $(VENV) shell

soak: environment  ## The long proofs in full, kept in docs/evidence/; then the suite whole (PROOFS="deeds killed import": those alone)
	@$(BIN)/python -m scripts.soak $(PROOFS)
	@test -n "$(PROOFS)" || $(BIN)/python -m scripts.suite --whole

environment:
	@$(PYTHON) scripts/environment.py $(VENV)

install-services:
	@scripts/services install || test "$$CI" != true
