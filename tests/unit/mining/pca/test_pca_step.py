"""The components of a small clean dataset, from its rows to the folder that is published."""

from __future__ import annotations

import datetime
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tasks.dataset import Dataset, DatasetWriter, array_to_tensor_column
from tasks.errors import MiningError
from tasks.mining.found import Earlier, Found
from tasks.mining.pca.step import mine_components
from tasks.mining.rows import MiningRows
from tasks.mining.step import run
from tasks.preparation import Preparation
from tasks.preparation.transformer import Transformer
from tasks.preparation.transformers.encode import OneHotEncode
from tasks.settings import Settings
from tasks.tracking import TaskIdentity, open_night, open_step, tags
from tasks.tracking.steps import record_outputs
from tasks.workflow import Pca, Workflow

if TYPE_CHECKING:
    from mlflow import MlflowClient

HOLDOUT_VALUE = 1e6  # were a hold-out row read, every figure would show it
NUMBERS = ("width", "height", "depth")


def make_numbers(n_rows: int = 200, seed: int = 1) -> dict[str, np.ndarray]:
    """Width and height go together, depth goes alone; the last tenth is held out."""
    rng = np.random.default_rng(seed)
    width = rng.normal(50, 10, n_rows)
    made = {
        "width": width,
        "height": 3 * width + rng.normal(0, 1, n_rows),
        "depth": rng.normal(size=n_rows),
    }
    for values in made.values():
        values[n_rows - n_rows // 10 :] = HOLDOUT_VALUE
    return made


def write_rows(
    folder: Path,
    features: dict[str, Any],
    *,
    target: list[str] | None = None,
    transformers: tuple[Transformer, ...] = (),
    split: list[str] | None = None,
) -> MiningRows:
    n_rows = len(next(iter(features.values())))
    n_holdout = n_rows // 10
    columns = {
        "id": [f"r{i}" for i in range(n_rows)],
        "split": split or ["train"] * (n_rows - n_holdout) + ["holdout"] * n_holdout,
        **({"kind": target} if target is not None else {}),
        **features,
    }
    rows = pa.table(columns)
    with DatasetWriter(folder / "clean", rows.schema, rows_per_partition=64) as writer:
        writer.write(rows)
    preparation = Preparation(
        "kind" if target is not None else None,
        tuple(sorted(set(target or ()))),
        None,
        None,
        tuple(features),
        tuple(features),
        transformers,
    )
    return MiningRows(Dataset.open(folder / "clean"), preparation)


def mine(
    rows: MiningRows, folder: Path, *, earlier: Earlier | None = None, **options: Any
) -> tuple[dict[str, Any], Found]:
    folder.mkdir()
    found = mine_components(rows, Pca(**options), folder, seed=7, earlier=earlier)
    return json.loads((folder / "pca.json").read_text(encoding="utf-8")), found


@pytest.fixture
def rows(tmp_path: Path) -> MiningRows:
    return write_rows(tmp_path, make_numbers(), target=["tall", "flat"] * 100)


def test_the_document_tells_what_the_components_are_made_of(
    rows: MiningRows, tmp_path: Path
) -> None:
    """Width and height are one direction, two thirds of the variance; depth is the other."""
    document, found = mine(rows, tmp_path / "pca")
    assert (document["n_rows"], document["n_rows_fitted"], document["n_inputs"]) == (180, 180, 3)
    assert document["explained_variance_ratio"] == pytest.approx([2 / 3, 1 / 3, 0], abs=0.02)
    assert document["explained_variance_fraction"] == pytest.approx(1)
    assert document["n_components_for"][1] == {"share": 0.9, "n_components": 2}
    first, second, _ = document["components"]
    assert {i["input"] for i in first["most_telling_inputs"][:2]} == {"width", "height"}
    assert abs(first["most_telling_inputs"][0]["correlation"]) > 0.99
    assert first["most_telling_inputs"][0]["weight"] == pytest.approx(0.5**0.5, abs=0.01)
    assert second["most_telling_inputs"][0]["label"] == "depth"
    assert document["inputs"] == list(NUMBERS)
    assert document["image_shape"] is None
    assert document["asked"] == {"components": 20, "columns": None}
    assert document["since"] is None
    assert found.sentence == "3 components of 3 inputs hold 100.0 % of the variance."
    assert found.metrics["n_components_for_90_percent"] == 2


def test_the_files_say_the_same_as_the_document(rows: MiningRows, tmp_path: Path) -> None:
    """Every input's weight and correlation, the curve, and the directions as an array."""
    document, _ = mine(rows, tmp_path / "pca")
    directions = np.load(tmp_path / "pca" / "components.npy", allow_pickle=False)
    assert directions.shape == (3, 3)
    loadings = pd.read_csv(tmp_path / "pca" / "loadings.csv")
    assert loadings["input"].tolist() == list(NUMBERS) * 3
    np.testing.assert_allclose(loadings["weight"], directions.ravel(), rtol=1e-5, atol=1e-9)
    variance = pd.read_csv(tmp_path / "pca" / "explained_variance.csv")
    assert variance["ratio"].tolist() == document["explained_variance_ratio"]
    assert variance["cumulative"].iloc[-1] == pytest.approx(1)


def test_the_map_has_the_training_rows_with_their_classes(rows: MiningRows, tmp_path: Path) -> None:
    """Ids, classes and the scores on the first two components; no row that is held out."""
    mine(rows, tmp_path / "pca")
    members = Dataset.open(tmp_path / "pca" / "members").table()
    assert members.schema.names == ["id", "class", "pc1", "pc2"]
    assert members["id"].to_pylist() == [f"r{i}" for i in range(180)]
    assert members["class"].to_pylist() == ["tall", "flat"] * 90
    # Scores are about 0 with the component's variance: 3 inputs times its share.
    scores = members["pc1"].to_numpy()
    assert scores.mean() == pytest.approx(0, abs=1e-4)
    assert scores.var() == pytest.approx(2, abs=0.06)
    # The first follows width and the second depth, row by row.
    numbers = make_numbers()
    for score, name in (("pc1", "width"), ("pc2", "depth")):
        correlation = np.corrcoef(members[score].to_numpy(), numbers[name][:180])[0, 1]
        assert abs(correlation) > 0.98


def test_rows_without_classes_have_a_map_without_them(tmp_path: Path) -> None:
    """And one component has a second axis of 0."""
    mine(write_rows(tmp_path, make_numbers()), tmp_path / "pca", components=1)
    members = Dataset.open(tmp_path / "pca" / "members").table()
    assert members.schema.names == ["id", "pc1", "pc2"]
    assert set(members["pc2"].to_pylist()) == {0.0}


def test_the_same_rows_give_the_same_bytes(rows: MiningRows, tmp_path: Path) -> None:
    """A retry publishes the same artifact."""
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        mine(rows, folder)
    names = sorted(str(p.relative_to(folders[0])) for p in folders[0].rglob("*") if p.is_file())
    assert len(names) == 6
    for name in names:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name


def test_only_the_named_columns_are_looked_at(rows: MiningRows, tmp_path: Path) -> None:
    """`columns` names features."""
    document, _ = mine(rows, tmp_path / "pca", columns=("depth", "width"))
    assert document["inputs"] == ["depth", "width"]


def test_a_misspelt_column_is_named(rows: MiningRows, tmp_path: Path) -> None:
    """With what was probably meant, and the key to change."""
    with pytest.raises(MiningError, match=r"(?s)no column 'widht'.*'width'.*'columns' under 'min"):
        mine(rows, tmp_path / "pca", columns=("widht",))


def test_categories_are_named_as_the_user_knows_them(tmp_path: Path) -> None:
    """A one-hot column is its category, whatever characters are in it."""
    towns = ["<b>Rome</b>", 'Łódź, "x"\n1', "NA"] * 40
    encode = OneHotEncode(["town"]).fit({"town": pa.array(towns)})
    encoded = encode.transform({"town": pa.array(towns)}).frame
    rows = write_rows(tmp_path, encoded, transformers=(encode,))
    document, _ = mine(rows, tmp_path / "pca")
    told = {i["label"] for c in document["components"] for i in c["most_telling_inputs"]}
    assert told == {"town is <b>Rome</b>", 'town is Łódź, "x"\n1', "town is NA"}
    # Three columns that add up to 1 have two directions.
    assert document["n_components"] == 2
    loadings = pd.read_csv(tmp_path / "pca" / "loadings.csv", keep_default_na=False)
    assert set(loadings["category"]) == {"<b>Rome</b>", 'Łódź, "x"\n1', "NA"}


def test_constant_inputs_are_told_and_take_no_part(tmp_path: Path) -> None:
    """Their weight is 0."""
    features = {**make_numbers(), "same": np.full(200, 3.0)}
    document, _ = mine(write_rows(tmp_path, features), tmp_path / "pca")
    assert (document["n_constant_inputs"], document["constant_inputs"]) == (1, ["same"])
    assert document["n_components"] == 3
    loadings = pd.read_csv(tmp_path / "pca" / "loadings.csv")
    assert loadings.loc[loadings["input"] == "same", "correlation"].tolist() == [0, 0, 0]


def test_images_have_pictures_of_components(tmp_path: Path) -> None:
    """Directions in the shape of the images, and no table of pixels."""
    rng = np.random.default_rng(2)
    images = rng.integers(0, 255, (40, 3, 4, 1)).astype(np.uint8)
    table = pa.table(
        {
            "id": [str(i) for i in range(40)],
            "split": ["train"] * 40,
            "image": array_to_tensor_column(images),
        }
    )
    with DatasetWriter(tmp_path / "clean", table.schema) as writer:
        writer.write(table)
    rows = MiningRows(
        Dataset.open(tmp_path / "clean"), Preparation(None, (), "image", (3, 4, 1), ())
    )
    document, _ = mine(rows, tmp_path / "pca", components=5)
    assert np.load(tmp_path / "pca" / "components.npy").shape == (5, 3, 4, 1)
    assert (document["image_shape"], document["inputs"]) == ([3, 4, 1], None)
    assert not (tmp_path / "pca" / "loadings.csv").exists()


def test_many_rows_are_sampled_and_the_map_is_thinned(
    rows: MiningRows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within bounds by rows and by bytes, and the document says how many were looked at."""
    monkeypatch.setattr("tasks.mining.pca.step.MAX_FIT_ROWS", 50)
    monkeypatch.setattr("tasks.mining.pca.step.MAX_MAP_ROWS", 20)
    monkeypatch.setattr("tasks.mining.pca.step.MAX_LOADINGS", 7)
    document, _ = mine(rows, tmp_path / "pca")
    assert (document["n_rows"], document["n_rows_fitted"]) == (180, 50)
    assert Dataset.open(tmp_path / "pca" / "members").n_rows == 20
    loadings = pd.read_csv(tmp_path / "pca" / "loadings.csv")
    assert loadings["component"].tolist() == [1, 1, 1, 2, 2, 2]
    monkeypatch.setattr("tasks.mining.pca.step.MAX_FIT_BYTES", 30 * 3 * 4)
    assert mine(rows, tmp_path / "wide")[0]["n_rows_fitted"] == 30


def test_the_turn_since_an_earlier_night_is_told(tmp_path: Path) -> None:
    """Depth's place in the plane is taken by another input: the plane stands upright on the old one."""
    for name, second in (("before", "depth"), ("now", "weight")):
        (tmp_path / name).mkdir()
        features = make_numbers()
        rng = np.random.default_rng(5)
        # The third direction follows the first pair a little, so that it holds less.
        other = 0.7 * (features["width"] - 50) / 10 + 0.7 * rng.normal(size=200)
        columns = {"width": features["width"], "height": features["height"]}
        for column in ("depth", "weight"):
            columns[column] = features["depth"] if column == second else other
        rows = write_rows(tmp_path / name, columns)
        earlier = Earlier("2026-01-06", tmp_path / "before" / "pca") if name == "now" else None
        document, found = mine(rows, tmp_path / name / "pca", earlier=earlier)
    since = document["since"]
    assert (since["date"], since["has_same_inputs"], since["n_leading"]) == ("2026-01-06", True, 2)
    assert 60 < since["angle_degrees"] <= 90
    assert found.metrics["angle_degrees"] == since["angle_degrees"]
    assert "Since 2026-01-06 the plane of the first two has turned by" in found.sentence
    before = json.loads((tmp_path / "before" / "pca" / "pca.json").read_text())
    assert since["explained_variance_ratio"] == before["explained_variance_ratio"]


def test_the_same_rows_again_have_not_turned(rows: MiningRows, tmp_path: Path) -> None:
    """Not by a hundredth of a degree."""
    mine(rows, tmp_path / "before")
    document, _ = mine(rows, tmp_path / "now", earlier=Earlier("d", tmp_path / "before"))
    assert document["since"]["angle_degrees"] < 0.01


def test_other_inputs_are_not_compared(rows: MiningRows, tmp_path: Path) -> None:
    """An angle between directions of different inputs means nothing."""
    mine(rows, tmp_path / "before", columns=("width", "height"))
    document, found = mine(rows, tmp_path / "now", earlier=Earlier("d", tmp_path / "before"))
    since = document["since"]
    assert (since["has_same_inputs"], since["angle_degrees"]) == (False, None)
    assert since["explained_variance_ratio"] == []
    assert "Since" not in found.sentence
    assert "angle_degrees" not in found.metrics


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, 2.0, float("nan"), 3.0], r"1 of 4 training rows hold a missing or infinite value"),
        ([1.0, 2.0, 1e200, 3.0], r"1 of 4 training rows hold"),
        ([5.0] * 4, r"The input is constant over 4 training rows"),
        ([3.0], r"There is 1 training row"),
    ],
)
def test_rows_without_components_are_refused(
    tmp_path: Path, values: list[float], message: str
) -> None:
    """By an error that the report can show."""
    rows = write_rows(tmp_path, {"x": values})
    with pytest.raises(MiningError, match=message):
        mine(rows, tmp_path / "pca")


