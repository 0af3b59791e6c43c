# What a developer and the public checks call. `make` alone lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROJECT := example
# The last complete week; with REPORT='--weeks 4' the last four.
REPORT ?=

PIP := PYTHONWARNINGS=ignore $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt
METADATA := setup.py settings.ini pyproject.toml constraints.txt

.PHONY: help setup report test check docs lab studies notebooks lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.dev  ## create the environment for development from the lock

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is $$($(PYTHON) --version 2>&1); Python 3.11 or newer is needed."; \
	  echo "Name another one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 2; }
	@echo "Creating $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv $(VENV)

# What a report needs; a development environment has it too.
$(VENV)/.run: $(METADATA) | $(BIN)/python
	@echo "Installing the library from the lock (two minutes or so, once) ..."
	@$(PIP) setuptools
	@$(PIP) --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(METADATA) | $(BIN)/python
	@echo "Installing the development environment from the lock (two or three minutes, once) ..."
	@$(PIP) setuptools
	@$(PIP) --no-build-isolation -e '.[dev]'
	@touch $(VENV)/.run $@

report: $(VENV)/.run  ## build the simulated example and its weekly scorecard
	@test -f $(PROJECT)/contact_kpis.toml || $(BIN)/contact-kpis simulate small --to $(PROJECT)
	@$(BIN)/contact-kpis report weekly_scorecard --data $(PROJECT) --runs runs $(REPORT)
	@echo "Open runs/index.html in a browser."

# The documentation before pytest: the log ends with pytest's closing line.
test: check docs  ## all checks, the documentation, every lesson and test (under 15 minutes)
	@$(BIN)/python -m pytest -n 2

check: setup  ## format, lint, types, import order, notebooks clean and in step with the library
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python tools/notebooks.py check

docs: setup  ## the documentation site in site/
	@$(BIN)/python tools/docs.py
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "The documentation is in site/index.html."

lab: setup  ## JupyterLab on the notebooks
	@$(BIN)/jupyter lab --notebook-dir .

notebooks: setup  ## after editing: format and clean the notebooks, write the library and README from them
	@$(BIN)/python tools/notebooks.py write

studies: setup  ## the long simulations (hours); each writes studies/NAME.json
	@for study in studies/*.py; do \
	  if [ -f "$$study" ]; then echo "$$study"; $(BIN)/python "$$study" || exit 1; \
	  else echo "There are no studies yet."; fi; done

lock: $(BIN)/python  ## solve constraints.txt again from settings.ini
	@$(BIN)/python -m pip install --quiet uv
	@sed -n '/^#/p' constraints.txt > constraints.head
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras \
	  --no-annotate --no-header pyproject.toml -o constraints.body
	@cat constraints.head constraints.body > constraints.txt
	@rm constraints.head constraints.body

clean:  ## remove the environment, builds, caches, the site and the example
	@rm -rf $(VENV) build dist *.egg-info site _docs $(PROJECT) .cache .hypothesis \
	  .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
