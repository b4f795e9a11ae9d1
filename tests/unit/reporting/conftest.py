"""A made-up night of three classes, in the exact formats that the other stages hand over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.reporting.documents import Mistakes, NightDocuments
from tasks.reporting.explained import Explained
from tasks.reporting.forecasts import ForecastWindows
from tasks.reporting.mining.findings import Problem
from tasks.reporting.mining.pca import PcaFindings
from tasks.reporting.numbers import PredictedNumbers
from tasks.reporting.series import Series
from tasks.reporting.training import Training

HOSTILE = '<script>alert("x")</script>'


def make_model(role: str, accuracy: float, **more: Any) -> dict[str, Any]:
    figures = {"accuracy": accuracy, "macro_f1": accuracy - 0.01, "log_loss": 1 - accuracy}
    return {
        "role": role,
        "validation": figures,
        "holdout": figures,
        "interval": {"accuracy": [accuracy - 0.02, accuracy + 0.02]},
        **more,
    }


def make_forecast_documents(name: str = "co2") -> NightDocuments:
    """A night of forecasts, two steps ahead, in which a baseline beats the challenger."""
    errors = {"lstm": (0.2, 0.6), "gru": (0.5, 0.7), "last_value": (0.1, 0.9), "line": (0.1, 0.5)}
    roles = {"lstm": "candidate", "gru": "candidate"}
    figures = {m: {"mse": sum(e) / 2, "mae": sum(e)} for m, e in errors.items()}
    scores = {
        "kind": "forecast",
        "metric": "mse",
        "is_error": True,
        "n_holdout": 40,
        "n_validation": 20,
        "n_left_out": 3,
        "challenger": "lstm",
        "models": {
            m: {
                "role": roles.get(m, "baseline"),
                "validation": f,
                "holdout": f,
                "interval": {"mse": [f["mse"] - 0.1, f["mse"] + 0.1]},
            }
            for m, f in figures.items()
        },
        "horizon": {
            "columns": [name, "other"],
            "models": {
                m: {"mse": list(e), "mae": [[10 * v, v] for v in e]} for m, e in errors.items()
            },
        },
    }
    times = np.datetime64("2001-01-01", "us") + np.arange(4) * np.timedelta64(7, "D")
    rows = [
        pd.DataFrame({"window": 1, "time": t, "model": m, "is_ahead": a, "value": v})
        for t, m, a, v in (
            (times[:2], "measured", False, [1.0, 2.0]),
            (times[2:], "measured", True, [3.0, np.nan]),
            (times[2:], "lstm", True, [3.5, 4.0]),
            (times[2:], "line", True, [3.0, 4.0]),
        )
    ]
    losses = [(0.9, 1.0), (0.5, 0.8), (0.3, 0.7)]
    history = {
        "candidate": "lstm",
        "measure": "mae",
        "rows": [
            {"epoch": epoch, "part": part, "loss": loss, "mae": loss / 2}
            for epoch, pair in enumerate(losses, start=1)
            for part, loss in zip(("train", "validation"), pair, strict=True)
        ],
    }
    measured = {"n_parameters": 1234.0, "fit_seconds": 2.5, "final_train_mae": 0.15}
    trained = {**measured, "n_epochs": 3.0, "best_epoch": 3.0, "final_validation_mae": 0.35}
    return NightDocuments(
        scores=scores,
        histories={"line": {"candidate": "line", "rows": []}, "lstm": history},
        trainings={
            "line": Training("line", "linear_autoregression", {**measured, "is_converged": 0.0}),
            "lstm": Training("lstm", "lstm", trained),
        },
        learning_curve={
            "challenger": "lstm",
            "measure": "mae",
            "is_error": True,
            "points": [
                {"share": 0.5, "n_rows": 50, "train": 0.1, "validation": 0.5, "seconds": 1.0},
                {"share": 1.0, "n_rows": 100, "train": 0.15, "validation": 0.35, "seconds": 2.5},
            ],
            "left_out": [{"share": 0.1, "reason": "Ten windows are too few."}],
        },
        explained=Explained(make_importance(name, kind="forecast", metric="mse")),
        forecasts=ForecastWindows(name, pd.concat(rows, ignore_index=True)),
    )


def make_importance(*columns: str, kind: str, metric: str) -> dict[str, Any]:
    """An interpretation in which the first column matters, and an unnamed one does not."""
    rows = [{"column": column, "mean": 0.4 / i, "sd": 0.01} for i, column in enumerate(columns, 1)]
    importance = {
        "metric": metric,
        "is_error": metric not in {"accuracy", "r2"},
        "score": 0.4,
        "n_rows": 30,
        "n_repeats": 5,
        "rows": [{"column": "noise", "mean": -0.01, "sd": 0.02}, *rows],
    }
    return {"challenger": "lstm", "kind": kind, "importance": importance, "saliency": None}


def make_number_documents(target: str = "price", n_rows: int = 200) -> NightDocuments:
    """A night of a regression whose challenger predicts 2 too high, give or take 1."""
    true = np.arange(float(n_rows))
    rows = pd.DataFrame(
        {
            "id": [f"r{i}" for i in range(n_rows)],
            "true": true,
            "predicted": true + 2 + np.where(np.arange(n_rows) % 2, 1.0, -1.0),
            "baseline": true + np.where(np.arange(n_rows) % 2, 9.0, -9.0),
        }
    )
    models = {
        name: {
            "role": role,
            "validation": figures,
            "holdout": figures,
            "interval": {"rmse": [rmse * 0.9, rmse * 1.1]},
        }
        for name, role, rmse in (
            ("mlp", "candidate", 2.2),
            ("trees", "baseline", 9.0),
            ("line", "baseline", 1200.0),
        )
        for figures in ({"rmse": rmse, "mae": rmse * 0.8, "r2": 0.9},)
    }
    scores = {
        "kind": "regression",
        "metric": "rmse",
        "is_error": True,
        "n_holdout": n_rows,
        "n_validation": 50,
        "challenger": "mlp",
        "models": models,
    }
    return NightDocuments(
        scores=scores,
        explained=Explained(make_importance("size", target, kind="regression", metric="rmse")),
        numbers=PredictedNumbers(rows, n_rows, target, "trees"),
    )


def make_saliency() -> Explained:
    """Two images that the challenger has right and one that it has wrong."""
    images = np.zeros((3, 4, 4, 1), dtype=np.uint8)
    images[:, 1:3, 1:3] = 200
    attributions = np.zeros((3, 4, 4), dtype=np.float32)
    attributions[:, 1, 1], attributions[:, 2, 2] = 0.5, -0.25
    shown = [
        {"id": f"r{i}", "target": t, "predicted": p, "confidence": 0.9, "is_wrong": t != p}
        for i, (t, p) in enumerate((("bee", "ant"), ("ant", "ant"), ("cow", "cow")))
    ]
    saliency = {
        "method": "integrated_gradients",
        "reference": "mean training image",
        "n_steps": 32,
        "images": shown,
    }
    document = {"challenger": "cnn", "kind": "classification", "importance": None}
    return Explained({**document, "saliency": saliency}, images, attributions)


@pytest.fixture(scope="session")
def forecast_night() -> NightDocuments:
    """A night of forecasts."""
    return make_forecast_documents()


@pytest.fixture(scope="session")
def number_night() -> NightDocuments:
    """A night of a regression."""
    return make_number_documents()


@pytest.fixture(scope="session")
def saliency() -> Explained:
    """What pixels are worth to the challenger."""
    return make_saliency()


def make_pca(classes: tuple[Any, ...], labels: tuple[str, ...] = ()) -> PcaFindings:
    """Three components of images of 4 x 4 pixels or, with labels, of a table; 30 rows of 3 classes."""
    rng = np.random.default_rng(2)
    ratio = [0.5, 0.3, 0.15]
    told = [
        {"input": f"c{i}", "column": label, "category": None, "label": label, "weight": w}
        | {"correlation": w}
        for i, (label, w) in enumerate(zip(labels, (0.9, -0.4, 0.2), strict=False))
    ]
    document = {
        "n_rows": 350,
        "n_rows_fitted": 350,
        "n_inputs": len(labels) or 16,
        "n_constant_inputs": 1,
        "constant_inputs": list(labels[:1]),
        "n_components": 3,
        "explained_variance_ratio": ratio,
        "explained_variance_fraction": 0.95,
        "n_components_for": [
            {"share": 0.8, "n_components": 2},
            {"share": 0.9, "n_components": 3},
            {"share": 0.95, "n_components": None},
        ],
        "components": [
            {"component": k, "explained_variance_ratio": r, "most_telling_inputs": told}
            for k, r in enumerate(ratio, start=1)
        ],
        "since": {
            "date": "2026-01-06",
            "has_same_inputs": True,
            "n_rows": 340,
            "n_components": 3,
            "explained_variance_ratio": [0.48, 0.31, 0.15],
            "n_leading": 2,
            "angle_degrees": 3.04,
            "is_separated": True,
        },
        "inputs": [f"c{i}" for i in range(len(labels))] or None,
        "image_shape": None if labels else [4, 4, 1],
    }
    members = pd.DataFrame(
        {
            "id": [f"r{i}" for i in range(30)],
            "class": np.repeat(np.array(classes, dtype=object), 10),
            "pc1": rng.normal(size=30),
            "pc2": rng.normal(size=30),
        }
    )
    if not labels:
        return PcaFindings(document, members, images=rng.normal(size=(3, 4, 4, 1)))
    loadings = pd.DataFrame([{"component": k, **i} for k in (1, 2, 3) for i in told])
    return PcaFindings(document, members, loadings=loadings)


def make_problem(what: str = "No training row has a basket.") -> Problem:
    """The association rules that were not found."""
    document = {"what": what, "expected": "at least one", "hint": "correct 'mining.rules.baskets'"}
    return Problem(document, kind="rules", title="Association rules")


def make_documents(classes: tuple[Any, ...] = ("ant", "bee", "cow")) -> NightDocuments:
    a, b, c = classes
    scores = {
        "kind": "classification",
        "metric": "accuracy",
        "is_error": False,
        "n_holdout": 100,
        "n_validation": 50,
        "challenger": "cnn",
        "classes": list(classes),
        "models": {
            "cnn": make_model("candidate", 0.97),
            "mlp": make_model("candidate", 0.93),
            "logistic_regression": make_model("baseline", 0.9),
            "champion": make_model("champion", 0.95, version="3"),
        },
        "confusion": {"cnn": [[40, 0, 0], [2, 28, 0], [1, 0, 29]]},
    }
    decision = {
        "verdict": "promote",
        "reason": "cnn reached 0.9700 accuracy on 100 hold-out rows: cnn becomes champion.",
        "metric": "accuracy",
        "n_holdout": 100,
        "challenger": {"name": "cnn", "score": 0.97},
        "champion": {"version": "3", "score": 0.95},
        "baseline": {"name": "logistic_regression", "score": 0.9},
        "rules": [
            {
                "name": "floor",
                "figure": 0.97,
                "limit": 0.96,
                "passed": True,
                "sentence": "accuracy of at least 0.9600: cnn has 0.9700.",
            }
        ],
    }
    report = {
        "rows_in": 510,
        "rows_out": 500,
        "rows_quarantined": 7,
        "rows_duplicate": 3,
        "quarantined_by_reason": {"label: missing": 5, "image: not finite": 2},
        "rows_by_split": {
            "train": {str(a): 120, str(b): 115, str(c): 115},
            "validation": {str(a): 20, str(b): 15, str(c): 15},
            "holdout": {str(a): 40, str(b): 30, str(c): 30},
        },
    }
    losses = [(1.0, 1.1), (0.5, 0.6), (0.2, 0.9)]  # validation is least in the second epoch
    history = {
        "candidate": "cnn",
        "measure": "accuracy",
        "rows": [
            {"epoch": epoch, "part": part, "loss": loss, "accuracy": 1 - loss / 2}
            for epoch, pair in enumerate(losses, start=1)
            for part, loss in zip(("train", "validation"), pair, strict=True)
        ],
    }
    expectation = {
        "type": "expect_column_values_to_not_be_null",
        "column": "label",
        "severity": "critical",
        "success": True,
        "promised": "values to not be null",
        "found": "it holds for all 510 rows",
    }
    validation = {
        "suite": "tiny_raw",
        "success": False,
        "n_rows": 510,
        "n_expectations": 2,
        "n_failed": 1,
        "expectations": [
            expectation,
            {**expectation, "severity": "warning", "success": False, "found": "5 of 510 rows"},
        ],
    }
    rng = np.random.default_rng(2)
    mistakes = pd.DataFrame(
        {"id": ["r7", "r8"], "true": [b, c], "predicted": [a, a], "confidence": [0.9, 0.6]}
    )
    return NightDocuments(
        scores=scores,
        decision=decision,
        cleaning_report=report,
        histories={"cnn": history},
        validations={"raw": validation},
        findings=(make_pca(classes), make_problem()),
        mistakes=Mistakes(mistakes, 3, rng.random((2, 4, 4, 1))),
    )


@pytest.fixture(scope="session")
def night() -> NightDocuments:
    """A night that promoted its challenger."""
    return make_documents()


def make_data_documents(name: str = "co2", what: str = "filled with the median") -> NightDocuments:
    """A night without candidates or classes: a series with a gap, cleaned."""
    columns = {
        name: {"missing": 6, "changes": {"marked missing": 2, what: 5, "clipped to the limit": 1}},
        "untouched": {"missing": 0, "changes": {}},
    }
    report = {
        "rows_in": 100,
        "rows_added": 3,
        "rows_merged": 2,
        "rows_out": 96,
        "rows_quarantined": 4,
        "rows_duplicate": 1,
        "quarantined_by_reason": {f"{name}: missing": 4},
        "rows_by_split": {"train": {"": 70}, "validation": {"": 6}, "holdout": {"": 20}},
        "columns": columns,
        "duplicates_kept": [f"first by {name}"],
        "n_fit_rows": 70,
        "features": [name],
        "gaps": [{"first": "2001-01-06", "last": "2001-01-20", "n_steps": 3}],
    }
    times = np.datetime64("2001-01-01", "us") + np.arange(96) * np.timedelta64(7, "D")
    rows = pd.DataFrame({"time": times, "value": 1.0, "split": "train", "is_filled": False})
    validation = {
        "suite": "tiny_clean",
        "success": True,
        "n_rows": 96,
        "n_expectations": 1,
        "n_failed": 0,
        "n_warnings": 0,
        "expectations": [],
    }
    return NightDocuments(
        cleaning_report=report,
        series=(Series(name, rows, 96),),
        validations={"clean": validation},
    )


@pytest.fixture(scope="session")
def data_night() -> NightDocuments:
    """A night without candidates."""
    return make_data_documents()


@pytest.fixture(scope="session")
def hostile_night() -> NightDocuments:
    """The same with a script for a class, a name of 300 letters, and TeX and markup in texts."""
    made = make_documents((HOSTILE, "x" * 300, "$\\frac{1}$ & <b>"))
    data = make_data_documents(f"{HOSTILE} $\\frac{{1}}$ <b>", HOSTILE)
    gaps = [{"first": HOSTILE, "last": HOSTILE, "n_steps": 3}]
    report = {**(made.cleaning_report or {}), **(data.cleaning_report or {}), "gaps": gaps}
    report |= {
        "quarantined_by_reason": {HOSTILE: 7},
        "duplicates_kept": [HOSTILE],
        "rows_by_split": (made.cleaning_report or {})["rows_by_split"],
    }
    decision = {**(made.decision or {}), "reason": HOSTILE}
    curve = make_forecast_documents().learning_curve or {}
    names = (HOSTILE, "$\\frac{1}{2}$ & <b>", "y" * 300)
    return replace(
        made,
        cleaning_report=report,
        decision=decision,
        trainings={HOSTILE: Training(HOSTILE, HOSTILE, {"n_parameters": 5.0})},
        learning_curve={
            **curve,
            "challenger": HOSTILE,
            "left_out": [{"share": 0.1, "reason": HOSTILE}],
        },
        explained=Explained(
            make_importance(*names, kind="classification", metric="accuracy")
            | {"challenger": HOSTILE, "reason": HOSTILE}
        ),
        numbers=make_number_documents(f"{HOSTILE} $\\frac{{1}}{{2}}$").numbers,
        forecasts=make_forecast_documents(HOSTILE).forecasts,
        series=data.series,
        findings=(
            make_pca((HOSTILE, "x" * 300, "$\\frac{1}$ & <b>"), names),
            make_problem(HOSTILE),
        ),
    )
