# Each target does its own set-up, in one virtual environment, and says so. `make help` lists the targets.

VENV ?= .venv
# Lava's own, which has other needs.
LAVA ?= .venv-lava
# More arguments for the command behind a target: make test ARGS="-n 0 -k stdp"
ARGS ?=

# An interpreter counts when it runs (a version manager leaves names on PATH that do not), is in range,
# and can make a virtual environment (Debian splits that part off).
PYTHONS := $(or $(PYTHON),python3.12 python3.11 python3.10 python3.13 python3)
VERSION := import sys; print("%d.%d" % sys.version_info[:2])
PY := $(VENV)/bin/python
INPUTS := setup.cfg pyproject.toml

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test test-all test-browser lint bench lava docs clean interpreter

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile
	@echo "Variables: VENV= (now $(VENV)), PYTHON= (the interpreter to make it with), ARGS="

demo: $(VENV)/.core ## train on real digits; a table here, figures in out/
	$(VENV)/bin/hmn-snn demo --out out $(ARGS)

test: $(VENV)/.test ## all tests but the slow ones
	$(PY) -m pytest -n logical -m "not slow" neuromorphic_tests $(ARGS)

test-all: $(VENV)/.test ## all tests
	$(PY) -m pytest -n logical neuromorphic_tests $(ARGS)

test-browser: $(VENV)/.test ## a report's page in headless Chromium; pictures in build/browser
	$(PY) -m pytest neuromorphic_tests/browser $(ARGS)

bench: $(VENV)/.test ## our engine beside Brian2 and NEST, in one run
	$(PY) benchmarks/engine.py $(ARGS)

# The types are checked on an installed wheel: only there do backends/ and models/ lie inside hmn_snn.
lint: $(VENV)/.test ## ruff, and mypy on the wheel
	$(PY) -m ruff check .
	@rm -rf build
	$(PY) -m pip wheel -q --no-deps --no-build-isolation --wheel-dir build/wheel .
	$(PY) -m pip install -q --no-deps --target build/installed build/wheel/*.whl
	cd build/installed && $(abspath $(PY)) -m mypy --config-file ../../setup.cfg --cache-dir ../../.mypy_cache -p hmn_snn

docs: $(VENV)/.docs ## the documentation, in build/docs
	$(PY) -m sphinx -W --keep-going -n -q docs build/docs $(ARGS)
	@echo "hmn-snn: open build/docs/index.html"

clean: ## remove what was built, cached and printed; the virtual environment stays
	rm -rf build dist *.egg-info out docs/generated .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

lava: $(LAVA)/.lava ## Lava's simulator of Loihi 2, in an environment of its own

$(VENV)/.core: $(INPUTS) | interpreter
	@echo "hmn-snn: installing the core into $(VENV) (once; a minute or two, about 700 MB)"
	$(PY) -m pip install --editable .
	@touch $@

$(VENV)/.test: $(INPUTS) | interpreter
	@echo "hmn-snn: installing the core and what the tests need into $(VENV) (once; a few minutes, about 1.2 GB)"
	$(PY) -m pip install --editable ".[test]"
	@touch $@ $(VENV)/.core

$(VENV)/.docs: $(INPUTS) | interpreter
	@echo "hmn-snn: installing the core and what the documentation needs into $(VENV) (once; a minute or two)"
	$(PY) -m pip install --editable ".[docs]"
	@touch $@ $(VENV)/.core

# An environment that is already there is used as it is; asking for another Python than it has is an error.
interpreter: | $(PY)
	@echo "hmn-snn: Python $$($(PY) -c '$(VERSION)') in $(VENV)"
	@test -z "$(PYTHON)" || test "$$($(PY) -c '$(VERSION)')" = "$$($(PYTHON) -c '$(VERSION)')" || \
	  { echo "hmn-snn: PYTHON=$(PYTHON) is not that; remove $(VENV), or name another folder with VENV=" >&2; exit 1; }

$(PY):
	@for python in $(PYTHONS); do \
	  version=$$("$$python" -c '$(VERSION)' 2>/dev/null) || version=; \
	  case $$version in \
	    3.10|3.11|3.12|3.13) ;; \
	    "") seen="$$seen\n  $$python: not found, or does not run"; continue ;; \
	    *) seen="$$seen\n  $$python: is Python $$version"; continue ;; \
	  esac; \
	  if "$$python" -c 'import venv, ensurepip' 2>/dev/null; then \
	    echo "hmn-snn: making the virtual environment $(VENV) with $$python ($$version)"; \
	    exec "$$python" -m venv $(VENV); \
	  fi; \
	  seen="$$seen\n  $$python: has no venv or no ensurepip module (Debian, Ubuntu: sudo apt install python$$version-venv)"; \
	done; \
	printf "hmn-snn: found no Python from 3.10 to 3.13 that can make a virtual environment:$$seen\n" >&2; \
	echo "Install one, or name one: make PYTHON=/path/to/python" >&2; exit 1

# Lava is archived: its last release wants Python 3.10. Later ones run it with backends/loihi2/lava_child/compatibility.py.
$(LAVA)/.lava:
	@for python in $(or $(PYTHON),python3.10 python3.11 python3.12 python3.13 python3); do \
	  version=$$("$$python" -c '$(VERSION)' 2>/dev/null) || continue; \
	  case $$version in 3.10|3.11|3.12|3.13) ;; *) continue ;; esac; \
	  "$$python" -c 'import venv, ensurepip' 2>/dev/null || continue; \
	  echo "hmn-snn: installing Lava into $(LAVA) with $$python ($$version; once; a minute, about 350 MB)"; \
	  "$$python" -m venv $(LAVA) || exit 1; \
	  if test $$version = 3.10; then $(LAVA)/bin/python -m pip install lava-nc==0.10.0; \
	  else $(LAVA)/bin/python -m pip install --no-deps --ignore-requires-python lava-nc==0.10.0 && \
	    $(LAVA)/bin/python -m pip install asteval networkx numpy scipy; fi || exit 1; \
	  $(LAVA)/bin/python -c 'import sys; sys.path.insert(0, "backends/loihi2/lava_child"); import network' || exit 1; \
	  touch $@; exit 0; \
	done; \
	echo "hmn-snn: found no Python from 3.10 to 3.13 that can make a virtual environment; name one: make lava PYTHON=/path" >&2; \
	exit 1
