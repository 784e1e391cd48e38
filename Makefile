# `make run` is all a reader needs; `make help` lists the rest. Works with GNU make 3.81 and later.

# The first that is new enough; `make run PYTHON=…` names another.
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,\
  $(shell $(name) -c "import sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null && echo $(name))) python3)
# PyTorch's own index of CPU builds: 0.2 GB instead of the several of the CUDA build that Linux
# gets otherwise. A mirror of it will do; where neither answers, pip goes on without.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
FULL := $(VENV)/.full
DEV := $(VENV)/.dev
EVAL := $(VENV)/.eval

# A virtual environment is made anew when Python cannot run in it, when an installation in it was
# broken off (.unfinished), or when the folder was moved (.home): its scripts hold absolute paths.
SOUND := $(shell $(BIN)/python -c "import pip" 2>/dev/null && test ! -e $(VENV)/.unfinished \
  && { test ! -e $(VENV)/.home || test "$$(cat $(VENV)/.home)" = "$$(pwd)"; } && echo yes)
# LIGHT=1 is content with a full install where there is one.
INSTALLED := $(if $(LIGHT),$(firstword $(if $(SOUND),$(wildcard $(FULL))) $(VENV)/.light),$(FULL))

.DEFAULT_GOAL := help
.PHONY: help install run test check eval gate screenshots sizes clean remake

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' Makefile
	@echo "  LIGHT=1 with install, run or eval leaves out PyTorch and sentence-transformers."

install: $(INSTALLED)  ## make .venv with the command mentor in it
	@echo "Mentor is installed: $(BIN)/mentor --help"

run: $(INSTALLED)  ## install, index the essays, open the chat (make run LIGHT=1: the small way)
	@$(BIN)/mentor serve

test: $(DEV)  ## install, run every test, also those in a real browser
	@$(BROWSER) \
	if test -n "$$without"; then echo "$$without"; $(BIN)/python -m pytest -m "not browser"; \
	else $(BIN)/python -m pytest; fi; \
	status=$$?; test -z "$$without" || echo "$$without"; exit $$status

check: $(DEV)  ## lint, format, types, direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

eval: $(EVAL)  ## put the golden questions, print the figures, write the report into .eval/
	@$(BIN)/python -m eval run --out .eval

gate: $(EVAL)  ## fail where answers to the dev questions got worse, by more than chance
	@$(BIN)/python -m eval run --split dev --gate eval/baseline.json

screenshots: $(DEV)  ## draw the pictures in docs/ anew, in a real browser
	@$(BIN)/python -m tests.screenshots

sizes: $(DEV)  ## advice on long functions; never a failure
	@$(BIN)/ruff check --select C901,PLR0911,PLR0912,PLR0913,PLR0915 --exit-zero .

clean:  ## remove what was installed and what tools left behind; the index stays
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find rag ui eval tests training -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- installing: each stamp is written last, so what was broken off is done again ----

$(FULL): pyproject.toml $(if $(SOUND),,remake)
	@$(call space,2500)
	@echo "Installing Mentor into $(VENV): about 2 GB, some minutes the first time."
	@touch $(VENV)/.unfinished
	@$(PIP) install --no-deps --retries 1 --timeout 10 --extra-index-url $(TORCH_INDEX) \
	  "$$($(call needs,torch))" || $(FAILED)
	@$(PIP) install -e . || $(FAILED)
	@$(call stamp,$(FULL))

$(VENV)/.light: pyproject.toml $(if $(SOUND),,remake)
	@$(call space,1200)
	@echo "Installing Mentor into $(VENV), the small way: about 0.8 GB, a minute or two."
	@touch $(VENV)/.unfinished
	@$(call needs,) > $(VENV)/light.txt
	@$(PIP) install -r $(VENV)/light.txt || $(FAILED)
	@$(PIP) install --no-deps -e . || $(FAILED)
	@$(call stamp,$(VENV)/.light)

$(DEV): $(FULL)
	@touch $(VENV)/.unfinished
	@$(PIP) install -e ".[dev]" || $(FAILED)
	@$(call stamp,$(DEV))

$(EVAL): $(INSTALLED)
	@$(BIN)/python -c 'import tomllib; \
	  print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["eval"], sep="\n")' \
	  > $(VENV)/eval.txt
	@$(PIP) install -r $(VENV)/eval.txt || $(FAILED)
	@touch $@

remake:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null || { \
	  echo "Mentor needs Python 3.11 or newer; $(PYTHON) is: $$($(PYTHON) --version 2>&1 | head -n 1)"; \
	  echo "Install a newer one, or name it: make run PYTHON=/path/to/python3"; exit 1; }
	@rm -rf $(VENV) && mkdir $(VENV) && touch $(VENV)/.unfinished
	@$(PYTHON) -m venv $(VENV) >$(VENV)/.log 2>&1 || { \
	  $(PYTHON) -m venv --without-pip $(VENV) && $(PYTHON) -m pip --python $(BIN)/python install pip; \
	} >>$(VENV)/.log 2>&1 || { cat $(VENV)/.log; \
	  echo "No virtual environment can be made. On Debian or Ubuntu: apt-get install python3-venv"; \
	  exit 1; }

# $(call needs,torch): the dependency that begins so; $(call needs,): all but the two large ones.
needs = $(BIN)/python -c 'import sys, tomllib; \
  needs = tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"]; \
  large = "torch", "sentence-transformers"; \
  print(*(n for n in needs if ("$1" and n.startswith("$1")) or not ("$1" or n.startswith(large))))' \
  | tr ' ' '\n'
space = test "$$(df -Pk . | awk 'NR == 2 {print int($$4 / 1024)}')" -ge $1 || { \
  echo "This needs $1 MB of free disk, and there are fewer (df -h .)."; exit 1; }
stamp = pwd > $(VENV)/.home && rm -f $(VENV)/.unfinished && touch $1
FAILED = { echo; echo "The installation stopped; the lines above say why (no network? a full disk?)."; \
  echo "Give the same command again when that is mended."; exit 1; }

# Leaves $without empty when Chromium and its driver are here, else says how to get them.
BROWSER = without=; found() { test -x /usr/bin/chromium && test -x /usr/bin/chromedriver; }; \
  if ! found && command -v apt-get >/dev/null && test "$$(id -u)" = 0; then \
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y chromium chromium-driver; fi; \
  found || without="Left out: the browser tests. They need Chromium and its driver (Debian: apt-get install chromium chromium-driver)."; 
