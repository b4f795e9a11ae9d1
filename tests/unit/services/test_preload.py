"""What is imported ahead of tasks, and where."""

import importlib.util

import pytest

from tasks.services.environment import PRELOAD_FOLDER


@pytest.fixture
def preload():
    path = PRELOAD_FOLDER / "airflow_local_settings.py"
    spec = importlib.util.spec_from_file_location("preload_under_test", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["airflow", "scheduler", "--skip-serve-logs"], True),
        (["airflow", "celery", "worker", "-q", "gpu"], True),
        (["airflow", "celery", "flower"], False),
        (["airflow", "api-server"], False),
        (["airflow", "dag-processor"], False),
        (["airflow", "triggerer"], False),
        (["airflow", "dags", "trigger", "scheduler"], False),
        (["pytest"], False),
    ],
)
def test_only_parents_of_tasks_import_ahead(preload, arguments, expected):
    """The other components start as fast as ever."""
    assert preload._is_parent_of_tasks(arguments) is expected


@pytest.mark.parametrize(
    ("backend", "gpu", "expected"),
    [("tensorflow", "0", True), ("tensorflow", "1", False), ("jax", "0", False)],
)
def test_keras_is_imported_ahead_only_where_tasks_train(
    preload, monkeypatch, backend, gpu, expected
):
    """With a card, training runs in an interpreter of its own; JAX's threads do not survive a fork."""
    monkeypatch.setenv("KERAS_BACKEND", backend)
    monkeypatch.setenv("NOCTURNE_GPU", gpu)
    assert ("tensorflow" in preload._modules_to_import()) is expected


def test_no_setting_of_airflow_is_touched(preload):
    """Airflow takes every public name of the module for a setting; there is none."""
    assert preload.__all__ == []
