"""The evaluate step and the decision after it, on a real MLflow: a first night of forecasts, and one with a champion."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
import pytest
from cleaning_support import clean
from series_support import make_days, make_series_workflow, save_last_value
from tests_support import make_night

from tasks.dataset import Dataset, tensor_column_to_array
from tasks.errors import TrackingError
from tasks.evaluation import step as evaluation
from tasks.models.example import read_example
from tasks.models.packaging import save_as_mlflow_model
from tasks.promotion.decide import run_decide
from tasks.promotion.promote import run_promote
from tasks.registry import CHAMPION, find_by_alias, list_changes, move_alias, register_version
from tasks.settings import Settings
from tasks.tracking import Handoff, Night, TaskIdentity, open_step

if TYPE_CHECKING:
    from mlflow import MlflowClient

WORKFLOW = make_series_workflow(
    cleaning=[{"scale": {"columns": ["flow"], "to": "standard"}}],
    candidates={"near": {"kind": "mlp"}, "far": {"kind": "mlp"}},
    baselines={"last_value": {"kind": "last_value"}},
    promotion={"ceiling": 3.0},
)
PLUS = {"near": 0.6, "far": 5.0, "last_value": 0.0}  # the series rises by one a day


@pytest.fixture
def handed_over(client: MlflowClient, settings: Settings, tmp_path: Path) -> dict[str, Handoff]:
    """Clean data of thirty days and three packaged models, published as the steps before do."""
    folder = tmp_path / "cleaning"
    rows = make_days([str(i) for i in range(30)])
    cleaned = clean(folder, WORKFLOW, rows)
    (folder / "preparation.json").write_text(cleaned.preparation.to_json(), encoding="utf-8")
    published = {
        "raw": folder / "raw",
        "clean": cleaned.clean.folder,
        "quarantine": cleaned.quarantine.folder,
        "preparation": folder / "preparation.json",
    }
    for name, plus in PLUS.items():
        result = save_last_value(tmp_path / name, cleaned.preparation, plus / 5.0)
        save_as_mlflow_model(tmp_path / f"{name}_model", result, packages=[])
        published[name] = tmp_path / f"{name}_model"
    night = make_night(client, settings, key="before")
    with open_step(client, settings, night, "clean", inputs={}, task=TaskIdentity()) as step:
        return {name: step.publish(path, name) for name, path in published.items()}


def evaluate(
    client: MlflowClient, settings: Settings, night: Night, given: dict[str, Handoff]
) -> tuple[dict, Path, Handoff]:
    """Evaluate; gives the scores, the folder they are in (as long as the test runs) and its handoff."""
    with open_step(client, settings, night, "evaluate", inputs={}, task=TaskIdentity()) as step:
        made = evaluation.run(
            step,
            WORKFLOW,
            settings,
            raw=given["raw"],
            clean=given["clean"],
            preparation=given["preparation"],
            models={name: given[name] for name in PLUS},
            quarantine=given["quarantine"],
        )["scores"]
        folder = settings.home / "fetched" / night.run_id
        shutil.copytree(step.fetch(made), folder, dirs_exist_ok=True)
    return json.loads((folder / "scores.json").read_text(encoding="utf-8")), folder, made


def judge(
    client: MlflowClient, settings: Settings, night: Night, given: dict[str, Handoff]
) -> tuple[dict, dict, Path]:
    """Evaluate, decide and promote; gives scores, decision and the scores' folder."""
    models = {name: given[name] for name in PLUS}
    scores, folder, scored = evaluate(client, settings, night, given)
    with open_step(client, settings, night, "decide", inputs={}, task=TaskIdentity()) as step:
        decision = run_decide(step, WORKFLOW, settings, scores=scored, models=models)["decision"]
        document = json.loads(step.fetch(decision).read_text(encoding="utf-8"))
    with open_step(client, settings, night, "promote", inputs={}, task=TaskIdentity()) as step:
        run_promote(step, WORKFLOW, settings, decision=decision, scores=scored, models=models)
    return scores, document, folder


