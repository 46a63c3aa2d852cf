# `make` alone says what there is.
.DEFAULT_GOAL := help
.PHONY: package deploy diff destroy cloud cloud-down test-package check-template e2e bench bench-coldstart openapi examples browser-test schemathesis help run token test check format clean prove prove-short prove-mutations

PYTHON ?= python3
VENV := .venv
IN_VENV := $(VENV)/bin/python
INSTALLED := $(VENV)/installed
export CHROMIUM ?= /usr/bin/chromium
export SCHEMATHESIS := .venv-schema/bin/schemathesis

# For `make run`; given before or after it.
PORT ?= 8000
HOLD_MINUTES ?= 30
SWEEP_SECONDS ?= 60
AUTH_MODE ?= mock
run: export PORT := $(PORT)
run: export HOLD_MINUTES := $(HOLD_MINUTES)
run: export SWEEP_SECONDS := $(SWEEP_SECONDS)
run: export AUTH_MODE := $(AUTH_MODE)

# For `make token`.
ROLE ?= client
ID ?= alice

# For `make package`, `deploy`, `diff` and `destroy`: which stack. Whatever runs here is the local stage all the same.
STAGE ?= dev
unexport STAGE
CLOUD := .venv-cloud/installed
CHECKS := .venv-checks/installed
BENCH := .venv-bench/installed .bench/installed .bench/postgresql

help: ## This list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name does; do printf '  make %-15s %s\n' "$$name" "$$does"; done

run: $(INSTALLED) ## Serve it here, nothing else needed (PORT=8000 HOLD_MINUTES=30 SWEEP_SECONDS=60 AUTH_MODE=mock)
	@$(IN_VENV) -m local

token: $(INSTALLED) ## A token for `make run AUTH_MODE=jwt`, and nothing else (ROLE=client ID=alice PORT=8000)
	@AUTH_MODE=mock $(IN_VENV) -m local.issuer 'http://127.0.0.1:$(PORT)' '$(ROLE)' '$(ID)'

test: $(INSTALLED) ## The unit, API and local tests, with their coverage of chalicelib
	@$(IN_VENV) -m pytest --numprocesses auto --cov --cov-report=term

check: $(INSTALLED) ## Lint, format and types, changing nothing
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

format: $(INSTALLED) ## Format the code, and mend what the linter can
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

openapi: $(INSTALLED) ## Write docs/openapi.json from the code
	@$(IN_VENV) -m local.openapi

examples: $(INSTALLED) ## Make the examples of the OpenAPI document anew, from a real run
	@$(IN_VENV) -m tests.examples >/dev/null
	@$(IN_VENV) -m local.openapi

browser-test: $(INSTALLED) $(CHROMIUM) ## The page at /docs in headless Chromium (PICTURES= keeps its screenshots)
	@$(IN_VENV) -m pytest tests/browser --force-enable-socket

schemathesis: $(INSTALLED) $(SCHEMATHESIS) ## The API against its own OpenAPI document, for a minute (SEED=1)
	@$(IN_VENV) -m tests.schema.run

package: $(INSTALLED) ## What is deployed, into dist/: the template and the zip (STAGE=dev)
	@$(IN_VENV) -m infra.package '$(STAGE)'

deploy: $(INSTALLED) ## Deploy it to AWS (STAGE=dev, the first time with JWT_ISSUER= JWT_AUDIENCE=; docs/operations.md)
	@$(IN_VENV) -m infra.stack deploy '$(STAGE)'

diff: $(INSTALLED) ## What a deploy would change (STAGE=dev)
	@$(IN_VENV) -m infra.stack diff '$(STAGE)'

destroy: $(INSTALLED) ## Take the stack away, its table too (STAGE=dev)
	@$(IN_VENV) -m infra.stack destroy '$(STAGE)'

cloud: $(INSTALLED) $(CLOUD) ## The same stack on this machine, on ministack (CLOUD_PORT=4566)
	@$(IN_VENV) -m infra.cloud up

cloud-down: $(INSTALLED) ## End it
	@$(IN_VENV) -m infra.cloud down

