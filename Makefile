# One word each; `make` alone lists them. Everything runs in .venv, made on first use.
#   make demo PYTHON=python3.12        another Python
#   make demo WITHOUT=bitsandbytes     leave out a package that has no wheel for this machine
PYTHON ?= python3
WITHOUT ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
PIP := $(BIN)/python -m pip install --disable-pip-version-check --progress-bar off

.DEFAULT_GOAL := help
.PHONY: help demo test stress memory lab page notebooks figures screenshots lint audit clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 20

demo: $(STAMP) ## run notebooks 00 to 06 on the shipped tiny models; figures and a table at the end
	@MKDKIT_PROFILE=$${MKDKIT_PROFILE:-tiny} $(BIN)/python -m mkdkit.pipeline.notebooks demo

# a file's tests stay together, for what they share; one thread each, or they wait for each other
test: $(STAMP) ## run every test, in as many processes as there are cores, four at most
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

stress: $(STAMP) ## the tests under fire in their long form: kills, damaged files, random texts
	@OMP_NUM_THREADS=1 $(BIN)/python tests/stress $(STRESS)

memory: $(STAMP) ## what each stage holds in memory, from 3 thousand rationales to 300 thousand
	@OMP_NUM_THREADS=1 $(BIN)/python tests/stress/memory.py 3000 30000 300000 \
		--write data/results/stress_memory.json

lab: $(STAMP) ## open JupyterLab on the notebooks
	@$(BIN)/jupyter lab --notebook-dir notebooks

page: $(STAMP) ## notebooks/demo.ipynb as a page for an audience, in the browser
	@MKDKIT_PROFILE=$${MKDKIT_PROFILE:-tiny} $(BIN)/python -m mkdkit.pipeline.notebooks page

notebooks: $(STAMP) ## run all notebooks again and store their outputs (for maintainers)
	@MKDKIT_PROFILE=tiny $(BIN)/python -m mkdkit.pipeline.notebooks refresh

figures: $(STAMP) ## draw again every figure that needs no run
	@$(BIN)/python -m mkdkit figures

screenshots: $(STAMP) ## pictures of the widgets in a browser, for the README (for maintainers)
	@MKDKIT_RUNS=$${MKDKIT_RUNS:-data/runs/refresh} $(BIN)/python -m pytest -q tests/browser/screenshots.py

lint: $(STAMP) ## style, spelling, types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/codespell
	@$(BIN)/pyright --pythonpath $(BIN)/python

audit: $(STAMP) ## known weaknesses of the pinned packages (asks a database) and of our own code
	@test -x $(VENV)/audit/bin/bandit || { $(PYTHON) -m venv $(VENV)/audit && \
	  $(VENV)/audit/bin/python -m pip install -q --disable-pip-version-check pip-audit bandit; }
	@$(VENV)/audit/bin/bandit -q -c pyproject.toml -r mkdkit
	@$(VENV)/audit/bin/pip-audit -r $(VENV)/pins.txt --no-deps --progress-spinner off

clean: ## remove .venv and what runs left (data/runs); downloads and figures stay
	rm -rf $(VENV) data/runs .pytest_cache .ruff_cache .hypothesis *.egg-info
	find mkdkit tests notebooks -name __pycache__ -o -name .ipynb_checkpoints | xargs rm -rf

# The pins have one home, environment.yml; its "-e ." is the last line below. pip writes to a log,
# and a heartbeat shows the log's last line, because torch alone can take minutes.
$(STAMP): environment.yml pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "mkdkit needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)."; \
	  echo "Name a newer one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(BIN)/python -m pip --version > /dev/null 2>&1 || { echo "making $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@sed -n 's/^ *- \([][A-Za-z0-9._-]*==[^ ]*\).*/\1/p' environment.yml > $(VENV)/pins.txt
	@for name in $(WITHOUT); do \
	  grep -v "^$$name==" $(VENV)/pins.txt > $(VENV)/pins.part; mv $(VENV)/pins.part $(VENV)/pins.txt; \
	done
	@echo "installing $$(wc -l < $(VENV)/pins.txt | tr -d ' ') pinned packages and what they need" \
	  "into $(VENV) (some minutes and GB the first time; log: $(VENV)/install.log)"
	@( s=0; while sleep 10 > /dev/null 2>&1; do s=$$((s + 10)); \
	  echo "  $$s s: $$(tail -n 1 $(VENV)/install.log | cut -c 1-70)"; done ) & beat=$$!; \
	trap "kill $$beat 2>/dev/null" EXIT; \
	{ $(PIP) -r $(VENV)/pins.txt && $(PIP) --no-deps -e . ; \
	} > $(VENV)/install.log 2>&1 || { \
	  tail -n 15 $(VENV)/install.log; \
	  echo "the installation stopped; the whole log is $(VENV)/install.log"; exit 1; }
	@touch $(STAMP)
