"""Columns of a table are shuffled as they arrived, on the hold-out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tasks.dataset import Dataset, DatasetWriter
from tasks.errors import InterpretationError
from tasks.interpretation.tables import measure_table, read_rows
from tasks.preparation import Preparation
from tasks.preparation.transformers.series import FillInTime

N_ROWS = 300
TOWNS = ["Rome", "Oslo", "Lima"]
CLASSES = Preparation("kind", ("dear", "fair"), None, None, ("n", "t"), ("noise", "town"))
NUMBERS = Preparation("price", (), None, None, ("noise", "size"), kind="regression")


def write(folder: Path, rows: pa.Table) -> Dataset:
    with DatasetWriter(folder, rows.schema, rows_per_partition=70) as writer:
        writer.write(rows)
    return Dataset.open(folder)


@pytest.fixture
def raw(tmp_path: Path) -> Dataset:
    """Rows as they arrived: a text, and a number with gaps."""
    rng = np.random.default_rng(1)
    noise = [None if i % 7 == 0 else float(v) for i, v in enumerate(rng.normal(size=N_ROWS))]
    columns = {
        "id": [f"r{i}" for i in range(N_ROWS)],
        "town": [TOWNS[i % 3] for i in range(N_ROWS)],
        "size": rng.normal(size=N_ROWS),
        "noise": noise,
    }
    return write(tmp_path / "raw", pa.table(columns))


@pytest.fixture
def clean(tmp_path: Path, raw: Dataset) -> Dataset:
    """The same rows in another order, cleaned and split; two of three are held out."""
    rows = raw.table().to_pandas().iloc[::-1]
    places = rows["id"].str[1:].astype(int)
    return write(
        tmp_path / "clean",
        pa.table(
            {
                "id": rows["id"].to_list(),
                "split": ["train" if i % 10 < 3 else "holdout" for i in places],
                "kind": ["dear" if town == "Rome" else "fair" for town in rows["town"]],
                "price": (2.0 * rows["size"]).to_list(),
            }
        ),
    )


def predict_kind(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"prediction": np.where(rows["town"] == "Rome", "dear", "fair")})


def predict_price(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"prediction": 2.0 * rows["size"]})


def test_the_column_that_decides_costs_all_but_chance(raw: Dataset, clean: Dataset) -> None:
    """A third of the rows is dear: 5/9 agree by chance. The number with gaps is not read."""
    found = measure_table(predict_kind, raw, clean, CLASSES, metric="accuracy", seed=3)
    town, noise = found.rows
    assert (found.score, found.n_rows, found.is_error) == (1.0, 210, False)
    assert town.column == "town"
    assert town.mean == pytest.approx(4 / 9, abs=0.06)
    assert (noise.column, noise.mean, noise.sd) == ("noise", 0.0, 0.0)


def test_the_error_of_numbers_grows(raw: Dataset, clean: Dataset) -> None:
    """In the target's unit: two independent prices differ by sqrt(2) of their deviation."""
    found = measure_table(predict_price, raw, clean, NUMBERS, metric="rmse", seed=3)
    size, noise = found.rows
    prices = clean.table().to_pandas().query("split == 'holdout'")["price"]
    assert found.score == pytest.approx(0.0, abs=1e-6)
    assert (found.is_error, size.column) == (True, "size")
    assert size.mean == pytest.approx(2**0.5 * prices.std(), rel=0.1)
    assert noise.mean == 0.0


def test_the_seed_decides(raw: Dataset, clean: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of which rows are drawn and how they are shuffled."""
    monkeypatch.setattr("tasks.interpretation.sample.MAX_ROWS", 50)
    one, same, other = (
        measure_table(predict_kind, raw, clean, CLASSES, metric="macro_f1", seed=seed)
        for seed in (3, 3, 4)
    )
    assert one.n_rows == 50
    assert one == same != other


def test_one_row_cannot_be_shuffled(raw: Dataset, clean: Dataset, tmp_path: Path) -> None:
    """The error says so, where a 0 would say that no column matters."""
    one = write(tmp_path / "one", clean.table().filter(pa.compute.field("id") == "r5"))
    with pytest.raises(InterpretationError, match="among 1 hold-out rows"):
        measure_table(predict_kind, raw, one, CLASSES, metric="accuracy", seed=3)


def test_rows_in_order_of_time_cannot_be_shuffled(raw: Dataset, clean: Dataset) -> None:
    """Cleaning would fill gaps from other neighbours."""
    fill = FillInTime(["noise"], time="time", by="interpolate")
    preparation = Preparation(
        "kind", ("dear", "fair"), None, None, ("noise",), transformers=(fill,)
    )
    with pytest.raises(InterpretationError, match="in order of time"):
        measure_table(predict_kind, raw, clean, preparation, metric="accuracy", seed=3)


def test_rows_are_read_in_the_order_of_their_ids(raw: Dataset) -> None:
    """From whichever partition they are in; a missing one is an error."""
    found = read_rows(raw, pa.array(["r200", "r1", "r100"]), ["town", "noise"])
    assert found.column_names == ["town", "noise"]
    assert found["town"].to_pylist() == [TOWNS[200 % 3], TOWNS[1], TOWNS[100 % 3]]
    with pytest.raises(InterpretationError, match="1 of 2 rows were found in the dataset raw"):
        read_rows(raw, pa.array(["r1", "nobody"]), ["town"])
