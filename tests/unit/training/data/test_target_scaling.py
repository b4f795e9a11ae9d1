"""Numbers are standardised by the mean and deviation of their training rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from training_support import WAVES, make_waves, write

from tasks.training.data.parts import load_part
from tasks.training.data.rows import Rows
from tasks.training.data.statistics import compute_statistics
from tasks.training.data.target_scaling import measure_target_scaling


def test_a_number_is_scaled_by_the_training_targets() -> None:
    """1, 2, 6 have the mean 3 and the population variance 14 / 3."""
    inputs = np.zeros((3, 2), dtype=np.float32)
    rows = Rows(inputs, np.array([[1.0], [2.0], [6.0]]))
    found = measure_target_scaling(rows, compute_statistics([inputs]))
    assert found.center.tolist() == [3.0]
    np.testing.assert_allclose(found.scale, [np.sqrt(14 / 3)])


def test_a_forecast_is_scaled_as_its_columns_are_as_inputs(tmp_path: Path) -> None:
    """``b``, the second of two features, goes in and comes out by the same numbers."""
    windows = load_part(write(tmp_path / "waves", make_waves()), WAVES, "train")
    inputs = compute_statistics(windows.iterate_inputs())
    found = measure_target_scaling(windows, inputs)
    assert found.center.tolist() == inputs.mean[[1]].tolist()
    assert found.scale.tolist() == np.sqrt(inputs.variance[[1]]).tolist()
