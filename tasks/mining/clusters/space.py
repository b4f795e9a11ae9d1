"""The space in which rows are grouped: their inputs standardised, or the principal components of these.

Pure module of ``mining.clusters``; fitted on a sample, it places further rows batch by batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.errors import MiningError
from tasks.mining.pca.components import Components, fit_components

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]

# Wider tables and images are grouped on their first components: distances over hundreds of inputs that
# say the same thing many times tell groups apart worse, and cost as many times more.
MAX_PLAIN_INPUTS = 20
DEFAULT_COMPONENTS = 20


@dataclass(frozen=True)
class Space:
    """How rows are placed before they are grouped.

    Parameters
    ----------
    is_varying : ndarray of bool of shape (n_inputs,)
        Which inputs are looked at; the others had one value in all rows of the sample.
    mean, scale : ndarray of shape (n_varying,), float64
        Mean of the inputs that vary, and what they are divided by, in their own units: the standard
        deviation, or that of all inputs of their group together.
    components : Components
        Of these inputs, standardised; at least the two of the map where two inputs vary.
    n_components : int or None
        On how many components the rows are grouped; None for the standardised inputs themselves.
    """

    is_varying: npt.NDArray[np.bool_]
    mean: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    components: Components
    n_components: int | None = field(default=None)

    @property
    def n_dimensions(self) -> int:
        """Length of a row's place."""
        return len(self.mean) if self.n_components is None else self.n_components

    @property
    def explained_variance_ratio(self) -> list[float]:
        """Share of the variance along each component that was computed, 0 to 1."""
        return [float(ratio) for ratio in self.components.explained_variance_ratio]

    def spread(self, values: Floats) -> npt.NDArray[np.float64]:
        """Spread values of the varying inputs over all inputs; the others get 0."""
        spread = np.zeros(len(self.is_varying))
        spread[self.is_varying] = values
        return spread

    def place(self, X: Floats) -> tuple[Floats, Floats]:
        """Place rows.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_inputs), float32
            In the units of the rows that were fitted; finite.

        Returns
        -------
        Z : ndarray of shape (n_rows, n_dimensions), float32
            Where the rows are grouped.
        on_map : ndarray of shape (n_rows, 2), float32
            Their first two components; the second is 0 where one input varies.

        Raises
        ------
        MiningError
            When a value is so far from the others that its place is not finite.
        """
        varying = X[:, self.is_varying]
        with np.errstate(over="ignore", invalid="ignore"):
            scores = self.components.project(varying)
            Z = (
                ((varying - self.mean) / self.scale).astype(np.float32)
                if self.n_components is None
                else scores[:, : self.n_components]
            )
        if not (np.isfinite(Z).all() and np.isfinite(scores).all()):
            raise MiningError(
                "A training row holds a value too large to be compared with the others.",
                expected="numbers whose squares a float can hold",
                hint="clip the column under 'cleaning' ('clip'), or send such rows to quarantine",
            )
        on_map = np.zeros((len(X), 2), dtype=np.float32)
        n_axes = min(2, scores.shape[1])
        on_map[:, :n_axes] = scores[:, :n_axes]
        return np.ascontiguousarray(Z), on_map


def fit_space(
    X: Floats,
    *,
    n_components: int | None,
    is_image: bool,
    seed: int,
    groups: Ints | None = None,
) -> Space:
    r"""Standardise a sample of the rows, and find its principal components.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_inputs), float32
        Finite.
    n_components : int or None
        On how many components to group; None groups images, and rows of more than 20 varying inputs,
        on 20 of them, and others on their standardised inputs.
    is_image : bool
    seed : int
        Of the randomised solver, which scikit-learn takes for wide inputs.
    groups : ndarray of int of shape (n_inputs,), optional
        Inputs that were made of one column, one-hot, have the same number; by default each input
        stands for itself.

    Returns
    -------
    Space

    Raises
    ------
    MiningError
        When there are fewer than two rows, or every input is constant.

    Notes
    -----
    Input :math:`x_j` becomes :math:`z_j = (x_j - \mu_j) / \sigma_j` with the population standard
    deviation, so that no input counts more than another because of its unit.

    The inputs of a group :math:`G` become :math:`(x_j - \mu_j) / \sqrt{\sum_{i \in G} \sigma_i^2}`
    instead: two rows that differ in a category are as far apart whichever categories these are, and
    over pairs of rows drawn at random the column adds as much to the squared distance (2) as a column
    of numbers does. Standardised one by one, a column of ten categories would count ten times, and a
    rare one of them more than all numbers.

    Examples
    --------
    >>> X = np.array([[0.0, 5.0, 1.0], [2.0, 5.0, 3.0]], dtype=np.float32)
    >>> space = fit_space(X, n_components=None, is_image=False, seed=7)
    >>> space.is_varying.tolist(), space.place(X)[0].tolist()
    ([True, False, True], [[-1.0, -1.0], [1.0, 1.0]])
    """
    if len(X) < 2:
        raise MiningError(
            f"There are {len(X)} training rows to look for clusters in.",
            expected="at least 3",
            hint="let more data arrive, or remove 'mining.clusters' from the workflow file",
        )
    is_varying = X.max(axis=0) > X.min(axis=0)
    n_varying = int(np.count_nonzero(is_varying))
    if not n_varying:
        raise MiningError(
            f"All {X.shape[1]} inputs are constant over {len(X)} training rows.",
            expected="at least one input that varies",
            hint="name other 'columns' under 'mining.clusters', or check the source: the same value "
            "everywhere says that it was read wrongly",
        )
    varying = X[:, is_varying]
    mean = varying.mean(axis=0, dtype=np.float64)
    std = np.sqrt(((varying - mean) ** 2).mean(axis=0))
    weights = _weigh(std, groups[is_varying]) if groups is not None else np.ones(n_varying)
    wanted = n_components
    if wanted is None and (is_image or n_varying > MAX_PLAIN_INPUTS):
        wanted = DEFAULT_COMPONENTS
    with np.errstate(over="ignore", invalid="ignore"):
        components = fit_components(
            varying, n_components=max(2, wanted or 0), seed=seed, weights=weights
        )
    return Space(
        is_varying=is_varying,
        mean=mean,
        scale=std / weights,
        components=components,
        n_components=None
        if wanted is None
        else min(wanted, len(components.explained_variance_ratio)),
    )


def _weigh(std: npt.NDArray[np.float64], groups: Ints) -> npt.NDArray[np.float64]:
    """Weigh standardised inputs so that all inputs of a group count as one."""
    _, places = np.unique(groups, return_inverse=True)
    together = np.sqrt(np.bincount(places, weights=std**2))[places]
    return np.asarray(std / together)


def check_finite(X: Floats, names: Sequence[str]) -> None:
    """Refuse rows with a missing or infinite value.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_inputs)
    names : sequence of str
        Of the inputs.

    Raises
    ------
    MiningError
        Names the first such input, and how many rows there are.
    """
    # A sum is finite where all are, and costs a tenth of looking at each.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(X.sum(dtype=np.float64)):
            return
    is_bad = ~np.isfinite(X)
    if not is_bad.any():
        return
    n_bad = int(is_bad.any(axis=1).sum())
    first = names[int(is_bad.any(axis=0).argmax())]
    raise MiningError(
        f"{n_bad} of {len(X)} training rows hold a missing, infinite or far too large value, "
        f"the first in {first!r}.",
        expected="finite numbers in every input",
        hint="impute or clip the values, or send these rows to quarantine under 'cleaning'; or leave "
        "the column out of 'columns' under 'mining.clusters'",
    )
