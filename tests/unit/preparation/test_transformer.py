"""What every transformer has in common."""

from __future__ import annotations

import inspect
import json
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.errors import CleaningError
from tasks.preparation.transformer import (
    Transformed,
    Transformer,
    check_fit_columns,
    count_change,
    list_columns,
)
from tasks.preparation.transformers import TRANSFORMERS, transformer_from_json

FRAME = {"n": np.zeros(2), "t": pa.array(["a", "b"]), "d": np.zeros(2, "M8[us]")}


class Shift(Transformer):
    """Moves columns by their first training value."""

    KEY = "shift"
    LEARNED = ("by_",)

    def __init__(self, columns: Any, sign: Any = 1) -> None:
        self.columns = columns
        self.sign = sign

    def _fit(self, frame: Any) -> None:
        self.by_ = {name: float(frame[name][0]) for name in self.columns}

    def _transform(self, frame: Any) -> Any:
        moved = {name: frame[name] + self.sign * by for name, by in self.by_.items()}
        return Transformed({**frame, **moved})


def test_parameters_and_what_was_learned_go_through_json() -> None:
    """Both are all that a model needs."""
    shift = Shift(["n"], sign=-1).fit({"n": np.array([0.1])})
    document = json.loads(json.dumps(shift.to_json()))
    assert document == {
        "key": "shift",
        "params": {"columns": ["n"], "sign": -1},
        "learned": {"by_": {"n": 0.1}},
    }
    loaded = Shift.from_json(document)
    assert loaded.transform({"n": np.array([0.3])}).frame["n"].tolist() == [0.3 - 0.1]
    assert repr(loaded) == "Shift(columns=['n'], sign=-1)"


def test_whether_it_learns_follows_from_what_it_lists() -> None:
    """And fitting a plain one changes nothing."""
    assert Shift([]).is_learned
    assert not Shift([]).needs_all_rows
    plain = TRANSFORMERS["clip"](["n"], min=0.0)
    assert not plain.is_learned
    assert plain.fit(FRAME) is plain


@pytest.mark.parametrize("key", list(TRANSFORMERS))
def test_every_transformer_keeps_scikit_learns_manners(key: Any) -> None:
    """Its key is its own, learned names end in an underscore, and parameters are stored untouched."""
    cls = TRANSFORMERS[key]
    assert TRANSFORMERS[cls.KEY] is cls
    assert all(name.endswith("_") for name in cls.LEARNED)
    params = {name: object() for name in inspect.signature(cls).parameters}
    made = cls(**params)
    assert made.get_params() == params


def test_an_unknown_key_is_refused_with_the_nearest() -> None:
    """A model of another version."""
    with pytest.raises(CleaningError, match=r"'outlier'(.|\n)*'outliers', perhaps"):
        transformer_from_json({"key": "outlier", "params": {}, "learned": {}})


def test_columns_are_listed_by_kind_or_by_name() -> None:
    """Named ones that are not there are left out, those of another kind refused."""
    assert list_columns(FRAME, None, ("number", "date"), "step") == ["n", "d"]
    assert list_columns(FRAME, ["t", "gone"], ("text",), "step") == ["t"]
    assert list_columns({}, None, ("text",), "step") == []
    with pytest.raises(CleaningError, match=r"'t', which holds texts(.|\n)*dates or numbers"):
        list_columns(FRAME, ["t"], ("number", "date"), "step")


def test_when_fitting_named_columns_must_be_there() -> None:
    """The error names the step, the column and the nearest."""
    check_fit_columns(FRAME, None, "step")
    check_fit_columns(FRAME, ["n"], "step")
    with pytest.raises(CleaningError, match=r"'step'(.|\n)*'weigth'(.|\n)*'weight', perhaps"):
        check_fit_columns({"weight": np.zeros(1)}, ["weigth"], "step")


def test_nothing_is_no_change() -> None:
    """Counts add up."""
    changes: Counter = Counter()
    count_change(changes, "n", "filled", 0)
    assert not changes
    count_change(changes, "n", "filled", np.int64(2))
    count_change(changes, "n", "filled", 1)
    assert changes == {("n", "filled"): 3}
    assert type(changes["n", "filled"]) is int
