"""The training rows as mining reads them: only those, in their order, sampled or batch by batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.dataset import Dataset, DatasetWriter, array_to_tensor_column
from tasks.errors import MiningError
from tasks.mining.rows import MiningRows
from tasks.preparation import Preparation
from tasks.preparation.transformer import Transformer
from tasks.preparation.transformers.encode import OneHotEncode

N_ROWS = 100


def write_rows(folder: Path, columns: dict[str, Any], rows_per_partition: int = 13) -> Dataset:
    rows = pa.table(columns)
    with DatasetWriter(
        folder / "clean", rows.schema, rows_per_partition=rows_per_partition
    ) as writer:
        writer.write(rows)
    return Dataset.open(folder / "clean")


def make_preparation(
    features: tuple[str, ...], transformers: tuple[Transformer, ...] = ()
) -> Preparation:
    return Preparation("kind", ("a", "b"), None, None, features, features, transformers)


@pytest.fixture
def rows(tmp_path: Path) -> MiningRows:
    """Of every ten rows seven train, one validates and two are held out; ``x`` is the row's number."""
    split = (["train"] * 7 + ["validation"] + ["holdout"] * 2) * 10
    dataset = write_rows(
        tmp_path,
        {
            "id": [f"r{i}" for i in range(N_ROWS)],
            "split": split,
            "kind": ["a", "b"] * 50,
            "x": np.arange(N_ROWS, dtype=np.float64),
            "day_month": np.arange(N_ROWS),
            "is_old": [True, False] * 50,
        },
    )
    clean, raw = ("x", "day_month", "is_old"), ("x", "day", "is_old")
    return MiningRows(dataset, Preparation("kind", ("a", "b"), None, None, clean, raw))


def is_train(number: int) -> bool:
    return number % 10 < 7


TRAIN = [i for i in range(N_ROWS) if is_train(i)]


def test_rows_are_counted_by_their_part(rows: MiningRows) -> None:
    """Over all partitions."""
    assert rows.n_by_part == {"train": 70, "validation": 10, "holdout": 20}
    assert rows.n_rows == 70
    assert not rows.is_image


def test_a_part_without_rows_counts_none(tmp_path: Path) -> None:
    """It is there with a 0."""
    dataset = write_rows(tmp_path, {"id": ["a"], "split": ["holdout"], "x": [1.0]})
    rows = MiningRows(dataset, make_preparation(("x",)))
    assert rows.n_by_part == {"train": 0, "validation": 0, "holdout": 1}


@pytest.mark.parametrize(
    ("columns", "listed"),
    [
        (None, ["x", "day_month", "is_old"]),
        (["x"], ["x"]),
        (["is_old", "x", "is_old"], ["is_old", "x"]),
        (["day"], ["day_month"]),  # what a step added to a feature stands for it
        ([], []),
    ],
)
def test_columns_are_listed_as_the_user_named_them(
    rows: MiningRows, columns: list[str] | None, listed: list[str]
) -> None:
    """In the user's order, each once."""
    assert rows.list_inputs(columns) == listed


def test_a_feature_stands_for_the_columns_of_its_categories(tmp_path: Path) -> None:
    """But not for those of another feature whose name begins with its own."""
    encode = OneHotEncode(["town", "town_hall"]).fit(
        {"town": pa.array(["Rome", "Oslo"]), "town_hall": pa.array(["yes", "no"])}
    )
    features = ("town_Oslo", "town_Rome", "town_hall_no", "town_hall_yes")
    dataset = write_rows(
        tmp_path, {"id": ["a"], "split": ["train"], **{name: [0.0] for name in features}}
    )
    rows = MiningRows(dataset, make_preparation(features, (encode,)))
    assert rows.list_inputs(["town"]) == ["town_Oslo", "town_Rome"]
    assert rows.list_inputs(["town_hall"]) == ["town_hall_no", "town_hall_yes"]
    assert rows.list_inputs(["town_hall_no"]) == ["town_hall_no"]


def test_what_was_added_to_a_feature_is_not_what_another_brought(tmp_path: Path) -> None:
    """`day` became `day_month`; `day_care` is a feature of its own, and so is what it became."""
    clean = ("day_month", "day_care_was_missing", "day_care")
    dataset = write_rows(
        tmp_path, {"id": ["a"], "split": ["train"], **{name: [0.0] for name in clean}}
    )
    preparation = Preparation("kind", ("a", "b"), None, None, clean, ("day", "day_care"))
    rows = MiningRows(dataset, preparation)
    assert rows.list_inputs(["day"]) == ["day_month"]