def test_rows_without_inputs_are_refused(tmp_path: Path) -> None:
    """A workflow may keep its columns for the rules alone."""
    rows = write_rows(tmp_path, {"kept": ["a"] * 20})
    bare = MiningRows(rows.dataset, Preparation(None, (), None, None, ()))
    with pytest.raises(MiningError, match=r"(?s)no input.*take 'pca' out of 'mining'"):
        mine(bare, tmp_path / "pca")


def test_a_night_without_training_rows_is_refused(tmp_path: Path) -> None:
    """All rows are held out."""
    rows = write_rows(tmp_path, {"x": [1.0, 2.0]}, split=["holdout"] * 2)
    with pytest.raises(MiningError, match=r"There are 0 training rows"):
        mine(rows, tmp_path / "pca")


def test_mnists_first_shares_come_out_of_a_sample(real_data: Path, tmp_path: Path) -> None:
    """20,000 of 60,000 images: within a tenth of the shares of all, since rare pixels are missed."""
    with np.load(real_data / "mnist.npz") as data:
        images = data["x_train"][..., None]
    table = pa.table(
        {
            "id": [str(i) for i in range(60_000)],
            "split": ["train"] * 60_000,
            "image": array_to_tensor_column(images),
        }
    )
    with DatasetWriter(tmp_path / "clean", table.schema) as writer:
        writer.write(table)
    preparation = Preparation(None, (), "image", (28, 28, 1), ())
    rows = MiningRows(Dataset.open(tmp_path / "clean", verify=False), preparation)
    document, _ = mine(rows, tmp_path / "pca", components=2)
    assert (document["n_rows"], document["n_rows_fitted"]) == (60_000, 20_000)
    assert document["explained_variance_ratio"] == pytest.approx([0.0564671, 0.0407827], rel=0.1)


