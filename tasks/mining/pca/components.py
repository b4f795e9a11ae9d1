"""Principal components of standardised rows.

Pure module of the mining stage: clusters are looked for on these components, and the map of the data
is drawn on the first two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.errors import MiningError

Floats = npt.NDArray[np.floating[Any]]

# A direction with less than this share of the first one's variance is rounding of float32, and another
# one on every machine: the columns of one category add up to 1, and leave such a direction.
_ROUNDING = 1e-6
_BLOCK_ROWS = 1024  # standardised at once, so that not all rows are there in float64 too


@dataclass(frozen=True)
class Components:
    """Principal components, and how to project further rows on them.

    Parameters
    ----------
    mean, scale : ndarray of shape (n_inputs,), float32
        Mean and standard deviation of each input; the scale of a constant input is 1.
    components : ndarray of shape (n_components, n_inputs), float32
        Directions of unit length, by falling variance.
    explained_variance_ratio : ndarray of shape (n_components,), float32
        Share of the standardised rows' variance along each direction, 0 to 1.
    scores : ndarray of shape (n_rows, n_components), float32
        The rows that were fitted, projected.
    """

    mean: Floats
    scale: Floats
    components: Floats
    explained_variance_ratio: Floats
    scores: Floats

    @property
    def n_components(self) -> int:
        """How many components there are."""
        return len(self.components)

    def project(self, X: npt.NDArray[Any]) -> Floats:
        """Project rows on the components.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_inputs)
            In the units of the rows that were fitted.

        Returns
        -------
        ndarray of shape (n_rows, n_components), float32
        """
        standardised = (np.asarray(X, dtype=np.float32) - self.mean) / self.scale
        return np.asarray(standardised @ self.components.T)


def fit_components(
    X: npt.NDArray[Any],
    *,
    n_components: int,
    seed: int,
    weights: npt.NDArray[np.float64] | None = None,
) -> Components:
    r"""Standardise rows and find their principal components.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_inputs)
        Training rows, or a sample of them; images are flattened by the caller.
    n_components : int
        Wanted components; at most as many are returned as there are directions along which the rows
        vary.
    seed : int
        Of the randomised solver, which scikit-learn takes for wide inputs.
    weights : ndarray of shape (n_inputs,), optional
        Above 0; each standardised input is multiplied by its weight. By default all count alike.

    Returns
    -------
    Components

    Raises
    ------
    MiningError
        When there are fewer than two rows, a value is not finite or too large for float32, or
        every input is constant.

    Notes
    -----
    Every input :math:`x_j` becomes :math:`z_j = (x_j - \mu_j) / \sigma_j`, as scikit-learn's
    ``StandardScaler`` does (population standard deviation; constant inputs keep a scale of 1). The
    components are the first eigenvectors of the covariance of :math:`z` [1]_.

    References
    ----------
    .. [1] I. T. Jolliffe, J. Cadima, "Principal component analysis: a review and recent
       developments", Phil. Trans. R. Soc. A 374, 2016. https://doi.org/10.1098/rsta.2015.0202

    Examples
    --------
    >>> fit_components(np.array([[0.0, 0.0], [1.0, 10.0], [2.0, 20.0]]), n_components=1, seed=7
    ...     ).explained_variance_ratio.tolist()
    [1.0]
    """
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    check_row_count(len(X))
    with np.errstate(over="ignore"):  # what becomes infinite is refused here
        rows = np.asarray(X, dtype=np.float32)
    n_bad = int((~np.isfinite(rows)).any(axis=1).sum())
    if n_bad:
        raise MiningError(
            f"{n_bad} of {len(rows)} training rows hold a missing or infinite value, or one too large.",
            expected="finite numbers below 3.4e38 in every input",
            hint="impute the values or send these rows to quarantine under 'cleaning'",
        )
    n_varying = len(rows[0]) - int(find_constant_inputs(rows).sum())
    if not n_varying:
        raise MiningError(
            f"{'The input is' if rows.shape[1] == 1 else f'All {rows.shape[1]} inputs are'} "
            f"constant over {len(rows)} training rows.",
            expected="at least one input that varies",
            hint="check the source: the same value everywhere says that it was read wrongly",
        )
    scaler = StandardScaler()
    for start in range(0, len(rows), _BLOCK_ROWS):  # it computes in float64
        scaler.partial_fit(rows[start : start + _BLOCK_ROWS])
    if weights is not None:
        scaler.scale_ = scaler.scale_ / weights
    with np.errstate(over="ignore"):
        standardised = scaler.transform(rows)
    if not np.isfinite(standardised).all():
        raise MiningError(
            "Values of the training rows lie further apart than float32 can tell.",
            expected="distances below 3.4e38 in every input",
            hint="clip the values under 'cleaning', or scale them",
        )
    pca = PCA(
        # Rows less their mean span one direction less than there are rows.
        n_components=min(n_components, n_varying, len(rows) - 1),
        copy=False,
        random_state=np.random.RandomState(seed),
    )
    scores = pca.fit_transform(standardised)
    n_kept = max(1, int((pca.explained_variance_ > pca.explained_variance_[0] * _ROUNDING).sum()))
    return Components(
        mean=np.asarray(scaler.mean_, dtype=np.float32),
        scale=np.asarray(scaler.scale_, dtype=np.float32),
        components=np.asarray(pca.components_[:n_kept], dtype=np.float32),
        explained_variance_ratio=np.asarray(
            pca.explained_variance_ratio_[:n_kept], dtype=np.float32
        ),
        scores=np.asarray(scores[:, :n_kept], dtype=np.float32),
    )


def check_row_count(n_rows: int) -> None:
    """Refuse fewer rows than two, which have no variance.

    Raises
    ------
    MiningError
    """
    if n_rows < 2:
        raise MiningError(
            f"There {'is 1 training row' if n_rows == 1 else f'are {n_rows} training rows'} "
            "to look for components in.",
            expected="at least 2",
            hint="let more data arrive, or take this out of 'mining' in the workflow file",
        )


def find_constant_inputs(X: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Find the inputs that are the same in all rows: they add no direction.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_inputs)
        At least one row.

    Returns
    -------
    ndarray of shape (n_inputs,), bool
    """
    return np.asarray(X.min(axis=0) == X.max(axis=0))
