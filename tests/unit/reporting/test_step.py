from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml
from tests_support import make_night

from tasks.dataset import DatasetWriter, array_to_tensor_column
from tasks.preparation import Preparation
from tasks.reporting.documents import NightDocuments
from tasks.reporting.explained import Explained
from tasks.reporting.mining.findings import Problem
from tasks.reporting.mining.pca import PcaFindings
from tasks.reporting.step import run_charts, run_report
from tasks.reporting.summary import summarise_night
from tasks.settings import Settings
from tasks.tracking import Handoff, Step, TaskIdentity, open_step, tags
from tasks.workflow import Workflow, find_workflow

if TYPE_CHECKING:
    from mlflow import MlflowClient

N_ROWS = 30
N_WRONG = 15  # of the hold-out's 20 rows, more than are shown


@pytest.fixture
def workflow(settings: Settings) -> Workflow:
    return find_workflow("digits", settings)[0]


@pytest.fixture
def step(client: MlflowClient, settings: Settings) -> Iterator[Step]:
    night = make_night(client, settings)
    with open_step(client, settings, night, "charts", inputs={}, task=TaskIdentity()) as opened:
        yield opened


def reopen(step: Step, name: str) -> Step:
    """The same step with a scratch folder of its own, as a retry has it."""
    workdir = step.workdir / name
    workdir.mkdir()
    return Step(step.client, step.night, step.name, step.run_id, workdir)


def write(folder: Path, rows: pa.Table) -> Path:
    with DatasetWriter(folder, rows.schema) as writer:
        writer.write(rows)
    return folder


def write_pca(folder: Path, night: NightDocuments) -> Path:
    (findings,) = (f for f in night.findings if isinstance(f, PcaFindings))
    folder.mkdir()
    (folder / "pca.json").write_text(json.dumps(findings.document))
    write(folder / "members", pa.Table.from_pandas(findings.members, preserve_index=False))
    assert findings.images is not None
    np.save(folder / "components.npy", findings.images)
    return folder


def write_problem(folder: Path, night: NightDocuments) -> Path:
    (findings,) = (f for f in night.findings if isinstance(f, Problem))
    folder.mkdir()
    (folder / "problem.json").write_text(json.dumps(findings.document))
    return folder


def publish_night(step: Step, folder: Path, night: NightDocuments) -> dict[str, Handoff]:
    """Publish a night's documents as the other stages do."""

    def publish(name: str, document: object) -> Handoff:
        path = folder / f"{name}.json"
        path.write_text(json.dumps(document))
        return step.publish(path, name)

    ids = [f"r{i}" for i in range(N_ROWS)]
    is_holdout = np.arange(N_ROWS) >= 10
    is_wrong = np.arange(N_ROWS) >= N_ROWS - N_WRONG
    scores = folder / "scores"
    scores.mkdir()
    (scores / "scores.json").write_text(json.dumps(night.scores))
    predictions = pa.table(
        {
            "id": ids,
            "split": np.where(is_holdout, "holdout", "validation"),
            "target": ["bee"] * N_ROWS,
            "cnn": np.where(is_wrong, "ant", "bee"),
            "cnn_confidence": np.linspace(0.4, 0.99, N_ROWS),
        }
    )
    write(scores / "predictions", predictions)
    images = np.arange(N_ROWS, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 1), "uint8")
    images[:, 0] = 0
    clean = pa.table({"id": ids, "image": array_to_tensor_column(images)})
    preparation = folder / "preparation.json"
    classes = ("ant", "bee", "cow")
    preparation.write_text(Preparation("label", classes, "image", (4, 4, 1), ()).to_json())
    return {
        "raw": Handoff("r" * 32, "raw", "a" * 64, 510),
        "clean": step.publish(write(folder / "clean", clean), "clean"),
        "preparation": step.publish(preparation, "preparation"),
        "cleaning_report": publish("cleaning", night.cleaning_report),
        "validation_raw": publish("validation", night.validations["raw"]),
        "pca": step.publish(write_pca(folder / "pca", night), "pca"),
        "rules": step.publish(write_problem(folder / "rules", night), "rules"),
        "history.cnn": publish("history", night.histories["cnn"]),
        "scores": step.publish(scores, "scores"),
        "decision": publish("decision", night.decision),
    }


