"""Mine a decision tree: read the rows, choose its size, grow it, say what it asks and how good it is.

Shell of the mining stage for ``mining.tree``: ``tasks.mining.step`` calls it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.mining.documents import round_figures, write_document
from tasks.mining.found import Earlier, Found
from tasks.mining.rows import HOLDOUT, TRAIN, VALIDATION, MiningRows
from tasks.mining.tree.choice import choose_size, scale_alpha
from tasks.mining.tree.comparison import compare
from tasks.mining.tree.document import (
    Grown,
    make_document,
    tabulate_curve,
    tabulate_importances,
    tabulate_leaves,
)
from tasks.mining.tree.growth import Growth, check_rows, standardise
from tasks.mining.tree.importance import MAX_ROWS, measure_importances, sum_by_column
from tasks.mining.tree.inputs import InputReader, clip_inputs, draw_places
from tasks.mining.tree.nodes import Nodes
from tasks.mining.tree.reading import TreeReader
from tasks.mining.tree.scoring import ClassScores, NumberScores, score_classes, score_numbers
from tasks.mining.tree.target import choose_target
from tasks.workflow import Tree

# The cross-validation grows folds + 2 trees: with 10 million cells it takes about as long as one tree
# on 60 million; and 50,000 rows leave an accuracy a standard error of 0.2 points, less than a choice
# between sizes needs.
MAX_CHOICE_CELLS = 10_000_000
MAX_CHOICE_ROWS = 50_000
MIN_CHOICE_ROWS = 1_000  # also of very wide inputs: fewer would choose by chance


@contextmanager
def _allow_many_classes() -> Iterator[None]:
    """Keep scikit-learn from asking whether few rows of many classes should be a regression."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="The number of unique classes", category=UserWarning
        )
        yield


