"""The clusters of a small clean dataset, from its rows to the folder that is published."""

from __future__ import annotations

import datetime
import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tasks.dataset import Dataset, DatasetWriter, array_to_tensor_column, digest_folder
from tasks.errors import MiningError
from tasks.mining.clusters import last_night, reading, search
from tasks.mining.clusters import step as clusters_step
from tasks.mining.clusters.models import Centres
from tasks.mining.clusters.step import mine_clusters
from tasks.mining.found import Earlier, Found
from tasks.mining.rows import MiningRows
from tasks.mining.step import run
from tasks.preparation import Preparation
from tasks.preparation.transformers.encode import OneHotEncode
from tasks.preparation.transformers.scale import Scale
from tasks.settings import Settings
from tasks.tracking import TaskIdentity, open_night, open_step
from tasks.tracking.steps import record_outputs
from tasks.workflow import Clusters, Workflow

if TYPE_CHECKING:
    from mlflow import MlflowClient

HOLDOUT_VALUE = 1e6  # were a hold-out row read, every figure would show it
HOSTILE = '<script>alert("x")</script>'
EARLIER = "2026-01-06"


def write(
    folder: Path, columns: Mapping[str, Any], preparation: Preparation, n_holdout: int = 0
) -> MiningRows:
    n_rows = len(next(iter(columns.values())))
    split = ["train"] * (n_rows - n_holdout) + ["holdout"] * n_holdout
    table = pa.table({"id": [f"r{i}" for i in range(n_rows)], "split": split, **columns})
    shutil.rmtree(folder / "clean", ignore_errors=True)
    with DatasetWriter(folder / "clean", table.schema, rows_per_partition=64) as writer:
        writer.write(table)
    return MiningRows(Dataset.open(folder / "clean"), preparation)