def test_charts_are_published_with_their_list(
    step: Step, workflow: Workflow, settings: Settings, night: NightDocuments, tmp_path: Path
) -> None:
    """Every chart of the night is three files, and charts.json names them all."""
    inputs = publish_night(step, tmp_path, night)
    folder = step.fetch(run_charts(step, workflow, settings, inputs)["charts"])
    listed = json.loads((folder / "charts.json").read_text())["charts"]
    assert len(listed) == 11
    files = {name for chart in listed for name in chart["files"].values()}
    assert files | {"charts.json"} == {p.name for p in folder.iterdir()}


def list_charts(step: Step, run_id: str) -> list[str]:
    return [Path(found.path).name for found in step.client.list_artifacts(run_id, "charts")]


def test_charts_of_mining_stand_with_the_step_that_found_it(
    step: Step, workflow: Workflow, settings: Settings, night: NightDocuments, tmp_path: Path
) -> None:
    """Its MLflow run shows them as pictures, and those of no other section."""
    inputs = publish_night(step, tmp_path, night)
    mined = {}
    for kind in ("pca", "rules"):
        with open_step(
            step.client, settings, step.night, f"mine.{kind}", inputs={}, task=TaskIdentity()
        ) as miner:
            mined[kind] = miner.publish(step.fetch(inputs[kind]), kind)
    run_charts(reopen(step, "charts"), workflow, settings, {**inputs, **mined})
    assert sorted(list_charts(step, mined["pca"].run_id)) == [
        "components.png",
        "explained_variance.png",
        "map_by_class.png",
    ]
    assert list_charts(step, mined["rules"].run_id) == []


def test_what_mining_found_is_read_for_the_report(
    step: Step, workflow: Workflow, settings: Settings, night: NightDocuments, tmp_path: Path
) -> None:
    """A kind that found something and one that did not have a section each."""
    inputs = publish_night(step, tmp_path, night)
    kept = {name: inputs[name] for name in ("rules", "pca")}
    text = step.fetch(run_report(step, workflow, settings, kept)["report"]).read_text()
    assert text.index('<section id="pca"') < text.index('<section id="rules"')
    assert "turned by <strong>3.0 degrees</strong>" in text
    assert "No training row has a basket." in text
    assert 'id="clusters"' not in text


def test_the_worst_mistakes_come_with_their_own_images(
    step: Step, workflow: Workflow, settings: Settings, night: NightDocuments, tmp_path: Path
) -> None:
    """Twelve of fifteen hold-out mistakes, most confident first, none from the validation rows."""
    from tasks.reporting.step import _read_documents

    inputs = publish_night(step, tmp_path, night)
    mistakes = _read_documents(step, workflow, inputs, with_pictures=True).mistakes
    assert mistakes is not None
    assert mistakes.n_wrong == N_WRONG
    assert mistakes.rows["id"].tolist() == [f"r{i}" for i in range(29, 17, -1)]
    assert mistakes.images is not None
    # The image of row i holds the value i.
    assert mistakes.images.max(axis=(1, 2, 3)).tolist() == list(range(29, 17, -1))


def test_the_report_is_published_and_attached_for_people(
    step: Step, workflow: Workflow, settings: Settings, night: NightDocuments, tmp_path: Path
) -> None:
    """The same page stands under the handoff's address and at the run's top, report.html."""
    inputs = publish_night(step, tmp_path, night)
    few = {"cleaning_report": inputs["cleaning_report"]}
    inputs |= run_charts(reopen(step, "charts"), workflow, settings, few)
    page = step.fetch(run_report(step, workflow, settings, inputs)["report"])
    attached = step.client.download_artifacts(step.run_id, "report.html", str(tmp_path))
    assert page.read_bytes() == Path(attached).read_bytes()
    text = page.read_text(encoding="utf-8")
    assert "is the new champion" in text
    assert text.count("<figure>") == 3
    assert "a" * 64 in text
    assert step.night.run_id in text


def test_a_night_of_a_table_without_mining_is_reported(
    step: Step, workflow: Workflow, settings: Settings, night: NightDocuments, tmp_path: Path
) -> None:
    """Inputs that are missing leave out their section, and nothing fails."""
    inputs = publish_night(step, tmp_path, night)
    kept = ("cleaning_report", "scores", "decision")
    inputs = {name: inputs[name] for name in kept}
    text = step.fetch(run_report(step, workflow, settings, inputs)["report"]).read_text()
    assert 'id="pca"' not in text
    assert 'id="training"' not in text
    assert 'id="scores"' in text