def test_a_column_that_is_not_there_is_named(rows: MiningRows) -> None:
    """With the near match and the key."""
    with pytest.raises(
        MiningError,
        match=r"(?s)no column 'is_odl'.*'is_old', perhaps.*'columns' under 'mining'",
    ):
        rows.list_inputs(["is_odl"])


def test_batches_are_the_parts_rows_in_their_order(rows: MiningRows) -> None:
    """Whatever the partitions and the size of a batch are."""
    for batch_rows in (1, 5, 1000):
        batches = list(rows.batches(["x"], batch_rows=batch_rows))
        assert [v for b in batches for v in b["x"].to_pylist()] == TRAIN
        assert max(b.num_rows for b in batches) <= batch_rows
    held = [v for b in rows.batches(["x"], part="holdout") for v in b["x"].to_pylist()]
    assert held == [i for i in range(N_ROWS) if i % 10 > 7]


@pytest.mark.parametrize("max_rows", [70, 1000])
def test_few_rows_are_all_taken(rows: MiningRows, max_rows: int) -> None:
    """There is nothing to draw."""
    assert rows.sample(["x"], max_rows=max_rows, seed=7)["x"].to_pylist() == TRAIN


def test_a_sample_has_no_row_twice_and_keeps_the_order(rows: MiningRows) -> None:
    """Training rows only, with the columns in the order asked for."""
    drawn = rows.sample(["x", "id"], max_rows=30, seed=7)
    assert drawn.schema.names == ["x", "id"]
    values = drawn["x"].to_pylist()
    assert len(values) == 30
    assert values == sorted(set(values))
    assert set(values) <= set(TRAIN)
    assert drawn["id"].to_pylist() == [f"r{v:.0f}" for v in values]


