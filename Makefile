# Pandu: every target sets up what it needs. `make help` lists them.
SHELL := /bin/bash
PYTHON ?= python3.11
PY := $(shell command -v $(PYTHON) || command -v python3)
BIN := .venv/bin
COMPILE = uv pip compile --generate-hashes --no-emit-index-url --python-version 3.11 --universal --quiet --upgrade

.DEFAULT_GOAL := help

.PHONY: help setup demo fake-telegram fake-whatsapp fake-sms model test test-browser pictures rasa-test check audit fuzz bench bench-long bench-crash bench-broadcast docs lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

.venv/runtime: requirements/runtime.txt pyproject.toml
	@test -d .venv || "$(PY)" -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev: requirements/dev.txt .venv/runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

setup: .venv/dev  ## environment in .venv with everything for development

demo: .venv/runtime  ## everything on this machine with sample data; prints the addresses
	$(BIN)/pandu demo

fake-telegram: .venv/dev  ## a Bot API of our own with phones in the browser, to chat with a running Pandu
	$(BIN)/python -m tests.fakes.start telegram

fake-whatsapp: .venv/dev  ## a WhatsApp Cloud API of our own with phones in the browser
	$(BIN)/python -m tests.fakes.start whatsapp

fake-sms: .venv/dev  ## a telephone as SMS gateway, with other phones in the browser
	$(BIN)/python -m tests.fakes.start sms

model: .venv/dev  ## retrain the understanding where its data or code has changed
	@$(BIN)/python -c "from nlu.embedded import is_current; import sys; sys.exit(not is_current())" || $(BIN)/pandu nlu train

test: .venv/dev model  ## the whole test suite, on SQLite and PostgreSQL (the pages in a browser: make test-browser)
	$(BIN)/python -m pytest --ignore tests/browser -n 2 --dist worksteal

test-browser: .venv/dev model  ## the pages in a real browser: two agents and three citizens at once (needs Debian's chromium)
	@if command -v chromium >/dev/null; then \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/browser.txt && \
		$(BIN)/python -m pytest tests/browser; \
	else \
		echo "*** THE PAGES ARE NOT TESTED IN A BROWSER: there is no chromium on this machine (apt-get install chromium) ***"; \
	fi

pictures: .venv/dev  ## the same, and what it shows goes into docs/pictures
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/browser.txt
	PICTURES=docs/pictures $(BIN)/python -m pytest tests/browser

rasa-test: .venv/dev  ## train ten intents with the real Rasa and ask it over HTTP (needs a Python 3.10; 2.7 GiB)
	@if $(BIN)/python -c "from nlu.rasa import setup; import sys; sys.exit(not setup.can_build())"; then \
		$(BIN)/pandu nlu rasa-setup && $(BIN)/python -m pytest -m rasa tests/nlu/test_rasa_live.py; \
	else \
		echo "*** RASA IS NOT TESTED: there is no Python 3.10 on this machine (docs/rasa.md says how to get one) ***"; \
	fi

check: .venv/dev  ## format, lint, types, import directions, secrets, dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m checks.secrets
	$(BIN)/python -m checks.dependencies

audit: .venv/dev  ## known vulnerabilities of what Pandu runs on (needs a network that reaches the advisory database)
	@test -x .venv/audit/bin/pip-audit || { "$(PY)" -m venv .venv/audit && .venv/audit/bin/python -m pip install --quiet --disable-pip-version-check 'pip-audit>=2.9,<3'; }
	$(BIN)/python -m checks.dependencies --strict

fuzz: .venv/dev model  ## 10,000 wild inputs to every address: no 500 (SEED=2 for others)
	$(BIN)/python -m tests.bot.fuzz 10000 $(or $(SEED),1)

bench: .venv/dev  ## measurements beside the peers, about ten minutes (docs/performance.md)
	$(BIN)/pandu bench nlu
	$(BIN)/pandu bench webhook
	$(BIN)/pandu bench turn
	$(BIN)/pandu bench memory

bench-long: .venv/dev  ## a peak hour and a database of ten million rows, about an hour
	$(BIN)/pandu bench peak
	$(BIN)/pandu bench growth

bench-crash: .venv/dev  ## kill -9 a hundred times on each database, and everything around Pandu failing
	$(BIN)/pandu bench crash --kills 100
	$(BIN)/pandu bench outages

bench-broadcast: .venv/dev  ## announcements to a million on PostgreSQL and 200,000 on SQLite, and everything killed ten times, under an hour
	PANDU_BENCH_DATABASES=postgresql $(BIN)/pandu bench broadcast --recipients 1000000 --kills 10
	PANDU_BENCH_DATABASES=sqlite $(BIN)/pandu bench broadcast --recipients 200000 --kills 10

docs: .venv/dev  ## write the reference pages (commands, intents) anew from the program
	$(BIN)/python -m tests.reference

lock:  ## refresh the hashed requirements (needs uv)
	$(COMPILE) pyproject.toml --group build -o requirements/runtime.txt
	$(COMPILE) pyproject.toml --group build --extra train --extra semantic --group dev -o requirements/dev.txt
	$(COMPILE) --group pyproject.toml:browser -o requirements/browser.txt

clean:  ## remove the environment and local data
	rm -rf .venv var
