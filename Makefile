# Every target makes .venv by itself: `make run` and `make test` are all a newcomer needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

PEERS := .venv-peers
FAST_STAMP := $(VENV)/.installed-fast
PEERS_STAMP := $(PEERS)/.installed

# A product is five processes: where each compiles all of it anew, a start takes a third longer.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test check conformance bench soak clean help

help:
	@echo "make run     start an emulated rack, its controller, the API and the console"
	@echo "make test    run the test suite          make check   ruff, mypy strict, import-linter"
	@echo "make bench   measure (ONLY=a,b)          make soak    what takes longer"
	@echo "make conformance   DMTF's validators on emulated devices and on our own service"

.venv: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Rackwright needs Python 3.11 or newer as '$(PYTHON)': install python3, or run make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "Python's venv module is missing: run 'apt-get install python3-venv'"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: $(STAMP)
	@exec $(BIN)/rackwright up $(ARGS)

test: $(STAMP)
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not soak" $(ARGS)

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Validators pin other versions than we do: they live in an environment of their own.
$(PEERS_STAMP): requirements-peers.lock
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-peers.lock
	@touch $@

conformance: $(STAMP) $(PEERS_STAMP)
	$(BIN)/python -m pytest -m soak -rs -s tests/conformance tests/peers $(ARGS)

# What only measurements need: compiled loops of the plant (extra `fast`).
$(FAST_STAMP): requirements-fast.lock $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-fast.lock
	@touch $@

bench: $(STAMP) $(FAST_STAMP)
	$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY))

soak: $(STAMP)
	$(BIN)/python -m pytest -m soak $(ARGS)

clean:
	rm -rf $(VENV) $(PEERS) build dist *.egg-info
