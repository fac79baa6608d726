# Every target sets up .venv first; `make help` lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
TOOLS  := .build/audit
PEERS  := .build/peers
RECORD ?= excerpt
SPEED  ?= 1
export OMP_NUM_THREADS ?= 1

.PHONY: help setup setup-dev demo demo-check test check format e2e peers bench fault install-check deb deb-check arm-check llm train audit sbom clean

help:  ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/.base: pyproject.toml requirements/base.txt requirements/uv.txt
	$(PYTHON) -c 'import sys; ok = (3, 10) <= sys.version_info < (3, 14); sys.exit(None if ok else "Python 3.10 to 3.13 is needed, this is " + sys.version.split()[0] + "\nTry: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements/uv.txt
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r requirements/base.txt
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.base requirements/dev.txt
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

setup: $(VENV)/.base  ## make .venv with what the programs need
setup-dev: $(VENV)/.dev  ## the same with what tests and checks need

demo: setup  ## broker, clinic and bedside daemon on this machine: RECORD=excerpt SPEED=1
	@$(BIN)/python -m demo run --record $(RECORD) --speed $(SPEED)

demo-check: setup  ## once round the whole circle, headless; prints one JSON object last; WORDS=1: with better words alone
	@$(BIN)/python -m demo check $(if $(WORDS),--words) $(DEMO_CHECK)

test: setup-dev  ## the tests
	$(BIN)/python -m pytest -m "not fault and not browser and not train" $(PYTEST)

check: setup-dev  ## format, lint, types, import directions, schema drift
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/wire/test_envelope.py -k committed

format: setup-dev  ## write the format and the safe fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

e2e: setup-dev  ## the clinic's pages in a real browser
	$(BIN)/python -m pytest -m browser tests/e2e $(PYTEST)

$(PEERS)/.made: $(VENV)/.base requirements/peers.txt
	$(PYTHON) -m venv $(PEERS)
	VIRTUAL_ENV=$(PEERS) $(BIN)/uv pip install --quiet --require-hashes -r requirements/peers.txt
	@touch $@

peers: $(PEERS)/.made  ## install the detectors of others that `make bench` compares with (500 MB, below .build)

bench: setup-dev  ## speed and memory, as ratios of one run, and detectors of others beside ours; BENCH=--quick for the short form
	@$(MAKE) --no-print-directory peers || echo "The detectors of others cannot be installed: the table will say so." >&2
	$(BIN)/python -m benchmarks $(BENCH)

fault: setup-dev  ## the long fault runs, and the table of docs/reliability.md; ROW=kills for one row, FAULT="--kills=N"
	$(BIN)/python -m pytest -m fault tests/fault $(if $(ROW),--row=$(ROW)) $(FAULT) $(PYTEST)

install-check:  ## both units installed in a container with its own systemd: kill, hang, full disk, upgrade, remove (root)
	@$(PYTHON) -m installed install $(INSTALL)

deb: setup  ## a Debian package of what is committed, below .build (Debian or Ubuntu)
	@$(BIN)/python -m installed package

deb-check: setup  ## that package in a container with its own systemd: install, upgrade with data, remove, purge (root)
	@$(BIN)/python -m installed package-check

arm-check: setup  ## setup, replay and demo-check on an emulated aarch64, about an hour (root)
	@$(BIN)/python -m installed arm $(ARM)

llm: setup  ## build and install the language model (about 7 minutes, needs a C++ compiler)
	$(BIN)/python -m demo llm

TASK ?= ecg-beats
train: setup-dev  ## train the beat classifier again from EDGE_DATA_DIR (installs torch and scikit-learn); TASK=ecg-front the front end, TASK=ecg-rhythm the rhythm, TASK=eeg-sleep the stages of sleep, TASK=ecg-waves the waves, TASK=ecg-diagnosis the statements on ten seconds
	$(BIN)/python -m pip install --quiet 'torch>=2.4' 'scikit-learn>=1.5'
	$(BIN)/python -m export train --data "$${EDGE_DATA_DIR:?set EDGE_DATA_DIR to the unpacked recordings}" --task $(TASK) --out .build/$(TASK) $(TRAIN)

$(TOOLS)/.made: $(VENV)/.base requirements/audit.txt
	$(PYTHON) -m venv $(TOOLS)
	VIRTUAL_ENV=$(TOOLS) $(BIN)/uv pip install --quiet --require-hashes -r requirements/audit.txt
	@touch $@

audit: $(TOOLS)/.made sbom  ## bandit, the list of parts held to its schema, known vulnerabilities (asks PyPI)
	$(TOOLS)/bin/bandit --quiet --configfile pyproject.toml --recursive biosignal edge_agent cloud_service export demo installed audit
	$(TOOLS)/bin/python -m audit validate
	$(TOOLS)/bin/python -m audit vulnerabilities requirements/base.txt

sbom:  ## write the list of parts, .build/bedside.cdx.json (needs Python alone)
	@$(PYTHON) -m audit sbom

clean:  ## remove .venv and what the demo left
	rm -rf $(VENV) .demo .build