def make_champion(client: MlflowClient, model: Handoff, night: Night) -> None:
    """Register a model of a night and point the alias at it."""
    version = register_version(
        client,
        WORKFLOW.name,
        model,
        night_run_id=night.run_id,
        description="Test.",
        version_tags={},
    )
    move_alias(client, WORKFLOW.name, CHAMPION, version.version)


def find_artifact(client: MlflowClient, model: Handoff) -> Path:
    """Find a handed-over folder in the artifact store."""
    root = urlsplit(client.get_run(model.run_id).info.artifact_uri)
    return Path(url2pathname(root.path)) / model.path


def test_a_night_of_forecasts_and_the_next(
    client: MlflowClient, settings: Settings, handed_over: dict[str, Handoff]
) -> None:
    """The candidate that sees the rise becomes champion; the same one a night later only ties with it."""
    first = make_night(client, settings, key="first")
    scores, decision, folder = judge(client, settings, first, handed_over)
    predictions = Dataset.open(folder / "predictions").table()
    assert (scores["kind"], scores["metric"], scores["is_error"]) == ("forecast", "mse", True)
    assert scores["challenger"] == "near"
    assert (scores["n_validation"], scores["n_holdout"], scores["n_left_out"]) == (5, 5, 0)
    assert {n: m["role"] for n, m in scores["models"].items()} == {
        "near": "candidate",
        "far": "candidate",
        "last_value": "baseline",
    }
    near = scores["models"]["near"]
    low, high = near["interval"]["mse"]
    assert low <= near["holdout"]["mse"] <= high
    assert predictions.column_names == ["time", "split", "target", "near", "far", "last_value"]
    assert (decision["verdict"], decision["champion"]) == ("promote", None)
    assert decision["baseline"]["name"] == "last_value"
    assert "hold-out windows" in decision["reason"]
    champion = find_by_alias(client, WORKFLOW.name, CHAMPION)
    assert champion is not None
    assert champion.version == "1"

    second = make_night(client, settings, key="second")
    scores, decision, folder = judge(client, settings, second, handed_over)
    predictions = Dataset.open(folder / "predictions").table()
    assert scores["models"]["champion"]["version"] == "1"
    assert scores["models"]["champion"]["holdout"] == scores["models"]["near"]["holdout"]
    assert (decision["verdict"], decision["champion"]["version"]) == ("keep", "1")
    assert "champion" in predictions.column_names
    paired = scores["paired"]
    assert (paired["with"], paired["metric"], paired["gain"]) == ("1", "mse", 0.0)
    assert (paired["interval"], paired["confidence"]) == ([0.0, 0.0], 0.9)
    assert (paired["p_value"], paired["n_discordant"]) == (None, None)


def test_the_document_proves_what_was_trained_on_and_has_an_example(
    client: MlflowClient, settings: Settings, handed_over: dict[str, Handoff]
) -> None:
    """Eighteen days train and six judge; the example repeats what the challenger said of hold-out windows."""
    scores, folder, _ = evaluate(
        client, settings, make_night(client, settings, key="one"), handed_over
    )
    seen = scores["seen"]
    assert (seen["n_training"], seen["n_holdout"], seen["n_common"]) == (18, 6, 0)
    assert seen["champion"] is None
    assert scores["paired"] is None
    assert scores["models"]["near"]["holdout"]["mase"] < scores["models"]["far"]["holdout"]["mase"]
    assert all(0 < model["latency_ms"] < 1000 for model in scores["models"].values())
    size = scores["models"]["near"]["size_bytes"]
    near = find_artifact(client, handed_over["near"])
    assert size == sum(p.stat().st_size for p in near.rglob("*") if p.is_file())
    example = read_example(folder / scores["example"])
    assert example.inputs.shape == (5, 3, 1)
    assert example.inputs[0, :, 0].tolist() == [21.0, 22.0, 23.0]
    predictions = Dataset.open(folder / "predictions").table()
    said = tensor_column_to_array(predictions["near"])
    np.testing.assert_array_equal(example.expected, said[scores["n_validation"] :])


