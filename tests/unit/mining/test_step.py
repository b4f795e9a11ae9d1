from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from tasks.dataset import Dataset, DatasetWriter, array_to_tensor_column
from tasks.errors import MiningError
from tasks.mining.step import run
from tasks.preparation import Preparation
from tasks.settings import Settings
from tasks.tracking import Handoff, Step, TaskIdentity, open_night, open_step
from tasks.workflow import Workflow

if TYPE_CHECKING:
    from mlflow import MlflowClient

HOLDOUT_PIXEL = 255  # hold-out images are white: were one read, the centres would show it


def make_workflow(k: object, *, is_image: bool = True) -> Workflow:
    columns = {"image": {"tensor": [2, 2, 1]}} if is_image else {"features": ["width", "height"]}
    return Workflow.model_validate(
        {
            "name": "tiny",
            "description": "Two kinds of picture.",
            "source": {"kind": "sklearn", "dataset": "digits"},
            "columns": {"target": "label", **columns},
            "expectations": {"raw": "tiny_raw", "clean": "tiny_clean"},
            "split": {"by": "hash"},
            "mining": {} if k is None else {"clusters": {"pca": 3, "k": k}},
            "candidates": {"mlp": {"kind": "mlp"}},
        }
    )


def make_images(n_rows: int) -> tuple[np.ndarray, list[str], list[str]]:
    """Dark and bright images by turns (class "dark" one in four wrong), the last tenth hold-out."""
    rng = np.random.default_rng(5)
    is_bright = np.arange(n_rows) % 2 == 1
    images = (rng.integers(0, 9, (n_rows, 2, 2, 1)) + 200 * is_bright[:, None, None, None]).astype(
        np.uint8
    )
    n_holdout = n_rows // 10
    images[-n_holdout:] = HOLDOUT_PIXEL
    labels = ["bright" if b or i % 8 == 0 else "dark" for i, b in enumerate(is_bright)]
    return images, labels, ["train"] * (n_rows - n_holdout) + ["holdout"] * n_holdout


@pytest.fixture
def step(client: MlflowClient, settings: Settings, tmp_path: Path) -> Iterator[Step]:
    night = open_night(
        client,
        settings,
        make_workflow(2),
        datetime.date(2026, 1, 1),
        key="test",
        runner="local",
        folder=tmp_path,
    )
    with open_step(
        client, settings, night, "mine.clusters", inputs={}, task=TaskIdentity()
    ) as opened:
        yield opened


def publish_images(step: Step, folder: Path, n_rows: int = 200) -> tuple[Handoff, Handoff]:
    images, labels, split = make_images(n_rows)
    rows = pa.table(
        {
            "id": [f"row-{i}" for i in range(n_rows)],
            "split": split,
            "label": labels,
            "image": array_to_tensor_column(images),
        }
    )
    with DatasetWriter(folder / "clean", rows.schema, rows_per_partition=64) as writer:
        writer.write(rows)
    preparation = Preparation("label", ("bright", "dark"), "image", (2, 2, 1), ())
    (folder / "preparation.json").write_text(preparation.to_json())
    return (
        step.publish(folder / "clean", "clean", n_rows=n_rows),
        step.publish(folder / "preparation.json", "preparation"),
    )


def run_on_images(step: Step, folder: Path, k: object = 2) -> Path:
    clean, preparation = publish_images(step, folder)
    workdir = step.workdir / folder.name
    workdir.mkdir()
    opened = Step(step.client, step.night, step.name, step.run_id, workdir)
    outputs = run(opened, make_workflow(k), Settings(), clean, preparation)
    return opened.fetch(outputs["clusters"])


def test_the_published_folder_counts_training_rows_only(step: Step, tmp_path: Path) -> None:
    """180 of 200 rows train; the clusters are the dark and the bright images among them."""
    folder = run_on_images(step, tmp_path)
    found = json.loads((folder / "clusters.json").read_text())
    assert (found["n_rows"], found["n_rows_fitted"], found["k"]) == (180, 180, 2)
    assert found["sizes"] == [90, 90]
    # Every eighth image is dark and called bright: 23 of 180 rows stand in the wrong cluster.
    assert sorted(map(tuple, found["class_counts"])) == [(23, 67), (90, 0)]
    assert found["purity"] == round(157 / 180, 6)
    assert found["silhouette"] > 0.9


def test_the_centres_of_images_are_means_in_pixel_units(step: Step, tmp_path: Path) -> None:
    """A dark image has pixels of 0 to 8, a bright one of 200 to 208."""
    centres = np.load(run_on_images(step, tmp_path) / "centres.npy", allow_pickle=False)
    assert centres.shape == (2, 2, 2, 1)
    assert sorted(round(float(c.mean()), -1) for c in centres) == [0, 200]


def test_the_map_holds_the_training_rows_with_their_classes(step: Step, tmp_path: Path) -> None:
    """Members name id, cluster, class and the first two components."""
    folder = run_on_images(step, tmp_path)
    members = Dataset.open(folder / "members").table()
    assert members.schema.names == ["id", "cluster", "class", "pc1", "pc2"]
    assert members.num_rows == 180
    assert members["id"][0].as_py() == "row-0"
    assert set(members["class"].to_pylist()) == {"bright", "dark"}


