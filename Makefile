# Every command of the project; `make` or `make help` lists them.
# Only relative names below, so that a clone may lie anywhere, also under a path with a space.

PYTHON ?= python3
WORKERS ?= 2
VENV_PYTHON := .venv/bin/python
SET_UP := "$(PYTHON)" scripts/set_up.py

# Settings of another Airflow, MLflow or Python in the caller's environment are not ours.
unexport $(filter AIRFLOW% _AIRFLOW% MLFLOW% _MLFLOW% SQLALCHEMY_%,$(.VARIABLES))
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONDONTWRITEBYTECODE VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help install demo test lint format up down status lock clean

help: ## List the commands
	@echo "Nocturne. Usage: make COMMAND"
	@echo
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/\1	\2/p' Makefile | while IFS='	' read -r name text; do \
		printf '  %-9s %s\n' "$$name" "$$text"; done
	@echo
	@echo "Variables: PYTHON (3.11 to 3.13, for the first install), NOCTURNE_HOME,"
	@echo "NOCTURNE_AIRFLOW_PORT, NOCTURNE_MLFLOW_PORT, ARGS (more arguments for pytest),"
	@echo "WORKERS (processes that run tests, 2; 0 for one that shows its output)"

install: ## Make .venv with everything in it and the command .venv/bin/nocturne
	@$(SET_UP) install

demo: install ## Run two nights on real data through Airflow and MLflow, and show the result
	@$(VENV_PYTHON) -m tasks demo

test: ## Run all tests (ARGS="-k promotion" for some of them)
	@$(SET_UP) dev
	@# In the order of the folders: what starts services comes early, and no process waits for it at the end.
	$(VENV_PYTHON) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: ## Check style (ruff), types (mypy) and who imports whom (import-linter)
	@$(SET_UP) dev
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .
	$(VENV_PYTHON) -m mypy
	@# Its console script has the path of the interpreter in it, so it is called as a module.
	$(VENV_PYTHON) -c "from importlinter.cli import lint_imports_command; lint_imports_command()"

format: ## Write the code in the house style
	@$(SET_UP) dev
	$(VENV_PYTHON) -m ruff check --fix-only .
	$(VENV_PYTHON) -m ruff format .

up: install ## Start Airflow and MLflow on this machine
	@$(VENV_PYTHON) -m tasks up

down: ## Stop them
	@if [ -x $(VENV_PYTHON) ]; then $(VENV_PYTHON) -m tasks down; else echo "Nothing runs: there is no .venv."; fi

status: install ## Say what runs and where
	@$(VENV_PYTHON) -m tasks status

lock: ## Compile requirements*.in into the locks (UPGRADE=1 takes newer versions)
	@$(SET_UP) lock $(if $(UPGRADE),--upgrade)

clean: ## Remove .venv and caches; keeps nights and models in .nocturne (ALL=1 removes them too)
	@$(MAKE) --no-print-directory down || echo "The services could not be stopped; going on."
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@if [ -n "$(ALL)" ]; then rm -rf .nocturne && echo "Removed .venv, caches and .nocturne."; \
		else echo "Removed .venv and caches. Kept .nocturne with its nights, models and secrets (make clean ALL=1 removes it too)."; fi
