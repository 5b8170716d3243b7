# Every target sets up first, which takes a moment once it was done. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
export PATH := $(CURDIR)/.venv/bin:$(PATH)
PY := .venv/bin/python
# Where it is set, each of many short processes compiles all of our modules anew.
unexport PYTHONDONTWRITEBYTECODE
# Of what is installed eth-hash would take what needs fifteen times as long.
export ETH_HASH_BACKEND := pysha3
# Compilers use one core each.
MAKEFLAGS += --jobs=2
# How many random calls the invariants must see in all, in `make test` and in `make fuzz`.
FUZZ_CALLS ?= 320000
DEEP_FUZZ_CALLS ?= 3200000
# Each of pytest's workers has a chain of its own; the tests of one file stay together. One more than there are
# cores: a third of the time a test waits for its chain.
WORKERS ?= 3
PYTEST = $(PY) -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

# The first Python that does; else any, which then says what to install.
PYTHON = $(shell for p in python3 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null && echo $$p && exit; \
	done; echo python3)

.PHONY: help setup build built-by-forge built-by-brownie demo test test-ganache check lint format fuzz mutants coverage bench market snapshot snapshot-update slither lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | expand -t 18

setup: ## install everything that the lock files name, once
	@command -v $(PYTHON) >/dev/null || { echo "setup: Python is missing: install Python 3.11 or 3.12" >&2; exit 1; }
	@$(PYTHON) tools/setup.py

demo: setup ## a local chain, six brands, real customers: points that are owned and traded
	@$(PY) -m troc demo

build: built-by-forge built-by-brownie ## what both compile of the contracts, side by side

built-by-forge: setup
	@forge build --quiet

# It says nothing of what it does, but for its name and that it is done.
built-by-brownie: setup
	@brownie compile > /dev/null

test: build ## everything: random calls in forge, then pytest on Anvil
	@$(PY) tools/fuzz.py --calls $(FUZZ_CALLS)
	@$(PYTEST)

test-ganache: setup ## the same suite of pytest on Ganache, but for what needs Prague
	@$(PYTEST) --network ganache -m "not prague" --ignore tests/house --ignore tests/benchmarks

check: setup lint ## the fast loop: lint, types, and the unit tests of what was touched
	@$(PY) tools/check.py

lint: setup ## style, types, formatting, and what must never stand in the tree
	@ruff check --quiet .
	@ruff format --quiet --check .
	@mypy --no-error-summary
	@forge fmt --check contracts interfaces benchmarks/contracts tests/fuzz
	@$(PY) tools/tree.py

format: setup ## mend what `make lint` says about formatting
	@ruff check --quiet --fix .
	@ruff format --quiet .
	@forge fmt contracts interfaces benchmarks/contracts tests/fuzz

fuzz: setup ## ten times the random calls of `make test`, of the examples of the Python models, of services killed
	@FOUNDRY_PROFILE=deep $(PY) tools/fuzz.py --calls $(DEEP_FUZZ_CALLS)
	@$(PYTEST) tests/stateful --hypothesis-profile=deep
	@TROC_KILLS=30 $(PYTEST) tests/client/attention/test_signing_killed.py

mutants: setup ## take each defence out of the contracts, and see that its tests fail
	@$(PY) tools/mutants.py

coverage: setup ## lines and branches of the contracts: all of them by forge; by pytest beside it
	@$(PY) tools/coverage.py

bench: setup ## gas beside the peers: benchmarks/gas.json and a table
	@$(PY) -m benchmarks

market: setup ## a year of trade among a real grocer's customers: benchmarks/market.md
	@$(PY) -m benchmarks.market

snapshot: setup ## no gas figure that is committed in snapshots/ has grown by more than 1 %
	@$(PY) -m benchmarks --check

snapshot-update: setup ## commit to the figures of now
	@$(PY) -m benchmarks --accept

slither: ## static analysis of the contracts; what is found there has a reason in tools/slither.py
	@$(PYTHON) tools/setup.py --analysis
	@$(PY) tools/slither.py

lock: setup ## write every lock file anew
	@$(PY) tools/lock.py

clean: ## delete builds, reports and caches; .venv, node_modules and .env stay
	@rm -rf build out cache cache_fuzz reports lcov.info .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
	@find . -name __pycache__ -not -path './.venv*' -not -path './node_modules/*' -prune -exec rm -rf {} +
