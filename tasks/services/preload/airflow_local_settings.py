"""Imports in the scheduler, once, what every task of a night would import for itself.

Airflow imports a module of this name from PYTHONPATH at the start of each of its processes. On
Linux the LocalExecutor forks its workers from the scheduler and they fork the tasks, with no exec
between, so a task finds in ``sys.modules`` whatever its scheduler had imported: some ten seconds
less per task. A Celery worker forks its tasks in the same way.

The trap on macOS: workers are spawned there and tasks start as fresh interpreters, so nothing is
inherited, and importing here would only make each worker start later.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import time
from pathlib import Path

# Airflow takes every public name of this module for a setting of its own.
__all__: list[str] = []

_LIBRARIES = (
    "pandas",
    "pyarrow.dataset",
    "pyarrow.parquet",
    "mlflow",
    "mlflow.artifacts",
    "mlflow.pyfunc",
    "great_expectations",
    "great_expectations.render.renderer.page_renderer",
    "great_expectations.render.view.view",
    "sklearn.cluster",
    "sklearn.datasets",
    "sklearn.decomposition",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.pipeline",
    "sklearn.tree",
    "skops.io",
    "matplotlib.pyplot",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "seaborn",
    "jinja2",
)

# Imported but never asked about devices: CUDA does not survive a fork, and where there is a card
# training runs in an interpreter of its own and imports Keras itself. JAX starts threads at its
# import, which do not survive either.
_KERAS = ("tensorflow", "keras", "mlflow.keras")


def _is_parent_of_tasks(arguments: list[str]) -> bool:
    commands = [argument for argument in arguments[1:] if not argument.startswith("-")]
    return commands[:1] == ["scheduler"] or commands[:2] == ["celery", "worker"]


def _modules_to_import() -> list[str]:
    modules = list(_LIBRARIES)
    if os.environ.get("KERAS_BACKEND") == "tensorflow" and os.environ.get("NOCTURNE_GPU") != "1":
        modules += _KERAS
    tasks = Path(__file__).resolve().parents[2]
    modules.append("tasks.night")
    modules += sorted(f"tasks.{step.parent.name}.step" for step in tasks.glob("*/step.py"))
    return modules


def _preload() -> None:
    log = logging.getLogger("tasks.services.preload")
    began = time.perf_counter()
    modules = _modules_to_import()
    n_imported = 0
    for name in modules:
        try:
            importlib.import_module(name)
            n_imported += 1
        except Exception:
            # A task that needs it will say so; the scheduler must come up.
            log.exception("cannot import %s ahead of the tasks", name)
    seconds = time.perf_counter() - began
    log.info("imported %d of %d modules in %.1f s", n_imported, len(modules), seconds)


if sys.platform == "linux" and _is_parent_of_tasks(sys.argv):
    _preload()