def make_table(
    folder: Path,
    sizes: tuple[int, ...] = (60, 40, 20),
    *,
    names: tuple[str, str] = ("width", "height"),
    has_target: bool = True,
    seed: int = 1,
    n_holdout: int = 10,
) -> MiningRows:
    """Groups along the diagonal, ten apart; the class is the group, one in ten of another name."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    X = 10.0 * groups[:, None] + rng.normal(scale=0.5, size=(len(groups), 2))
    X = np.vstack([X, np.full((n_holdout, 2), HOLDOUT_VALUE)])
    kinds = [f"group {g}" if i % 10 else "other" for i, g in enumerate(groups)]
    columns: dict[str, Any] = {names[0]: X[:, 0], names[1]: X[:, 1]}
    if has_target:
        columns["kind"] = [*kinds, *["other"] * n_holdout]
    classes = tuple(sorted(set(kinds))) if has_target else ()
    preparation = Preparation("kind" if has_target else None, classes, None, None, names)
    return write(folder, columns, preparation, n_holdout)


def make_images(folder: Path, n_rows: int = 200) -> MiningRows:
    """Dark and bright images by turns (class "dark" one in four wrong), the last tenth held out."""
    rng = np.random.default_rng(5)
    is_bright = np.arange(n_rows) % 2 == 1
    images = rng.integers(0, 9, (n_rows, 2, 3, 1)) + 200 * is_bright[:, None, None, None]
    images[n_rows - n_rows // 10 :] = 255
    labels = ["bright" if b or i % 8 == 0 else "dark" for i, b in enumerate(is_bright)]
    columns = {"label": labels, "image": array_to_tensor_column(images.astype(np.uint8))}
    preparation = Preparation("label", ("bright", "dark"), "image", (2, 3, 1), ())
    return write(folder, columns, preparation, n_rows // 10)


def mine(
    rows: MiningRows, folder: Path, *, earlier: Path | None = None, **options: Any
) -> tuple[dict[str, Any], Found]:
    folder.mkdir(parents=True)
    before = None if earlier is None else Earlier(EARLIER, earlier)
    asked = Clusters(**{"bootstraps": 3, **options})
    found = mine_clusters(rows, asked, folder, seed=7, earlier=before)
    return json.loads((folder / "clusters.json").read_text(encoding="utf-8")), found


def read_assignments(folder: Path) -> dict[str, int]:
    table = Dataset.open(folder / "assignments").table()
    assert table.schema.names == ["id", "cluster"]
    return dict(zip(table["id"].to_pylist(), table["cluster"].to_pylist(), strict=True))


def test_the_document_tells_what_was_found(tmp_path: Path) -> None:
    """Three groups of 120 training rows, the hold-out not among them."""
    document, found = mine(make_table(tmp_path), tmp_path / "out")
    assert (document["n_rows"], document["n_rows_fitted"], document["k"]) == (120, 120, 3)
    assert [c["n_rows"] for c in document["clusters"]] == [60, 40, 20]
    assert [c["share"] for c in document["clusters"]] == [0.5, 0.333333, 0.166667]
    assert [c["cluster"] for c in document["clusters"]] == [0, 1, 2]
    assert document["next_number"] == 3
    assert document["silhouette"] > 0.9
    assert document["structure"] == "strong"
    assert [point["k"] for point in document["silhouette_curve"]] == list(range(2, 11))
    assert document["stability"]["adjusted_rand_mean"] == 1
    assert {c["stability_word"] for c in document["clusters"]} == {"highly stable"}
    assert document["since"] is None
    assert found.sentence.startswith("3 clusters of 120 rows, silhouette 0.9")
    assert found.metrics["k"] == 3


def test_classes_are_compared_over_all_rows(tmp_path: Path) -> None:
    """One row in ten has another class: nine in ten are of their cluster's most frequent one."""
    document, _ = mine(make_table(tmp_path), tmp_path / "out")
    assert document["purity"] == 0.9
    assert document["clusters"][0]["class_counts"] == [54, 0, 0, 6]
    assert [c["most_frequent_class"] for c in document["clusters"]] == [
        f"group {g}" for g in range(3)
    ]
    assert [c["class_share"] for c in document["clusters"]] == [0.9] * 3
    assert 0.6 < document["adjusted_rand_index"] < 1


def test_rows_without_a_class_are_grouped_all_the_same(tmp_path: Path) -> None:
    """What compares with classes is None, and the map has none."""
    document, found = mine(make_table(tmp_path, has_target=False), tmp_path / "out")
    assert [c["n_rows"] for c in document["clusters"]] == [60, 40, 20]
    assert (document["classes"], document["purity"], document["adjusted_rand_index"]) == (
        [],
        None,
        None,
    )
    assert {c["most_frequent_class"] for c in document["clusters"]} == {None}
    members = Dataset.open(tmp_path / "out" / "members").table()
    assert members.schema.names == ["id", "cluster", "pc1", "pc2"]
    assert "purity" not in found.metrics


def test_every_training_row_is_assigned(tmp_path: Path) -> None:
    """The assignments have each id once with its cluster's number; held-out rows have none."""
    mine(make_table(tmp_path), tmp_path / "out")
    assigned = read_assignments(tmp_path / "out")
    assert list(assigned) == [f"r{i}" for i in range(120)]
    assert list(assigned.values()) == [0] * 60 + [1] * 40 + [2] * 20


def test_the_map_holds_training_rows_with_their_classes(tmp_path: Path) -> None:
    """Ids, clusters, classes and two components."""
    mine(make_table(tmp_path), tmp_path / "out")
    members = Dataset.open(tmp_path / "out" / "members").table()
    assert members.schema.names == ["id", "cluster", "class", "pc1", "pc2"]
    assert members["cluster"].to_pylist() == [0] * 60 + [1] * 40 + [2] * 20
    assert members["class"][1].as_py() == "group 0"
    # The groups lie along the first component.
    assert abs(np.corrcoef(members["cluster"], members["pc1"])[0, 1]) > 0.95


