"""The baseline is plain scikit-learn on the same rows, and says whether it converged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.preprocessing import StandardScaler
from training_support import BASELINE, IMAGES, TABLE, write

from tasks.dataset import Dataset
from tasks.errors import TrainingError
from tasks.training.baseline import fit_baseline
from tasks.training.parts import load_part


def test_it_is_plain_scikit_learn_on_flattened_images(image_rows: Dataset) -> None:
    """Standardise, then logistic regression; scored on training and validation rows."""
    result = fit_baseline(image_rows, IMAGES, BASELINE, name="baseline")
    training, validation = (load_part(image_rows, IMAGES, p) for p in ("train", "validation"))
    flat = training.inputs.reshape(70, -1).astype("float64")
    scaler = StandardScaler().fit(flat)
    plain = LogisticRegression(max_iter=200).fit(scaler.transform(flat), training.codes)
    probabilities = plain.predict_proba(scaler.transform(validation.inputs.reshape(10, -1)))
    assert result.metrics["validation_loss"] == pytest.approx(
        log_loss(validation.codes, probabilities), abs=2e-3
    )
    assert result.metrics["validation_accuracy"] == accuracy_score(
        validation.codes, probabilities.argmax(axis=1)
    )
    assert result.is_converged
    assert result.n_parameters == 36 + 1
    assert (result.n_training_rows, result.n_validation_rows) == (70, 10)


def test_too_few_iterations_are_no_error(table_rows: Dataset) -> None:
    """The model is used as far as it came, and the report says so."""
    result = fit_baseline(table_rows, TABLE, BASELINE | {"max_iter": 1}, name="baseline")
    assert not result.is_converged
    assert result.n_iterations == 1
    assert set(result.metrics) == {
        "train_loss",
        "train_accuracy",
        "validation_loss",
        "validation_accuracy",
    }


@pytest.mark.parametrize(
    ("kinds", "width", "message"),
    [
        ([3, 3], [1.0, 2.0], "(?s)'baseline' cannot be fitted: .*class"),
        ([3, 5], [1.0, np.nan], "(?s)'baseline' cannot be fitted: .*NaN"),
    ],
)
def test_rows_that_cannot_be_fitted_name_the_candidate(
    tmp_path: Path, kinds: list[int], width: list[float], message: str
) -> None:
    """One class only, or a value that is missing."""
    rows = pa.table({"split": ["train"] * 2, "kind": kinds, "width": width, "height": [1.0, 2.0]})
    with pytest.raises(TrainingError, match=message):
        fit_baseline(write(tmp_path / "rows", rows), TABLE, BASELINE, name="baseline")
