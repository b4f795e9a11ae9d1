"""Training histories, learning curves and MLflow's figures as tables."""

from __future__ import annotations

import pytest

from tasks.reporting.documents import NightDocuments
from tasks.reporting.training import (
    Training,
    list_trainings,
    tabulate_history,
    tabulate_learning_curve,
)


def test_a_history_is_one_row_per_epoch_part_and_measure() -> None:
    """What was not measured has no row; a baseline has none at all."""
    rows = [{"epoch": 1, "part": "train", "loss": 0.5, "mae": 0.4}]
    rows += [{"epoch": 1, "part": "validation", "loss": 0.6, "mae": None}]
    found = tabulate_history({"rows": rows})
    assert found.to_numpy().tolist() == [
        [1, "training", "loss", 0.5],
        [1, "training", "mae", 0.4],
        [1, "validation", "loss", 0.6],
    ]
    assert tabulate_history({"rows": []}).empty


def test_a_learning_curve_begins_with_the_fewest_rows() -> None:
    """Whatever the order of the document; a point without validation rows has no such row."""
    points = [
        {"share": 1.0, "n_rows": 100, "train": 0.9, "validation": 0.8},
        {"share": 0.1, "n_rows": 10, "train": 1.0, "validation": None},
    ]
    found = tabulate_learning_curve({"points": points})
    assert found.to_numpy().tolist() == [
        [10, "training", 1.0],
        [100, "training", 0.9],
        [100, "validation", 0.8],
    ]


def test_networks_are_listed_before_baselines(forecast_night: NightDocuments) -> None:
    """A baseline's iterations are no epochs; its solver may not have converged."""
    lstm, line = list_trainings(forecast_night.trainings, forecast_night.histories)
    assert (lstm.name, lstm.n_epochs, lstm.best_epoch, lstm.is_converged) == ("lstm", 3, 3, True)
    assert (line.name, line.n_epochs, line.best_epoch, line.is_converged) == (
        "line",
        None,
        None,
        False,
    )
    assert (line.validation, line.gap) == (None, None)
    # A kind that is the name says nothing more.
    assert (lstm.kind, line.kind) == ("", "linear_autoregression")


@pytest.mark.parametrize(
    ("measure", "train", "validation", "gap"),
    [("accuracy", 0.99, 0.95, 0.04), ("mae", 0.3, 0.35, 0.05), ("mae", 0.4, 0.3, -0.1)],
)
def test_the_gap_is_how_much_worse_validation_is(
    measure: str, train: float, validation: float, gap: float
) -> None:
    """Of an accuracy what is missing, of an error what is added."""
    figures = {f"final_train_{measure}": train, f"final_validation_{measure}": validation}
    (row,) = list_trainings({"m": Training("m", "mlp", figures)}, {})
    assert row.gap == pytest.approx(gap)
    assert row.measure == measure


def test_a_run_without_figures_is_not_listed() -> None:
    """A table of blanks would say nothing."""
    assert list_trainings({"m": Training("m")}, {}) == []