def test_members_are_told_by_their_ids(tmp_path: Path) -> None:
    """The typical row is nearest to its group's mean; border rows are others."""
    rows = make_table(tmp_path, has_target=False)
    document, _ = mine(rows, tmp_path / "out", k=3)
    table = rows.dataset.table(["width", "height"]).to_pandas().iloc[:60]
    distance = np.linalg.norm(table - table.mean(), axis=1)
    first = document["clusters"][0]
    assert first["typical_ids"] == [f"r{i}" for i in np.argsort(distance)[:4]]
    assert len(first["border_ids"]) == 4
    assert not set(first["border_ids"]) & set(first["typical_ids"])


def test_means_and_names_are_in_the_users_words(tmp_path: Path) -> None:
    """Scaled numbers come back in their unit, one-hot columns as shares of the rows."""
    grams = np.array([*[100.0] * 30, *[300.0] * 10]) + np.tile([-2.0, 2.0], 20)
    towns = pa.array(["Rome"] * 30 + ["Oslo"] * 10)
    encode = OneHotEncode(["town"]).fit({"town": towns})
    scale = Scale(["grams"]).fit({"grams": grams})
    clean = {**scale.transform({"grams": grams}).frame, **encode.transform({"town": towns}).frame}
    preparation = Preparation(
        None, (), None, None, tuple(clean), ("grams", "town"), (scale, encode)
    )
    rows = write(tmp_path, clean, preparation)
    document, _ = mine(rows, tmp_path / "out", k=2)
    inputs = {told["label"]: i for i, told in enumerate(document["inputs"])}
    kinds = {told["label"]: told["kind"] for told in document["inputs"]}
    assert kinds == {"grams": "number", "town is Rome": "share", "town is Oslo": "share"}
    large, small = document["clusters"]
    assert (large["means"][inputs["grams"]], small["means"][inputs["grams"]]) == (100, 300)
    assert large["means"][inputs["town is Rome"]] == 1
    assert document["inputs"][inputs["town is Rome"]]["mean"] == 0.75
    assert document["inputs"][inputs["grams"]]["mean"] == 150
    # (300 - 150) / std, a quarter of the rows 200 above the others and each 2 to its side.
    assert small["differences"][inputs["grams"]] == pytest.approx(150 / np.sqrt(7504), rel=1e-4)
    assert "town is Oslo" in small["name"]
    table = pd.read_csv(tmp_path / "out" / "clusters.csv")
    assert table["mean of grams"].tolist() == [100, 300]
    assert table["name"].tolist() == [large["name"], small["name"]]


def test_only_the_named_columns_are_looked_at(tmp_path: Path) -> None:
    """The other input decides nothing, and is not described."""
    rows = make_table(tmp_path)
    document, _ = mine(rows, tmp_path / "out", columns=["height"])
    assert [told["name"] for told in document["inputs"]] == ["height"]
    assert document["space"]["n_inputs"] == 1
    with pytest.raises(MiningError, match=r"(?s)no column 'heigth'.*'height', perhaps"):
        mine(rows, tmp_path / "other", columns=["heigth"])


@pytest.mark.parametrize("by", ["kmeans", "minibatch_kmeans", "gaussian_mixture", "hdbscan"])
def test_the_same_rows_give_the_same_bytes(by: str, tmp_path: Path) -> None:
    """A retry publishes the same folder, last night's comparison included."""
    rows = make_table(tmp_path)
    mine(rows, tmp_path / "before", k=2)
    for name in ("first", "second"):
        mine(rows, tmp_path / name, by=by, earlier=tmp_path / "before")
    assert digest_folder(tmp_path / "first") == digest_folder(tmp_path / "second")