def test_a_larger_data_set_is_sampled_and_still_counted_whole(
    step: Step, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fit sees a bounded sample and the document says so; every training row is counted."""
    monkeypatch.setattr("tasks.mining.step.MAX_FIT_ROWS", 50)
    monkeypatch.setattr("tasks.mining.step.MAX_MAP_ROWS", 20)
    monkeypatch.setattr("tasks.mining.step.BATCH_BYTES", 4 * 4 * 33)
    folder = run_on_images(step, tmp_path)
    found = json.loads((folder / "clusters.json").read_text())
    assert (found["n_rows"], found["n_rows_fitted"]) == (180, 50)
    assert sorted(found["sizes"]) == [90, 90]
    assert Dataset.open(folder / "members").n_rows == 20


def test_the_figures_are_logged(step: Step, tmp_path: Path) -> None:
    """The run shows k, silhouette and purity, and what was asked for."""
    run_on_images(step, tmp_path, k=(2, 4))
    data = step.client.get_run(step.run_id).data
    assert data.metrics["k"] == 2
    assert data.metrics["purity"] == pytest.approx(157 / 180, abs=1e-6)
    assert data.params["n_rows_fitted"] == "180"


def test_the_same_inputs_give_the_same_artifact(step: Step, tmp_path: Path) -> None:
    """A retry publishes the same bytes."""
    clean, preparation = publish_images(step, tmp_path)
    digests = []
    for name in ("first", "second"):
        workdir = step.workdir / f"{tmp_path.name}-{name}"
        workdir.mkdir()
        opened = Step(step.client, step.night, step.name, step.run_id, workdir)
        outputs = run(opened, make_workflow((2, 3)), Settings(), clean, preparation)
        digests.append(outputs["clusters"].sha256)
    assert digests[0] == digests[1]


def test_tables_have_centres_in_their_own_units(step: Step, tmp_path: Path) -> None:
    """Without images the centre names each feature's mean, and no picture is written."""
    rows = pa.table(
        {
            "id": [str(i) for i in range(8)],
            "split": ["train"] * 8,
            "label": [0, 0, 0, 0, 1, 1, 1, 1],
            "width": [1.0, 2.0, 3.0, 2.0, 11.0, 12.0, 13.0, 12.0],
            "height": [5.0, 5.0, 6.0, 4.0, 50.0, 50.0, 60.0, 40.0],
        }
    )
    with DatasetWriter(tmp_path / "clean", rows.schema) as writer:
        writer.write(rows)
    preparation = Preparation("label", (0, 1), None, None, ("width", "height"))
    (tmp_path / "preparation.json").write_text(preparation.to_json())
    clean = step.publish(tmp_path / "clean", "clean")
    outputs = run(
        step,
        make_workflow(2, is_image=False),
        Settings(),
        clean,
        step.publish(tmp_path / "preparation.json", "preparation"),
    )
    folder = step.fetch(outputs["clusters"])
    found = json.loads((folder / "clusters.json").read_text())
    centres = sorted((c["centre"]["width"], c["centre"]["height"]) for c in found["clusters"])
    assert centres == [(2.0, 5.0), (12.0, 50.0)]
    assert not (folder / "centres.npy").exists()


def test_rows_without_a_class_are_grouped_all_the_same(step: Step, tmp_path: Path) -> None:
    """Without a target the clusters are there, and what compares them with classes is None."""
    rows = pa.table(
        {
            "id": [str(i) for i in range(8)],
            "split": ["train"] * 6 + ["holdout"] * 2,
            "width": [1.0, 2.0, 3.0, 11.0, 12.0, 13.0, 99.0, 99.0],
        }
    )
    with DatasetWriter(tmp_path / "clean", rows.schema) as writer:
        writer.write(rows)
    preparation = Preparation(None, (), None, None, ("width",), ("width_as_it_arrived",))
    (tmp_path / "preparation.json").write_text(preparation.to_json())
    outputs = run(
        step,
        make_workflow(2, is_image=False),
        Settings(),
        step.publish(tmp_path / "clean", "clean"),
        step.publish(tmp_path / "preparation.json", "preparation"),
    )
    folder = step.fetch(outputs["clusters"])
    found = json.loads((folder / "clusters.json").read_text())
    assert found["sizes"] == [3, 3]
    assert (found["classes"], found["class_counts"]) == ([], [])
    assert (found["purity"], found["adjusted_rand_index"]) == (None, None)
    assert {c["most_frequent_class"] for c in found["clusters"]} == {None}
    assert sorted(c["centre"]["width"] for c in found["clusters"]) == [2.0, 12.0]
    members = Dataset.open(folder / "members").table()
    assert members.schema.names == ["id", "cluster", "pc1", "pc2"]
    assert "purity" not in step.client.get_run(step.run_id).data.metrics


def test_a_workflow_without_clusters_is_refused(step: Step, tmp_path: Path) -> None:
    """The error says which key is missing."""
    with pytest.raises(MiningError, match=r"has no 'mining\.clusters'"):
        run_on_images(step, tmp_path, k=None)