def test_trainings_are_read_from_their_runs(
    step: Step, workflow: Workflow, settings: Settings, night: NightDocuments, tmp_path: Path
) -> None:
    """The run that handed a history over says what its training took; its curves stand there too."""
    inputs = publish_night(step, tmp_path, night)
    with open_step(
        step.client, settings, step.night, "train.cnn", inputs={}, task=TaskIdentity()
    ) as trainer:
        trainer.log_params({"kind": "cnn"})
        trainer.log_metrics({"n_parameters": 4321, "n_epochs": 3, "best_epoch": 2})
        history = trainer.publish(step.fetch(inputs["history.cnn"]), "history")
    few = {"history.cnn": history}
    run_charts(reopen(step, "charts"), workflow, settings, few)
    assert sorted(list_charts(step, history.run_id)) == [
        "training_history_cnn_accuracy.png",
        "training_history_cnn_loss.png",
    ]
    text = step.fetch(run_report(step, workflow, settings, few)["report"]).read_text()
    assert "4,321" in text
    assert "2 of 3" in text


def test_interpretation_and_learning_curve_are_read(
    step: Step,
    workflow: Workflow,
    settings: Settings,
    forecast_night: NightDocuments,
    saliency: Explained,
    tmp_path: Path,
) -> None:
    """A folder with pictures, and a document."""
    folder = tmp_path / "interpretation"
    folder.mkdir()
    (folder / "interpretation.json").write_text(json.dumps(saliency.document))
    assert saliency.images is not None
    arrays = {"images": saliency.images, "attributions": saliency.attributions}
    np.savez(folder / "saliency.npz", **arrays)
    curve = tmp_path / "learning_curve.json"
    curve.write_text(json.dumps(forecast_night.learning_curve))
    inputs = {
        "interpretation": step.publish(folder, "interpretation"),
        "learning_curve": step.publish(curve, "learning_curve"),
    }
    drawn = step.fetch(run_charts(step, workflow, settings, inputs)["charts"])
    listed = [chart["name"] for chart in json.loads((drawn / "charts.json").read_text())["charts"]]
    assert listed == ["learning_curve", "saliency"]


def publish_scores(step: Step, folder: Path, scores: object, rows: pa.Table) -> Handoff:
    folder.mkdir()
    (folder / "scores.json").write_text(json.dumps(scores))
    write(folder / "predictions", rows)
    return step.publish(folder, "scores")


def read_charts(step: Step, published: dict[str, Handoff]) -> dict[str, pd.DataFrame]:
    folder = step.fetch(published["charts"])
    listed = json.loads((folder / "charts.json").read_text())["charts"]
    return {chart["name"]: pd.read_csv(folder / chart["files"]["csv"]) for chart in listed}


def test_a_regression_is_drawn_from_its_predictions(
    step: Step, workflow: Workflow, settings: Settings, number_night: NightDocuments, tmp_path: Path
) -> None:
    """The CSV beside the picture holds the hold-out rows with both predictions."""
    true = np.arange(20.0)
    split = ["validation"] * 5 + ["holdout"] * 15
    models = {"mlp": true + 1, "trees": true + 2, "line": true + 3}
    rows = pa.table({"id": [f"r{i}" for i in range(20)], "split": split, "target": true, **models})
    inputs = {"scores": publish_scores(step, tmp_path / "scores", number_night.scores, rows)}
    preparation = tmp_path / "preparation.json"
    preparation.write_text(
        Preparation("price", (), None, None, ("size",), kind="regression").to_json()
    )
    inputs["preparation"] = step.publish(preparation, "preparation")
    drawn = read_charts(step, run_charts(step, workflow, settings, inputs))
    assert list(drawn) == ["scores", "predicted", "errors"]
    assert drawn["predicted"]["true"].tolist() == true[5:].tolist()
    assert drawn["errors"][["predicted", "baseline"]].to_numpy().tolist() == [[1.0, 2.0]] * 15


SERIES = """\
name: digits
description: A series.
schedule: null
source: {kind: statsmodels, dataset: co2}
columns: {time: time, features: [co2]}
expectations: {raw: digits_raw, clean: digits_clean}
split: {by: time}
"""


@pytest.fixture
def series_workflow() -> Workflow:
    return Workflow.model_validate(yaml.safe_load(SERIES))