def test_many_rows_are_fitted_on_a_sample_and_assigned_in_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every bound at its smallest gives the same clusters, and the document says what was fitted."""
    rows = make_table(tmp_path)
    whole, _ = mine(rows, tmp_path / "whole", k=3)
    monkeypatch.setattr(reading, "MAX_SPACE_ROWS", 50)
    monkeypatch.setattr(reading, "MAX_BATCH_ROWS", 33)
    monkeypatch.setattr(clusters_step, "MAX_FIT_BYTES", 60 * 2 * 4)
    monkeypatch.setattr(clusters_step, "MAX_MAP_ROWS", 20)
    monkeypatch.setattr(search, "MAX_CHOICE_ROWS", 40)
    bounded, _ = mine(rows, tmp_path / "bounded", k=3)
    assert (bounded["n_rows"], bounded["n_rows_fitted"], bounded["n_rows_choice"]) == (120, 60, 40)
    assert read_assignments(tmp_path / "bounded") == read_assignments(tmp_path / "whole")
    assert [c["means"] for c in bounded["clusters"]] == [c["means"] for c in whole["clusters"]]
    assert Dataset.open(tmp_path / "bounded" / "members").n_rows == 20


def test_images_have_pictures_of_centres_and_members(tmp_path: Path) -> None:
    """A dark image has pixels of 0 to 8, a bright one of 200 to 208; a class may name its cluster."""
    document, _ = mine(make_images(tmp_path), tmp_path / "out", k=2)
    arrays = {
        name: np.load(tmp_path / "out" / f"{name}.npy", allow_pickle=False)
        for name in ("centres", "typical", "border")
    }
    assert document["image_shape"] == [2, 3, 1]
    assert arrays["centres"].shape == (2, 2, 3, 1)
    assert arrays["typical"].shape == arrays["border"].shape == (8, 2, 3, 1)
    assert arrays["typical"].dtype == np.uint8
    tones = arrays["centres"].mean(axis=(1, 2, 3))
    for i, cluster in enumerate(document["clusters"]):
        assert cluster["n_rows"] == 90
        is_bright = tones[i] > 100
        assert {int(r.removeprefix("r")) % 2 == 1 for r in cluster["typical_ids"]} == {is_bright}
        assert (arrays["typical"][4 * i : 4 * i + 4] > 100).all() == is_bright
        kind = "bright" if is_bright else "dark"
        assert cluster["name"] == f"cluster {cluster['cluster']}, mostly {kind}"
    assert (document["inputs"], document["clusters"][0]["means"]) == ([], [])
    # Every eighth image is dark and called bright: 23 of 180 rows stand in the wrong cluster.
    assert document["purity"] == round(157 / 180, 6)
    assert document["pictured"] == [0, 1]


def test_noise_is_no_cluster(tmp_path: Path) -> None:
    """Far rows are -1 in the assignments, counted apart, and in no cluster's purity."""
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(0, 1, 50), rng.normal(50, 1, 50), [500.0, -700.0, 900.0]])
    kinds = ["a"] * 50 + ["b"] * 53
    rows = write(
        tmp_path, {"x": x, "kind": kinds}, Preparation("kind", ("a", "b"), None, None, ("x",))
    )
    document, found = mine(rows, tmp_path / "out", by="hdbscan", min_cluster_size=20)
    assert (document["k"], document["n_noise"], document["min_cluster_size"]) == (2, 3, 20)
    assert document["purity"] == 1
    assert document["silhouette_curve"] == []
    assert list(read_assignments(tmp_path / "out").values())[-3:] == [-1, -1, -1]
    assert "3 rows of noise" in found.sentence


# --- last night -----------------------------------------------------------------------------------