# Not with the conftest of the other tests, whose Moto would answer. In order: what takes a minute is begun first and
# looked at last. Whatever comes of it, the emulator ends.
e2e: $(INSTALLED) $(CLOUD) ## The deployed stack, tested over HTTP on an emulator of its own
	@$(IN_VENV) -m pytest tests/e2e --confcutdir=tests/e2e -p no:randomly --allow-hosts=127.0.0.1; code=$$?; \
		$(IN_VENV) -m infra.cloud down e2e; exit $$code

test-package: $(INSTALLED) ## The zip, alone
	@$(IN_VENV) -m pytest tests/package

check-template: $(INSTALLED) $(CHECKS) ## cfn-lint, checkov and the size of the zip of prod
	@$(IN_VENV) -m infra.package prod
	@.venv-checks/bin/cfn-lint dist/prod/template.json
	@.venv-checks/bin/checkov --skip-download --quiet --compact --framework cloudformation --file dist/prod/template.json

bench: $(BENCH) ## Measure it, beside the usual ways, and rewrite docs/benchmarks.md (PARTS= for some)
	@.venv-bench/bin/python -m bench $(PARTS)

bench-coldstart: $(INSTALLED) ## Import and first request of the packaged zip, beside a bare Chalice app
	@$(IN_VENV) -m bench.coldstart

prove: $(INSTALLED) ## Try to break it in simulation, and shorten what does (OPS=3000, SEED= to rerun one)
	@$(IN_VENV) -m tests.simulation --ops '$(or $(OPS),3000)' $(if $(SEED),--seed '$(SEED)')

prove-short: $(INSTALLED) ## A minute of it with a fixed seed, the tests of its auditor, the properties
	@$(IN_VENV) -m pytest tests/simulation

prove-mutations: $(INSTALLED) ## Drop each clause of each condition: does the simulation notice?
	@$(IN_VENV) -m tests.simulation.mutations

clean: ## Remove what was made here, the environment too
	@rm -rf $(VENV) .venv-schema .venv-cloud .venv-checks .venv-bench .bench .cloud dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache build .chalice/deployments
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Made once, and again when the requirements change: the file is written last, so half an environment does not count.
$(INSTALLED): requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo 'holdfast: needs Python 3.11 or newer; name one with PYTHON=' >&2; exit 1; }
	@echo 'holdfast: installing into $(VENV), once'
	@$(PYTHON) -m venv $(VENV)
	@$(IN_VENV) -m pip install --quiet --quiet --disable-pip-version-check --requirement requirements-dev.txt
	@touch $@

$(CHROMIUM):
	@echo 'holdfast: installing chromium, once'
	@apt-get update --quiet=2 && DEBIAN_FRONTEND=noninteractive \
		apt-get install --quiet=2 --yes --no-install-recommends chromium fonts-dejavu-core >/dev/null

# The package would start a cluster of its own, which nobody asked for.
.bench/postgresql:
	@mkdir -p .bench
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { \
		echo 'holdfast: installing postgresql, once'; \
		mkdir -p /etc/postgresql-common; \
		[ -e /etc/postgresql-common/createcluster.conf ] \
			|| echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf; \
		apt-get update --quiet=2 && DEBIAN_FRONTEND=noninteractive \
			apt-get install --quiet=2 --yes --no-install-recommends postgresql >/dev/null; }
	@touch $@

.bench/installed: bench/package.json bench/package-lock.json
	@echo 'holdfast: installing into .bench, once'
	@command -v npm >/dev/null || { apt-get update --quiet=2 && DEBIAN_FRONTEND=noninteractive \
		apt-get install --quiet=2 --yes --no-install-recommends nodejs npm >/dev/null; }
	@mkdir -p .bench && cp bench/package.json bench/package-lock.json .bench/
	@npm ci --prefix .bench --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

$(SCHEMATHESIS): tests/schema/requirements.txt
	@echo 'holdfast: installing into .venv-schema, once'
	@$(PYTHON) -m venv .venv-schema
	@.venv-schema/bin/python -m pip install --quiet --quiet --disable-pip-version-check --requirement $<
	@touch $@

.venv-%/installed: requirements/%.txt
	@echo 'holdfast: installing into .venv-$*, once'
	@$(PYTHON) -m venv --clear .venv-$*
	@.venv-$*/bin/python -m pip install --quiet --quiet --disable-pip-version-check --requirement $<
	@touch $@
