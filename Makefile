# Every target sets up first, which takes a second once it was done. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
export PATH := $(CURDIR)/.venv/bin:$(PATH)
PY := .venv/bin/python

# The first Python that does; else any, which then says what to install.
PYTHON = $(shell for p in python3 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null && echo $$p && exit; \
	done; echo python3)

.PHONY: help setup
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | expand -t 16

setup: ## install everything that the lock files name, once
	@command -v $(PYTHON) >/dev/null || { echo "setup: Python is missing: install Python 3.11 or 3.12" >&2; exit 1; }
	@$(PYTHON) tools/setup.py
