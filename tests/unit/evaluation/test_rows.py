"""How raw rows are handed to a model that is loaded as it would be served."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import AnyType

from tasks.dataset import Dataset, DatasetWriter
from tasks.errors import EvaluationError
from tasks.evaluation.contenders import ServedModel
from tasks.evaluation.rows import as_model_input, find_rows, read_rows
from tasks.preparation import Preparation

RAW = pa.table({"id": ["1", "2"], "age": ["31", "4.5"], "city": ["Rome", None]})
PREPARATION = Preparation("sex", ("f", "m"), None, None, ("age",), ("age", "city"))


def make_model(*specs: ColSpec) -> ServedModel:
    """A model with this signature, not to be loaded."""
    schema = Schema(list(specs)) if specs else None
    return ServedModel("age", Path("nowhere"), "classification", input_schema=schema)


def test_a_model_of_raw_rows_gets_them_as_they_arrived() -> None:
    """Texts stay texts, and a missing one stays missing: cleaning is the model's own work."""
    model = make_model(ColSpec(AnyType(), "age"), ColSpec(AnyType(), "city"))
    given = as_model_input(RAW, PREPARATION, model)
    assert list(given.columns) == ["age", "city"]
    assert given["age"].tolist() == ["31", "4.5"]
    assert given["city"].isna().tolist() == [False, True]


def test_a_champion_that_learned_from_numbers_gets_numbers() -> None:
    """Its signature decides, and what it does not name is left out."""
    given = as_model_input(RAW, PREPARATION, make_model(ColSpec(DataType.double, "age")))
    assert list(given.columns) == ["age"]
    assert given["age"].tolist() == [31.0, 4.5]


def test_numbers_that_are_none_are_refused_with_the_column() -> None:
    """A champion of another time cannot read tonight's texts: the error says which and what to do."""
    model = make_model(ColSpec(DataType.double, "city"))
    with pytest.raises(EvaluationError, match="'city'") as raised:
        as_model_input(RAW, PREPARATION, model)
    assert raised.value.hint


def test_a_model_without_a_signature_gets_the_raw_columns() -> None:
    """All that the preparation reads, and nothing else."""
    assert list(as_model_input(RAW, PREPARATION, make_model()).columns) == ["age", "city"]


@pytest.fixture
def raw(tmp_path: Path) -> Dataset:
    """Four rows in two partitions, the id 2 twice."""
    table = pa.table({"id": ["1", "2", "3", "2"], "age": [10, 20, 30, 99]})
    with DatasetWriter(tmp_path / "raw", table.schema) as writer:
        writer.write(table.slice(0, 2))
        writer.write(table.slice(2))
    return Dataset.open(tmp_path / "raw")


def test_rows_come_in_the_order_of_their_ids(raw: Dataset) -> None:
    """Of two rows with one id the first one counts, as it does in cleaning."""
    found = read_rows(raw, pa.chunked_array([["3", "2"]]), ["age"])
    assert found["age"].to_pylist() == [30, 20]


def test_a_judged_row_that_is_not_there_is_refused(raw: Dataset) -> None:
    """Nobody is judged by fewer rows than the document says."""
    with pytest.raises(EvaluationError, match="1 of 2 judged rows are not among the raw rows"):
        list(find_rows(raw, pa.chunked_array([["3", "7"]]), ["age"]))
