"""The validate step against a real MLflow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pytest
from tests_support import make_night

from tasks.dataset import Dataset, DatasetWriter
from tasks.errors import ValidationFailedError
from tasks.settings import Settings
from tasks.tracking import Handoff, Night, TaskIdentity, open_step
from tasks.validation import step as validation
from tasks.workflow import Workflow

if TYPE_CHECKING:
    from mlflow import MlflowClient

WORKFLOW = Workflow.model_validate(
    {
        "name": "plants",
        "description": "Test.",
        "source": {"kind": "files", "path": "*.csv"},
        "columns": {"target": "kind", "features": ["x"]},
        "expectations": {"raw": "plants_raw", "clean": "plants_clean"},
        "split": {"by": "hash"},
        "candidates": {"mlp": {"kind": "mlp"}},
    }
)
ROWS = pa.table({"id": ["1", "2"], "x": ["1.5", "20"], "kind": ["fern", "moss"]})


def write_suite(folder: Path, severity: str, **changes: Any) -> None:
    expectation = {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "x", "max_value": 10},
        "severity": severity,
        **changes,
    }
    folder.mkdir(exist_ok=True)
    for name in ("plants_raw", "plants_clean"):
        document = {"name": name, "expectations": [expectation]}
        (folder / f"{name}.json").write_text(json.dumps(document))


def validate(
    client: MlflowClient,
    settings: Settings,
    night: Night,
    workflow: Workflow = WORKFLOW,
    stage: Literal["raw", "clean"] = "raw",
) -> dict[str, Handoff]:
    with open_step(client, settings, night, "validate_raw", inputs={}, task=TaskIdentity()) as step:
        with DatasetWriter(step.workdir / "raw", ROWS.schema) as writer:
            writer.write(ROWS)
        data = step.publish(step.workdir / "raw", "raw", n_rows=2)
        return validation.run(step, workflow, settings, data, stage)


def find_run(client: MlflowClient, night: Night) -> Any:
    (run,) = client.search_runs(
        [night.experiment_id], filter_string="tags.`nocturne.step` = 'validate_raw'"
    )
    return run


@pytest.fixture
def own_settings(settings: Settings, tmp_path: Path) -> Settings:
    return settings.model_copy(update={"expectations_dir": tmp_path / "suites"})


def test_a_critical_failure_stops_the_night(
    client: MlflowClient, settings: Settings, own_settings: Settings
) -> None:
    """The error tells column, promise and finding; the Data Docs are attached all the same."""
    write_suite(own_settings.expectations_dir, "critical")
    night = make_night(client, settings)
    with pytest.raises(
        ValidationFailedError, match=r"- x: promised .*found 1 of 2 rows.*\n.*champion stays"
    ):
        validate(client, own_settings, night)
    run = find_run(client, night)
    assert run.info.status == "FAILED"
    assert run.data.tags["nocturne.validation"] == "failed"
    assert run.data.metrics["n_critical_failures"] == 1
    pages = client.list_artifacts(run.info.run_id, "data_docs")
    assert [page.path for page in pages] == ["data_docs/index.html"]


def test_a_warning_goes_on_and_is_shown(
    client: MlflowClient,
    settings: Settings,
    own_settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The step ends well, logs the warning and hands over the whole result."""
    write_suite(own_settings.expectations_dir, "warning")
    night = make_night(client, settings)
    handoff = validate(client, own_settings, night)["validation"]
    run = find_run(client, night)
    assert run.data.tags["nocturne.validation"] == "warned"
    assert (run.data.metrics["n_expectations"], run.data.metrics["n_failed"]) == (1, 1)
    assert "x: promised values to be between" in caplog.text
    document = json.loads(Path(client.download_artifacts(handoff.run_id, handoff.path)).read_text())
    assert document["expectations"][0]["unexpected_count"] == 1


def test_a_suite_names_the_id_as_the_workflow_does(
    client: MlflowClient, settings: Settings, own_settings: Settings
) -> None:
    """The column that `columns.id` names keeps its name for the suites."""
    write_suite(
        own_settings.expectations_dir,
        "critical",
        type="expect_column_values_to_be_unique",
        kwargs={"column": "plant"},
    )
    columns = WORKFLOW.columns.model_copy(update={"id": "plant"})
    workflow = WORKFLOW.model_copy(update={"columns": columns})
    night = make_night(client, settings)
    validate(client, own_settings, night, workflow)
    assert find_run(client, night).data.tags["nocturne.validation"] == "passed"


def limit_to(fraction: float) -> Workflow:
    expectations = WORKFLOW.expectations.model_copy(update={"max_quarantined_fraction": fraction})
    return WORKFLOW.model_copy(update={"expectations": expectations})


def test_marked_expectations_hand_rows_over(
    client: MlflowClient, settings: Settings, own_settings: Settings
) -> None:
    """At the limit exactly the night goes on, and the row is named by its place."""
    write_suite(own_settings.expectations_dir, "critical", meta={"quarantine": True})
    night = make_night(client, settings)
    handoff = validate(client, own_settings, night, limit_to(0.5))["rejected"]
    assert handoff.n_rows == 1
    folder = Path(client.download_artifacts(handoff.run_id, handoff.path))
    assert Dataset.open(folder).table().to_pylist() == [
        {"row": 1, "reason": "x: promised values to be between (max_value 10.0); found 20"}
    ]
    run = find_run(client, night)
    assert run.data.metrics["rows_rejected"] == 1
    assert run.data.tags["nocturne.validation"] == "passed"


def test_too_many_rows_for_quarantine_stop_the_night(
    client: MlflowClient, settings: Settings, own_settings: Settings
) -> None:
    """The error tells share, limit and expectation; the Data Docs are attached all the same."""
    write_suite(own_settings.expectations_dir, "warning", meta={"quarantine": True})
    night = make_night(client, settings)
    with pytest.raises(
        ValidationFailedError,
        match=r"1 of 2 raw rows of plants \(50\.0%\).*\n- x: .*\(1 rows\)\n.*at most 49\.0%",
    ):
        validate(client, own_settings, night, limit_to(0.49))
    run = find_run(client, night)
    assert run.data.tags["nocturne.validation"] == "failed"
    assert client.list_artifacts(run.info.run_id, "data_docs")


def test_nothing_is_handed_over_when_all_rows_hold(
    client: MlflowClient, settings: Settings, own_settings: Settings
) -> None:
    """Cleaning finds an empty list of rejected rows, and the clean stage has none."""
    write_suite(own_settings.expectations_dir, "critical", kwargs={"column": "x", "max_value": 99})
    night = make_night(client, settings)
    raw = validate(client, own_settings, night)
    assert raw["rejected"].n_rows == 0
    folder = Path(client.download_artifacts(raw["rejected"].run_id, raw["rejected"].path))
    assert Dataset.open(folder).schema.names == ["row", "reason"]
