# Perennial. `make` alone prints what can be done here. Works with GNU make 3.81 (macOS) and newer, and any POSIX sh.
# Every target sets up .venv by itself the first time, and again when the lock file has changed.

PY      = .venv/bin/python
# Test workers: one a core, at most four; each has a database of its own, and more than four fight over the disk.
WORKERS = $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); [ "$$n" -le 4 ] || n=4; echo $$n)
# DATA=path names an order history to replay (.parquet, .csv, .csv.gz); ARGS=... is handed to pytest, or to bench.
DATA_OPTION = $(if $(DATA),--data "$(DATA)")

.DEFAULT_GOAL := help
.PHONY: help demo demo-check test check fix serve worker migrate bench bench-shopify bench-loyalty bench-referral bench-lifecycle bench-woocommerce bench-admin bench-storefront companion languages docs lock clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-18s %s\n", $$1, $$2}' Makefile

demo: .venv/.ready ## Run everything on this machine and replay real orders (DATA=path for your own)
	@$(PY) app.py demo $(DATA_OPTION)

demo-check: .venv/.ready ## The same replay at full speed, without pages; ends with one line of JSON (DATA=path)
	@$(PY) app.py demo --check $(DATA_OPTION)

test: .venv/.ready ## Run every test (ARGS="-k refund" to choose)
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup -q -ra $(ARGS)

check: .venv/.ready ## Lint, formatting, strict types, import contracts, house tests
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports
	@$(PY) -m pytest -q -ra tests/house

fix: .venv/.ready ## Format the code and repair what the linter can
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

serve: .venv/.ready ## Run the web process (settings from the environment)
	@$(PY) app.py serve

worker: .venv/.ready ## Run a worker process; start as many as you like
	@$(PY) app.py worker

migrate: .venv/.ready ## Bring the database to the newest schema
	@$(PY) app.py migrate

bench: .venv/.ready ## Measure every speed that the README claims (ARGS="settle --runs 5"; DATA=path to settle that too)
	@$(PY) -m bench $(ARGS) $(DATA_OPTION)

bench-shopify: .venv/.ready ## Read 100,000 orders in as from Shopify; ends with one line of JSON (ARGS="--orders 20000")
	@$(PY) -m bench.shopify $(ARGS)

bench-referral: .venv/.ready ## Weigh 100,000 referrals anew and look for rings; ends with one line of JSON (ARGS="--seeds 1 2")
	@$(PY) -m bench.referral $(ARGS)

bench-loyalty: .venv/.ready ## Prove a ledger of 1,000,000 entries, sell rewards, try terms, settle; ends with one line of JSON
	@$(PY) -m bench.loyalty $(ARGS)

bench-lifecycle: .venv/.ready ## Fit, score and back-test predictions; ends with one line of JSON (ARGS="--customers 100000")
	@$(PY) -m bench.lifecycle $(ARGS)

bench-woocommerce: .venv/.ready ## Sweep 10,000 changed orders, and try the door; ends with one line of JSON (ARGS=...)
	@$(PY) -m bench.woocommerce $(ARGS)

bench-admin: .venv/.ready ## Open every page of a shop with a million customers; ends with one line of JSON (ARGS="--customers 50000")
	@$(PY) -m bench.admin $(ARGS)

bench-storefront: .venv/.ready ## Time the block among a million members, weigh the shopper's pages, ask Lighthouse; ends with one line of JSON
	@$(PY) -m bench.storefront $(ARGS)

companion: .venv/.ready ## Pack the plugin for WooCommerce stores: var/perennial.zip
	@$(PY) -m plugin.companion.archive var/perennial.zip

languages: .venv/.ready ## Bring the catalogues of translations up to date (ARGS=tr begins Turkish)
	@$(PY) -m plugin.translations $(ARGS)

docs: .venv/.ready ## Check the documents, and picture every page in both directions (docs/pictures/pages; needs Chromium)
	@$(PY) -m tests.pictures
	@$(PY) -m pytest -q -ra tests/house -k docs

lock: ## Resolve requirements/*.in again into the pinned lock files (needs uv on PATH)
	@for f in runtime dev; do \
	    uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	        $(ARGS) --custom-compile-command "make lock" requirements/$$f.in -o requirements/$$f.txt || exit 1; \
	done

clean: ## Remove .venv and what the tools cached (never your data)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .benchmarks
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.ready: requirements/dev.txt requirements/setup.sh pyproject.toml
	@sh requirements/setup.sh
	@touch $@