def test_clusters_keep_number_and_name_from_night_to_night(tmp_path: Path) -> None:
    """Tonight the third group is the largest, and is still cluster 2."""
    before, _ = mine(make_table(tmp_path / "a"), tmp_path / "before", k=3)
    rows = make_table(tmp_path / "b", sizes=(60, 40, 20, 90))
    after, found = mine(rows, tmp_path / "after", k=4, earlier=tmp_path / "before")
    assert [(c["cluster"], c["n_rows"], c["is_new"]) for c in after["clusters"]] == [
        (0, 60, False), (1, 40, False), (2, 20, False), (3, 90, True),
    ]  # fmt: skip
    assert [c["name"] for c in after["clusters"][:3]] == [c["name"] for c in before["clusters"]]
    assert len({c["name"] for c in after["clusters"]}) == 4
    since = after["since"]
    assert (since["date"], since["n_rows_both"], since["n_moved"]) == (EARLIER, 120, 0)
    assert (since["new"], since["gone"], after["next_number"]) == ([3], [], 4)
    assert since["sizes"] == {"0": 60, "1": 40, "2": 20}
    assert found.metrics["moved_fraction"] == 0


def test_a_cluster_that_was_taken_up_is_gone_and_its_rows_moved(tmp_path: Path) -> None:
    """Two of three groups become one: the smaller is listed as gone with its name and rows."""
    rows = make_table(tmp_path)
    before, _ = mine(rows, tmp_path / "before", k=3)
    after, _ = mine(rows, tmp_path / "after", k=2, earlier=tmp_path / "before")
    (gone,) = after["since"]["gone"]
    assert gone == {
        "cluster": gone["cluster"],
        "name": before["clusters"][gone["cluster"]]["name"],
        "n_rows": before["clusters"][gone["cluster"]]["n_rows"],
    }
    (move,) = after["since"]["moves"]
    assert (move["from"], move["n_rows"]) == (gone["cluster"], gone["n_rows"])
    assert after["since"]["moved_share"] == round(gone["n_rows"] / 120, 6)
    again, _ = mine(rows, tmp_path / "again", k=3, earlier=tmp_path / "after")
    assert max(c["cluster"] for c in again["clusters"]) == 3  # 2 was given once


def test_other_rows_are_no_last_night(tmp_path: Path) -> None:
    """No id is in both nights: all clusters are new, and say so."""
    rows = make_table(tmp_path)
    mine(rows, tmp_path / "before", k=3)
    shutil.rmtree(tmp_path / "before" / "assignments")
    others = pa.table(
        {"id": [f"other {i}" for i in range(120)], "cluster": pa.array([0] * 120, pa.int32())}
    )
    with DatasetWriter(tmp_path / "before" / "assignments", others.schema) as writer:
        writer.write(others)
    after, found = mine(rows, tmp_path / "after", k=3, earlier=tmp_path / "before")
    assert (after["since"]["n_rows_both"], after["since"]["moved_share"]) == (0, None)
    assert [c["cluster"] for c in after["clusters"]] == [3, 4, 5]
    assert "moved_fraction" not in found.metrics


def test_of_many_old_rows_a_sample_is_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty rows are enough to know the clusters again."""
    rows = make_table(tmp_path)
    mine(rows, tmp_path / "before", k=3)
    monkeypatch.setattr(last_night, "MAX_MATCH_ROWS", 30)
    after, _ = mine(rows, tmp_path / "after", k=3, earlier=tmp_path / "before")
    assert after["since"]["n_rows_both"] == 30
    assert not any(c["is_new"] for c in after["clusters"])


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[1, 2]",
        "{}",
        '{"clusters": 3, "next_number": 1}',
        '{"clusters": [{"cluster": "<b>", "name": "x", "n_rows": 1}], "next_number": 1}',
        '{"clusters": [{"cluster": -5, "name": "x", "n_rows": 1}], "next_number": 1}',
        '{"clusters": [{"cluster": 1e999, "name": "x", "n_rows": 1}], "next_number": 1}',
        '{"clusters": [], "next_number": null}',
    ],
)
def test_a_last_night_that_cannot_be_read_is_none(
    text: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Another version wrote it: a warning, and tonight is numbered anew."""
    rows = make_table(tmp_path)
    mine(rows, tmp_path / "before", k=3)
    (tmp_path / "before" / "clusters.json").unlink()
    if text is not None:
        (tmp_path / "before" / "clusters.json").write_text(text)
    with caplog.at_level(logging.WARNING):
        after, _ = mine(rows, tmp_path / "after", k=3, earlier=tmp_path / "before")
    assert after["since"] is None
    assert [c["cluster"] for c in after["clusters"]] == [0, 1, 2]
    assert f"The clusters of {EARLIER} cannot be read" in caplog.text


