"""The interpret step: a challenger of each kind is explained through real models and a real MLflow."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from tests_support import make_night
from training_support import (
    IMAGES,
    PRICES,
    TABLE,
    WAVES,
    make_images,
    make_splits,
    make_waves,
    write,
)

from tasks.dataset import Dataset, array_to_tensor_column
from tasks.interpretation.step import name_metric, run
from tasks.models.packaging import save_as_mlflow_model
from tasks.models.predictor import NETWORK_FILE, PREPARATION_FILE
from tasks.preparation import Preparation
from tasks.settings import Settings
from tasks.tracking import Handoff, Night, TaskIdentity, open_step, tags
from tasks.workflow import Classification, Forecast, Regression, Workflow, find_workflow

if TYPE_CHECKING:
    import keras
    from mlflow import MlflowClient


@dataclass(frozen=True)
class Explained:
    """What the step published."""

    document: dict[str, Any]
    folder: Path
    metrics: dict[str, float]
    tags: dict[str, str]


Explain = Callable[..., Explained]


@pytest.fixture
def night(client: MlflowClient, settings: Settings) -> Night:
    """A night that is open."""
    return make_night(client, settings)


@pytest.fixture
def explain(client: MlflowClient, settings: Settings, night: Night, tmp_path: Path) -> Explain:
    """Run the step about a network called ``small``."""
    n_runs = 0

    def run_step(
        network: keras.Model,
        preparation: Preparation,
        rows: Dataset,
        *,
        metric: str,
        predictions: pa.Table | None = None,
    ) -> Explained:
        nonlocal n_runs
        n_runs += 1
        folder = tmp_path / f"run{n_runs}"
        handoffs = publish(folder, network, preparation, rows, predictions)
        with open_step(client, settings, night, "interpret", inputs={}, task=TaskIdentity()) as one:
            model = handoffs.pop("model")
            made = run(
                one,
                make_workflow(settings, preparation, metric),
                settings,
                models={"small": model, "other": model},
                **handoffs,
            )["interpretation"]
        (folder / "found").mkdir()
        found = client.download_artifacts(made.run_id, made.path, str(folder / "found"))
        document = json.loads((Path(found) / "interpretation.json").read_text("utf-8"))
        data = client.get_run(made.run_id).data
        return Explained(document, Path(found), data.metrics, data.tags)

    def publish(
        folder: Path,
        network: keras.Model,
        preparation: Preparation,
        rows: Dataset,
        predictions: pa.Table | None,
    ) -> dict[str, Handoff]:
        result, judged = folder / "result", folder / "scores"
        result.mkdir(parents=True)
        judged.mkdir()
        network.save(result / NETWORK_FILE)
        (result / PREPARATION_FILE).write_text(preparation.to_json(), "utf-8")
        save_as_mlflow_model(folder / "model", result, packages=("keras", "tensorflow"))
        (judged / "scores.json").write_text(json.dumps({"challenger": "small"}))
        if predictions is not None:
            write(judged / "predictions", predictions)
        with open_step(client, settings, night, "before", inputs={}, task=TaskIdentity()) as step:
            return {
                "model": step.publish(folder / "model", "model"),
                "raw": step.publish(rows.folder, "raw"),
                "clean": step.publish(rows.folder, "clean"),
                "preparation": step.publish(result / PREPARATION_FILE, "preparation"),
                "scores": step.publish(judged, "scores"),
            }

    return run_step


def make_workflow(settings: Settings, preparation: Preparation, metric: str) -> Workflow:
    """What the step reads of a workflow: what is predicted, and what is compared."""
    shipped, _ = find_workflow("digits", settings)
    predict: dict[str, Any] = {"kind": preparation.kind}
    if preparation.forecast is not None:
        predict |= {"window": preparation.forecast.window, "horizon": preparation.forecast.horizon}
    promotion = shipped.promotion.model_copy(update={"metric": metric})
    kinds = {"classification": Classification, "regression": Regression, "forecast": Forecast}
    wanted = {"promotion": promotion, "predict": kinds[preparation.kind].model_validate(predict)}
    return shipped.model_copy(update=wanted)


def build(shape: tuple[int, ...], mean: float, *layers: Any) -> keras.Model:
    import keras

    normalisation = keras.layers.Normalization(
        axis=tuple(range(1, len(shape) + 1)), mean=np.full(shape, mean), variance=np.ones(shape)
    )
    return keras.Sequential([keras.Input(shape), normalisation, *layers])


def make_table() -> pa.Table:
    """40 rows, half of them wide; their height says nothing."""
    rng = np.random.default_rng(4)
    width = np.where(np.arange(40) // 2 % 2, 1.0, -1.0)
    return pa.table(
        {
            "id": [f"r{i}" for i in range(40)],
            "split": make_splits(40),
            "kind": np.where(width > 0, 5, 3),
            "price": 3.0 * width,
            "width": width,
            "height": rng.normal(size=40),
        }
    )


def build_sign_of_width() -> keras.Model:
    """The probability of the second class rises with the width, the first of two columns."""
    import keras

    dense = keras.layers.Dense(1, activation="sigmoid")
    network = build((2,), 0.0, dense)
    dense.set_weights([np.array([[9.0], [0.0]]), np.zeros(1)])
    return network


def test_a_table_is_explained_by_its_raw_columns(explain: Explain, tmp_path: Path) -> None:
    """The column that decides costs accuracy when it is shuffled, the other one nothing."""
    rows = write(tmp_path / "rows", make_table())
    found = explain(build_sign_of_width(), TABLE, rows, metric="accuracy")
    importance = found.document["importance"]
    assert (found.document["challenger"], found.document["kind"]) == ("small", "classification")
    assert (importance["metric"], importance["score"], importance["n_rows"]) == ("accuracy", 1.0, 8)
    width, height = importance["rows"]
    assert (width["column"], height) == ("width", {"column": "height", "mean": 0.0, "sd": 0.0})
    assert width["mean"] > 0.2
    assert (found.document["saliency"], found.document["reason"]) == (None, None)
    assert found.metrics["importance.width"] == width["mean"]
    assert found.metrics["importance.height"] == 0.0
    assert "width matters most" in found.tags[tags.MLFLOW_NOTE]


def test_numbers_are_explained_in_their_unit(explain: Explain, tmp_path: Path) -> None:
    """The root mean squared error of a perfect model grows by what shuffled prices differ."""
    import keras

    dense = keras.layers.Dense(1)
    network = build((2,), 0.0, dense)
    dense.set_weights([np.array([[3.0], [0.0]]), np.zeros(1)])
    rows = write(tmp_path / "rows", make_table())
    importance = explain(network, PRICES, rows, metric="rmse").document["importance"]
    assert importance["is_error"]
    assert importance["score"] == pytest.approx(0.0, abs=1e-5)
    width, height = importance["rows"]
    assert (width["column"], height["mean"]) == ("width", 0.0)
    assert 1.0 < width["mean"] < 6.0  # a wrong price is wrong by 6


def test_a_forecast_is_explained_by_the_columns_of_its_windows(
    explain: Explain, tmp_path: Path
) -> None:
    """Of two series the forecast one is read, and the other one is nothing."""
    import keras

    last = keras.layers.Dense(WAVES.forecast.horizon)
    network = build(WAVES.input_shape, 0.0, keras.layers.Flatten(), last)
    kernel = np.zeros((24, 3))
    kernel[-1] = 1.0  # repeats the last value of b
    last.set_weights([kernel, np.zeros(3)])
    network = keras.Sequential([network, keras.layers.Reshape(WAVES.output_shape)])
    rows = write(tmp_path / "rows", make_waves())
    found = explain(network, WAVES, rows, metric="mse")
    importance = found.document["importance"]
    assert [row["column"] for row in importance["rows"]] == ["b", "a"]
    assert importance["rows"][0]["mean"] > 0.5
    assert importance["rows"][1]["mean"] == 0.0
    assert importance["n_rows"] == 38
    assert "38 hold-out windows" in found.tags[tags.MLFLOW_NOTE]


def make_predictions(rows: pa.Table, predicted: list[str]) -> pa.Table:
    columns = {"id": rows["id"], "split": rows["split"], "target": rows["side"], "small": predicted}
    return pa.table(columns | {"small_confidence": np.linspace(0.6, 0.9, rows.num_rows)})


def make_image_rows() -> pa.Table:
    images, sides = make_images(30)
    return pa.table(
        {
            "id": [f"r{i}" for i in range(30)],
            "split": make_splits(30),
            "side": sides,
            "image": array_to_tensor_column(images),
        }
    )


def build_linear() -> tuple[keras.Model, np.ndarray]:
    """Of two classes, with weights so small that the sigmoid is nearly a line."""
    import keras

    weights = np.random.default_rng(1).normal(size=(36, 1)) * 1e-5
    dense = keras.layers.Dense(1, activation="sigmoid")
    network = build((6, 6, 1), 50.0, keras.layers.Flatten(), dense)
    dense.set_weights([weights, np.zeros(1)])
    return network, weights.reshape(6, 6)


def test_images_are_explained_by_their_pixels(explain: Explain, tmp_path: Path) -> None:
    """Nearly a line, a pixel adds a quarter of its weight times its distance from the mean image."""
    rows = make_image_rows()
    network, weights = build_linear()
    sides = rows["side"].to_pylist()
    predicted = ["right" if i == 3 else side for i, side in enumerate(sides)]
    assert sides[3] == "left"
    found = explain(
        network,
        IMAGES,
        write(tmp_path / "rows", rows),
        metric="accuracy",
        predictions=make_predictions(rows, predicted),
    )
    saliency = found.document["saliency"]
    assert found.document["importance"] is None
    assert (saliency["method"], saliency["n_steps"]) == ("integrated_gradients", 32)
    assert saliency["completeness_error"] < 1e-6
    assert saliency["images"][0] == {
        "id": "r3",
        "target": "left",
        "predicted": "right",
        "confidence": pytest.approx(0.6 + 0.3 * 3 / 29),
        "is_wrong": True,
    }
    assert [image["is_wrong"] for image in saliency["images"]] == [True, *[False] * 5]
    with np.load(found.folder / "saliency.npz") as arrays:
        images, attributions = arrays["images"], arrays["attributions"]
    assert (images.shape, images.dtype) == ((6, 6, 6, 1), np.uint8)
    assert (attributions.shape, attributions.dtype) == ((6, 6, 6), np.float32)
    sign = [1.0 if image["predicted"] == "right" else -1.0 for image in saliency["images"]]
    expected = np.reshape(sign, (-1, 1, 1)) * weights * (images[..., 0] - 50.0) / 4
    assert attributions == pytest.approx(expected, abs=1e-6)
    assert found.metrics["n_wrong"] == 1.0


def test_the_same_night_explains_the_same(explain: Explain, tmp_path: Path) -> None:
    """A retry publishes the same bytes, pictures and all."""
    rows = make_image_rows()
    network, _ = build_linear()
    dataset = write(tmp_path / "rows", rows)
    predictions = make_predictions(rows, rows["side"].to_pylist())
    one, other = (
        explain(network, IMAGES, dataset, metric="accuracy", predictions=predictions)
        for _ in range(2)
    )
    for name in ("interpretation.json", "saliency.npz"):
        assert (one.folder / name).read_bytes() == (other.folder / name).read_bytes()


def test_a_hold_out_of_one_row_ends_in_a_reason(explain: Explain, tmp_path: Path) -> None:
    """Nothing can be shuffled, and the night goes on."""
    rows = write(tmp_path / "rows", make_table().slice(0, 4))  # one of them is held out
    found = explain(build_sign_of_width(), TABLE, rows, metric="accuracy")
    assert (found.document["importance"], found.document["saliency"]) == (None, None)
    assert "1 hold-out rows" in found.document["reason"]
    assert "wait for more rows" in found.tags[tags.PROBLEM]


def test_one_image_is_explained(explain: Explain, tmp_path: Path) -> None:
    """A hold-out of one image that is right has no mistake and one picture."""
    rows = make_image_rows().slice(0, 4)
    network, _ = build_linear()
    predictions = make_predictions(rows, rows["side"].to_pylist())
    dataset = write(tmp_path / "rows", rows)
    found = explain(network, IMAGES, dataset, metric="accuracy", predictions=predictions)
    (image,) = found.document["saliency"]["images"]
    assert (image["id"], image["is_wrong"]) == ("r3", False)


def test_no_image_in_the_hold_out_ends_in_a_reason(explain: Explain, tmp_path: Path) -> None:
    """And not in an error about empty arrays."""
    rows = make_image_rows().slice(0, 3)
    network, _ = build_linear()
    predictions = make_predictions(rows, rows["side"].to_pylist())
    dataset = write(tmp_path / "rows", rows)
    found = explain(network, IMAGES, dataset, metric="accuracy", predictions=predictions)
    assert found.document["saliency"] is None
    assert "no image in the hold-out" in found.document["reason"]


@pytest.mark.parametrize(
    ("column", "expected"),
    [("od280/od315", "importance.od280_od315"), ("größe %", "importance.größe _")],
)
def test_metrics_are_named_as_mlflow_allows(column: str, expected: str) -> None:
    """Letters of any language stay; what MLflow refuses or reads as a folder does not."""
    assert name_metric(column) == expected
