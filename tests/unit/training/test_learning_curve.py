"""The learning curve: the challenger trained again on shares of its rows, and its own training."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests_support import make_night
from training_support import MLP, TABLE

from tasks.dataset import Dataset
from tasks.errors import TrainingError, TrainingStoppedError
from tasks.settings import Settings
from tasks.tracking import Handoff, Night, TaskIdentity, open_step
from tasks.training import learning_curve
from tasks.training import step as training
from tasks.training.request import TrainingRequest
from tasks.workflow import MlpCandidate, Workflow, find_workflow

if TYPE_CHECKING:
    from mlflow import MlflowClient

SHARES = (0.05, 0.5)
Draw = Callable[[], dict[str, Any]]


@pytest.fixture
def workflow(settings: Settings) -> Workflow:
    """Of two candidates."""
    shipped, _ = find_workflow("digits", settings)
    text = shipped.model_dump(mode="json", by_alias=True)
    chosen = {"small": MLP, "other": {**MLP, "epochs": 1}}
    return Workflow.model_validate(
        text | {"candidates": chosen, "training": {"learning_curve": SHARES}}
    )


@pytest.fixture
def night(client: MlflowClient, settings: Settings) -> Night:
    """A night that is open."""
    return make_night(client, settings)


@pytest.fixture
def handoffs(
    client: MlflowClient, settings: Settings, night: Night, table_rows: Dataset, tmp_path: Path
) -> dict[str, Handoff]:
    """Clean rows, and scores that name the challenger."""
    scores = tmp_path / "scores"
    scores.mkdir()
    (scores / "scores.json").write_text(json.dumps({"challenger": "small"}))
    preparation = tmp_path / "preparation.json"
    preparation.write_text(TABLE.to_json(), encoding="utf-8")
    with open_step(client, settings, night, "clean", inputs={}, task=TaskIdentity()) as step:
        return {
            "clean": step.publish(table_rows.folder, "clean"),
            "preparation": step.publish(preparation, "preparation"),
            "scores": step.publish(scores, "scores"),
        }


@pytest.fixture
def trained(
    client: MlflowClient,
    settings: Settings,
    night: Night,
    workflow: Workflow,
    handoffs: dict[str, Handoff],
) -> dict[str, Handoff]:
    """The challenger, trained as its own step does."""
    clean, preparation = handoffs["clean"], handoffs["preparation"]
    with open_step(client, settings, night, "train.small", inputs={}, task=TaskIdentity()) as step:
        return training.run(
            step, workflow, settings, clean=clean, preparation=preparation, candidate="small"
        )


@pytest.fixture
def draw(
    client: MlflowClient,
    settings: Settings,
    night: Night,
    workflow: Workflow,
    handoffs: dict[str, Handoff],
    trained: dict[str, Handoff],
    tmp_path: Path,
) -> Draw:
    """Run the step of the curve."""

    def run() -> dict[str, Any]:
        with open_step(
            client, settings, night, "learning_curve", inputs=handoffs, task=TaskIdentity()
        ) as step:
            curve = learning_curve.run_learning_curve(
                step,
                workflow,
                settings,
                histories={"small": trained["history"]},
                **handoffs,
            )["learning_curve"]
        path = client.download_artifacts(curve.run_id, curve.path, str(tmp_path))
        document: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        return document | {"run_id": curve.run_id}

    return run


def test_shares_rise_to_the_challengers_own_training(
    draw: Draw, trained: dict[str, Handoff], client: MlflowClient
) -> None:
    """42 rows train, half of them are 21; the last point is not trained again."""
    document = draw()
    assert (document["challenger"], document["measure"]) == ("small", "accuracy")
    assert (document["is_error"], document["left_out"]) == (False, [])
    points = document["points"]
    assert [point["share"] for point in points] == [*SHARES, 1.0]
    first, *others = (point["n_rows"] for point in points)
    assert first in {2, 3}  # a twentieth
    assert others == [21, 42]
    assert all(0.0 <= point[part] <= 1.0 for point in points for part in ("train", "validation"))
    figures = client.get_run(trained["history"].run_id).data.metrics
    assert points[-1]["train"] == figures["final_train_accuracy"]
    assert points[-1]["validation"] == figures["final_validation_accuracy"]
    assert points[-1]["seconds"] == figures["fit_seconds"]
    logged = client.get_metric_history(document["run_id"], "validation_accuracy")
    assert {p.step: p.value for p in logged} == {p["n_rows"]: p["validation"] for p in points}


def test_a_share_that_cannot_be_trained_is_left_out(
    draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its reason; the others stand."""
    real = learning_curve.train_where_it_fits

    def train(request: TrainingRequest, *given: Any, **named: Any) -> Any:
        if request.share == 0.05:
            raise TrainingError("Two rows are of one class.", hint="wait")
        return real(request, *given, **named)

    monkeypatch.setattr(learning_curve, "train_where_it_fits", train)
    document = draw()
    assert document["left_out"] == [{"share": 0.05, "reason": "Two rows are of one class."}]
    assert [point["share"] for point in document["points"]] == [0.5, 1.0]


def test_a_training_that_was_stopped_is_tried_again(
    draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left out it would be for good, and nothing is wrong with the share."""

    def stop(*_: object, **__: object) -> None:
        raise TrainingStoppedError("ended from outside")

    monkeypatch.setattr(learning_curve, "train_where_it_fits", stop)
    with pytest.raises(TrainingStoppedError):
        draw()


def test_a_retry_takes_up_what_a_killed_try_has_trained(
    draw: Draw,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The first share is read from its checkpoint, without an epoch of its own."""
    real = learning_curve.train_where_it_fits

    def die_at_the_second(request: TrainingRequest, *given: Any, **named: Any) -> Any:
        if request.share == 0.5:
            raise KeyboardInterrupt
        return real(request, *given, **named)

    monkeypatch.setattr(learning_curve, "train_where_it_fits", die_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        draw()
    assert list(settings.home.rglob("checkpoints/learning_curve-*"))
    monkeypatch.setattr(learning_curve, "train_where_it_fits", real)
    caplog.set_level("INFO")
    caplog.clear()
    assert [point["share"] for point in draw()["points"]] == [*SHARES, 1.0]
    assert sum(line.startswith("epoch") for line in caplog.messages) == MLP["epochs"]
    assert not list(settings.home.rglob("checkpoints/learning_curve-*"))


def test_the_settings_that_a_search_found_are_trained(
    draw: Draw,
    trained: dict[str, Handoff],
    workflow: Workflow,
    client: MlflowClient,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The search is not repeated, and nothing begins with the champion's weights."""
    search = {"over": {"learning_rate": {"low": 0.001, "high": 0.1}}, "trials": 2}
    searched = MlpCandidate.model_validate({**MLP, "search": search, "warm_start": True})
    monkeypatch.setitem(workflow.candidates, "small", searched)
    trials = tmp_path / "trials.json"
    trials.write_text(json.dumps({"settings": {"learning_rate": 0.05}, "best": 0, "trials": []}))
    client.log_artifact(trained["history"].run_id, str(trials))
    asked: list[TrainingRequest] = []

    def refuse(request: TrainingRequest, *_: object, **__: object) -> None:
        asked.append(request)
        raise TrainingError("only the request is looked at")

    monkeypatch.setattr(learning_curve, "train_where_it_fits", refuse)
    assert [point["share"] for point in draw()["points"]] == [1.0]
    assert [request.share for request in asked] == [*SHARES]
    for request in asked:
        assert request.spec == MLP | {"learning_rate": 0.05}
        assert request.warm_start is None