def test_altered_assignments_are_not_believed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A partition with other bytes than its digest says."""
    rows = make_table(tmp_path)
    mine(rows, tmp_path / "before", k=3)
    partition = tmp_path / "before" / "assignments" / "part-00000.parquet"
    partition.write_bytes(partition.read_bytes() + b"x")
    after, _ = mine(rows, tmp_path / "after", k=3, earlier=tmp_path / "before")
    assert after["since"] is None
    assert "was changed after it was written" in caplog.text


# --- rows that cannot be grouped ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([1.0] * 20, {}, r"(?s)All 1 inputs are constant over 20"),
        ([1.0, np.nan, *range(18)], {}, r"(?s)1 of 20 training rows .*'x'.*impute"),
        ([1.0, np.inf, *range(18)], {}, r"1 of 20 training rows"),
        ([1.0, 1e300, *range(18)], {}, r"far too large"),
        ([1.0, 2.0, 3.0], {"k": 3}, r"(?s)3 training rows for 3 clusters"),
        ([1.0, 2.0] * 10, {"k": 3}, r"only 2 distinct points"),
        ([1.0], {}, r"There are 1 training rows"),
        (
            [*range(20)],
            {"by": "hdbscan", "min_cluster_size": 15},
            r"(?s)all 20 rows noise.*min_cluster_size",
        ),
        ([*range(20)], {"by": "hdbscan", "min_cluster_size": 21}, r"No cluster of 21 rows"),
    ],
)
def test_rows_that_cannot_be_grouped_are_refused(
    values: list[float], options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    """Each with an error of mining's own, that says what to do."""
    columns = {"x": np.array(values, dtype=np.float64)}
    rows = write(tmp_path, columns, Preparation(None, (), None, None, ("x",)))
    with pytest.raises(MiningError, match=message) as caught:
        mine(rows, tmp_path / "out", **options)
    assert caught.value.expected
    assert caught.value.hint


def test_a_bad_value_is_found_wherever_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in a row that neither the sample nor the fit takes."""
    x = np.arange(100.0)
    x[97] = np.nan
    rows = write(tmp_path, {"x": x}, Preparation(None, (), None, None, ("x",)))
    monkeypatch.setattr(reading, "MAX_SPACE_ROWS", 2)
    monkeypatch.setattr(clusters_step, "MAX_FIT_BYTES", 4 * 10)
    with pytest.raises(MiningError, match=r"hold a missing, infinite"):
        mine(rows, tmp_path / "out", k=2)


def test_rows_without_inputs_are_refused(tmp_path: Path) -> None:
    """There is nothing to look at."""
    rows = write(tmp_path, {"x": [1.0] * 9}, Preparation(None, (), None, None, ()))
    with pytest.raises(MiningError, match=r"no inputs to look for clusters in"):
        mine(rows, tmp_path / "out")


@pytest.mark.parametrize("by", ["kmeans", "gaussian_mixture", "hdbscan"])
def test_hostile_rows_are_grouped(by: str, tmp_path: Path) -> None:
    """Markup in names, huge values and copies: the files can be read again, without NaN."""
    rng = np.random.default_rng(1)
    x = np.concatenate([np.zeros(30), rng.normal(1e9, 1e6, 30), [1e15]])
    columns = {HOSTILE: x, "=1+1": x, "ü\n": rng.integers(0, 2, 61), "kind": [HOSTILE] * 61}
    names = (HOSTILE, "=1+1", "ü\n")
    rows = write(tmp_path, columns, Preparation("kind", (HOSTILE,), None, None, names))
    document, _ = mine(rows, tmp_path / "out", by=by, **({} if by == "hdbscan" else {"k": 2}))
    assert sum(c["n_rows"] for c in document["clusters"]) + document["n_noise"] == 61
    assert len(pd.read_csv(tmp_path / "out" / "clusters.csv")) == document["k"]


def test_a_thousand_inputs_are_described_by_the_most_telling(tmp_path: Path) -> None:
    """The document lists 200 of them, the table all."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(40, 300))
    X[20:, 7] += 50
    names = tuple(f"x{i}" for i in range(300))
    columns = {name: X[:, i] for i, name in enumerate(names)}
    rows = write(tmp_path, columns, Preparation(None, (), None, None, names))
    document, _ = mine(rows, tmp_path / "out", k=2)
    assert document["space"]["n_components"] == 20
    assert len(document["inputs"]) == len(document["clusters"][0]["means"]) == 200
    assert "mean of x299" in pd.read_csv(tmp_path / "out" / "clusters.csv").columns