def break_files(model: Path) -> None:
    """Leave a network that is none."""
    for file in model.rglob("network.*"):
        file.write_bytes(b"not a network")


def remove_files(model: Path) -> None:
    """Leave nothing."""
    shutil.rmtree(model)


@pytest.mark.parametrize(
    ("harm", "problem"),
    [(break_files, "could not be loaded: .* was altered"), (remove_files, "could not be loaded: .* no artifact")],
)  # fmt: skip
def test_a_champion_that_no_longer_loads_stops_nobody(
    client: MlflowClient,
    settings: Settings,
    handed_over: dict[str, Handoff],
    tmp_path: Path,
    harm: Callable[[Path], None],
    problem: str,
) -> None:
    """It is named with its problem and without figures; everybody else is scored."""
    night = make_night(client, settings, key="one")
    with open_step(client, settings, night, "train.old", inputs={}, task=TaskIdentity()) as step:
        old = step.publish(find_artifact(client, handed_over["near"]), "model")
    make_champion(client, old, night)
    harm(find_artifact(client, old))
    scores, folder, _ = evaluate(client, settings, night, handed_over)
    champion = scores["models"]["champion"]
    assert (champion["role"], champion["version"], champion["size_bytes"]) == (
        "champion",
        "1",
        None,
    )
    assert re.search(problem, champion["problem"])
    assert champion["holdout"] == {"mse": None, "mae": None, "mase": None}
    assert scores["paired"] is None
    assert scores["models"]["near"]["holdout"]["mse"] is not None
    assert "champion" not in Dataset.open(folder / "predictions").schema.names


def test_a_champion_that_fails_when_it_predicts_stops_nobody(
    client: MlflowClient, settings: Settings, handed_over: dict[str, Handoff], tmp_path: Path
) -> None:
    """Its files are what they were, and its code is of no use: the problem quotes the error."""
    night = make_night(client, settings, key="one")
    copied = shutil.copytree(find_artifact(client, handed_over["near"]), tmp_path / "copy")
    break_files(copied)
    with open_step(client, settings, night, "train.old", inputs={}, task=TaskIdentity()) as step:
        make_champion(client, step.publish(copied, "model"), night)
    scores, _, _ = evaluate(client, settings, night, handed_over)
    champion = scores["models"]["champion"]
    assert re.search("could not forecast: .*network.onnx", champion["problem"])
    assert champion["size_bytes"] > 0
    # The alias was set by a hand that nobody had noticed, in a night that need not come to promote.
    assert [change.action for change in list_changes(client, WORKFLOW.name)] == ["found"]


def test_a_store_that_is_down_is_not_the_champions_fault(
    client: MlflowClient, settings: Settings, handed_over: dict[str, Handoff]
) -> None:
    """What tonight's own models lack stops the night, before a champion is suspected."""
    night = make_night(client, settings, key="one")
    make_champion(client, handed_over["near"], night)
    shutil.rmtree(find_artifact(client, handed_over["near"]))
    with pytest.raises(TrackingError, match="no artifact"):
        evaluate(client, settings, night, handed_over)


def test_a_champion_whose_version_was_deleted_is_none(
    client: MlflowClient, settings: Settings, handed_over: dict[str, Handoff]
) -> None:
    """MLflow takes the alias away with the version: tonight's models are scored among themselves."""
    night = make_night(client, settings, key="one")
    make_champion(client, handed_over["near"], night)
    client.delete_model_version(WORKFLOW.name, "1")
    scores, _, _ = evaluate(client, settings, night, handed_over)
    assert "champion" not in scores["models"]
    assert scores["paired"] is None
