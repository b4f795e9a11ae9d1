"""The files of a night's tree: ``tree.json``, the tree as text, its leaves, curve and importances.

Module of the mining stage that turns what was found into JSON and tables; ``step.py`` writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from tasks.mining.documents import round_figures
from tasks.mining.tree.choice import Choice
from tasks.mining.tree.importance import Importance
from tasks.mining.tree.reading import Leaf, TreeReader
from tasks.mining.tree.scoring import ClassScores, NumberScores
from tasks.mining.tree.target import Target
from tasks.workflow import Tree

FORMAT = 1
MAX_LISTED_INPUTS = 50  # in tree.json; importances.csv has all


@dataclass(frozen=True)
class Grown:
    """Everything that was found about a night's tree."""

    target: Target
    options: Tree
    reader: TreeReader
    leaves: Sequence[Leaf]
    choice: Choice
    alpha: float
    n_rows: int
    n_rows_fitted: int
    holdout: ClassScores | NumberScores | None
    validation: ClassScores | NumberScores | None
    inputs: Sequence[Importance]
    columns: Sequence[Importance]
    importance_part: str
    importance_rows: int
    decides_target: bool
    image_shape: tuple[int, ...] | None = None


def make_document(grown: Grown) -> dict[str, Any]:
    """Make ``tree.json`` but for the comparison with an earlier night."""
    nodes, choice = grown.reader.nodes, grown.choice
    holdout = grown.holdout
    document = {
        "format": FORMAT,
        "kind": "class" if grown.target.is_class else "number",
        "target": grown.target.name,
        "decides_target": grown.decides_target,
        "classes": list(grown.target.classes),
        "criterion": grown.options.criterion if grown.target.is_class else "squared_error",
        "max_depth": grown.options.max_depth,
        "alpha": grown.alpha,
        "min_leaf_rows": grown.options.min_leaf_rows,
        "n_rows": grown.n_rows,
        "n_rows_fitted": grown.n_rows_fitted,
        "n_inputs": len(grown.reader.names),
        "n_inputs_used": len(set(nodes.input[~nodes.is_leaf].tolist())),
        "image_shape": list(grown.image_shape) if grown.image_shape is not None else None,
        "depth": int(nodes.depth.max()),
        "n_leaves": int(nodes.is_leaf.sum()),
        "n_holdout": holdout.n_rows if holdout else 0,
        "n_validation": grown.validation.n_rows if grown.validation else 0,
        "holdout": _list_scores(holdout),
        "validation": _list_scores(grown.validation),
        "interval": holdout.intervals if isinstance(holdout, ClassScores) else None,
        "majority": _score_majority(grown),
        "confusion": holdout.confusion.tolist() if isinstance(holdout, ClassScores) else None,
        "cross_validation": {
            "score": "accuracy" if grown.target.is_class else "r2",
            "folds": grown.options.folds,
            "choose": grown.options.choose,
            "n_rows": choice.n_rows,
            "chosen": asdict(choice.chosen),
            "best": asdict(choice.best),
            "curve": [asdict(size) for size in choice.curve],
        },
        "importances": {
            "part": grown.importance_part,
            "n_rows": grown.importance_rows,
            "inputs": [asdict(i) for i in grown.inputs[:MAX_LISTED_INPUTS]],
            "columns": [asdict(i) for i in grown.columns[:MAX_LISTED_INPUTS]],
        },
        "tree": grown.reader.to_json(),
    }
    rounded: dict[str, Any] = round_figures(document)
    return rounded


def tabulate_leaves(grown: Grown) -> pd.DataFrame:
    """Make ``leaves.csv``: the leaves by falling rows, of classes with a column per class."""
    rows = []
    for leaf in grown.leaves:
        outcome = leaf.outcome
        row: dict[str, Any] = {
            "rule": leaf.rule,
            "prediction": outcome.prediction,
            "n_rows": outcome.n_rows,
            "share": outcome.share,
            "impurity": outcome.impurity,
        }
        if outcome.purity is None:
            row["std"] = outcome.std
        else:
            row["purity"] = outcome.purity
            # Before the name stands a word: a class may be called "rule".
            names = (f"rows of {name}" for name in grown.target.classes)
            row |= dict(zip(names, outcome.counts, strict=True))
        rows.append(round_figures(row))
    return pd.DataFrame(rows)


def tabulate_importances(grown: Grown) -> pd.DataFrame:
    """Make ``importances.csv``: all inputs, most important first."""
    return pd.DataFrame([round_figures(asdict(found)) for found in grown.inputs])


def tabulate_curve(grown: Grown) -> pd.DataFrame:
    """Make ``curve.csv``: the sizes that cross-validation weighed."""
    return pd.DataFrame([round_figures(asdict(size)) for size in grown.choice.curve])


def _list_scores(scores: ClassScores | NumberScores | None) -> dict[str, Any] | None:
    if scores is None:
        return None
    if isinstance(scores, ClassScores):
        return asdict(scores.scores)
    return {"r2": scores.r2, "mae": scores.mae, "rmse": scores.rmse}


def _score_majority(grown: Grown) -> float | None:
    """Hold-out accuracy of always saying the training rows' most frequent class."""
    if not isinstance(grown.holdout, ClassScores):
        return None
    code = int(grown.reader.nodes.outputs[0].argmax())
    return float(grown.holdout.confusion[code].sum() / grown.holdout.n_rows)