def test_a_cluster_that_no_row_prefers_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mixture may end with such a component; here a centre stands far from all rows."""

    def search_with_a_far_centre(Z: np.ndarray, **options: Any) -> search.Search:
        found = search.search_clusters(Z, **options)
        assert isinstance(found.model, Centres)
        far = np.vstack([[[99.0, 99.0]], found.model.centres]).astype(np.float32)
        return replace(found, model=Centres(far))

    rows = make_table(tmp_path)
    mine(rows, tmp_path / "before", k=3)
    monkeypatch.setattr(clusters_step, "search_clusters", search_with_a_far_centre)
    document, _ = mine(rows, tmp_path / "out", k=3, earlier=tmp_path / "before")
    assert [c["n_rows"] for c in document["clusters"]] == [60, 40, 20]
    assert document["since"]["n_moved"] == 0
    assert list(read_assignments(tmp_path / "out").values()) == [0] * 60 + [1] * 40 + [2] * 20


# --- through MLflow -------------------------------------------------------------------------------


def test_a_night_is_compared_with_the_one_before(
    client: MlflowClient, settings: Settings, tmp_path: Path
) -> None:
    """Through the stage's step: figures, a note, and the second night's comparison."""
    workflow = Workflow.model_validate(
        {
            "name": "tiny",
            "description": "Three groups.",
            "source": {"kind": "sklearn", "dataset": "iris"},
            "columns": {"features": ["width", "height"]},
            "expectations": {"raw": "tiny_raw", "clean": "tiny_clean"},
            "split": {"by": "hash"},
            "mining": {"clusters": {"k": 3, "bootstraps": 2}},
        }
    )
    for day in (5, 6):
        work = tmp_path / f"night {day}"
        work.mkdir()
        date = datetime.date(2026, 1, day)
        night = open_night(
            client, settings, workflow, date, key=f"{day}", runner="local", folder=tmp_path
        )
        rows = make_table(work, has_target=False)
        (work / "preparation.json").write_text(rows.preparation.to_json())
        with open_step(client, settings, night, "clean", inputs={}, task=TaskIdentity()) as step:
            clean = step.publish(work / "clean", "clean", n_rows=130)
            preparation = step.publish(work / "preparation.json", "preparation")
        with open_step(
            client, settings, night, "mine.clusters", inputs={}, task=TaskIdentity()
        ) as step:
            outputs = run(step, workflow, settings, "clusters", clean, preparation)
            record_outputs(client, step.run_id, outputs)
            document = json.loads((step.fetch(outputs["clusters"]) / "clusters.json").read_text())
    assert document["since"]["date"] == "2026-01-05"
    assert document["since"]["n_moved"] == 0
    metrics = client.get_run(step.run_id).data.metrics
    assert (metrics["k"], metrics["n_rows"], metrics["moved_fraction"]) == (3, 120, 0)