def make_workflow(*, required: bool = False) -> Workflow:
    return Workflow.model_validate(
        {
            "name": "tiny",
            "description": "Three sizes.",
            "source": {"kind": "sklearn", "dataset": "iris"},
            "columns": {"features": list(NUMBERS)},
            "expectations": {"raw": "tiny_raw", "clean": "tiny_clean"},
            "split": {"by": "hash"},
            "mining": {"pca": {"components": 2}, "required": required},
        }
    )


def run_night(
    client: MlflowClient,
    settings: Settings,
    folder: Path,
    day: int,
    features: dict[str, Any],
    *,
    required: bool = False,
) -> tuple[dict[str, str], Path]:
    """Mine in a night of its own; gives the tags of the step's run, and what it published."""
    workflow = make_workflow(required=required)
    date = datetime.date(2026, 1, day)
    night = open_night(
        client, settings, workflow, date, key=f"{day}", runner="local", folder=folder
    )
    work = folder / f"night {day}"
    work.mkdir()
    rows = write_rows(work, features)
    (work / "preparation.json").write_text(rows.preparation.to_json())
    with open_step(client, settings, night, "clean", inputs={}, task=TaskIdentity()) as step:
        clean = step.publish(work / "clean", "clean", n_rows=200)
        preparation = step.publish(work / "preparation.json", "preparation")
    with open_step(client, settings, night, "mine.pca", inputs={}, task=TaskIdentity()) as step:
        outputs = run(step, workflow, settings, "pca", clean, preparation)
        record_outputs(client, step.run_id, outputs)
        shutil.copytree(step.fetch(outputs["pca"]), work / "found")
    return client.get_run(step.run_id).data.tags, work / "found"


