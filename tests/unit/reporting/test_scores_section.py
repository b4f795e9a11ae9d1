"""The tiles and the table of scores, for classes, numbers and forecasts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tasks.reporting.documents import NightDocuments, find_best_baseline
from tasks.reporting.scores_section import list_metrics, list_models, make_score_tiles


def make_scores(kind: str, metric: str, **values: float | None) -> dict[str, Any]:
    roles = {"net": "candidate", "champion": "champion"}
    models = {
        name: {
            "role": roles.get(name, "baseline"),
            "validation": None,
            "holdout": {metric: value},
            "interval": {metric: [value, value]} if value is not None else {},
        }
        for name, value in values.items()
    }
    is_error = metric not in {"accuracy", "r2"}
    common = {"kind": kind, "metric": metric, "is_error": is_error, "n_holdout": 9}
    return {**common, "challenger": "net", "models": models}


@pytest.mark.parametrize(("metric", "best"), [("rmse", "trees"), ("r2", "line")])
def test_the_best_baseline_is_best_by_the_metric(metric: str, best: str) -> None:
    """Of errors the smallest, of scores the greatest; one without a number is none."""
    scores = make_scores("regression", metric, net=5.0, line=3.0, trees=2.0, lost=None)
    assert find_best_baseline(scores) == best
    assert find_best_baseline(make_scores("regression", metric, net=5.0, lost=None)) is None


@pytest.mark.parametrize(
    ("metric", "order"),
    [("rmse", ["trees", "line", "net (challenger)", "lost"]), ("r2", ["net (challenger)", "line", "trees", "lost"])],
)  # fmt: skip
def test_the_table_begins_with_the_best(metric: str, order: list[str]) -> None:
    """A model without a score stands last, whichever way is better."""
    scores = make_scores("regression", metric, lost=None, net=5.0, line=3.0, trees=2.0)
    found = list_models(NightDocuments(scores=scores))
    assert [row["label"] for row in found] == order


def test_every_kind_has_its_own_columns(
    night: NightDocuments, number_night: NightDocuments, forecast_night: NightDocuments
) -> None:
    """Nothing is shown that was not measured."""
    assert list_metrics(night.scores) == ("accuracy", "macro_f1", "log_loss")
    assert list_metrics(number_night.scores) == ("rmse", "mae", "r2")
    assert list_metrics(forecast_night.scores) == ("mse", "mae")
    assert list_metrics(None) == ()


def test_tiles_are_of_challenger_champion_and_best_baseline() -> None:
    """In that order, each with its metric and interval."""
    scores = make_scores("regression", "rmse", line=3.0, trees=2.0, net=5.0, champion=4.0)
    tiles = make_score_tiles(scores)
    assert [(tile["kind"], tile["label"], tile["value"]) for tile in tiles] == [
        ("challenger", "net (challenger): RMSE", "5.000"),
        ("champion", "champion: RMSE", "4.000"),
        ("baseline", "trees (baseline): RMSE", "2.000"),
    ]
    assert tiles[0]["note"] == "95\N{NO-BREAK SPACE}% interval 5.000 to 5.000"


def test_a_score_that_is_no_number_has_a_tile_that_says_so() -> None:
    """Without an interval there is no note."""
    (tile,) = make_score_tiles(make_scores("forecast", "mse", net=None))
    assert (tile["value"], tile["note"]) == ("unknown", "")


def test_the_tree_is_no_model_of_numbers(
    night: NightDocuments, number_night: NightDocuments
) -> None:
    """A decision tree stands beside the models of classes alone."""
    both = replace(number_night, findings=night.findings)
    assert len(list_models(both)) == 3
