"""How large the tree should be: cross-validation over depths and pruning.

Pure module of the mining stage; one tree per fold is grown, and cut back to every size.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tasks.mining.tree.growth import ROOT_ALPHA, Growth
from tasks.mining.tree.nodes import Nodes, find_pruned_leaves

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int64]

MAX_ALPHAS = 40  # prices per leaf that are tried, evenly along the path of the whole tree
MAX_CURVE = 40  # sizes that the curve keeps: a chart shows no more


@dataclass(frozen=True)
class Size:
    """One size of the tree, and how well trees of that size decide rows that they have not seen.

    Parameters
    ----------
    depth_limit : int
    alpha : float
        Cost per leaf.
    n_leaves : int
        Of the tree on all rows of the cross-validation.
    mean, standard_error : float
        Of the folds' scores: accuracy, or R^2.
    training : float
        Score on the rows that the tree was grown on.
    """

    depth_limit: int
    alpha: float
    n_leaves: int
    mean: float
    standard_error: float
    training: float


@dataclass(frozen=True)
class Choice:
    """The size that was chosen, and the curve it was chosen from.

    Parameters
    ----------
    chosen, best : Size
    curve : tuple of Size
        By rising number of leaves, of each number the size with the best mean, without sizes that are
        worse than smaller ones even in training; the chosen and the best one are among them.
    n_rows : int
        Rows of the cross-validation.
    """

    chosen: Size
    best: Size
    curve: tuple[Size, ...]
    n_rows: int


def choose_size(
    X: Floats,
    y: npt.NDArray[Any],
    growth: Growth,
    *,
    max_depth: int,
    folds: int,
    choose: Literal["simplest", "best"],
) -> Choice:
    r"""Choose the tree's depth and pruning by cross-validation.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_inputs), float32
    y : ndarray of shape (n_rows,)
        Codes of the classes, or numbers.
    growth : Growth
    max_depth : int
    folds : int
        At most ``n_rows``.
    choose : {"simplest", "best"}
        The fewest leaves within one standard error of the best mean, or the best mean.

    Returns
    -------
    Choice

    Notes
    -----
    Every depth limit up to ``max_depth`` is tried with every price :math:`\alpha`, the geometric
    means of neighbours on the pruning path of the tree on all rows ([1]_, section 3.4.2): below a path's
    next price no further branch is worth cutting, so each stands for its stretch. The score is the share
    of the left-out rows that are decided right, or :math:`R^2 = 1 - \mathrm{MSE} / \sigma^2` with the
    variance of all rows; its standard error is that of the mean over the folds.

    References
    ----------
    .. [1] L. Breiman, J. Friedman, R. Olshen, C. Stone, "Classification and Regression Trees", 1984.
       https://doi.org/10.1201/9781315139470
    """
    # A sample may hold one value only: then there is nothing to lose.
    variance = float(np.var(y)) or 1.0
    whole = growth.grow(X, y, depth_limit=max_depth)
    alphas = _choose_alphas(whole.cost_complexity_pruning_path(X, y).ccp_alphas)
    limits = range(1, max(1, whole.get_depth()) + 1)
    training, n_leaves = _score_sizes(whole, X, y, growth, limits, alphas, variance)
    scores = []
    for train, test in _split(y, growth, folds):
        model = growth.grow(X[train], y[train], depth_limit=max_depth)
        fold = _score_sizes(model, X[test], y[test], growth, limits, alphas, variance)
        scores.append(fold[0])
    by_fold = np.stack(scores)
    mean = by_fold.mean(axis=0)
    error = by_fold.std(axis=0, ddof=1) / math.sqrt(len(by_fold))
    sizes = [
        Size(
            depth_limit=limit,
            alpha=float(alpha),
            n_leaves=int(n_leaves[i, j]),
            mean=float(mean[i, j]),
            standard_error=float(error[i, j]),
            training=float(training[i, j]),
        )
        for i, limit in enumerate(limits)
        for j, alpha in enumerate(alphas)
    ]
    best = min(sizes, key=lambda s: (-s.mean, s.n_leaves, s.depth_limit, -s.alpha))
    chosen = best if choose == "best" else find_simplest(sizes, best)
    return Choice(chosen, best, _thin_curve(sizes, chosen, best), len(X))


def find_simplest(sizes: Sequence[Size], best: Size) -> Size:
    """Find the fewest leaves whose mean score lies within one standard error of the best.

    Examples
    --------
    >>> best = Size(2, 0.0, 4, 0.90, 0.02, 1.0)
    >>> find_simplest([best, Size(1, 0.0, 2, 0.89, 0.02, 0.9), Size(1, 9.0, 1, 0.5, 0.0, 0.5)], best
    ...     ).n_leaves
    2
    """
    within = [s for s in sizes if s.mean >= best.mean - best.standard_error]
    return min(within, key=lambda s: (s.n_leaves, -s.mean, s.depth_limit, -s.alpha))


def scale_alpha(size: Size, n_rows: int, n_rows_fitted: int) -> float:
    r"""Bring the price per leaf of a sample to the rows that the tree is grown on.

    Parameters
    ----------
    size : Size
        Chosen on the sample.
    n_rows, n_rows_fitted : int
        Of the sample, and of the final tree.

    Returns
    -------
    float

    Notes
    -----
    What a question gains by chance alone falls as :math:`1 / n`, as the penalty of a parameter does in
    Akaike's criterion for a mean deviance; so does the price that keeps such questions out. A root
    stays a root.

    Examples
    --------
    >>> scale_alpha(Size(3, 0.01, 4, 0.9, 0.01, 0.95), n_rows=1_000, n_rows_fitted=10_000)
    0.001
    """
    return size.alpha if size.n_leaves == 1 else size.alpha * n_rows / n_rows_fitted


def _choose_alphas(path: Floats) -> npt.NDArray[np.float64]:
    """Nothing, the geometric means along the path, and a price that leaves the root alone."""
    prices = np.unique(np.clip(path, 0.0, None))
    prices = prices[prices > 0]
    between = np.sqrt(prices[:-1] * prices[1:])
    if len(between) > MAX_ALPHAS:
        between = between[np.linspace(0, len(between) - 1, MAX_ALPHAS).round().astype(int)]
    return np.concatenate([[0.0], between, [ROOT_ALPHA]])


def _score_sizes(
    model: Any,
    X: Floats,
    y: npt.NDArray[Any],
    growth: Growth,
    limits: Sequence[int],
    alphas: npt.NDArray[np.float64],
    variance: float,
) -> tuple[npt.NDArray[np.float64], Ints]:
    """Score a grown tree, cut back to every size: scores and leaves of shape (n_limits, n_alphas)."""
    nodes = Nodes.read(model, growth.n_classes)
    # Every row counts at every node on its way: as if the tree ended there.
    path = model.decision_path(X)
    node = np.asarray(path.indices, dtype=np.int64)
    truth = np.repeat(y, np.diff(path.indptr))
    if growth.n_classes is None:
        gain = -((truth - nodes.outputs[node, 0]) ** 2) / variance
        start = 1.0
    else:
        gain = (truth == nodes.outputs.argmax(axis=1)[node]).astype(np.float64)
        start = 0.0
    by_node = np.bincount(node, weights=gain, minlength=len(nodes)) / len(X)
    scores = np.empty((len(limits), len(alphas)))
    n_leaves = np.empty((len(limits), len(alphas)), dtype=np.int64)
    for i, limit in enumerate(limits):
        is_leaf = find_pruned_leaves(nodes, limit, alphas)
        scores[i] = start + by_node @ is_leaf
        n_leaves[i] = is_leaf.sum(axis=0)
    return scores, n_leaves


def _split(y: npt.NDArray[Any], growth: Growth, folds: int) -> Iterator[tuple[Ints, Ints]]:
    """Split rows into folds, each with about the same share of every class."""
    from sklearn.model_selection import KFold, StratifiedKFold

    chance = np.random.RandomState(growth.seed)
    is_stratified = growth.n_classes is not None and np.bincount(y).max() >= folds
    kind = StratifiedKFold if is_stratified else KFold
    with warnings.catch_warnings():
        # A class with fewer rows than folds is missing from some of them, which is all that happens.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        splits = list(kind(folds, shuffle=True, random_state=chance).split(y, y))
    yield from splits


def _thin_curve(sizes: Sequence[Size], chosen: Size, best: Size) -> tuple[Size, ...]:
    top: dict[int, Size] = {}
    for size in sizes:
        if size.n_leaves not in top or size.mean > top[size.n_leaves].mean:
            top[size.n_leaves] = size
    top |= {best.n_leaves: best, chosen.n_leaves: chosen}
    marked = {best.n_leaves, chosen.n_leaves}
    wanted: list[int] = []
    for n_leaves in sorted(top):
        # More leaves that decide the tree's own rows worse are a cut at a depth gone wrong.
        if n_leaves in marked or not wanted or top[n_leaves].training >= top[wanted[-1]].training:
            wanted.append(n_leaves)
    if len(wanted) > MAX_CURVE:
        # Evenly over their order on a scale of doublings, as the chart shows them.
        places = np.geomspace(1, len(wanted), MAX_CURVE).round().astype(int) - 1
        wanted = sorted({wanted[i] for i in places} | marked)
    return tuple(top[n] for n in wanted)
