"""The DAG `rollback`: its form, and when it runs. What it does is in tests/integration/test_scoring.py."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.settings import Settings
from tasks.workflow import list_workflow_files

PARSE = """
import json
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.serialization.serialized_objects import DagSerialization
bag = BundleDagBag({folder!r}, bundle_path={folder!r}, bundle_name="dags-folder")
dag = bag.dags["rollback"]
form = {{name: dag.params.get_param(name).schema for name in dag.params}}
(task,) = dag.tasks
print(json.dumps({{
    "errors": bag.import_errors, "form": form, "paused": dag.is_paused_upon_creation,
    "schedule": dag.schedule, "priority": task.priority_weight, "pool": task.pool,
    "serialised": DagSerialization.to_dict(dag), "doc": dag.doc_md,
}}))
"""


@pytest.fixture(scope="module")
def parsed(run_python: Any, airflow_settings: Settings) -> Any:
    return run_python(PARSE.format(folder=str(airflow_settings.dags_dir)))


def test_the_form_asks_for_model_version_and_reason(
    parsed: Any, airflow_settings: Settings
) -> None:
    """The models are the workflows; a reason is required; an empty version means the one before."""
    assert parsed["errors"] == {}
    form = parsed["form"]
    assert list(form) == ["model", "version", "why"]
    names = [path.stem for path in list_workflow_files(airflow_settings.workflows_dir)]
    assert form["model"]["enum"] == names
    assert form["version"]["type"] == ["null", "string"]
    assert form["why"]["minLength"] == 3
    assert "nocturne rollback MODEL --why TEXT" in parsed["doc"]


def test_it_starts_at_once(parsed: Any) -> None:
    """It is not paused when it appears, waits for no schedule, and goes before what waits."""
    assert (parsed["paused"], parsed["schedule"], parsed["priority"]) == (False, None, 10_000)
    assert parsed["pool"] == "urgent"


def test_parsing_again_gives_the_same_dag(
    parsed: Any, run_python: Any, airflow_settings: Settings
) -> None:
    """Nothing changes from parse to parse."""
    folder = str(airflow_settings.dags_dir)
    again = run_python(PARSE.format(folder=folder), PYTHONHASHSEED="1")
    assert again["serialised"] == parsed["serialised"]