@_allow_many_classes()
def mine_tree(
    rows: MiningRows, options: Tree, folder: Path, *, seed: int, earlier: Earlier | None
) -> Found:
    """Grow the decision tree of a night and write what it says.

    Parameters
    ----------
    rows : MiningRows
    options : Tree
        ``mining.tree`` of the workflow file.
    folder : Path
        Exists and is empty; ``tree.json``, ``tree.txt``, ``leaves.csv``, ``curve.csv``,
        ``importances.csv`` and, of images, ``importance_map.npy`` are written into it.
    seed : int
    earlier : Earlier or None

    Returns
    -------
    Found

    Raises
    ------
    MiningError
        When the target cannot be decided, or no tree can be grown on these rows.
    """
    target = choose_target(options.target, rows.preparation, rows.originals)
    asked = rows.list_inputs(options.columns)
    columns = tuple(name for name in asked if name not in target.made_of_it)
    reading = InputReader(rows, columns, target)
    names = rows.list_input_names(columns)
    growth = Growth(
        n_classes=len(target.classes) if target.is_class else None,
        criterion=options.criterion,
        min_leaf_rows=options.min_leaf_rows,
        seed=seed,
    )
    X, y = reading.sample(reading.max_rows, seed)
    check_rows(X, y, growth, folds=options.folds, target=target.name)
    z, mean, scale = (y, 0.0, 1.0) if target.is_class else standardise(y, target.name)

    n_choice = min(MAX_CHOICE_ROWS, max(MIN_CHOICE_ROWS, MAX_CHOICE_CELLS // len(names)))
    drawn = draw_places(len(X), n_choice, seed) if len(X) > n_choice else slice(None)
    choice = choose_size(
        X[drawn],
        z[drawn],
        growth,
        max_depth=options.max_depth,
        folds=options.folds,
        choose=options.choose,
    )
    alpha = scale_alpha(choice.chosen, choice.n_rows, len(X))
    model = growth.grow_readable(X, z, depth_limit=choice.chosen.depth_limit, alpha=alpha)
    n_rows_fitted = len(X)
    del X, y, z, drawn

    originals = {name: rows.originals.find(name) for name in names}
    reader = TreeReader(
        Nodes.read(model, growth.n_classes),
        names,
        originals,
        target.name,
        target.classes,
        mean,
        scale,
    )
    part = next((p for p in (HOLDOUT, VALIDATION) if rows.n_by_part[p] >= 2), TRAIN)
    X_seen, y_seen = reading.sample(min(MAX_ROWS, reading.max_rows), seed, part)
    inputs = measure_importances(
        model,
        clip_inputs(X_seen),
        y_seen if target.is_class else (y_seen - mean) / scale,
        names,
        seed=seed,
    )
    grown = Grown(
        target=target,
        options=options,
        reader=reader,
        leaves=reader.list_leaves(),
        choice=choice,
        alpha=alpha,
        n_rows=rows.n_rows,
        n_rows_fitted=n_rows_fitted,
        holdout=_score(model, reading, HOLDOUT, mean, scale, seed),
        validation=_score(model, reading, VALIDATION, mean, scale, seed),
        inputs=inputs,
        columns=sum_by_column(inputs, originals),
        importance_part=part,
        importance_rows=len(X_seen),
        decides_target=target.name == rows.preparation.target,
        image_shape=rows.preparation.image_shape,
    )
    document = _write(grown, folder, earlier)
    if rows.preparation.image_shape is not None:
        shares = np.asarray(model.feature_importances_, dtype=np.float32)
        np.save(folder / "importance_map.npy", shares.reshape(rows.preparation.image_shape))
    return _sum_up(grown, document)


def _write(grown: Grown, folder: Path, earlier: Earlier | None) -> dict[str, Any]:
    document = make_document(grown)
    rules = [leaf.rule for leaf in grown.leaves]
    document["earlier"] = (
        round_figures(compare(document, rules, earlier)) if earlier is not None else None
    )
    write_document(document, folder / "tree.json")
    (folder / "tree.txt").write_text(grown.reader.to_text(), encoding="utf-8")
    for name, table in (
        ("leaves", tabulate_leaves(grown)),
        ("curve", tabulate_curve(grown)),
        ("importances", tabulate_importances(grown)),
    ):
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    return document


def _score(
    model: Any, reading: InputReader, part: str, mean: float, scale: float, seed: int
) -> ClassScores | NumberScores | None:
    target = reading.target
    if not target.is_class:
        pairs = (
            ((y - mean) / scale, np.asarray(model.predict(clip_inputs(X))))
            for X, y in reading.batches(part)
        )
        return score_numbers(pairs, scale)

    def predict() -> Iterator[tuple[Any, npt.NDArray[np.float64]]]:
        for X, codes in reading.batches(part):
            probabilities = np.zeros((len(X), len(target.classes)))
            probabilities[:, model.classes_] = model.predict_proba(clip_inputs(X))
            yield codes, probabilities

    return score_classes(predict(), len(target.classes), seed)


def _sum_up(grown: Grown, document: dict[str, Any]) -> Found:
    size, holdout = grown.choice.chosen, grown.holdout
    n_leaves = document["n_leaves"]
    n_used = document["n_inputs_used"]
    inputs = f"{n_used:,} {'input' if n_used == 1 else 'inputs'}"
    name, verb = grown.target.name, "decide" if grown.target.is_class else "estimate"
    if n_leaves == 1:
        sentence = f"No question helps to {verb} {name}: the tree is its root"
    else:
        sentence = f"A tree of {n_leaves:,} leaves {verb}s {name} by {inputs}"
    if isinstance(holdout, ClassScores):
        sentence += f", {holdout.scores.accuracy:.1%} right on {holdout.n_rows:,} hold-out rows"
    elif holdout is not None:
        sentence += f", mean error {holdout.mae:.4g} on {holdout.n_rows:,} hold-out rows"
    metrics: dict[str, float | None] = {
        "n_leaves": n_leaves,
        "depth": document["depth"],
        "n_rows_fitted": grown.n_rows_fitted,
        "cross_validation_score": size.mean,
        "cross_validation_standard_error": size.standard_error,
    }
    for part in ("holdout", "validation"):
        metrics |= {f"{part}_{key}": value for key, value in (document[part] or {}).items()}
    return Found(
        sentence=f"{sentence}.",
        params={
            "depth_limit": size.depth_limit,
            "ccp_alpha": document["alpha"],
            "n_leaves": n_leaves,
        },
        metrics={key: value for key, value in metrics.items() if value is not None},
    )