def publish_series(step: Step, folder: Path, night: NightDocuments) -> dict[str, Handoff]:
    report = folder / "cleaning.json"
    report.write_text(json.dumps(night.cleaning_report))
    times = np.datetime64("2001-01-01", "us") + np.arange(96) * np.timedelta64(7, "D")
    split = ["train"] * 70 + ["validation"] * 6 + ["holdout"] * 20
    values = np.arange(96.0)
    rows = pa.table({"id": map(str, range(96)), "split": split, "time": times, "co2": values})
    return {
        "cleaning_report": step.publish(report, "cleaning_report"),
        "clean": step.publish(write(folder / "clean", rows), "clean", n_rows=96),
    }


def test_a_series_is_drawn_from_the_clean_rows(
    step: Step,
    series_workflow: Workflow,
    settings: Settings,
    data_night: NightDocuments,
    tmp_path: Path,
) -> None:
    """The CSV beside the picture holds the clean rows, of which those in the gap are filled in."""
    inputs = publish_series(step, tmp_path, data_night)
    folder = step.fetch(run_charts(step, series_workflow, settings, inputs)["charts"])
    listed = [chart["name"] for chart in json.loads((folder / "charts.json").read_text())["charts"]]
    assert listed == ["rows", "missing", "quarantine", "series_1"]
    drawn = pd.read_csv(folder / "series_1.csv")
    assert drawn["value"].tolist() == list(range(96))
    # The report's gap is from the 6th to the 20th of January: two Mondays lie in it.
    assert drawn.loc[drawn["is_filled"], "time"].tolist() == ["2001-01-08", "2001-01-15"]


def test_forecasts_are_drawn_over_the_times_of_the_series(
    step: Step,
    series_workflow: Workflow,
    settings: Settings,
    forecast_night: NightDocuments,
    data_night: NightDocuments,
    tmp_path: Path,
) -> None:
    """Week by week, as the clean rows are, also where a window begins every other week alone."""
    inputs = publish_series(step, tmp_path, data_night)
    times = np.datetime64("2001-01-01", "us") + np.arange(76, 94, 2) * np.timedelta64(7, "D")
    target = np.arange(76.0, 94, 2)[:, None, None] + np.array([[0.0, 0.0], [1.0, 0.0]])
    rows = pa.table(
        {
            "time": pa.array(times, pa.timestamp("us")),
            "split": ["holdout"] * len(times),
            "target": array_to_tensor_column(target),
            "lstm": array_to_tensor_column(target + 1),
            "line": array_to_tensor_column(target + 2),
        }
    )
    inputs["scores"] = publish_scores(step, tmp_path / "scores", forecast_night.scores, rows)
    drawn = read_charts(step, run_charts(step, series_workflow, settings, inputs))
    assert {"scores", "horizon", "forecasts", "series_1"} <= drawn.keys()
    measured = drawn["forecasts"][drawn["forecasts"]["model"] == "measured"]
    began = np.datetime64("2001-01-01", "us")
    expected = began + measured["value"].astype(int).to_numpy() * np.timedelta64(7, "D")
    assert (pd.to_datetime(measured["time"]).to_numpy() == expected).all()


def test_a_night_without_candidates_is_tagged_as_ready(
    step: Step,
    series_workflow: Workflow,
    settings: Settings,
    data_night: NightDocuments,
    tmp_path: Path,
) -> None:
    """Its result stands where a decision stands on other nights: on the run and in the summary."""
    inputs = publish_series(step, tmp_path, data_night)
    counts = {"rows_in": 100, "rows_out": 96, "rows_quarantined": 4, "rows_duplicate": 1}
    step.log_metrics({**counts, "rows_added": 3, "rows_merged": 2})
    run_report(step, series_workflow, settings, inputs)
    found = summarise_night(step.client, step.night.run_id)
    assert found.decision == {
        "verdict": "data ready",
        "reason": "No candidates: the data are ready, 96 rows.",
    }
    assert found.rows is not None
    assert (found.rows["added"], found.rows["merged"]) == (3, 2)
    night = step.client.get_run(step.night.run_id).data.tags
    assert night[tags.VERDICT] == "data ready"


def test_a_night_with_candidates_is_not_tagged_by_its_report(
    step: Step, workflow: Workflow, settings: Settings, night: NightDocuments, tmp_path: Path
) -> None:
    """There the decision speaks."""
    inputs = publish_night(step, tmp_path, night)
    run_report(step, workflow, settings, {"cleaning_report": inputs["cleaning_report"]})
    assert tags.VERDICT not in step.client.get_run(step.night.run_id).data.tags
