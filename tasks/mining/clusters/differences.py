"""What sets a cluster apart from all rows, and a name made of it.

Pure module of ``mining.clusters``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.preparation.originals import Original

Floats = npt.NDArray[np.floating[Any]]

# J. Cohen, "Statistical Power Analysis for the Behavioral Sciences", 1988: from half a standard
# deviation on a difference is seen with the naked eye.
TELLING_DIFFERENCE = 0.5
WORDS_OF_NAME = 2  # differences that a name is made of, more only to tell two clusters apart
MOST_WORDS_OF_NAME = 4
UNREMARKABLE = "near the average"
MAX_WORD_CHARACTERS = 48  # of a column's name within a cluster's
CLEAR_MAJORITY = 0.5  # share of a class above which a cluster of images is named after it


def compute_differences(means: Floats, mean: Floats, std: Floats) -> Floats:
    r"""Compute how far the clusters' means lie from the mean of all rows.

    Parameters
    ----------
    means : ndarray of shape (n_clusters, n_inputs)
    mean, std : ndarray of shape (n_inputs,)
        Of all rows.

    Returns
    -------
    ndarray of shape (n_clusters, n_inputs)
        In standard deviations; 0 for an input that does not vary.

    Notes
    -----
    :math:`d_{cj} = (\bar x_{cj} - \bar x_j) / \sigma_j`.

    Examples
    --------
    >>> compute_differences(np.array([[3.0, 1.0]]), np.array([2.0, 1.0]), np.array([0.5, 0.0])).tolist()
    [[2.0, 0.0]]
    """
    # What a constant input leaves of rounding is no difference.
    is_varying = std > 1e-9 * np.maximum(np.abs(mean), np.finfo(np.float64).tiny)
    return np.divide(means - mean, std, out=np.zeros(means.shape), where=is_varying)


def name_cluster(
    differences: Floats, originals: Sequence[Original], number: int, taken: Collection[str]
) -> str:
    """Name a cluster after what sets it apart.

    Parameters
    ----------
    differences : ndarray of shape (n_inputs,)
    originals : sequence of Original
        Of the inputs.
    number : int
        The cluster's, which makes a name unique where words do not.
    taken : collection of str
        Names that others have.

    Returns
    -------
    str

    Examples
    --------
    >>> inputs = [Original("x", "x"), Original("town_Rome", "town", category="Rome")]
    >>> name_cluster(np.array([-0.7, 2.0]), inputs, 3, taken=())
    'town is Rome, low x'
    >>> name_cluster(np.array([0.1, 0.0]), inputs, 3, taken={"near the average"})
    'near the average (3)'
    """
    words = _list_words(differences, originals)
    for n_words in range(WORDS_OF_NAME, MOST_WORDS_OF_NAME + 1):
        name = ", ".join(words[:n_words]) or UNREMARKABLE
        if name not in taken:
            return name
    return f"{', '.join(words[:WORDS_OF_NAME]) or UNREMARKABLE} ({number})"


def name_image_cluster(number: int, most_frequent: object, share: float | None) -> str:
    """Name a cluster of images: pixels have no words, but a class may dominate.

    Examples
    --------
    >>> name_image_cluster(3, 7, 0.91), name_image_cluster(4, 7, 0.3), name_image_cluster(5, None, None)
    ('cluster 3, mostly 7', 'cluster 4', 'cluster 5')
    """
    is_dominated = share is not None and share > CLEAR_MAJORITY
    return f"cluster {number}" + (f", mostly {_cut(str(most_frequent))}" if is_dominated else "")


def say_input(original: Original) -> str:
    """Name an input as a person knows it.

    Examples
    --------
    >>> say_input(Original("town_Rome", "town", category="Rome")), say_input(Original("x", "x"))
    ('town is Rome', 'x')
    """
    if original.category is None:
        return original.column
    return f"{original.column} is {original.category}"


def _list_words(differences: Floats, originals: Sequence[Original]) -> list[str]:
    """List what tells the cluster apart, most telling first."""
    words: list[str] = []
    settled: set[str] = set()  # columns whose category is named: that it is no other one follows
    for i in np.argsort(-np.abs(differences), kind="stable"):
        original, difference = originals[i], float(differences[i])
        if abs(difference) < TELLING_DIFFERENCE or len(words) == MOST_WORDS_OF_NAME:
            break
        column = _cut(original.column)
        if original.category is None:
            words.append(f"{'high' if difference > 0 else 'low'} {column}")
        elif original.column not in settled:
            settled.add(original.column)
            is_not = "" if difference > 0 else "not "
            words.append(f"{column} is {is_not}{_cut(original.category)}")
    return words


def _cut(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= MAX_WORD_CHARACTERS else plain[: MAX_WORD_CHARACTERS - 1] + "…"
