"""The train step publishes a model that predicts, the curves of its training, and can be tried again."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

import mlflow
import numpy as np
import pytest
from tests_support import make_night
from training_support import CNN, MLP, make_images

from tasks.dataset import Dataset
from tasks.errors import RequestError
from tasks.registry import CHAMPION, move_alias, register_version
from tasks.settings import Settings
from tasks.tracking import Handoff, Night, TaskIdentity, open_step
from tasks.training.step import find_spec, run
from tasks.workflow import Workflow, find_workflow

if TYPE_CHECKING:
    from mlflow import MlflowClient

Train = Callable[[str], dict[str, Handoff]]


@pytest.fixture
def workflow(settings: Settings) -> Workflow:
    """The shipped digits workflow, with candidates that fit the tiny images."""
    shipped, _ = find_workflow("digits", settings)
    text = shipped.model_dump(mode="json", by_alias=True)
    return Workflow.model_validate(
        text | {"candidates": {"cnn": {**CNN, "warm_start": True}, "mlp": MLP}}
    )


@pytest.fixture
def night(client: MlflowClient, settings: Settings) -> Night:
    """A night that is open."""
    return make_night(client, settings)


@pytest.fixture
def train(
    client: MlflowClient,
    settings: Settings,
    night: Night,
    workflow: Workflow,
    image_rows: Dataset,
    preparation_file: Path,
) -> Train:
    """Run the train step of one candidate on the tiny images."""
    with open_step(client, settings, night, "clean", inputs={}, task=TaskIdentity()) as step:
        clean = step.publish(image_rows.folder, "clean", n_rows=100)
        preparation = step.publish(preparation_file, "preparation")

    def train_candidate(name: str) -> dict[str, Handoff]:
        with open_step(
            client, settings, night, f"train.{name}", inputs={}, task=TaskIdentity()
        ) as opened:
            return run(
                opened, workflow, settings, clean=clean, preparation=preparation, candidate=name
            )

    return train_candidate


def load(client: MlflowClient, model: Handoff, folder: Path) -> mlflow.pyfunc.PyFuncModel:
    folder.mkdir()
    return mlflow.pyfunc.load_model(
        client.download_artifacts(model.run_id, model.path, str(folder))
    )


def test_a_network_is_published_with_its_curves(
    train: Train, client: MlflowClient, tmp_path: Path
) -> None:
    """Whoever loads the model feeds it raw images; curves, figures and settings are logged beside it."""
    handoffs = train("cnn")
    images, _ = make_images()
    predicted = load(client, handoffs["model"], tmp_path / "model").predict(images)
    assert list(predicted.columns) == ["prediction", "probability_left", "probability_right"]
    assert set(predicted["prediction"]) <= {"left", "right"}
    run_id = handoffs["model"].run_id
    data = client.get_run(run_id).data
    points = client.get_metric_history(run_id, "validation_loss")
    assert sorted(p.step for p in points) == [0, 1, 2]
    assert data.metrics["n_parameters"] == 2 * 9 + 2 + 8 * 8 + 8 + 8 + 1
    assert data.metrics["n_training_rows"] == 70
    last = max(points, key=lambda p: p.step)
    assert data.metrics["final_validation_loss"] == last.value
    assert data.params["dense"] == "[8]"
    assert data.params["epochs"] == "3"
    path = client.download_artifacts(run_id, handoffs["history"].path, str(tmp_path))
    history = json.loads(Path(path).read_text(encoding="utf-8"))
    assert history["candidate"] == "cnn"
    assert [row["epoch"] for row in history["rows"]] == [1, 1, 2, 2, 3, 3]
    assert history["rows"][-1]["loss"] == last.value


def test_a_retried_baseline_predicts_the_same_in_the_same_run(
    train: Train, client: MlflowClient, tmp_path: Path
) -> None:
    """An earlier try changes nothing about a later one."""
    images, sides = make_images()
    tries = [train("logistic_regression")["model"] for _ in range(2)]
    assert tries[0].run_id == tries[1].run_id
    first, second = (
        load(client, model, tmp_path / str(i)).predict(images) for i, model in enumerate(tries)
    )
    assert first.equals(second)
    assert (first["prediction"] == np.array(sides)).mean() > 0.9


def test_with_a_gpu_it_trains_in_a_fresh_interpreter(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The task's process itself does not touch the card; progress reaches its log line by line."""
    script = tmp_path / "nvidia-smi"
    script.write_text("#!/bin/sh\necho 'GPU 0: Some Card (UUID: GPU-1)'\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    caplog.set_level("INFO")
    assert set(train("mlp")) == {"model", "history"}
    lines = caplog.messages
    assert "mlp: training on Some Card in a fresh interpreter" in lines
    assert [line.split(":")[0] for line in lines if line.startswith("epoch")] == [
        "epoch 1/3",
        "epoch 2/3",
        "epoch 3/3",
    ]


def test_a_warm_start_from_a_champion_that_is_gone_begins_anew(
    train: Train,
    client: MlflowClient,
    night: Night,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its files were cleared away: that keeps no night from training another."""
    model = train("mlp")["model"]
    version = register_version(
        client, "digits", model, night_run_id=night.run_id, description="", version_tags={}
    )
    move_alias(client, "digits", CHAMPION, version.version)
    root = urlsplit(client.get_run(model.run_id).info.artifact_uri)
    shutil.rmtree(Path(url2pathname(root.path)) / model.path)
    assert set(train("cnn")) == {"model", "history"}
    assert "The champion's files are gone or altered: it begins anew." in caplog.messages


def test_an_unknown_candidate_gets_the_nearest_name(workflow: Workflow) -> None:
    """A baseline is a name like the others."""
    with pytest.raises(
        RequestError, match=r"(?s)no candidate 'logistic_regresion'.*'logistic_regression', perhaps"
    ):
        find_spec(workflow, "logistic_regresion")
