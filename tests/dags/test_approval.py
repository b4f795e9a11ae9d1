"""The DAG `approval`, and what a night does when a person has the last word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests_support import write_flowers

from tasks.settings import Settings

PARSE = """
import json
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.serialization.serialized_objects import DagSerialization
bag = BundleDagBag({folder!r}, bundle_path={folder!r}, bundle_name="dags-folder")
read = {{n: DagSerialization.from_dict(DagSerialization.to_dict(d)) for n, d in bag.dags.items()}}
assert bag.import_errors == {{}}, bag.import_errors
print(json.dumps({{
    name: {{
        "downstream": {{t.task_id: sorted(t.downstream_task_ids) for t in dag.tasks}},
        "params": sorted(dag.params), "max_active_runs": dag.max_active_runs,
        "is_paused": dag.is_paused_upon_creation, "schedule": type(dag.timetable).__name__,
        "starts_on": [key.name for key, _ in read[name].timetable.asset_condition.iter_assets()],
        "outlets": {{t.task_id: [o.name for o in t.outlets] for t in dag.tasks if t.outlets}},
        "doc": dag.doc_md,
    }} for name, dag in bag.dags.items()
}}))
"""

APPROVALS = ("auto", "approve", "approve_if_borderline", "shadow")
SCHEDULES: dict[str, dict[str, Any]] = {
    "by_clock": {"schedule": "0 2 * * *"},
    "by_clock_and_drift": {"schedule": "0 2 * * *", "scoring": {}},
    "by_drift": {"schedule": None, "scoring": {}},
    "by_hand": {"schedule": None},
}


def write_workflow(folder: Path, name: str = "flowers", **keys: Any) -> dict[str, str]:
    """Write the small workflow with other keys; gives the environment that names its folder."""
    folders = write_flowers(folder)
    workflows = Path(folders["NOCTURNE_WORKFLOWS"])
    document = yaml.safe_load((workflows / "flowers.yaml").read_text())
    document["promotion"].update(keys.pop("promotion", {}))
    del document["mining"]
    (workflows / f"{name}.yaml").write_text(yaml.safe_dump({**document, "name": name, **keys}))
    return folders


@pytest.fixture(scope="module")
def parsed(
    run_python: Any, airflow_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """What Airflow makes of the DAG files, with a workflow per kind of approval and of schedule."""
    folder = tmp_path_factory.mktemp("workflows")
    for approval in APPROVALS:
        write_workflow(folder, approval, promotion={"approval": approval})
    for name, keys in SCHEDULES.items():
        folders = write_workflow(folder, name, **keys)
    return run_python(PARSE.format(folder=str(airflow_settings.dags_dir)), **folders)


def test_the_question_is_described_asked_and_carried_out(parsed: Any) -> None:
    """Many at a time, at once, whatever the answer is; only carrying it out may move a champion."""
    dag = parsed["approval"]
    assert dag["downstream"] == {"describe": ["answer"], "answer": ["carry_out"], "carry_out": []}
    assert dag["outlets"] == {"carry_out": ["nocturne_champion_changed"]}
    assert (dag["params"], dag["max_active_runs"]) == (["version", "workflow"], 100)
    assert (dag["is_paused"], dag["schedule"]) == (False, "NullTimetable")


@pytest.mark.parametrize(
    ("approval", "after_promote", "said"),
    [
        ("auto", ["charts"], "above the champion |"),
        ("approve", ["ask", "charts"], "; a person has the last word |"),
        (
            "approve_if_borderline",
            ["ask", "charts"],
            "; where the gain is about as large as chance, a person has the last word |",
        ),
        ("shadow", ["charts"], "; nobody is promoted, challengers only run along |"),
    ],
)
def test_a_night_asks_where_a_person_has_the_last_word(
    parsed: Any, approval: str, after_promote: list[str], said: str
) -> None:
    """Beside the charts, which do not wait for it; the page of the DAG says so."""
    dag = parsed[approval]
    assert dag["downstream"]["promote"] == after_promote
    assert dag["downstream"].get("ask", []) == []
    assert dag["outlets"] == {"promote": ["nocturne_champion_changed"]}
    assert said in dag["doc"]


@pytest.mark.parametrize(
    ("name", "timetable"),
    [
        ("by_clock", "CronTriggerTimetable"),
        ("by_clock_and_drift", "AssetOrTimeSchedule"),
        ("by_drift", "AssetTriggeredTimetable"),
        ("by_hand", "NullTimetable"),
    ],
)
def test_drift_starts_a_night_where_the_champion_scores(
    parsed: Any, name: str, timetable: str
) -> None:
    """Beside the clock, or alone where the workflow has no schedule."""
    dag = parsed[name]
    assert dag["schedule"] == timetable
    assert dag["starts_on"] == ([f"nocturne_drift_{name}"] if "drift" in name else [])