def test_a_sample_depends_on_its_seed_alone(rows: MiningRows) -> None:
    """The same for the same seed, others for others."""
    first, again, other = (
        rows.sample(["x"], max_rows=30, seed=seed)["x"].to_pylist() for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_every_row_is_as_likely_to_be_drawn(rows: MiningRows) -> None:
    """The first partition and the last alike: over 150 samples of 7 each row comes about 15 times."""
    counts = dict.fromkeys(TRAIN, 0)
    for seed in range(150):
        for value in rows.sample(["x"], max_rows=7, seed=seed)["x"].to_pylist():
            counts[int(value)] += 1
    # Binomial with p = 0.1: mean 15, standard deviation 3.7; four of them below, five above.
    assert min(counts.values()) > 0
    assert max(counts.values()) < 34


def test_another_part_is_sampled_where_it_is_asked_for(rows: MiningRows) -> None:
    """For what is measured on rows that nothing was learned from."""
    drawn = rows.sample(["x"], max_rows=5, seed=7, part="holdout")["x"].to_pylist()
    assert len(drawn) == 5
    assert all(v % 10 > 7 for v in drawn)


def test_a_part_without_rows_has_an_empty_sample(tmp_path: Path) -> None:
    """With its columns and their types."""
    dataset = write_rows(tmp_path, {"id": ["a"], "split": ["holdout"], "x": [1.0]})
    rows = MiningRows(dataset, make_preparation(("x",)))
    sample = rows.sample(["id", "x"], max_rows=5, seed=7)
    assert sample.schema == pa.schema({"id": pa.string(), "x": pa.float64()})
    assert rows.to_inputs(sample, ["x"]).shape == (0, 1)


def test_inputs_are_one_array_in_the_order_asked_for(rows: MiningRows) -> None:
    """Numbers, whole numbers and booleans alike become float32, of tables and of batches."""
    columns = ["is_old", "x", "day_month"]
    sample = rows.sample(columns, max_rows=1000, seed=7)
    X = rows.to_inputs(sample, columns)
    assert (X.dtype, X.shape) == (np.float32, (70, 3))
    assert X[3].tolist() == [0.0, 3.0, 3.0]
    batch = next(rows.batches(columns))
    np.testing.assert_array_equal(rows.to_inputs(batch, columns), X[: batch.num_rows])


def test_missing_and_huge_values_stay_visible(rows: MiningRows) -> None:
    """As NaN and infinity, for the kind of mining to refuse; no warning is raised."""
    table = pa.table({"x": [1.0, None, float("nan"), 1e300, -1e300]})
    found = rows.to_inputs(table, ["x"])[:, 0]
    np.testing.assert_array_equal(found, [1, np.nan, np.nan, np.inf, -np.inf])


def test_input_names_of_a_table_are_its_columns(rows: MiningRows) -> None:
    """One name for each column of the array."""
    assert rows.list_input_names(["x", "is_old"]) == ["x", "is_old"]


def test_classes_are_codes(rows: MiningRows) -> None:
    """As the preparation numbers them."""
    codes = rows.encode(rows.sample(["kind"], max_rows=1000, seed=7))
    assert codes is not None
    assert codes[:4].tolist() == [0, 1, 0, 1]


def test_rows_of_a_number_have_no_classes(rows: MiningRows) -> None:
    """A regression's target is no class to compare clusters with."""
    preparation = Preparation("x", (), None, None, ("day_month",), kind="regression")
    of_numbers = MiningRows(rows.dataset, preparation)
    assert (rows.class_column, of_numbers.class_column) == ("kind", None)
    assert of_numbers.encode(of_numbers.sample(["x"], max_rows=5, seed=7)) is None


def test_rows_without_a_target_have_no_classes(tmp_path: Path) -> None:
    """Nothing is made up for them."""
    dataset = write_rows(tmp_path, {"id": ["a"], "split": ["train"], "x": [1.0]})
    rows = MiningRows(dataset, Preparation(None, (), None, None, ("x",)))
    assert rows.encode(rows.sample(["x"], max_rows=5, seed=7)) is None


@pytest.mark.parametrize(
    ("n_channels", "names"),
    [
        (1, ["pixel 0, 0", "pixel 0, 1", "pixel 1, 0", "pixel 1, 1"]),
        (2, ["pixel 0, 0 channel 0", "pixel 0, 0 channel 1", "pixel 0, 1 channel 0"]),
    ],
)
def test_images_are_flat_and_their_pixels_named(
    tmp_path: Path, n_channels: int, names: list[str]
) -> None:
    """Name and value stand in the same place: a pixel of row y and column x is 10 y + x."""
    y, x, c = np.meshgrid(range(2), range(2), range(n_channels), indexing="ij")
    images = np.stack([10 * y + x + 100 * c] * 4).astype(np.uint8)
    dataset = write_rows(
        tmp_path,
        {
            "id": list("abcd"),
            "split": ["train", "holdout", "train", "train"],
            "image": array_to_tensor_column(images),
        },
        rows_per_partition=2,
    )
    rows = MiningRows(dataset, Preparation(None, (), "image", (2, 2, n_channels), ()))
    assert rows.is_image
    columns = rows.list_inputs(None)
    assert columns == ["image"]
    X = rows.to_inputs(rows.sample(["id", *columns], max_rows=2, seed=7), columns)
    assert (X.dtype, X.shape) == (np.float32, (2, 4 * n_channels))
    listed = rows.list_input_names(columns)
    assert listed[: len(names)] == names
    for name, value in zip(listed, X[0], strict=True):
        row, column = (int(part) for part in name.split(" channel")[0][6:].split(", "))
        channel = int(name.rpartition("channel ")[2]) if "channel" in name else 0
        assert value == 10 * row + column + 100 * channel


def test_no_images_are_an_empty_array(tmp_path: Path) -> None:
    """A part without rows has the width of the others."""
    images = array_to_tensor_column(np.zeros((2, 2, 2, 1), np.uint8))
    dataset = write_rows(tmp_path, {"id": ["a", "b"], "split": ["holdout"] * 2, "image": images})
    rows = MiningRows(dataset, Preparation(None, (), "image", (2, 2, 1), ()))
    sample = rows.sample(["image"], max_rows=5, seed=7)
    assert rows.to_inputs(sample, ["image"]).shape == (0, 4)


def test_indicators_can_be_left_out_unless_there_is_nothing_else(tmp_path: Path) -> None:
    """That a value was missing is an input of models, and no measure to group by."""
    names = ("age", "age_was_missing")
    columns = {"id": ["r"], "split": ["train"], "kind": ["a"], "age": [1.0], names[1]: [0.0]}
    rows = MiningRows(write_rows(tmp_path, columns), make_preparation(names))
    assert rows.list_inputs(None) == list(names)
    assert rows.list_inputs(None, with_indicators=False) == ["age"]
    assert rows.list_inputs(["age_was_missing"], with_indicators=False) == ["age_was_missing"]
    alone = MiningRows(rows.dataset, make_preparation(names[1:]))
    assert alone.list_inputs(None, with_indicators=False) == ["age_was_missing"]