def test_a_night_is_compared_with_the_one_before(
    client: MlflowClient, settings: Settings, tmp_path: Path
) -> None:
    """Through MLflow: the second night's document and tags name the first one's date."""
    run_night(client, settings, tmp_path, 5, make_numbers(seed=1))
    found, folder = run_night(client, settings, tmp_path, 6, make_numbers(seed=2))
    since = json.loads((folder / "pca.json").read_text())["since"]
    assert (since["date"], since["has_same_inputs"]) == ("2026-01-05", True)
    assert found[tags.COMPARED_WITH] == "2026-01-05"
    assert "turned by" in found[tags.MLFLOW_NOTE]


def test_a_night_without_components_says_why_and_goes_on(
    client: MlflowClient, settings: Settings, tmp_path: Path
) -> None:
    """The problem is what the step publishes, and the next night has nothing to compare with."""
    constant = {name: np.ones(200) for name in NUMBERS}
    found, folder = run_night(client, settings, tmp_path, 5, constant)
    assert [p.name for p in folder.iterdir()] == ["problem.json"]
    problem = json.loads((folder / "problem.json").read_text())
    assert problem["what"] == "All 3 inputs are constant over 180 training rows."
    assert set(problem) == {"what", "expected", "hint"}
    assert found[tags.PROBLEM] == f"{problem['what']} What to do: {problem['hint']}."
    found, folder = run_night(client, settings, tmp_path, 6, make_numbers())
    assert json.loads((folder / "pca.json").read_text())["since"] is None
    assert tags.PROBLEM not in found


def test_a_night_that_must_be_mined_fails_without_components(
    client: MlflowClient, settings: Settings, tmp_path: Path
) -> None:
    """With `mining.required` the error is the step's."""
    constant = {name: np.ones(200) for name in NUMBERS}
    with pytest.raises(MiningError, match="All 3 inputs are constant"):
        run_night(client, settings, tmp_path, 5, constant, required=True)
